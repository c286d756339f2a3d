"""The kinds that read texts with an encoder."""
