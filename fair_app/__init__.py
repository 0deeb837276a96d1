"""The method: tasks, student, committee, curation, training, evaluation. Knows no Gradio."""
