"""What a language model's answer is worth: against references, by a pattern, or as a judge finds it."""
