"""The peak of a process is its own."""

import resource
import subprocess
import sys

import pytest

from runner.training import peak_memory as module
from runner.training.peak_memory import peak_memory

HELD = 64 * 2**20
CHILD = f"from runner.training.peak_memory import peak_memory; held = b'x' * {HELD}; print(peak_memory())"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system tells no more than getrusage")
def test_a_small_program_under_a_large_one_is_small():
    ours = b"x" * (4 * HELD)
    child = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=True)
    # What the child holds is in it, and what this process holds is not.
    assert HELD < int(child.stdout) < len(ours) < peak_memory()


@pytest.mark.parametrize(("platform", "unit"), [("darwin", 1), ("freebsd14", 1024)])
@pytest.mark.parametrize("status", [None, "Name:\tpython\n"])
def test_where_the_system_does_not_tell_it_getrusage_does(tmp_path, monkeypatch, platform, unit, status):
    monkeypatch.setattr(module, "STATUS", tmp_path / "status")
    monkeypatch.setattr(sys, "platform", platform)
    if status is not None:
        module.STATUS.write_text(status)
    told = type("Usage", (), {"ru_maxrss": 7000})
    monkeypatch.setattr(resource, "getrusage", lambda whose: told)
    assert peak_memory() == 7000 * unit
