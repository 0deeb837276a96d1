"""Loading a student, having it answer, and the exam."""
