"""Fields of specs that kinds of texts share. They import nothing heavy."""
