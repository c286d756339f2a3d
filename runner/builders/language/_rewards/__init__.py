"""What an answer is worth: each sort of reward a module, and their weighted sum."""
