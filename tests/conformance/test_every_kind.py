"""What every kind promises, whoever wrote it. A new kind is under test as soon as its module and its example exist."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from runner import registry
from runner.contract import Table
from runner.spec.checking import load_file
from runner.spec.json_schemas import schema_for
from runner.training.gradient_training import GradientTraining
from tests.conftest import ROOT, Desk
from tests.contained import Contained
from tests.examples import KINDS, PROMPTS, example, files, llms, numbers, question
from tests.holding import held_copy

#: Many trainings: what the libraries cost to load is paid once. Commands in new processes are run elsewhere.
pytestmark = pytest.mark.warm
#: These are trained with every change: those that take a second, and one network. All together take minutes.
QUICK = {
    "bradley_terry_scoring",
    "dense_network",
    "elo_scoring",
    "greedy_ranking",
    "least_squares_scoring",
    "mcmf_scoring",
    "tabular_classification",
}
#: One kind is one group: its training, which several tests look at, happens in one process.
GROUPED = [
    pytest.param(kind, marks=[pytest.mark.xdist_group(kind), *([] if kind in QUICK else [pytest.mark.slow])])
    for kind in KINDS
]
#: Those that can be ended between epochs. test_gradient_training.py does it to those that gradient steps train.
ITERATIVE = {kind for kind in KINDS if registry.load(kind).Spec.uses_epochs}
BY_GRADIENTS = {kind for kind in KINDS if issubclass(registry.load(kind).Spec, GradientTraining)}
#: Epochs of a training that is ended in its second.
EPOCHS = 3


@pytest.fixture(scope="module", params=GROUPED)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Desk, dict]:
    """The kind's example, trained once through the command line."""
    kind = request.param
    desk = Desk(tmp_path_factory.mktemp(kind))
    done = desk("train", "--spec-file", ROOT / "specs" / f"{kind}.json", "--executor", "local", "--json").ok()
    return kind, desk, done.json


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_is_valid_by_the_code_and_by_the_published_schema(kind):
    path = ROOT / "specs" / f"{kind}.json"
    assert load_file(path).kind == kind
    jsonschema.Draft202012Validator(schema_for(kind)).validate(json.loads(path.read_text()))


#: What a stored model is made of: nothing that runs when it is read (templates run in a sandbox).
FORMATS = {".json", ".safetensors", ".txt", ".ubj", ".jinja", ".md"}


def test_training_stores_a_whole_model_and_measures_it_as_its_task_does(trained):
    kind, desk, document = trained
    assert document["model"] == f"{kind}/{example(kind)['model']['name']}/v1"
    stored = Path(desk.home / document["path"])
    manifest = json.loads((stored / "manifest.json").read_text())
    assert manifest["metrics"] == document["metrics"]
    assert manifest["lock"]["seed"] == 42
    assert {path.suffix for path in stored.rglob("*") if path.is_file()} <= FORMATS
    measured = {
        "ranking": measured_as_a_ranking,
        "length": measured_as_lengths,
        "generation": measured_as_generation,
        "reward": measured_as_rewards,
        "embedding": measured_as_comparing,
    }
    measured.get(registry.task(kind).name, measured_as_supervised)(document)


def measured_as_supervised(document: dict[str, Any]) -> None:
    task = registry.task(document["model"].partition("/")[0])
    metrics = document["metrics"]
    for measure in task.measures:
        assert metrics[measure.metric] is not None
        if measure.interval:
            assert metrics[measure.low] <= metrics[measure.metric] <= metrics[measure.high]
    baselines = Table.read(document["tables"]["baselines"])
    assert baselines is not None and len(baselines.rows) >= 2
    assert baselines.columns[0] == "model"


def measured_as_a_ranking(document: dict[str, Any]) -> None:
    metrics = document["metrics"]
    assert 0 <= metrics["accuracy_low"] <= metrics["accuracy"] <= metrics["accuracy_high"] <= 1
    assert metrics["log_loss"] > 0
    assert 0 <= metrics["calibration_error"] <= 1
    board = document["tables"]["leaderboard"]
    assert [row["score"] for row in board] == sorted((row["score"] for row in board), reverse=True)
    assert all(row["low"] <= row["high"] for row in board)


def measured_as_generation(document: dict[str, Any]) -> None:
    """By the loss of given answers, or by what the model's own are worth."""
    metrics = document["metrics"]
    headline = registry.task(document["model"].partition("/")[0]).measures[0]
    assert metrics[headline.low] <= metrics[headline.metric] <= metrics[headline.high]
    before = Table.read(document["tables"]["baselines"])
    assert before is not None and before.rows[0][0] == "base model"
    assert headline.metric == before.columns[1]
    gained = metrics[headline.metric] - before.rows[0][1]
    assert (gained if headline.better == "higher" else -gained) > 0, "it learned nothing"
    assert metrics["trained_tokens"] > 0


def measured_as_rewards(document: dict[str, Any]) -> None:
    metrics = document["metrics"]
    assert 0 <= metrics["accuracy_low"] <= metrics["accuracy"] <= metrics["accuracy_high"] <= 1
    assert metrics["log_loss"] > 0


def measured_as_comparing(document: dict[str, Any]) -> None:
    """By what the held-out pairs of the example are: texts that belong together."""
    metrics = document["metrics"]
    assert 0 <= metrics["agreement_low"] <= metrics["agreement"] <= metrics["agreement_high"] <= 1
    assert metrics["agreement"] == metrics["mrr_at_10"]
    assert metrics["spearman"] is None and metrics["accuracy"] is None
    baselines = Table.read(document["tables"]["baselines"])
    assert baselines is not None and [row[0] for row in baselines.rows][-1] == "words alone"


def measured_as_lengths(document: dict[str, Any]) -> None:
    metrics = document["metrics"]
    assert metrics["mae_tokens"] > 0
    assert metrics["relative_accuracy"] <= 1
    assert metrics["mean_ratio"] > 0
    assert metrics["std_ratio"] >= 0
    assert document["tables"]["lengths"]


@pytest.fixture(scope="module")
def answered(trained) -> Any:
    """What the stored model answers to a question for its kind."""
    _kind, desk, document = trained
    return desk(*question(desk, document), "--output-path", "-").ok().json


def test_a_new_process_predicts_the_same_and_a_batch_of_one_equals_a_batch_of_many(trained, answered):
    _kind, desk, document = trained
    words = [*question(desk, document), "--output-path", "-"]
    assert desk(*words).ok().json == answered
    one_by_one = desk(*words, "--batch-size", 1).ok().json
    assert len(numbers(answered)) >= len(PROMPTS)
    assert numbers(one_by_one) == pytest.approx(numbers(answered), abs=1e-5)


@pytest.mark.slow
@pytest.mark.warm
def test_the_same_spec_and_seed_give_the_same_bytes(trained):
    _kind, desk, document = trained
    report = desk("replay", document["model"], "--executor", "local", "--json")
    assert [row for row in report.json["differences"] if not row["what"].startswith("lock.code")] == []
    assert report.code == 0


def test_an_llm_joins_what_ranks_llms_and_the_others_are_scored_as_before(trained, request):
    kind, desk, document = trained
    if not registry.task(kind).has_room("extended"):
        done = desk("models", "extend", document["model"], "--with", "rows.jsonl", "--new-name", "extended")
        assert done.code == 5 and "no LLM can join it" in done.err
        return
    winners = ("model_a", "model_b", "model_a")
    rows = [
        {"prompt": f"What is {at} + 7?", "model_a": "newcomer", "model_b": llm, "winner": winners[at % 3]}
        for at in range(12)
        for llm in llms(document)[:3]
    ]
    desk.write("newcomer.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    words = ("--with", "newcomer.jsonl", "--new-name", "extended", "--json")
    joined = desk("models", "extend", document["model"], *words).ok().json
    ask = [*question(desk, document), "--output-path", "-"]
    before = request.getfixturevalue("answered")
    ask[ask.index("--model") + 1] = joined["model"]
    ask.insert(ask.index("--models-to-score") + 1, "newcomer")
    after = desk(*ask).ok().json
    newcomer = after.pop("newcomer")
    assert numbers(after) == pytest.approx(numbers(before), abs=1e-5)
    assert len(newcomer) == len(PROMPTS)


@pytest.mark.usefixtures("answered")
def test_a_changed_byte_and_a_planted_pickle_are_refused(trained):
    """What answered before."""
    _kind, desk, document = trained
    stored = desk.home / document["path"]
    words = [*question(desk, document), "--output-path", "-"]
    weights = next(path for path in sorted(stored.rglob("*")) if path.suffix in (".safetensors", ".ubj"))
    whole = weights.read_bytes()
    # What another stored model has too is read-only.
    weights.chmod(0o644)
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    refused = desk(*words)
    assert refused.code == 4
    assert weights.name in refused.err
    weights.write_bytes(whole)
    (stored / "extra.pkl").write_bytes(b"\x80\x04N.")
    refused = desk(*words)
    assert refused.code == 4
    assert "extra.pkl" in refused.err
    (stored / "extra.pkl").unlink()


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_says_what_it_is(kind):

    whole = schema_for(kind)

    def look(schema: Any, path: str) -> None:
        if isinstance(schema, dict):
            for name, field in schema.get("properties", {}).items():
                if "$ref" in field:
                    field = whole["$defs"][field["$ref"].rpartition("/")[2]] | field
                assert field.get("description") or field.get("deprecated"), f"{path}/{name} has no description"
            for key, value in schema.items():
                if key not in ("if", "not"):  # conditions describe nothing
                    look(value, f"{path}/{key}")
        elif isinstance(schema, list):
            for item in schema:
                look(item, path)

    look(whole, kind)


def test_no_kinds_module_imports_anything_heavy():
    heavy = (
        "{'torch', 'transformers', 'datasets', 'sklearn', 'pandas', 'docker', 'wandb', 'scipy', 'pyarrow', 'numpy', "
        "'xgboost', 'numba', 'networkx', 'peft', 'bitsandbytes', 'safetensors'}"
    )
    modules = [registry.kinds()[kind].module for kind in KINDS]
    code = (
        "import importlib, sys\n"
        f"for module in {modules!r}:\n"
        "    importlib.import_module(module)\n"
        f"    if found := {heavy} & set(sys.modules):\n"
        "        sys.exit(f'{module} imports {found}')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_named_by_its_module_and_says_what_it_requires(kind):
    builder = registry.load(kind)
    assert builder.Spec.model_fields["model_type"].annotation.__args__ == (kind,)  # type: ignore[union-attr]
    assert builder.REQUIRES
    registry.require(kind)


def twin_of(desk: Desk, document: dict[str, Any], runs: Path) -> Path:
    """A run that is planned as the one of a training was, and has not begun."""
    run, twin = Path(desk.home / document["run_directory"]), runs / "twin"
    for folder in ("checkpoints", "artifact"):
        (twin / folder).mkdir(parents=True)
    for name in ("spec.json", "plan.json"):
        shutil.copy(run / name, twin)
    return twin


@pytest.mark.slow
@pytest.mark.warm
def test_stopped_before_it_began_it_resumes_to_the_same_model(trained):
    """The lease has ended by the time the worker looks: the earliest possible stop, the same for every kind."""
    kind, desk, whole = trained
    twin = twin_of(desk, whole, desk.home / "runs")
    stopped = desk("worker", twin, "--lease", "stdin", stdin=b"")
    assert stopped.code == 75, stopped.err
    if kind in ITERATIVE:
        # Its resuming is shown where it is ended in the middle.
        return
    (twin / "state.json").write_text(json.dumps({"state": "interrupted", "created": 0}))
    resumed = desk("train", "--resume", twin, "--json").ok()
    assert resumed.json["metrics"] == whole["metrics"]
    assert files(desk, resumed.json) == files(desk, whole)


@pytest.fixture(scope="session")
def contained(engine: Any, shared_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contained]:
    """A container for all kinds, which has the vectors of prompts that are embedded here already: to embed some of
    them anew comes out differently in the last digits."""
    # Containers go by the name of their folder, and another test process has its own.
    container = Contained(tmp_path_factory.mktemp(f"contained-{os.getpid()}-"))
    shutil.copytree(shared_cache, container.cache, dirs_exist_ok=True)
    yield container
    container.close()


@pytest.mark.docker
def test_a_container_trains_it_to_the_same_bytes_and_answers_the_same(trained, answered, contained, shared_cache):
    kind, desk, whole = trained
    home = contained.folder / kind
    shutil.copytree(shared_cache, contained.cache, dirs_exist_ok=True)
    twin = twin_of(desk, whole, home / "runs")
    trained_there = contained("worker", twin, home=home)
    assert trained_there.code == 0, trained_there.err
    result = json.loads((twin / "result.json").read_text())
    assert result["metrics"] == whole["metrics"]
    assert sha256_of(twin / "artifact") == files(desk, whole)

    shutil.copytree(desk.home / "models", home / "models")
    asked = question(Desk(home), whole)
    there = contained(*asked, "--output-path", "-", home=home).ok().json
    # Threads add up in another order here and there: equal but for the last digits.
    assert numbers(there) == pytest.approx(numbers(answered), abs=1e-5)


def sha256_of(folder: Path) -> dict[str, str]:
    """sha256 by path of what a training has written."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


@pytest.mark.parametrize("kind", [kind for kind in GROUPED if kind.values[0] in ITERATIVE - BY_GRADIENTS])
def test_ended_in_the_middle_it_resumes_to_the_same_model(kind, make_desk):
    desk = make_desk()
    # One end or the other, so that both are met by kinds that train in different ways.
    end = signal.SIGTERM if sorted(ITERATIVE - BY_GRADIENTS).index(kind) % 2 else signal.SIGKILL
    spec = desk.write("spec.json", example(kind, epochs=EPOCHS))
    process, run = held_copy(desk, "train", "--spec-file", spec, "--executor", "local")
    if end == signal.SIGKILL:
        # The worker, not its supervisor: as the kernel does when memory runs out.
        os.kill(json.loads((run / "state.json").read_text())["worker"]["pid"], end)
    else:
        process.send_signal(end)
    code = process.wait(300)
    assert code == (75 if end == signal.SIGTERM else 137)
    assert json.loads((run / "state.json").read_text())["state"] == "interrupted"
    resumed = desk("train", "--resume", run.name, "--json").ok()
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    epochs = [event["epoch"] for event in events if event["event"] == "epoch"]
    again = epochs[len([e for e in events[: stop_index(events)] if e["event"] == "epoch"]) :]
    assert min(again) > 1, "it began anew instead of going on"
    other = make_desk()
    whole = other("train", "--spec-file", spec, "--executor", "local", "--json").ok()
    assert resumed.json["metrics"] == whole.json["metrics"]
    assert files(desk, resumed.json) == files(other, whole.json)


def stop_index(events: list[dict[str, Any]]) -> int:
    """Where the second attempt begins."""
    return [index for index, event in enumerate(events) if event["event"] == "started"][1]
