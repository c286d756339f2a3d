"""Learning from a teacher: finding it, comparing vocabularies, its rows and answers, and the loss."""
