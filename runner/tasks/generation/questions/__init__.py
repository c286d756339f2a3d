"""From a task file to what is asked: rows, the prompts made of them, and the rows that are shown before."""
