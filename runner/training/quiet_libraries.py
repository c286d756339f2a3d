"""What the libraries of transformers say that is no news to a user, kept from the terminal."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from typing import Any


@contextmanager
def quietly() -> Any:
    """transformers tells of every weight that a checkpoint has beside a model's; none of it is news to a user."""
    from transformers.utils import logging as told

    level = told.get_verbosity()
    told.disable_progress_bar()
    told.set_verbosity_error()
    try:
        yield
    finally:
        told.set_verbosity(level)


@contextmanager
def quiet_adapters() -> Any:
    """PEFT asks transformers by a name that is on its way out, and bitsandbytes, which it imports, misses kernels that
    a CPU does without; it warns of tied weights, which are taken care of. None of it is a user's matter."""
    told = logging.getLogger("bitsandbytes")
    level = told.level
    told.setLevel(logging.ERROR)
    try:
        with quietly(), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            # An adapter of such a layer is put into weights of its own.
            warnings.filterwarnings("ignore", "Model has `tie_word_embeddings=True`")
            yield
    finally:
        told.setLevel(level)
