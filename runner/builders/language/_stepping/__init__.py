"""A language model that is trained step by step by a program: gradients, steps, snapshots, answers."""
