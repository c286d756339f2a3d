"""``python -m runner``: the same command."""

from runner.cli import main

main()
