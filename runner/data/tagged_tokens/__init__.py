"""The layout ``tagged_tokens``: the tokens of a text, and a tag for each that says which entity it belongs to."""
