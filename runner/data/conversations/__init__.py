"""The layout ``conversations``: messages, or a question and its answer, in all the ways in which they are written."""
