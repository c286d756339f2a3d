"""Names of models in a spec, of which some name a stored one: those that begin with a kind, ``TYPE/NAME``."""

from __future__ import annotations

from runner import registry
from runner.contract import invalid
from runner.store.references import check_reference


def names_stored(name: str) -> bool:
    """Whether a name is that of a stored model."""
    kind, _, own = name.partition("/")
    return bool(own) and registry.find(kind) is not None


def check_stored(field: str, name: str, revision: str | None) -> None:
    """Raise pydantic's error for a stored model's name that is none, and for a revision beside it."""
    try:
        check_reference(name)
    except ValueError as error:
        raise invalid((field,), "reference", str(error)) from None
    if revision is not None:
        raise invalid(("revision",), "void", "a stored model has versions, not revisions: TYPE/NAME/vN")
