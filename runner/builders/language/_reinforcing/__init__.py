"""Learning from rewards: prompts as tokens, answers that are drawn and judged, what is learned of them, the loop."""
