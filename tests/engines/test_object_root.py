"""Runs whose directory is at an address of objects: what a store of S3 is asked, and a store that fails on the way."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from runner.engines.run_root import RunRoot
from runner.engines.storage import Storage, age, need_exclusive, open_storage
from runner.errors import EnvironmentProblem
from tests.engines.conftest import Cluster
from tests.engines.object_server import ObjectServer, object_program
from tests.engines.process_engine import ProcessEngine
from tests.holding import wait

pytestmark = pytest.mark.slow

ROOT = "s3://bucket/runs"


@pytest.fixture(scope="module")
def server() -> Iterator[ObjectServer]:
    opened = ObjectServer(object_program())
    try:
        opened.make_bucket("bucket")
        yield opened
    finally:
        opened.close()


@pytest.fixture
def storage(server: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    yield open_storage(ROOT)
    server.failing, server.read_only = 0, False


def test_objects_are_made_exclusively_listed_and_dated_by_the_stores_clock(storage: Storage) -> None:
    need_exclusive(storage)
    run = storage.within("a-run")
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda each: run.create("attempts/0001/claim.json", b"%d" % each), range(8)))
    assert made.count(True) == 1
    assert run.read("attempts/0001/claim.json") == b"%d" % made.index(True)
    run.write("attempts/0001/log/0", b"text")
    assert run.names("attempts/0001") == ["claim.json", "log"]
    assert run.names("nothing") == []
    assert storage.tree("a-run") == ["a-run/attempts/0001/claim.json", "a-run/attempts/0001/log/0"]
    seconds = age(run, "attempts/0001/log/0")
    assert seconds is not None
    assert 0 <= seconds < 3600
    assert (run.read("nothing"), run.changed("nothing"), age(run, "nothing")) == (None, None, None)
    storage.remove("a-run")
    storage.remove("a-run")
    assert storage.tree("") == []


def test_a_store_that_may_only_be_read_is_refused_before_anything_is_written(
    storage: Storage, server: ObjectServer, cluster: Cluster
) -> None:
    server.read_only = True
    with pytest.raises(EnvironmentProblem, match="refuses") as caught:
        cluster.train(engine={"root": ROOT})
    assert str(caught.value.where).startswith("/run/engine/root: s3://bucket/runs")
    server.read_only = False
    assert storage.tree("") == []
    assert ProcessEngine.orders == []


def test_a_run_goes_on_after_half_a_checkpoint_and_while_the_store_is_away(
    storage: Storage, server: ObjectServer, cluster: Cluster
) -> None:
    """It is interrupted in its second epoch, whose checkpoint is there in part alone, and the store fails meanwhile."""
    cluster.hold("epoch:2")
    training = cluster.begin(engine={"root": ROOT})
    cluster.reached()
    (found,) = [name for name in storage.names("") if storage.read(f"{name}/plan.json")]
    root = RunRoot(storage, found)
    wait(lambda: "MANIFEST.json" in " ".join(root.storage.tree("checkpoints")))

    def halve(order: object) -> None:
        if root.numbers("attempts"):
            newest = sorted({key.rpartition("/")[0] for key in root.storage.tree("checkpoints")})[-1]
            manifest, *files = sorted(key for key in root.storage.tree(newest) if key.startswith(newest))
            assert manifest.endswith("MANIFEST.json")
            root.storage.write(files[0], (root.storage.read(files[0]) or b"")[:-1])
            halved.append(newest)

    halved: list[str] = []
    ProcessEngine.before = halve
    ProcessEngine.environment = {}
    # Every request fails now, from whoever it comes, until as many have failed.
    server.failing = 25
    ProcessEngine.jobs[ProcessEngine.orders[0].name].terminate()
    finished = training.result(300)
    assert finished.metrics
    assert server.failing == 0
    assert server.failed >= 25
    assert len(halved) == 1
    assert [attempt.end.exit_code for attempt in root.attempts() if attempt.end] == [75, 0]
    assert root.done() is not None
    assert len(ProcessEngine.orders) == 2
