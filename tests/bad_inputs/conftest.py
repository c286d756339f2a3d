"""What the table's rows start from: one desk with a stored model, a run that succeeded and a run that was stopped."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from tests.bad_inputs.case import Bench
from tests.bad_inputs.materials import battles, spec
from tests.conftest import Desk


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    desk = Desk(tmp_path_factory.mktemp("workshop"))
    (desk.home / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in battles()))
    desk("train", "--spec-file", desk.write("spec.json", spec(name="ratings"))).ok()
    long = spec(name="stopped", epochs=100_000, run={"executor": "local", "time_limit": 0.2})
    assert desk("train", "--spec-file", desk.write("long.json", long)).code == 124
    return desk


@pytest.fixture
def bench(tmp_path, workshop) -> Iterator[Bench]:
    made = Bench(Desk(tmp_path), workshop)
    with made.undo:
        yield made


@pytest.fixture
def make_bench(tmp_path_factory, workshop) -> Callable[[], Bench]:
    return lambda: Bench(Desk(tmp_path_factory.mktemp("bench")), workshop)
