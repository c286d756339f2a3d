"""The fields of specs of fine-tuning, and what is told of them before a run: imports nothing heavy."""
