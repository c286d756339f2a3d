"""The layout ``labelled_answers``: single answers, each wanted or not."""
