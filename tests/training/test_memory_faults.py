"""What says that there was no memory."""

from __future__ import annotations

import subprocess
import sys

import pytest

from runner.training.memory_faults import is_out_of_memory
from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("error", "is_it"),
    [
        (MemoryError(), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"), True),
        (OSError("Cannot allocate memory (os error 12)"), True),
        (SystemError("error return without exception set"), False),
        (ImportError("libc.so: failed to map segment from shared object"), False),
        (ValueError("no"), False),
    ],
)
def test_words_of_libraries_are_known(error, is_it):
    assert is_out_of_memory(error) == is_it


def test_at_the_limit_an_error_that_was_lost_is_the_want_of_memory():
    """In a process of its own, which is held to what it has."""
    code = (
        "import psutil, resource\n"
        "from runner.training.memory_faults import is_out_of_memory\n"
        "limit = psutil.Process().memory_info().vms + 2**20\n"
        "resource.setrlimit(resource.RLIMIT_AS, (limit, limit))\n"
        "found = [is_out_of_memory(error('x')) for error in (SystemError, ImportError, ValueError)]\n"
        "print(found)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[True, True, False]"
