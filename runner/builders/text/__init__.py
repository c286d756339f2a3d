"""Kinds that fine-tune a pretrained encoder on texts."""
