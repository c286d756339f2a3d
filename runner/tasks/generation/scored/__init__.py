"""A model's answers to a task's questions, and what they are worth: one module a way of answering."""
