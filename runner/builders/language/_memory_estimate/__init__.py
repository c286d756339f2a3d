"""What language models add to the memory estimate of all families (``builders/_memory_estimate``)."""
