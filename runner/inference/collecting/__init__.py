"""Making an outcome matrix: prompts sent to LLMs behind HTTP, their answers graded and priced."""
