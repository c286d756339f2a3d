"""Runner: a training run is a JSON document."""

__version__ = "0.1.0"
__all__ = ["Inference", "Runner", "TrainedModel", "__version__"]

# What type checkers know by its name: importing typing would cost what importing this does.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.python_api import Inference, Runner, TrainedModel


def __getattr__(name: str) -> object:
    # Loaded when it is asked for: every command imports this package.
    if name in __all__:
        from importlib import import_module

        return getattr(import_module("runner.python_api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
