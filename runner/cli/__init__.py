"""The command line: one module a verb, loaded only when called."""

from runner.cli.app import main

__all__ = ["main"]
