"""Long work: one process a job, with progress, cancel and resume."""
