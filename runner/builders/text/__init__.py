"""The kinds that fine-tune a pretrained encoder of texts."""
