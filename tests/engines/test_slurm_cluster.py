"""Slurm as an engine, on a real cluster of two machines: submit, follow, stop, lose a machine."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.engines.engine import EngineState, EngineStatus, Order
from runner.engines.slurm import SlurmEngine
from runner.errors import EnvironmentProblem, SpecError
from tests.conftest import ROOT, Desk
from tests.engines.slurm_cluster import Cluster, cluster
from tests.holding import wait

pytestmark = [pytest.mark.slow, pytest.mark.warm]

#: Writes a file when it is there, and another when it was asked to stop: then it has saved, and ends as a worker does.
_STOPPABLE = """
trap 'touch "$0/saved"; exit 75' TERM
touch "$0/there"
while :; do sleep 0.05; done
"""
#: Ends well once a file is there.
_UNTIL = 'touch "$0/there-${SLURM_RESTART_COUNT-0}"; until [ -e "$0/go" ]; do sleep 0.05; done'


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("slurm")) as found:
        yield found


@pytest.fixture
def engine(slurm: Cluster) -> Iterator[SlurmEngine]:
    yield SlurmEngine()
    # What one test leaves behind takes nothing from the next.
    slurm.ask("scancel", "--full", "--signal=KILL", "--user=root")
    slurm.ask("scancel", "--user=root")
    wait(lambda: not slurm.ask("squeue", "--noheader"))


def order(folder: Path, text: str, **fields: Any) -> Order:
    """An order that runs a few lines of bash, whose ``$0`` is the folder."""
    fields = {"stop_grace": 20.0, "name": folder.name.replace("_", "-")[:60]} | fields
    return Order(command=("bash", "-c", text, str(folder)), folder=str(folder), **fields)


def until(engine: SlurmEngine, job: str, state: EngineState) -> EngineStatus:
    """The status of a job, once it is in a state."""
    return wait(lambda: found if (found := engine.status(job)).state is state else None)  # type: ignore[no-any-return]


def test_a_job_runs_as_it_was_ordered_and_its_secrets_are_nowhere(
    engine: SlurmEngine, slurm: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf-secret-value")
    monkeypatch.setenv("NOT_TAKEN_ALONG", "other")
    # What the submitter has set for all jobs does not come before what the run says.
    monkeypatch.setenv("SBATCH_TIMELIMIT", "1")
    text = (
        'echo "$WORD $EXTRA ${NOT_TAKEN_ALONG-none} $SLURM_CPUS_PER_TASK $SLURM_MEM_PER_NODE ${#HF_TOKEN}";'
        ' until [ -e "$0/go" ]; do sleep 0.05; done'
    )
    wanted = order(
        tmp_path, text, environment={"WORD": "it's"}, secret_names=("HF_TOKEN",), gpus=1, cpus=1.5,
        memory=300 * 2**20, time_limit=3600, queue="main", options={"setup": ["export EXTRA=more"], "exclude": "n1"},
    )  # fmt: skip
    engine.check(wanted)
    job = engine.submit(wanted)
    until(engine, job, EngineState.RUNNING)
    shown = slurm.ask("scontrol", "show", "job", job)
    assert "TimeLimit=01:00:00" in shown and "NodeList=n2" in shown and "gpu:1" in shown
    script = slurm.ask("scontrol", "write", "batch_script", job, "-")
    assert "HF_TOKEN" in script and "hf-secret-value" not in shown + script
    (tmp_path / "go").touch()
    assert until(engine, job, EngineState.ENDED) == EngineStatus(EngineState.ENDED, None, 0)
    assert engine.words(job).splitlines() == ["it's more none 2 300 15"]
    assert SlurmEngine().words(job) == engine.words(job)


def test_the_same_order_twice_is_one_job(engine: SlurmEngine, slurm: Cluster, tmp_path: Path) -> None:
    wanted = order(tmp_path, _STOPPABLE)
    job = engine.submit(wanted)
    assert SlurmEngine().submit(wanted) == job
    # One that slips through, submitted at the same moment, waits for the other's end.
    second = subprocess.run(
        ["sbatch", "--parsable"], input=engine.text(wanted), capture_output=True, text=True, check=True
    ).stdout.strip()
    found = until(engine, second, EngineState.PENDING)
    assert found.why == "another job has to end first (Dependency)"
    engine.cancel(second)
    assert until(engine, second, EngineState.ENDED).why == "cancelled"
    assert engine.status(job).state in (EngineState.PENDING, EngineState.RUNNING)


def test_a_cancelled_job_has_its_grace_and_not_the_clusters(engine: SlurmEngine, tmp_path: Path) -> None:
    # The cluster kills two seconds after a plain scancel; this one needs longer than that to save.
    text = _STOPPABLE.replace('touch "$0/saved"', 'until [ -e "$0/go" ]; do sleep 0.05; done; touch "$0/saved"')
    job = engine.submit(order(tmp_path, text))
    wait((tmp_path / "there").exists)
    engine.cancel(job)
    assert engine.status(job).state is EngineState.RUNNING
    (tmp_path / "go").touch()
    ended = until(engine, job, EngineState.ENDED)
    assert (tmp_path / "saved").exists()
    assert ended == EngineStatus(EngineState.ENDED, "it was asked to stop, and saved", 75, interrupted=True)
    engine.cancel(job)


def test_a_job_that_does_not_stop_is_killed_after_its_grace(engine: SlurmEngine, tmp_path: Path) -> None:
    job = engine.submit(order(tmp_path, "trap '' TERM; touch $0/there; while :; do sleep 0.05; done", stop_grace=1))
    wait((tmp_path / "there").exists)
    engine.cancel(job)
    ended = until(engine, job, EngineState.ENDED)
    assert ended.exit_code == 137 and not ended.interrupted


def test_a_lost_machine_starts_the_job_again_on_another(engine: SlurmEngine, slurm: Cluster, tmp_path: Path) -> None:
    job = engine.submit(order(tmp_path, _UNTIL, options={"nice": 0}))
    wait((tmp_path / "there-0").exists)
    machine = slurm.ask("squeue", "--noheader", f"--jobs={job}", "--format=%N").strip()
    slurm.lose_machine(machine)
    try:
        waiting = engine.status(job)
        assert waiting.state is EngineState.PENDING and "start 2" in (waiting.why or "")
        # Slurm waits two minutes by itself before it begins again.
        slurm.ask("scontrol", "update", f"jobid={job}", "starttime=now")
        wait((tmp_path / "there-1").exists)
        (tmp_path / "go").touch()
        assert until(engine, job, EngineState.ENDED).exit_code == 0
    finally:
        slurm.start_machine(machine)


def test_a_preempted_job_saves_and_is_told_as_interrupted(engine: SlurmEngine, slurm: Cluster, tmp_path: Path) -> None:
    job = engine.submit(order(tmp_path, _STOPPABLE, cpus=4, options={"nodelist": "n1"}))
    wait((tmp_path / "there").exists)
    urgent = ["--partition=urgent", "--nodelist=n1", "--cpus-per-task=4", "--output=/dev/null", "--wrap=sleep 60"]
    slurm.ask("sbatch", *urgent)
    ended = until(engine, job, EngineState.ENDED)
    assert (tmp_path / "saved").exists()
    assert ended.interrupted and ended.exit_code == 75


def test_what_a_job_waits_for_is_told_in_words(engine: SlurmEngine, tmp_path: Path) -> None:
    everything = order(tmp_path, _STOPPABLE, cpus=4, nodes=2, name="everything")
    engine.submit(everything)
    wait((tmp_path / "there").exists)
    job = engine.submit(order(tmp_path, _STOPPABLE, cpus=4, name="waits"))
    found = wait(lambda: s if "free machines" in ((s := engine.status(job)).why or "") else None)
    assert found.state is EngineState.PENDING and found.why.endswith("(Resources)")
    too_long = engine.submit(order(tmp_path, _STOPPABLE, queue="brief", time_limit=600, name="too-long"))
    found = wait(lambda: s if "time" in ((s := engine.status(too_long)).why or "") else None)
    assert found.why == "it asks for more time than its partition gives (PartitionTimeLimit)"


def test_several_machines_know_their_ranks_and_are_stopped_together(engine: SlurmEngine, tmp_path: Path) -> None:
    text = _STOPPABLE.replace(
        'touch "$0/there"',
        'echo "$RUNNER_NODE_RANK of $RUNNER_NODES at $RUNNER_HEAD"; touch "$0/there-$RUNNER_NODE_RANK"',
    ).replace('"$0/saved"', '"$0/saved-$RUNNER_NODE_RANK"')
    job = engine.submit(order(tmp_path, text, nodes=2))
    wait(lambda: all((tmp_path / f"there-{rank}").exists() for rank in (0, 1)))
    port = 20000 + int(job) % 10000
    assert {f"{rank} of 2 at n1:{port}" for rank in (0, 1)} <= set(engine.words(job).splitlines())
    engine.cancel(job)
    ended = until(engine, job, EngineState.ENDED)
    assert ended.exit_code == 75 and ended.interrupted
    assert all((tmp_path / f"saved-{rank}").exists() for rank in (0, 1))


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"queue": "nope"}, "/run/engine/queue"),
        ({"options": {"nodelist": "n9"}}, "/run/engine/options/nodelist"),
        ({"options": {"constraint": "fast"}}, "/run/engine/options/constraint"),
        ({"options": {"reservation": "none"}}, "/run/engine/options/reservation"),
        ({"options": {"gres": "fpga:1"}}, "/run/engine/options/gres"),
    ],
)
def test_what_the_cluster_does_not_have_is_refused_by_its_field(
    engine: SlurmEngine, tmp_path: Path, fields: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(SpecError) as caught:
        engine.check(order(tmp_path / "new", "true", **fields))
    assert [fault.pointer for fault in caught.value.faults] == [pointer]
    assert not (tmp_path / "new").exists()


def test_more_than_any_machine_has_is_refused_before_anything_is_written(engine: SlurmEngine, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match=r"9 GPUs.*at most 2") as caught:
        engine.check(order(tmp_path / "new", "true", gpus=9))
    assert caught.value.hint is not None and "sinfo" in caught.value.hint
    assert not (tmp_path / "new").exists()


def test_a_job_that_slurm_never_had_is_unknown(engine: SlurmEngine) -> None:
    assert engine.status("999999").state is EngineState.UNKNOWN
    assert engine.words("999999") == ""
    engine.cancel("999999")


def test_machines_that_are_down_are_waited_for(engine: SlurmEngine, slurm: Cluster, tmp_path: Path) -> None:
    slurm.ask("scontrol", "update", "nodename=n1", "state=drain", "reason=mended")
    try:
        wanted = order(tmp_path, "true", options={"nodelist": "n1"})
        engine.check(wanted)
        job = engine.submit(wanted)
        found = wait(lambda: s if "available" in ((s := engine.status(job)).why or "") else None)
        assert found.state is EngineState.PENDING
    finally:
        slurm.ask("scontrol", "update", "nodename=n1", "state=resume")
    assert until(engine, job, EngineState.ENDED).exit_code == 0


def test_a_controller_that_is_gone_is_unreachable_and_not_the_end(
    engine: SlurmEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slurm: Cluster
) -> None:
    # The same cluster, asked where nobody listens.
    text = (slurm.folder / "slurm.conf").read_text()
    port = next(line for line in text.splitlines() if line.startswith("SlurmctldPort"))
    (tmp_path / "slurm.conf").write_text(text.replace(port, "SlurmctldPort=1\nMessageTimeout=1"))
    with monkeypatch.context() as patch:
        patch.setenv("SLURM_CONF", str(tmp_path / "slurm.conf"))
        assert engine.status("1").state is EngineState.UNREACHABLE
        with pytest.raises(EnvironmentProblem, match="does not answer") as caught:
            engine.submit(order(tmp_path, "true"))
        assert caught.value.retryable


def spec(root: Path, name: str = "elo", **section: Any) -> dict[str, Any]:
    """A run on the cluster whose program is this checkout's."""
    programs = shlex.quote(str(Path(sys.executable).parent))
    setup = [f"export PYTHONPATH={shlex.quote(str(ROOT))}", f"export PATH={programs}:$PATH"]
    options = {"setup": setup} | section.pop("options", {})
    return {
        "model": {"name": name, "spec": {"model_type": "elo_scoring", "min_model_occurrences": 20}},
        "data": {"dataset": "sample", "validation_split": 0.2, "seed": 42},
        "epochs": 3,
        "run": {"executor": "slurm", "engine": {"root": str(root), "options": options} | section},
    }


@pytest.mark.usefixtures("engine")
def test_the_trials_of_a_sweep_are_jobs_of_the_cluster(slurm: Cluster, desk: Desk) -> None:
    root = desk.home / "shared"
    root.mkdir()
    sweep = {
        "name": "ratings", "method": "grid", "parallel": 3, "space": {"model.spec.k_factor": [8, 16, 32]},
    }  # fmt: skip
    base = spec(root, lifetime=600)
    shown = desk("train", "--spec-file", desk.write("spec.json", base), "--dry-run").ok().out
    assert "#SBATCH --time=0-00:10:00" in shown and not list(root.iterdir())
    ran = desk("sweep", "run", desk.write("sweep.json", {"sweep": sweep, "base": base}), "--json")
    document = ran.ok().json
    assert [trial["state"] for trial in document["trials"]] == ["complete"] * 3
    assert document["stored_as"] == "elo_scoring/elo/v1"
    jobs = slurm.ask("squeue", "--noheader", "--states=COMPLETED", "--format=%j").split()
    assert len([job for job in jobs if job.startswith("ratings-")]) == 3
    assert len([path for path in root.iterdir() if (path / "DONE.json").exists()]) == 3


@pytest.mark.usefixtures("engine")
def test_a_sweep_as_an_array_is_trained_by_slurm_and_taken_over(slurm: Cluster, desk: Desk) -> None:
    (desk.home / "shared").mkdir()
    sweep = {"name": "arrayed", "method": "random", "trials": 2, "parallel": 2,
             "space": {"model.spec.k_factor": {"min": 8, "max": 32}}}  # fmt: skip
    file = desk.write("sweep.json", {"sweep": sweep, "base": spec(desk.home / "shared")})
    written = desk("sweep", "array", file, "--json").ok().json
    job = slurm.ask("sbatch", "--parsable", written["script"]).strip()
    wait(
        lambda: slurm.ask("squeue", "--noheader", f"--jobs={job}", "--states=COMPLETED", "--format=%F").count(job) == 2
    )
    assert len(list((desk.home / "runs").iterdir())) == 2
    document = desk("sweep", "run", file, "--json").ok().json
    assert [trial["state"] for trial in document["trials"]] == ["complete"] * 2
    assert {f"{trial['name']}.json" for trial in document["trials"]} == {Path(each).name for each in written["specs"]}
    # Nothing was trained again, here or there.
    assert len(list((desk.home / "runs").iterdir())) == 2 and not list((desk.home / "shared").iterdir())
