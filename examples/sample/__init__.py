"""How the packaged data set `sample` is made: prompts, answerers, checks, comparisons."""
