"""What the kinds share that read whole texts: their tokens, their training, the stored model that answers."""
