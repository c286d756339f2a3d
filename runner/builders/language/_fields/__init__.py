"""What the specs of language models share. Loads nothing heavy."""
