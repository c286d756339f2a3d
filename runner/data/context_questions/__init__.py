"""The layout ``context_questions``: a question on a text, and where in it the answer stands, or that there is none."""
