"""The layout ``pictured_dialogues``: questions on pictures with answers, captions, and conversations about pictures."""
