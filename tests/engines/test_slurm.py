"""Slurm as an engine, without a cluster: the script, the options, what its programs' words mean."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner.engines import slurm_options, slurm_states
from runner.engines.engine import EngineState, EngineStatus, Order
from runner.engines.slurm import SlurmEngine
from runner.engines.slurm_machines import gpus_of, refuse_what_none_has
from runner.engines.slurm_script import duration, script
from runner.errors import EnvironmentProblem, SpecError
from tests.conftest import Desk


def order(**fields: Any) -> Order:
    return Order(**({"name": "elo-1", "command": ("runner", "worker", "--root", "/shared/runs/elo")} | fields))


def lines(text: str) -> list[str]:
    return [line.removeprefix("#SBATCH --") for line in text.splitlines() if line.startswith("#SBATCH ")]


def faults(**fields: Any) -> dict[str, str]:
    with pytest.raises(SpecError) as caught:
        SlurmEngine().check(order(**fields))
    return {fault.pointer: fault.message for fault in caught.value.faults}


def test_every_field_of_an_order_is_a_line() -> None:
    text = script(
        order(
            folder="/shared/runs/elo", queue="gpu", nodes=1, gpus=2, cpus=7.5, memory=3 * 2**30 + 1, time_limit=93784.2,
            stop_grace=90.5, secret_names=("HF_TOKEN",), environment={"RUNNER_SUBMISSION": "1"},
            options={"account": "lab", "exclusive": True, "gpu-type": "a100", "setup": ["module load cuda"]},
        )
    )  # fmt: skip
    assert lines(text) == [
        "job-name=elo-1", "partition=gpu", "nodes=1", "ntasks-per-node=1", "gpus-per-node=a100:2", "cpus-per-task=8",
        "mem=3073M", "time=1-02:03:05", "signal=B:TERM@91", "open-mode=append",
        "export=PATH,LD_LIBRARY_PATH,LANG,LC_ALL,HF_TOKEN", "account=lab", "exclusive", "requeue",
        "output=/shared/runs/elo/slurm-%j.out", "dependency=singleton",
    ]  # fmt: skip
    assert "export RUNNER_SUBMISSION=1\nmodule load cuda\n" in text
    assert "--cpus-per-task=8 timeout --foreground --kill-after=91 0 runner worker --root /shared/runs/elo &" in text


def test_what_is_not_asked_for_is_the_clusters_own() -> None:
    text = script(order())
    assert not [line for line in lines(text) if line.startswith(("partition", "gpus", "cpus", "mem", "time"))]
    assert "output=%x-%j.out" in lines(text)


@pytest.mark.parametrize("nodes", [1, 2])
def test_scripts_are_bash(nodes: int) -> None:
    text = script(order(nodes=nodes, environment={"A": "it's $HOME\nand `more`"}, command=("runner", "a b", "$c")))
    assert subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True).stderr == ""
    assert ("RUNNER_NODE_RANK" in text) == (nodes > 1)


def test_values_of_the_environment_come_as_they_are() -> None:
    text = script(order(environment={"A": "it's $HOME\nand `more`"}))
    line = text[text.index("export A=") : text.index("# A step has")]
    shown = subprocess.run(["bash", "-c", f'{line}\nprintf %s "$A"'], text=True, capture_output=True).stdout
    assert shown == "it's $HOME\nand `more`"


def test_an_image_is_taken_by_apptainer() -> None:
    fields: dict[str, Any] = {"folder": "/shared/runs/elo", "image": "registry.example:5000/lab/runner:1"}
    text = script(order(**fields, gpus=1, options={"container": "apptainer", "mounts": ["/data", "/a:/b"]}))
    wanted = (
        "apptainer exec --nv --bind=/shared/runs --bind=/data --bind=/a:/b docker://registry.example:5000/lab/runner:1"
    )
    assert f"{wanted} runner worker" in text
    assert "exec --bind=/shared/runs docker" in script(order(**fields, options={"container": "apptainer"}))


@pytest.mark.parametrize(
    ("image", "written"),
    [
        ("registry.example:5000/lab/runner:1", "'registry.example:5000#lab/runner:1'"),
        ("lab/runner:1", "lab/runner:1"),
        ("images/runner.sqsh", "images/runner.sqsh"),
    ],
)
def test_an_image_is_taken_by_pyxis(image: str, written: str) -> None:
    found = script(order(folder="/s/runs/elo", image=image, options={"container": "pyxis", "mounts": ["/data"]}))
    step = next(line for line in found.splitlines() if line.startswith("srun"))
    assert written.strip("'") in step and "--container-mounts=/s/runs:/s/runs,/data:/data timeout" in step


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("acount", "lab", "did you mean 'account'"),
        ("partition", "gpu", "/run/engine/queue"),
        ("--time", "1:00", "/run/engine/lifetime"),
        ("cpus_per_task", 4, "/run/cpus"),
        ("whatever", 1, "there are: account"),
        ("account", "two words", "without blanks"),
        ("account", "lab\n#SBATCH --uid=0", "without blanks"),
        ("nice", "5", "a whole number"),
        ("nice", True, "a whole number"),
        ("exclusive", "yes", "true or false"),
        ("container", "docker", "pyxis or apptainer"),
        ("setup", "module load cuda", "a list of lines"),
        ("setup", ["one\ntwo"], "a list of lines"),
        ("mounts", ["relative"], "a list of folders"),
    ],
)
def test_an_option_that_is_none_is_refused_by_its_pointer(name: str, value: Any, words: str) -> None:
    (fault,) = slurm_options.faults({name: value})
    assert fault.pointer == f"/run/engine/options/{name}"
    assert words in f"{fault.message} {fault.hint}"


def test_a_name_with_a_slash_is_a_pointer_too() -> None:
    assert [fault.pointer for fault in slurm_options.faults({"a/b~c": 1})] == ["/run/engine/options/a~1b~0c"]


def test_every_option_has_an_effect() -> None:
    values: dict[str, Any] = {
        "exclusive": True, "nice": 5, "setup": ["true"], "mounts": ["/data"], "container": "pyxis", "gpu-type": "a100",
    }  # fmt: skip
    base = {"container": "pyxis", "mounts": [], "gpu-type": "h100"}
    plain = script(order(image="runner", gpus=1, options=base | {"container": "apptainer"}))
    for name in slurm_options.LINES | slurm_options.SHAPING:
        value = values.get(name, "some")
        assert slurm_options.faults({name: value}) == [], name
        options = base | {"container": "apptainer"} | {name: value}
        assert script(order(image="runner", gpus=1, options=options)) != plain, name


def test_all_faults_are_told_at_once() -> None:
    found = faults(
        options={"qoss": "x", "mounts": ["/data"], "gpu-type": "a100", "gres": "gpu:2"},
        image="runner", time_limit=30, stop_grace=60, queue="a b", folder="/shared/my runs",
    )  # fmt: skip
    assert set(found) == {
        "/run/engine/options/qoss", "/run/engine/options/mounts", "/run/engine/options/gpu-type",
        "/run/engine/options/gres", "/run/image", "/run/engine/lifetime", "/run/engine/queue", "/run/engine/root",
    }  # fmt: skip


def test_a_container_takes_an_image_and_slurm_a_grace_that_it_can_keep() -> None:
    assert "run.image" in faults(options={"container": "pyxis"})["/run/engine/options/container"]
    assert "65535" in faults(stop_grace=70000)["/run/engine/stop_grace"]


def test_without_slurm_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentProblem, match="there is no program sbatch") as caught:
        SlurmEngine().check(order())
    assert caught.value.hint is not None and "slurm-client" in caught.value.hint
    assert SlurmEngine().status("1").state is EngineState.UNREACHABLE


def test_a_secret_that_is_not_set_is_told_before_the_submission(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with pytest.raises(EnvironmentProblem, match="HF_TOKEN, which is not set"):
        SlurmEngine().submit(order(secret_names=("HF_TOKEN",)))


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Programs of Slurm that answer nothing, but for an sbatch that refuses with these words."""

    def refuse(words: str) -> None:
        for name in ("squeue", "scontrol", "scancel", "sbatch"):
            text = f"echo {shlex.quote(words)} >&2; exit 1" if name == "sbatch" else "true"
            (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
            (tmp_path / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    return refuse


@pytest.mark.parametrize(
    ("words", "retryable"),
    [
        ("sbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit)", True),
        ("sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)", True),
        ("sbatch: error: Batch job submission failed: Something that is not known here", False),
    ],
)
def test_what_passes_is_tried_again(words: str, retryable: bool, refused: Callable[[str], None]) -> None:
    refused(words)
    with pytest.raises(EnvironmentProblem) as caught:
        SlurmEngine().submit(order())
    assert caught.value.retryable is retryable
    assert caught.value.message.endswith(words.rpartition("error: ")[2])


def test_a_time_that_the_cluster_does_not_give_is_told_by_its_field(refused: Callable[[str], None]) -> None:
    refused(
        "sbatch: error: Batch job submission failed: Requested time limit is invalid (missing or exceeds some limit)"
    )
    with pytest.raises(SpecError) as caught:
        SlurmEngine().check(order())
    assert [fault.pointer for fault in caught.value.faults] == ["/run/engine/lifetime"]


def test_what_the_submitter_has_set_for_all_jobs_is_a_default_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, refused: Callable[[str], None]
) -> None:
    refused("")
    (tmp_path / "sbatch").write_text(f"#!/bin/sh\nenv > {tmp_path}/env\necho 7\n")
    for name in ("SBATCH_ACCOUNT", "SBATCH_PARTITION", "SBATCH_TIMELIMIT", "SLURM_JOB_ID", "SLURM_CONF"):
        monkeypatch.setenv(name, "set")
    assert SlurmEngine().submit(order(queue="gpu")) == "7"
    seen = {line.partition("=")[0] for line in (tmp_path / "env").read_text().splitlines()}
    assert seen & {name for name in seen if name.startswith(("SBATCH_", "SLURM_"))} == {"SBATCH_ACCOUNT", "SLURM_CONF"}


@pytest.mark.parametrize(("seconds", "text"), [(59.2, "0-00:01:00"), (3600, "0-01:00:00"), (90061, "1-01:01:01")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


#: A line of scontrol of Slurm 22.05, as it was, but for its middle.
_SHOWN = (
    "JobId=1 JobName=try-1 UserId=root(0) GroupId=root(0) MCS_label=N/A Priority=4294901759 Nice=0 Account=(null) "
    "QOS=(null) JobState={state} Reason={reason} Dependency=(null) Requeue=1 Restarts={again} BatchFlag=1 Reboot=0 "
    "ExitCode={code} RunTime=00:00:04 TimeLimit=UNLIMITED Comment=JobState=COMPLETED Power= TresPerNode=gres:gpu:1 "
)


@pytest.mark.parametrize(
    ("state", "reason", "code", "again", "wanted"),
    [
        ("PENDING", "Priority", "0:0", 0, (EngineState.PENDING, "jobs of a higher priority are before it (Priority)")),
        ("PENDING", "None", "0:0", 0, (EngineState.PENDING, None)),
        ("PENDING", "BeginTime", "0:0", 1,
         (EngineState.PENDING, "start 2, the time to begin has not come (BeginTime)")),
        ("PENDING", "ReqNodeNotAvail,_UnavailableNodes:n1", "0:0", 0, (EngineState.PENDING,
         "machines that it needs are not available: down, drained or reserved (ReqNodeNotAvail,_UnavailableNodes:n1)")),
        ("PENDING", "QOSMaxGRESPerUser", "0:0", 0,
         (EngineState.PENDING, "a limit of its QOS is reached (QOSMaxGRESPerUser)")),
        ("PENDING", "SomethingNew", "0:0", 0, (EngineState.PENDING, "SomethingNew")),
        ("CONFIGURING", "None", "0:0", 0, (EngineState.PENDING, "its machines are being started")),
        ("RUNNING", "None", "0:0", 1, (EngineState.RUNNING, None)),
        ("COMPLETING", "None", "75:0", 0, (EngineState.RUNNING, "it is ending")),
        ("COMPLETED", "None", "0:0", 0, (EngineState.ENDED, None, 0)),
        ("FAILED", "NonZeroExitCode", "3:0", 0, (EngineState.ENDED, None, 3)),
        ("FAILED", "NonZeroExitCode", "75:0", 0, (EngineState.ENDED, "it was asked to stop, and saved", 75, True)),
        ("FAILED", "NonZeroExitCode", "137:0", 0, (EngineState.ENDED, "killed by signal 9", 137)),
        ("FAILED", "RaisedSignal:9(Killed)", "0:9", 0, (EngineState.ENDED, "killed by signal 9", 137)),
        ("NODE_FAIL", "NodeDown", "0:0", 0, (EngineState.ENDED, "its machine was lost", 0, True)),
        ("PREEMPTED", "None", "0:15", 0,
         (EngineState.ENDED, "preempted: a job with a higher priority took its machines", 143, True)),
        ("TIMEOUT", "TimeLimit", "0:15", 0, (EngineState.ENDED, "it came to its time limit", 143, True)),
        ("OUT_OF_MEMORY", "OutOfMemory", "0:125", 0,
         (EngineState.ENDED, "out of memory: ask for more by run.memory", 253)),
        ("CANCELLED", "None", "0:15", 0, (EngineState.ENDED, "cancelled", 143)),
        ("WHATEVER", "None", "0:0", 0, (EngineState.UNKNOWN, "WHATEVER")),
    ],
)  # fmt: skip
def test_what_the_controller_says(state: str, reason: str, code: str, again: int, wanted: tuple[Any, ...]) -> None:
    line = _SHOWN.format(state=state, reason=reason, code=code, again=again)
    assert slurm_states.from_scontrol(line) == EngineStatus(*wanted)


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("COMPLETED|0:0|None", (EngineState.ENDED, None, 0)),
        ("CANCELLED by 1000|0:0|None", (EngineState.ENDED, "cancelled", 0)),
        ("NODE_FAIL|1:0|None", (EngineState.ENDED, "its machine was lost", 1, True)),
        ("FAILED|75:0|NonZeroExitCode", (EngineState.ENDED, "it was asked to stop, and saved", 75, True)),
        ("PENDING|0:0|Resources", (EngineState.PENDING, "it waits for free machines (Resources)")),
    ],
)
def test_what_the_accounting_says(line: str, wanted: tuple[Any, ...]) -> None:
    assert slurm_states.from_sacct(line) == EngineStatus(*wanted)


@pytest.mark.parametrize(
    ("gres", "count"),
    [("(null)", 0), ("gpu:2", 2), ("gpu:a100:4(S:0-1)", 4), ("gpu:a100:2,gpu:h100:1,shard:8", 3), ("nic:2", 0)],
)
def test_gpus_of_a_machine(gres: str, count: int) -> None:
    assert gpus_of(gres) == count


_MACHINES = "n1|4|4000|gpu:2\nn2|8|4000|(null)\nn3|16+|1000|(null)\n"


@pytest.mark.parametrize(
    ("fields", "pointer", "words"),
    [
        ({"gpus": 3}, "/run/gpus", "3 GPUs on a machine, and those in the cluster have at most 2"),
        ({"cpus": 17}, "/run/cpus", "at most 16"),
        ({"memory": 5 * 2**30}, "/run/memory", "5120 MB of memory"),
        ({"nodes": 4}, "/run/engine/nodes", "there are 3"),
        ({"gpus": 1, "cpus": 8}, "/run", "0 machines"),
        ({"gpus": 1, "nodes": 2, "queue": "gpu"}, "/run", "1 machines in gpu"),
    ],
)
def test_what_no_machine_has_is_refused(fields: dict[str, Any], pointer: str, words: str) -> None:
    with pytest.raises(EnvironmentProblem) as caught:
        refuse_what_none_has(order(**fields), _MACHINES)
    assert caught.value.where == pointer and words in caught.value.message


def test_what_machines_have_is_not_refused_and_neither_is_what_is_not_known() -> None:
    refuse_what_none_has(order(gpus=2, cpus=4, memory=2**30), _MACHINES)
    refuse_what_none_has(order(gpus=9), "")


@pytest.mark.parametrize(
    "said",
    [
        "sbatch: error: _establish_config_source: failed to fetch config\n"
        "sbatch: fatal: Could not establish a configuration source",
        "sbatch: error: Unable to contact slurm controller (connect failure)",
        "sbatch: fatal: what no version has said yet",
    ],
)
def test_a_cluster_that_takes_nothing_is_told_before_there_is_a_run(said: str, desk: Desk) -> None:
    programs = desk.home / "programs"
    programs.mkdir()
    for name in ("sbatch", "squeue", "scontrol", "scancel"):
        path = programs / name
        path.write_text(f"#!/bin/sh\ncat >/dev/null\necho {shlex.quote(said)} >&2\nexit 1\n")
        path.chmod(0o755)
    desk.environment["PATH"] = f"{programs}:{os.environ['PATH']}"
    (desk.home / "root").mkdir()
    kind = {"model_type": "elo_scoring", "min_model_occurrences": 20}
    document = {
        "model": {"name": "elo", "spec": kind},
        "data": {"dataset": "sample"},
        "epochs": 1,
        "run": {"executor": "slurm", "engine": {"root": str(desk.home / "root")}},
    }
    ended = desk("train", "--spec-file", desk.write("spec.json", document))
    assert ended.code == 6, ended.err
    assert said.splitlines()[-1].rpartition(": ")[2] in ended.err
    assert not (desk.home / "runs").exists()
