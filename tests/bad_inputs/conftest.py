"""What the table's rows start from: one desk with a stored model, a run that succeeded and a run that was stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from runner.errors import EnvironmentProblem
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


@pytest.fixture(scope="session")
def engine() -> None:
    """The Docker Engine and the CPU image, or a skip that says why. RUNNER_REQUIRE_DOCKER makes that a failure."""
    from runner.execution import docker_engine as engines
    from runner.execution import image_lookup as images

    try:
        images.find(images.tag("cpu"), engines.connect())
    except EnvironmentProblem as error:
        if os.environ.get("RUNNER_REQUIRE_DOCKER"):
            pytest.fail(f"{error.message}; {error.hint}")
        pytest.skip(f"{error.message}; {error.hint}")


@pytest.fixture
def bench(tmp_path, workshop) -> Iterator[Bench]:
    made = Bench(Desk(tmp_path), workshop)
    with made.undo:
        yield made
