"""The road from a spec to a stored model, as a local process: stops, resumes, starts from stored models, replays."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runner.errors import EnvironmentProblem, OutOfMemory
from runner.execution.supervisor import Signals, may_retry
from tests.conftest import Desk
from tests.examples import example, files
from tests.holding import held_copy, held_run, wait


def elo(**changes: object) -> dict:
    return example("elo_scoring", **changes)


def battles(seed: int) -> list[dict]:
    """Two hundred raw rows; who wins depends on the seed."""
    import random

    draw = random.Random(seed)
    return [
        {
            "model_a": a,
            "model_b": b,
            "winner": draw.choice(["model_a", "model_b"]),
            "conversation_a": talk(f"question {n}"),
            "conversation_b": talk(f"question {n}"),
        }
        for n in range(200)
        for a, b in [draw.sample(["ada", "bob", "cyd"], 2)]
    ]


def talk(prompt: str) -> list[dict]:
    return [{"role": "user", "content": prompt}, {"role": "assistant", "content": "an answer"}]


def test_a_spec_piped_in_trains_and_ends_with_the_command_to_type_next(desk):
    done = desk("train", "--executor", "local", stdin=json.dumps(elo())).ok()
    (command,) = [line.strip() for line in done.out.splitlines() if " infer --model " in line]
    scored = subprocess.run(
        command, shell=True, cwd=desk.home, env=desk.variables, capture_output=True, text=True, check=True
    )
    output, beside = scored.stdout.split()
    scores = json.loads((desk.home / output).read_text())
    assert all(len(row) == 2 for row in scores.values())
    assert json.loads((desk.home / beside).read_text())["unknown_models"] == []
    # What a listing shows of the run is in its record: no kind is loaded for it.
    (plan,) = [json.loads(path.read_text()) for path in desk.home.glob("runs/*/plan.json")]
    assert plan["headline"] == {"metric": "accuracy", "column": "accuracy", "better": "higher"}


def test_ctrl_c_checkpoints_and_exits_130_and_the_run_resumes(desk):
    spec = desk.write("spec.json", elo(epochs=4))
    process, run = held_run(desk, "train", "--spec-file", spec, "--executor", "local", stderr=subprocess.PIPE)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 130
    assert f"runner train --resume {run.name}" in said.decode()
    assert "Traceback" not in said.decode()
    assert desk("train", "--resume", "last", "--json").ok().json["state"] == "succeeded"


@pytest.mark.slow
@pytest.mark.warm
def test_when_the_supervisor_is_killed_the_worker_stops_and_the_run_resumes(desk):
    spec = desk.write("spec.json", elo(epochs=4))
    process, run = held_run(desk, "train", "--spec-file", spec, "--executor", "local")
    worker = json.loads((run / "state.json").read_text())["worker"]["pid"]
    process.kill()
    process.wait()
    wait(lambda: not Path(f"/proc/{worker}").exists())
    assert desk("runs", "list", "--json").ok().json[0]["state"] == "interrupted"
    assert json.loads((run / "outcome.json").read_text())["error"]["error"] == "stopped"
    assert desk("train", "--resume", "last", "--json").ok().json["state"] == "succeeded"


@pytest.mark.slow
@pytest.mark.warm
def test_runs_stop_stops_a_run_that_another_terminal_started(desk):
    spec = desk.write("spec.json", elo(epochs=4))
    process, run = held_copy(desk, "train", "--spec-file", spec, "--executor", "local")
    assert desk("runs", "stop", run.name, "--json").ok().json["state"] == "interrupted"
    assert process.wait(300) == 75
    assert desk("runs", "stop", run.name, "--cancel", "--json").ok().json["state"] == "cancelled"
    refused = desk("train", "--resume", run.name)
    assert refused.code == 5
    assert "cancelled" in refused.err


@pytest.mark.slow
@pytest.mark.warm
def test_a_run_resumes_with_more_epochs_and_ends_as_if_it_had_them_from_the_start(desk, make_desk):
    spec = desk.write("spec.json", elo(epochs=4))
    process, _ = held_copy(desk, "train", "--spec-file", spec, "--executor", "local")
    process.send_signal(signal.SIGTERM)
    assert process.wait(300) == 75
    longer = desk.write("longer.json", elo(epochs=6, log={"print_every": 2}))
    resumed = desk("train", "--resume", "last", "--spec-file", longer, "--executor", "local", "--json").ok().json
    other = make_desk()
    whole = other("train", "--spec-file", longer, "--executor", "local", "--json").ok().json
    assert files(desk, resumed) == files(other, whole)


@pytest.mark.slow
@pytest.mark.warm
def test_a_field_that_may_not_change_is_refused_with_its_pointer_and_both_values(desk):
    spec = desk.write("spec.json", elo(epochs=4))
    process, _ = held_copy(desk, "train", "--spec-file", spec, "--executor", "local")
    process.send_signal(signal.SIGTERM)
    assert process.wait(300) == 75
    document = elo(epochs=4)
    document["data"] = document["data"] | {"seed": 7}
    refused = desk("train", "--resume", "last", "--spec-file", desk.write("other.json", document))
    assert refused.code == 5
    assert "/data/seed" in refused.err
    assert "42" in refused.err
    assert "7" in refused.err


@pytest.mark.slow
@pytest.mark.warm
def test_a_run_cannot_be_resumed_to_fewer_epochs_than_it_has_trained(desk):
    spec = desk.write("spec.json", elo(epochs=4))
    process, _ = held_copy(desk, "train", "--spec-file", spec, "--executor", "local")
    process.send_signal(signal.SIGTERM)
    assert process.wait(300) == 75
    refused = desk("train", "--resume", "last", "--spec-file", desk.write("less.json", elo(epochs=1)))
    assert refused.code == 5
    assert "/epochs" in refused.err


@pytest.mark.slow
@pytest.mark.warm
def test_a_resumed_run_prints_as_seldom_as_its_spec_says(desk):
    spec = desk.write("spec.json", elo(epochs=12, log={"print_every": 6}))
    process, _ = held_copy(desk, "train", "--spec-file", spec, "--executor", "local")
    process.send_signal(signal.SIGTERM)
    assert process.wait(300) == 75
    resumed = desk("train", "--resume", "last").ok()
    assert 1 <= sum(line.startswith("epoch ") for line in resumed.err.splitlines()) <= 4


@pytest.mark.slow
@pytest.mark.warm
@pytest.mark.parametrize("words", [["runs", "list"], ["schema"], ["models"]])
def test_a_reader_that_goes_away_is_no_error(desk, words):
    reading, writing = os.pipe()
    process = subprocess.Popen(
        desk.command(*words), cwd=desk.home, env=desk.variables, stdout=writing, stderr=subprocess.PIPE
    )
    os.close(writing)
    os.close(reading)
    _, said = process.communicate(timeout=300)
    assert (process.returncode, said) == (0, b"")


@pytest.mark.slow
@pytest.mark.warm
def test_a_model_starts_from_a_stored_one_and_goes_on_from_its_scores(desk):
    desk("train", "--executor", "local", stdin=json.dumps(elo(epochs=20))).ok()
    stored = elo()["model"]["name"]
    document = {"model": {"name": "continued", "start_state": stored}, "data": elo()["data"], "epochs": 1}
    document["data"] = document["data"] | {"max_samples": 900}
    started = desk("train", "--executor", "local", "--json", stdin=json.dumps(document)).ok()
    manifest = json.loads((desk.home / started.json["path"] / "manifest.json").read_text())
    assert manifest["parent"] == f"elo_scoring/{stored}/v1"
    assert manifest["spec"]["model"]["spec"]["model_type"] == "elo_scoring"

    def ratings(name: str) -> dict[str, float]:
        words = ("--models-to-score", "calculator", "quoter", "--prompts", "p", "--output-path", "-")
        scores = desk("infer", "--model", f"elo_scoring/{name}", *words).ok().json
        return {model: row[0] for model, row in scores.items()}

    before, after = ratings(stored), ratings("continued")
    assert before != after
    # It went on from there: from scratch, another sample would not come so near.
    assert after["calculator"] == pytest.approx(before["calculator"], abs=150)
    both = desk("train", "--executor", "local", stdin=json.dumps(elo() | {"model": document["model"] | elo()["model"]}))
    assert "ignored" in both.err


@pytest.mark.slow
@pytest.mark.warm
def test_a_dense_network_starts_from_a_stored_one_with_its_own_encoder(desk):
    document = example("dense_network", epochs=3)
    document["data"] = document["data"] | {"max_samples": 300}
    first = desk("train", "--executor", "local", "--json", stdin=json.dumps(document)).ok().json
    document["model"] = {"name": "continued", "start_state": first["model"]}
    document["epochs"] = 1
    second = desk("train", "--executor", "local", "--json", stdin=json.dumps(document)).ok().json
    assert second["model"] == "dense_network/continued/v1"
    assert files(desk, first)["encoder/model.safetensors"] == files(desk, second)["encoder/model.safetensors"]
    losses = [
        json.loads(line)["metrics"]["train_loss"]
        for run in sorted((desk.home / "runs").iterdir(), key=lambda run: run.stat().st_mtime)
        for line in (run / "events.jsonl").read_text().splitlines()
        if '"epoch"' in line and json.loads(line)["event"] == "epoch"
    ]
    assert losses[3] < losses[0], "the fourth epoch begins where the third ended, not anew"


@pytest.mark.slow
@pytest.mark.warm
@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_a_dense_network_learns_with_every_optimizer(desk, optimizer):
    document = example("dense_network", epochs=8)
    document["model"]["spec"]["optimizer"] = {"optimizer_type": optimizer, "lr_decay_gamma": 0.9}
    done = desk("train", "--executor", "local", "--json", stdin=json.dumps(document)).ok().json
    ratings = [row["accuracy"] for row in done["tables"]["baselines"] if row["model_type"].endswith("_scoring")]
    assert done["metrics"]["accuracy"] > max(ratings)
    (run,) = (desk.home / "runs").iterdir()
    result = json.loads((run / "result.json").read_text())
    epochs = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines() if '"learning_rate"' in line]
    rates = [event["metrics"]["learning_rate"] for event in epochs]
    assert rates == pytest.approx([rates[0] * 0.9**n for n in range(8)])
    accuracies = [event["metrics"]["accuracy"] for event in epochs]
    assert result["best_epoch"] == accuracies.index(max(accuracies)) + 1
    assert done["metrics"]["accuracy"] == pytest.approx(max(accuracies)), "what is stored is the best epoch"


@pytest.mark.slow
@pytest.mark.warm
def test_a_closed_form_says_that_it_ignores_epochs(desk):
    done = desk("train", "--executor", "local", stdin=json.dumps(example("least_squares_scoring", epochs=3))).ok()
    assert "ignored" in done.err
    assert "/epochs" in done.err


@pytest.mark.slow
@pytest.mark.warm
def test_a_dry_run_shows_origins_rows_and_the_command_and_starts_nothing(desk):
    spec = desk.write("spec.json", elo())
    code = (
        "import sys\nfrom runner.cli.app import run\n"
        f"code = run(['train', '--spec-file', {str(spec)!r}, '--executor', 'local', '--dry-run', '--json'])\n"
        "print(sorted({'torch', 'transformers', 'docker', 'wandb', 'datasets'} & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=desk.home, env=desk.variables, capture_output=True, text=True, check=True
    )
    assert done.stderr.splitlines()[-1] == "[]"
    plan = json.loads(done.stdout)
    origins = {row["pointer"]: row["origin"] for row in plan["origins"]}
    assert origins["/run/executor"] == "flag"
    assert origins["/model/name"] == "spec"
    assert origins["/run/retries"] == "default"
    assert plan["data"]["train"] > 0
    assert plan["stored_as"] == f"elo_scoring/{elo()['model']['name']}/v1"
    assert plan["command"][:2] == ["runner", "worker"]
    assert plan["estimate"]["judged_by"] is None
    assert not (desk.home / "runs").exists()
    assert not (desk.home / "models").exists()
    desk("train", "--spec-file", spec, "--executor", "local").ok()
    again = desk("train", "--spec-file", spec, "--executor", "local", "--dry-run", "--json").ok().json
    assert again["estimate"]["judged_by"]
    assert again["estimate"]["seconds"] > 0
    assert again["estimate"]["memory"] > 10 * 2**20


@pytest.mark.slow
@pytest.mark.warm
def test_a_replay_reports_what_came_out_differently(desk):
    document = elo()
    first = desk("train", "--executor", "local", "--json", stdin=json.dumps(document)).ok().json
    assert desk("replay", first["model"]).ok().out.strip().endswith("every file, every metric")
    data = desk.home / "mine.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in battles(1)))
    document["model"]["name"] = "mine"
    document["data"] = {"dataset": "mine.jsonl"}
    document["model"]["spec"]["min_model_occurrences"] = 0
    second = desk("train", "--executor", "local", "--json", stdin=json.dumps(document)).ok().json
    data.write_text("".join(json.dumps(row) + "\n" for row in battles(2)))
    changed = desk("replay", second["model"], "--json")
    assert changed.code == 1
    told = {row["what"] for row in changed.json["differences"]}
    assert "lock.data_fingerprint" in told
    assert "files.scores.safetensors" in told


@pytest.mark.slow
@pytest.mark.warm
def test_the_user_who_trains_as_another_process_is_not_touched_by_what_an_executor_sets(desk):
    """The lock names what the model was made with."""
    done = desk("train", "--executor", "local", "--json", stdin=json.dumps(elo())).ok().json
    lock = json.loads((desk.home / done["path"] / "manifest.json").read_text())["lock"]
    assert {"spec_hash", "data_fingerprint", "seed", "device", "runner", "code", "python", "packages"} <= lock.keys()
    assert lock["hardware"]["cpus"] == os.cpu_count()
    assert lock["packages"]["numpy"]


@pytest.mark.parametrize(
    ("error", "told_to_stop", "again"),
    [
        (EnvironmentProblem("the network is down", retryable=True), False, True),
        (EnvironmentProblem("the network is down", retryable=True), True, False),
        (EnvironmentProblem("no GPU"), False, False),
        (OutOfMemory("too much"), False, False),
        (None, False, False),
    ],
)
def test_only_the_environments_passing_errors_are_tried_again(error, told_to_stop, again):
    assert may_retry(error, Signals(terminated=int(told_to_stop))) is again


@pytest.mark.slow
@pytest.mark.warm
def test_two_models_of_one_name_trained_at_once_get_versions_of_their_own(desk):
    spec = desk.write("spec.json", elo())
    processes = [desk.start_copy("train", "--spec-file", spec, "--executor", "local") for _ in range(3)]
    assert [process.wait(300) for process in processes] == [0, 0, 0]
    models = [row["model"] for row in desk("models", "--json").ok().json["models"]]
    assert models == [f"elo_scoring/{elo()['model']['name']}/v{n}" for n in (1, 2, 3)]


def test_desks_are_apart():
    assert Desk(Path("/a")).variables["RUNNER_CACHE_DIR"]


@pytest.mark.slow
@pytest.mark.warm
def test_a_run_that_has_succeeded_keeps_neither_its_model_nor_its_checkpoints(desk):
    document = desk("train", "--executor", "local", "--json", stdin=json.dumps(elo())).ok().json
    run = desk.only_run()
    assert not (run / "artifact").exists()
    assert not (run / "checkpoints").exists()
    assert any(event["event"] == "checkpoint" for event in events(run)), "there was something to take away"
    of_run = {path.stat().st_ino for path in run.rglob("*")}
    assert not of_run & {path.stat().st_ino for path in (desk.home / document["path"]).rglob("*")}
    assert sum(path.stat().st_size for path in run.rglob("*.safetensors")) == 0


def events(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]


@pytest.mark.slow
@pytest.mark.warm
def test_a_dry_run_tells_what_a_kind_knows_of_its_training_and_warns_where_it_is_too_much(desk):
    document = example("sft") | {"run": {"memory": "8m"}}
    words = ("train", "--executor", "local", "--dry-run")
    plan = desk(*words, "--json", stdin=json.dumps(document)).ok().json
    found = plan["footprint"]
    assert found["memory"] > 8 * 2**20
    assert found["figures"]["parameters"] == found["figures"]["trainable_parameters"] > 0
    assert [text for text in plan["warnings"] if "/run/memory" in text and "gradient_checkpointing" in text]
    assert not (desk.home / "runs").exists()
    told = desk(*words, stdin=json.dumps(document)).ok().out
    assert "TRAINING A STEP" in told
    assert "trainable parameters" in told
