"""Runner: a training run is a JSON document."""

__version__ = "0.1.0"
