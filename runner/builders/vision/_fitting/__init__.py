"""The training of both kinds of pictures, and what answers."""
