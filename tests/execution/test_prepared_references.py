"""A spec that names prepared data: its parts are read, and the model tells of every step back to the raw file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.errors import ConflictError, DataError, IntegrityError, NotFoundError
from runner.execution.data_trial import read_data
from runner.execution.plan import make_plan
from runner.execution.plan_document import PlanDocument
from runner.execution.prepared_references import need_unread
from runner.pipeline.steps.preparing import prepare
from runner.runs.run_folder import Run, State
from runner.spec.checking import load_object
from runner.store import prepared_data
from runner.store.files import sha256_file
from runner.workspace import Workspace
from tests.conftest import Desk
from tests.examples import example


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """Forty rows, divided and stored as ``dataset/sums``."""
    monkeypatch.chdir(tmp_path)
    rows = [{"question": f"What is {n} and {n}?", "answer": 2 * n} for n in range(40)]
    Path("raw.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    there = Workspace.current()
    prepare("process", "raw.jsonl", {}, Path("processed"), there)
    prepare("split", "processed", {}, Path("divided"), there, store_as="sums")
    return there


def planned(workspace, **data):
    spec = example("sft")
    spec["data"] = {"dataset": "dataset/sums"} | data
    return make_plan(load_object(spec, source="spec"), workspace, executor="local")


def test_train_is_learned_and_validation_held_out(workspace):
    plan = planned(workspace)
    folder = workspace.store.absolute() / "dataset" / "sums" / "v1"
    assert plan.spec.data.dataset == str(folder / "train.jsonl")
    assert plan.spec.data.validation_data == str(folder / "validation.jsonl")
    # What a container sees of it.
    assert {folder / "train.jsonl", folder / "validation.jsonl"} <= set(plan.read_only)
    assert folder / "test.jsonl" not in plan.read_only
    assert any("dataset/sums/v1: train, 32 rows" in note for note in plan.notes)


def test_what_the_spec_says_of_the_held_out_rows_holds(workspace):
    plan = planned(workspace, validation_split=0.25)
    assert plan.spec.data.validation_data is None and plan.spec.data.validation_split == 0.25
    plan = planned(workspace, dataset="raw.jsonl", validation_data="dataset/sums/v1")
    assert plan.spec.data.validation_data.endswith("v1/validation.jsonl")
    assert plan.document.prepared.keys() == {"validation_data"}


def test_what_a_step_made_is_read_by_its_parts_where_it_is_not_stored(workspace):
    plan = planned(workspace, dataset="divided")
    assert plan.spec.data.dataset == str(Path("divided/train.jsonl").absolute())
    assert plan.spec.data.validation_data == str(Path("divided/validation.jsonl").absolute())
    assert [each["step"] for each in plan.document.prepared["dataset"]["steps"]] == ["process", "split"]


def test_data_check_reads_it_too(workspace):
    read = read_data("dataset/sums", "sft")
    assert (read.report.rows_kept, len(read.loaded.train), len(read.loaded.validation)) == (32, 32, 4)


@pytest.mark.parametrize(
    ("dataset", "kind", "said"),
    [
        ("dataset/sum", NotFoundError, "no stored data set"),
        ("dataset/sums/v7", NotFoundError, "no version v7"),
        ("dataset/odd", DataError, "none is train"),
        ("dataset/rendered", DataError, "a second time"),
    ],
)
def test_what_cannot_be_read_is_refused_at_its_field(workspace, dataset, kind, said):
    shares = {"one": 0.5, "two": 0.5}
    prepare("split", "processed", {"ratios": shares}, None, workspace, store_as="odd")
    prepare("render", "divided", {}, None, workspace, store_as="rendered")
    with pytest.raises(kind, match=said) as error:
        planned(workspace, dataset=dataset)
    assert error.value.where.startswith("/data/dataset")


def test_rendered_rows_are_sources_and_targets(workspace):
    # A kind that turns texts into others puts no template around them.
    prepare("render", "divided", {}, None, workspace, store_as="rendered")
    spec = example("seq2seq")
    spec["data"] = {"dataset": "dataset/rendered"}
    plan = make_plan(load_object(spec, source="spec"), workspace, executor="local")
    assert plan.spec.data.dataset.endswith("rendered/v1/train.jsonl")
    assert read_data("dataset/rendered", "seq2seq").report.rows_kept == 32


def test_changed_rows_are_refused_before_a_run(workspace):
    file = workspace.store / "dataset" / "sums" / "v1" / "train.jsonl"
    file.write_text(file.read_text().replace("What", "Who"))
    with pytest.raises(IntegrityError, match="checksum differs"):
        planned(workspace)


def test_what_an_open_run_reads_is_not_removed(workspace):
    plan = planned(workspace)
    run = Run.create(workspace.runs, "mine", {"plan": plan.document, "spec": {}})
    found = prepared_data.find(workspace.store, "dataset/sums")
    with pytest.raises(ConflictError, match="not over") as error:
        need_unread(workspace, [found])
    assert run.id in error.value.message
    assert PlanDocument.from_document(plan.document.to_document()).prepared == plan.document.prepared
    run.transition(State.CANCELLED)
    need_unread(workspace, [found])


@pytest.mark.slow
@pytest.mark.warm
def test_the_trained_model_leads_back_to_the_raw_file(tmp_path):
    desk = Desk(tmp_path)
    rows = [{"instruction": f"Say {n}.", "input": f"{n}", "output": n, "topic": n % 3} for n in range(30)]
    raw = desk.write("raw.jsonl", "".join(json.dumps(row) + "\n" for row in [*rows, rows[0]]))
    desk("data", "process", raw, "one").ok()
    desk("data", "dedupe", "one", "two").ok()
    desk("data", "style", "two", "three", "--style", 'Answer "$1".').ok()
    desk("data", "split", "three", "--store-as", "said").ok()
    spec = example("sft")
    spec["data"] = {"dataset": "dataset/said"}
    desk.write("spec.json", spec)
    desk("train", "--spec-file", "spec.json", "--executor", "local").ok()
    manifest = json.loads((tmp_path / "models/sft/sft-example/v1/manifest.json").read_text())
    data = manifest["lock"]["prepared"]["dataset"]
    stored = prepared_data.find(tmp_path / "models", data["reference"])
    assert data["reference"] == "dataset/said/v1" and data["sha256"] == stored.sha256
    stored.verify()
    steps = data["steps"]
    assert [each["step"] for each in steps] == ["process", "dedupe", "style", "split"]
    for folder, before, after in zip(("one", "two", "three"), steps, steps[1:], strict=False):
        made = prepared_data.in_folder(tmp_path / folder)
        assert made.account["key"] == before["key"]
        assert [each["sha256"] for each in after["inputs"]["data"]] == [sha256_file(made.parts["data"])]
    assert [each["sha256"] for each in steps[0]["inputs"]["data"]] == [sha256_file(raw)]
    assert steps[1]["dropped"] == {"equal": 1} and steps[2]["options"]["style"] == 'Answer "$1".'
    # Held out were the rows of the split, and the style is in what was learned.
    assert manifest["spec"]["data"]["validation_data"].endswith("said/v1/validation.jsonl")
    assert 'Answer \\"$1\\".' in stored.parts["train"].read_text()
    again = desk("replay", "sft/sft-example").ok()
    assert "is the same model" in again.out + again.err
