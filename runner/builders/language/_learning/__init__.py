"""What is learned of token rows, and how it is measured: likelihoods, preferences, rewards."""
