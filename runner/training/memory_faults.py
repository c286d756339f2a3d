"""Telling the want of memory from other faults, and what a training that wants it may do."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psutil

from runner.errors import OutOfMemory
from runner.training.gradient_training import GradientTraining

if TYPE_CHECKING:
    from runner.training.auto_batch_size import RowsAtOnce

#: Bytes below a limit from where on it is taken to have been hit.
NEAR = 16 * 2**20


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that there was no memory, of the CPU or of a GPU: Python's, torch's, a library's."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    # Libraries lose the error on its way, or cannot load another library, and say something else.
    if isinstance(error, SystemError | ImportError) and _at_the_limit():
        return True
    text = str(error)
    return "not enough memory" in text or "can't allocate memory" in text or "Cannot allocate memory" in text


def _at_the_limit() -> bool:
    """Whether this process may hardly have any more memory (``ulimit -v``)."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return limit != resource.RLIM_INFINITY and psutil.Process().memory_info().vms > limit - NEAR


@contextmanager
def memory_told(
    step: int, section: GradientTraining | None, batch_size: int, at_once: RowsAtOnce | None
) -> Iterator[None]:
    """Raise :class:`OutOfMemory` with the step and the way out where there is no memory for what is done within.

    ``step`` counts from 1; ``section`` is what is trained by, and ``at_once`` how many of ``batch_size`` rows go
    through the model at a time, where that is found.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        words = (str(error).strip() or type(error).__name__).splitlines()[0]
        # Without the error before it, which holds all that the step had computed.
        raise OutOfMemory(
            f"out of memory at step {step}: {words}", where="/batch_size", hint=_way_out(section, batch_size, at_once)
        ) from None


def _way_out(section: GradientTraining | None, batch_size: int, at_once: RowsAtOnce | None) -> str:
    fields = type(section).model_fields if section is not None else {}
    words = []
    if at_once is None and batch_size > 1:
        beside = ' (gradient_accumulation makes up for it, and "auto" finds how many rows there is room for)'
        words.append("a smaller batch_size" + (beside if "gradient_accumulation" in fields else ""))
    if "max_length" in fields:
        words.append("a smaller max_length")
    words.append("more memory")
    hint = f"what helps: {', '.join(words[:-1])}{' or ' if len(words) > 1 else ''}{words[-1]}"
    if not getattr(section, "gradient_checkpointing", True):
        hint += '; "gradient_checkpointing": true takes less, and a run that is resumed may change that'
    return hint
