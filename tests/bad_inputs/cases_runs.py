"""Runs that are not there, are not to be resumed, or are not whole any more."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from typing import Any

from tests.bad_inputs.case import Bench, Case
from tests.bad_inputs.materials import battles, spec


def at_runs(name: str, code: int, words: tuple[object, ...], *says: str, **more: Any) -> Case:
    return Case(name=name, code=code, words=words, says=says, **{"prepare": Bench.furnish} | more)


def changed(**changes: Any) -> Callable[[Bench], None]:
    """A spec beside the stopped run's that differs from it."""

    def prepare(bench: Bench) -> None:
        bench.furnish()
        bench.write("data.jsonl", battles())
        bench.write("other.json", spec(**{"name": "stopped", "epochs": 100_000} | changes))

    return prepare


def written(run: str, name: str, content: str) -> Callable[[Bench], None]:
    """A file of a run overwritten by somebody."""

    def prepare(bench: Bench) -> None:
        bench.furnish()
        (bench.run(run) / name).write_text(content)

    return prepare


def cancelled(bench: Bench) -> None:
    bench.furnish()
    path = bench.run("interrupted") / "state.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"state": "cancelled"}))


def busy(bench: Bench) -> None:
    """A run that is going on in another process."""
    bench.furnish()
    from tests.conftest import Desk
    from tests.holding import held_run

    desk = Desk(bench.home)
    shutil.copy(bench.workshop.home / "data.jsonl", bench.home)
    document = spec(name="busy", epochs=4)
    process, run = held_run(desk, "train", "--spec-file", desk.write("busy.json", document))
    bench.facts["busy"] = run.name

    def end() -> None:
        process.terminate()
        process.wait(300)

    bench.undo.callback(end)


RESUME = ("train", "--resume", "{stopped}")
CHANGED = (*RESUME, "--spec-file", "other.json")

CASES = [
    at_runs("show of no run", 5, ("runs", "show", "nothing"), "runs: there is no run 'nothing'", "runner runs list"),
    at_runs("show where there are no runs", 5, ("runs", "show", "last"), "runs: there is no run 'last'", prepare=None),
    at_runs("show of two runs", 5, ("runs", "show", "2"), "runs: '2' fits 2 runs"),
    at_runs("show of a path that is no run", 5, ("runs", "show", "../.."), "there is no run '../..'"),
    at_runs("logs of no run", 5, ("runs", "logs", "nothing"), "there is no run 'nothing'"),
    at_runs("stop of no run", 5, ("runs", "stop", "nothing"), "there is no run 'nothing'"),
    at_runs(
        "stop of a run that has ended", 5, ("runs", "stop", "{run}"), "{run}: the run is not running: it is succeeded"
    ),
    at_runs(
        "cancelling a run that succeeded",
        5,
        ("runs", "stop", "{run}", "--cancel"),
        "{run}: a succeeded run cannot become cancelled",
    ),
    at_runs("a state that is none", 2, ("runs", "list", "--state", "sleeping"), "--state", "sleeping"),
    at_runs(
        "a page into a folder that is not there",
        6,
        ("runs", "show", "{run}", "--html", "--output", "spec/page.html"),
        "spec/page.html",
        prepare=lambda b: (b.furnish(), b.write("spec", "")),
    ),
    at_runs("resuming no run", 5, ("train", "--resume", "nothing"), "there is no run 'nothing'"),
    at_runs("resuming a run that succeeded", 5, ("train", "--resume", "{run}"), "{run}: the run has succeeded"),
    at_runs("resuming a run that was cancelled", 5, RESUME, "{stopped}: the run was cancelled", prepare=cancelled),
    at_runs(
        "resuming with another seed",
        5,
        CHANGED,
        "/data/seed: 42 -> 7",
        prepare=changed(data={"dataset": "data.jsonl", "seed": 7}),
    ),
    at_runs(
        "resuming with another factor",
        5,
        CHANGED,
        "/model/spec/k_factor: 32.0 -> 8.0",
        prepare=changed(settings={"k_factor": 8}),
    ),
    at_runs(
        "resuming with another kind",
        5,
        CHANGED,
        "/model/spec",
        "bradley_terry_scoring",
        prepare=changed(model={"name": "stopped", "spec": {"model_type": "bradley_terry_scoring"}}, epochs=0),
    ),
    at_runs("resuming with a spec that is none", 3, CHANGED, "other.json", "/epochs", prepare=changed(epochs="2")),
    at_runs(
        "resuming a run whose spec was written over",
        3,
        RESUME,
        "spec.json:1:1",
        "`model` is missing",
        prepare=written("interrupted", "spec.json", "{ }"),
    ),
    at_runs(
        "resuming a run whose plan was written over",
        4,
        RESUME,
        "plan.json",
        prepare=written("interrupted", "plan.json", "{"),
    ),
    at_runs(
        "resuming a run whose plan is gone",
        4,
        RESUME,
        "plan.json",
        prepare=lambda b: (b.furnish(), (b.run("interrupted") / "plan.json").unlink()),
    ),
    at_runs(
        "a run whose state is not JSON",
        4,
        ("runs", "show", "{run}"),
        "state.json",
        prepare=written("succeeded", "state.json", "{"),
    ),
    at_runs(
        "a run whose state is a list",
        4,
        ("runs", "show", "{run}"),
        "state.json",
        prepare=written("succeeded", "state.json", "[]"),
    ),
    at_runs(
        "a run whose state is unheard of",
        4,
        ("runs", "show", "{run}"),
        "state.json",
        prepare=written("succeeded", "state.json", '{"state": "asleep"}'),
    ),
    at_runs(
        "replaying a model that is not stored",
        5,
        ("replay", "elo_scoring/nobody"),
        "no stored model 'elo_scoring/nobody'",
    ),
    at_runs(
        "replaying a model that was changed",
        4,
        ("replay", "elo_scoring/ratings"),
        ".safetensors: a file of the model is missing",
        prepare=lambda b: next(b.furnish().glob("*.safetensors")).unlink(),
    ),
    at_runs(
        "resuming a run that is going on",
        5,
        ("train", "--resume", "{busy}"),
        "{busy}: the run is being executed by another process",
        prepare=busy,
    ),
]
