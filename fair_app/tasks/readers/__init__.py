"""One reader for each kind of answer; `fair_app.tasks.grading` documents the rules."""
