"""Questions and contexts as windows of tokens, and the answers that a model finds in these."""
