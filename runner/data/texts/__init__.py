"""The layout ``texts``: a text a row, to go on from word by word."""
