"""The layout ``rewarded_prompts``: prompts to be answered, and beside each what its answers are judged by."""
