"""``OMP_NUM_THREADS`` as OpenMP allows it, and told before any data is read where it is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.errors import EnvironmentProblem
from runner.training.threads import wanted_threads
from tests.conftest import Desk
from tests.examples import example


@pytest.mark.parametrize(("text", "number"), [("4,2", 4), (" 3 ", 3), ("1, 1", 1), ("", None), (" ", None)])
def test_the_first_number_counts(monkeypatch: pytest.MonkeyPatch, text: str, number: int | None) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", text)
    assert wanted_threads() == number


@pytest.mark.parametrize("text", ["abc", "0", "1.5", "-2", "4,", "4,x", "²", "100000000000"])
def test_what_is_no_number_of_threads_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", text)
    with pytest.raises(EnvironmentProblem) as told:
        wanted_threads()
    assert told.value.where == "OMP_NUM_THREADS"


def test_it_is_told_before_a_run_is_made(tmp_path: Path) -> None:
    desk = Desk(tmp_path, {"OMP_NUM_THREADS": "abc"})
    refused = desk("train", "--executor", "local", "--json", stdin=json.dumps(example("least_squares_scoring")))
    assert (refused.code, refused.json["where"]) == (6, "OMP_NUM_THREADS")
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_a_list_trains(tmp_path: Path) -> None:
    desk = Desk(tmp_path, {"OMP_NUM_THREADS": "2,1"})
    document = example("least_squares_scoring")
    trained = desk("train", "--executor", "local", "--json", stdin=json.dumps(document)).ok().json
    lock = json.loads((tmp_path / trained["path"] / "manifest.json").read_text())["lock"]
    assert lock["threads"] == 2
