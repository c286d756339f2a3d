"""What the tasks share whose rows have a true answer: classes and numbers."""
