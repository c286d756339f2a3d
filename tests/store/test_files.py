"""Files that are whole or not there, and why one could not be written."""

import resource
from multiprocessing import get_context
from pathlib import Path

import pytest

from runner.errors import EnvironmentProblem
from runner.store.files import write_atomic


def _write_too_much(path: Path) -> None:
    """In a process of its own, which may write files of 4 KiB at most."""
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    with pytest.raises(EnvironmentProblem) as found:
        write_atomic(path, b"x" * 8192)
    assert found.value.message == "the file would be larger than files may be here"
    assert "ulimit -f" in (found.value.hint or "")


def test_a_file_above_the_limit_of_a_process_is_told_as_that_and_the_old_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    path.write_text("old")
    process = get_context("fork").Process(target=_write_too_much, args=(path,))
    process.start()
    process.join()
    assert process.exitcode == 0
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["kept.json"]
