"""What a training of a language model will take, told from its model's configuration and its rows alone."""
