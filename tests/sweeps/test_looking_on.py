"""What who looks at a sweep is told of the trials that were being trained."""

from __future__ import annotations

from pathlib import Path

from runner.sweeps.children import child_of
from runner.sweeps.journal import TrialState
from runner.sweeps.sweep_folder import SweepFolder
from runner.sweeps.sweep_tables import document
from tests.sweeps.sweep_documents import BASE


def begun(folder: Path) -> SweepFolder:
    """A sweep of which a trial was begun, and another is over."""
    sweep = SweepFolder(folder)
    sweep.write_document({"sweep": {}, "base": {}})
    sweep.journal.add("space", hash="0", metric="accuracy", goal="maximize")
    for number in range(2):
        sweep.journal.add("asked", trial=number, values={"/epochs": number}, name=f"s-{number}", identity=str(number))
    sweep.journal.add("ended", trial=0, state="complete", value=0.5)
    return sweep


def test_a_trial_that_nobody_trains_is_interrupted_and_one_that_somebody_does_is_running(tmp_path):
    sweep = begun(tmp_path / "s")
    found = sweep.seen()
    assert [trial.state for trial in found.trials.values()] == [TrialState.COMPLETE, TrialState.INTERRUPTED]
    assert document(found, "s")["states"]["interrupted"] == 1 and found.counted() == 2
    with sweep.lock():
        assert [trial.state for trial in sweep.seen().trials.values()][1] is TrialState.RUNNING
    # Who goes on with it finds it as the journal has it.
    assert sweep.record().trials[1].state is TrialState.RUNNING


def test_a_child_is_named_by_what_it_trains_in_its_document_too():
    child = child_of(BASE, "s", {"/epochs": 2})
    assert child.name == f"s-{child.identity[:8]}" == child.loaded.document.value["model"]["name"]
    assert child.loaded.spec.model.name == child.loaded.value["model"]["name"] == child.name
    line, _ = child.loaded.document.position("/model/name")
    assert child.name in child.loaded.document.text.splitlines()[line - 1]
