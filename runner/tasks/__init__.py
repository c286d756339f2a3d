"""What a model answers and how that is judged: one package a task, its ``TASK`` light, its rooms imported late."""
