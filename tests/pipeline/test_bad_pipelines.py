"""What is wrong with a pipeline is told before anything begins: everything at once, at its place, with what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner.errors import DataError, Fault, SpecError
from runner.pipeline.loading import load, load_object
from runner.pipeline.planning import StepsError, plan
from runner.workspace import Workspace
from tests.pipeline.made_pipelines import PROCESS, SPLIT, chat, comparisons, pipeline, rated, rating, sums

TRAIN = {"name": "train", "train": chat()}
TASK = {
    "name": "sums",
    "data": {"dataset": {"$from": "split.test"}},
    "prompt": "{user}",
    "answer": {"by": "generation", "reference": "{assistant}", "metrics": [{"metric": "exact_match"}]},
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    sums(tmp_path)
    comparisons(tmp_path)
    return tmp_path


def faults(document: dict[str, Any]) -> dict[str, Fault]:
    with pytest.raises(SpecError) as caught:
        load_object(document)
    return {fault.pointer: fault for fault in caught.value.faults}


def refused(document: dict[str, Any]) -> dict[str, Any]:
    """The errors that planning gives, by step."""
    with pytest.raises(StepsError) as caught:
        plan(load_object(document), Workspace.current())
    return dict(caught.value.errors)


#: What is wrong, where that is told, and words of what is told or of what to do.
WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown verb": (pipeline({"name": "a", "proces": {"input": "raw.jsonl"}}), "/steps/0/proces", '"process"'),
    "unknown option of a verb": (
        pipeline({"process": {"input": "raw.jsonl", "sistem": "x"}}),
        "/steps/0/process/sistem",
        '"system"',
    ),
    "an option out of bounds": (
        pipeline({"process": {"input": "raw.jsonl", "max_characters": 0}}),
        "/steps/0/process/max_characters",
        "at least 1",
    ),
    "two verbs in a step": (
        pipeline({"process": {"input": "raw.jsonl"}, "dedupe": {"input": "raw.jsonl"}}),
        "/steps/0/dedupe",
        "make two steps of it",
    ),
    "a step without a verb": (pipeline({"name": "nothing"}), "/steps/0", "does nothing"),
    "two steps of one name": (pipeline(PROCESS, PROCESS), "/steps/1/name", "the other is /steps/0"),
    "two steps of one verb without names": (
        pipeline({"stats": {"input": "raw.jsonl"}}, {"stats": {"input": "raw.jsonl"}}),
        "/steps/1",
        "name one otherwise",
    ),
    "a reference to no step": (
        pipeline(PROCESS, {"dedupe": {"input": {"$from": "claen"}}}),
        "/steps/1/dedupe/input/$from",
        "did you mean 'clean'?",
    ),
    "a reference to a later step": (
        pipeline({"dedupe": {"input": {"$from": "clean"}}}, PROCESS),
        "/steps/0/dedupe/input/$from",
        "move it before 'dedupe'",
    ),
    "a reference to itself": (
        pipeline({"dedupe": {"input": {"$from": "dedupe"}}}),
        "/steps/0/dedupe/input/$from",
        "what it makes itself",
    ),
    "a cycle": (
        pipeline(
            {"name": "a", "dedupe": {"input": {"$from": "b"}}}, {"name": "b", "dedupe": {"input": {"$from": "a"}}}
        ),
        "/steps/0/dedupe/input/$from",
        "a -> b -> a",
    ),
    "a part that is not made": (
        pipeline(PROCESS, SPLIT, {"dedupe": {"input": {"$from": "split.trian"}}}),
        "/steps/2/dedupe/input/$from",
        "did you mean 'split.train'?",
    ),
    "several parts where one is meant": (
        pipeline(PROCESS, SPLIT, {"train": chat(data={"dataset": {"$from": "split"}})}),
        "/steps/2/train/data/dataset/$from",
        "split.train or split.validation or split.test",
    ),
    "rows where a model is meant": (
        pipeline(PROCESS, {"merge": {"model": {"$from": "clean"}}}),
        "/steps/1/merge/model/$from",
        "'clean' makes rows, and a model is needed here",
    ),
    "a model where rows are meant": (
        pipeline(PROCESS, SPLIT, TRAIN, {"dedupe": {"input": {"$from": "train"}}}),
        "/steps/3/dedupe/input/$from",
        "rows come from: clean, split",
    ),
    "figures where rows are meant": (
        pipeline({"stats": {"input": "raw.jsonl"}}, {"dedupe": {"input": {"$from": "stats"}}}),
        "/steps/1/dedupe/input/$from",
        "makes figures",
    ),
    "another spelling of a reference": (
        pipeline(PROCESS, {"dedupe": {"input": {"from": "clean"}}}),
        "/steps/1/dedupe/input/from",
        '"$from"',
    ),
    "a reference with more in it": (
        pipeline(PROCESS, SPLIT, {"train": chat(data={"dataset": {"$from": "split.train", "part": 1}})}),
        "/steps/2/train/data/dataset",
        'write {"$from": "STEP"} alone',
    ),
    "a reference where nothing can stand": (
        pipeline(PROCESS, SPLIT, {"train": chat(epochs={"$from": "split.train"})}),
        "/steps/2/train/epochs",
        "write the value itself",
    ),
    "a fault in a spec": (
        pipeline(PROCESS, SPLIT, {"train": chat(batch_sise=4)}),
        "/steps/2/train/batch_sise",
        '"batch_size"',
    ),
    "a fault that `with` puts into a spec": (
        pipeline(PROCESS, SPLIT, TRAIN | {"with": {"/epochs": "many"}}),
        "/steps/2/with/~1epochs",
        "a whole number",
    ),
    "`with` beside another verb": (
        pipeline(PROCESS | {"with": {"/epochs": 3}}),
        "/steps/0/with",
        "is of a training",
    ),
    "the file of a spec that is not there": (pipeline({"train": "nosuch.json"}), "/steps/0/train", "no such file"),
    "a fault in a task": (
        pipeline(
            PROCESS, SPLIT, TRAIN, {"evaluate": {"models": [{"$from": "train"}], "tasks": [TASK | {"promt": "x"}]}}
        ),
        "/steps/3/evaluate/tasks/0/promt",
        '"prompt"',
    ),
    "two tasks of one name": (
        pipeline(PROCESS, SPLIT, TRAIN, {"evaluate": {"models": [{"$from": "train"}], "tasks": [TASK, TASK]}}),
        "/steps/3/evaluate/tasks/1",
        "two tasks are called 'sums'",
    ),
    "shares that do not add up": (
        pipeline(PROCESS, {"split": {"input": {"$from": "clean"}, "ratios": {"train": 0.9, "test": 0.2}}}),
        "/steps/1/split/ratios",
        "1.1",
    ),
    "a name that is no folder": (
        {"pipeline": {"name": "../up"}, "steps": [PROCESS]},
        "/pipeline/name",
        "letters, digits",
    ),
    "no steps": ({"pipeline": {"name": "empty"}, "steps": []}, "/steps", "too few items"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_told_at_its_place(what: str) -> None:
    document, pointer, words = WRONG[what]
    found = faults(document)
    assert pointer in found, found
    fault = found[pointer]
    assert words in " ".join(str(part) for part in (fault.message, fault.hint, fault.expected))
    assert fault.line is not None


def test_every_fault_is_told_at_once_and_in_order_of_the_text() -> None:
    document = pipeline(
        {"name": "a", "proces": {"input": "x"}},
        {"name": "b", "dedupe": {"input": {"$from": "c"}}},
        {"name": "b", "train": chat(epochs=-1)},
        {"name": "e", "merge": {"model": {"$from": "b"}, "dtype": "int4"}},
    )
    with pytest.raises(SpecError) as caught:
        load_object(document)
    assert [fault.pointer for fault in caught.value.faults] == [
        "/steps/0/proces",
        "/steps/1/dedupe/input/$from",
        "/steps/2/name",
        "/steps/2/train/data/dataset/$from",
        "/steps/2/train/data/validation_data/$from",
        "/steps/2/train/epochs",
        "/steps/3/merge/dtype",
    ]
    lines = [fault.line for fault in caught.value.faults]
    assert lines == sorted(lines)  # type: ignore[type-var]


def test_a_raw_file_that_is_not_here_is_told_with_the_other_faults_and_not_by_itself() -> None:
    gone = {"name": "gone", "process": {"input": "rwa.jsonl"}}
    load_object(pipeline(gone))
    with pytest.raises(SpecError) as caught:
        load_object(pipeline(gone, {"name": "train", "train": rating(epochs=-1, data={"dataset": "sample"})}))
    first, second = caught.value.faults
    assert (first.pointer, second.pointer) == ("/steps/0/process/input", "/steps/1/train/epochs")
    assert "no such data file" in first.message and "raw.jsonl" in str(first.hint)


def test_a_spec_of_a_file_may_lack_what_is_put_in_and_nothing_else(here: Path) -> None:
    shared = chat()
    del shared["data"], shared["model"]["name"]
    (here / "shared.json").write_text(json.dumps(shared))
    put_in = {"/model/name": "tutor", "/data/dataset": {"$from": "split.train"}}
    step = {"name": "train", "train": "shared.json", "with": put_in}
    loaded = load_object(pipeline(PROCESS, SPLIT, step))
    assert loaded.steps[-1].spec is not None and loaded.steps[-1].spec.spec.model.name == "tutor"
    del put_in["/model/name"]
    (fault,) = faults(pipeline(PROCESS, SPLIT, step)).values()
    assert "shared.json" in fault.message and "`name` is missing" in fault.message
    # A file that is no object is told of as such.
    (here / "shared.json").write_text("[]")
    (fault,) = faults(pipeline(PROCESS, SPLIT, step)).values()
    assert "shared.json:1:1" in fault.message


def test_a_fault_in_a_spec_has_its_line_in_the_pipeline() -> None:
    text = json.dumps(pipeline(PROCESS, SPLIT, {"train": chat(epochs=0)}), indent=2)
    with pytest.raises(SpecError) as caught:
        load(text, "p.json")
    (fault,) = caught.value.faults
    assert fault.line is not None and '"epochs": 0' in text.splitlines()[fault.line - 1]


def test_a_fault_in_the_file_of_a_spec_names_the_file(here: Path) -> None:
    (here / "own.json").write_text(json.dumps(chat(epochs=-1, data={"dataset": "sample"})))
    found = faults(pipeline({"train": "own.json"}))
    assert "own.json:" in found["/steps/0/train"].message and "/epochs" in found["/steps/0/train"].message


class TestBeforeTheFirstStep:
    """What the documents cannot say, and the folder can."""

    def test_no_such_raw_file(self) -> None:
        errors = refused(pipeline({"process": {"input": "rwa.jsonl"}}))
        assert "no such data file" in errors["process"].message and "raw.jsonl" in (errors["process"].hint or "")

    def test_no_such_stored_model(self) -> None:
        errors = refused(pipeline({"infer": {"model": "sft/none", "input": "raw.jsonl"}}))
        assert "no stored model" in errors["infer"].message

    def test_an_option_that_the_task_of_a_model_to_come_does_not_have(self) -> None:
        document = rated()
        document["steps"][3]["infer"]["options"] = {"temprature": 1}
        assert "temprature" in refused(document)["answers"].message

    def test_an_evaluation_of_a_kind_that_says_nothing(self) -> None:
        document = rated()
        document["steps"][3] = {"evaluate": {"models": [{"$from": "train"}], "tasks": [TASK]}}
        error = refused(document)["evaluate"]
        assert "elo_scoring" in error.message and "language models" in error.message
        assert error.where == "/steps/3/evaluate/models/0"

    def test_merging_a_model_that_is_whole(self) -> None:
        spec = chat()
        spec["model"]["spec"]["finetuning_spec"] = {"method": "lora"}
        spec["model"]["spec"]["save_as"] = "whole"
        error = refused(pipeline(PROCESS, SPLIT, {"train": spec}, {"merge": {"model": {"$from": "train"}}}))["merge"]
        assert "stands alone already" in error.message

    def test_merging_a_kind_without_adapters(self) -> None:
        document = rated()
        document["steps"][3] = {"merge": {"model": {"$from": "train"}}}
        assert "no adapter" in refused(document)["merge"].message

    @pytest.mark.parametrize(
        ("changed", "place"),
        [
            ({"prompt": "{usr}"}, "/prompt"),
            ({"answer": TASK["answer"] | {"reference": "{asistant}"}}, "/answer/reference"),
            ({"data": TASK["data"] | {"where": {"part": "test"}}}, "/data/where"),
            ({"few_shot": {"k": 1, "dataset": {"$from": "split.train"}, "where": {"part": 1}}}, "/few_shot/where"),
        ],
    )
    def test_a_column_that_a_task_reads_and_no_row_will_have(self, changed: dict[str, Any], place: str) -> None:
        document = pipeline(PROCESS, SPLIT, TRAIN, {"evaluate": {"models": [{"$from": "train"}], "tasks": [TASK]}})
        plan(load_object(document), Workspace.current())
        document["steps"][3]["evaluate"]["tasks"] = [TASK, TASK | {"name": "other"} | changed]
        error = refused(document)["evaluate"]
        assert error.where == f"/steps/3/evaluate/tasks/1{place}"
        assert "in the rows of 'split'" in error.message and error.hint

    def test_a_raw_file_and_a_column_are_told_at_once_in_the_order_of_the_steps(self) -> None:
        wrong = {"evaluate": {"models": [{"$from": "train"}], "tasks": [TASK | {"prompt": "{usr}"}]}}
        late = {"name": "late", "dedupe": {"input": "gone.jsonl"}}
        early = {"name": "early", "dedupe": {"input": "gone.jsonl"}}
        assert list(refused(pipeline(early, PROCESS, SPLIT, TRAIN, wrong, late))) == ["early", "evaluate", "late"]

    def test_a_base_model_is_evaluated_and_asked_as_a_stored_one(self) -> None:
        models = ["runner/tiny-llama", {"$from": "train"}]
        asked = {"infer": {"model": "runner/tiny-llama", "input": "raw.jsonl", "options": {"max_new_tokens": 4}}}
        plan(load_object(pipeline(PROCESS, SPLIT, TRAIN, {"evaluate": {"models": models, "tasks": [TASK]}}, asked)),
             Workspace.current())  # fmt: skip

    def test_a_column_that_is_gone_when_the_training_reads_it(self) -> None:
        # `process` keeps no other columns than it is told.
        data = {"dataset": {"$from": "clean"}, "columns": {"prompt": "question", "completion": "assistant"}}
        error = refused(pipeline(PROCESS, {"train": chat(data=data)}))["train"]
        assert isinstance(error, DataError)
        assert "no column 'question'" in error.message and "user" in (error.hint or "")
        assert error.where == "/steps/1/train/data/columns/prompt"

    def test_a_column_that_is_gone_after_rendering(self) -> None:
        rendered = {"name": "rendered", "render": {"input": {"$from": "clean"}}}
        data = {"dataset": {"$from": "rendered"}, "columns": {"prompt": "user", "completion": "target"}}
        assert "no column 'user'" in refused(pipeline(PROCESS, rendered, {"train": chat(data=data)}))["train"].message

    def test_the_rows_of_a_task_that_is_no_step_s(self) -> None:
        task = TASK | {"data": {"dataset": "nosuch.jsonl"}}
        document = pipeline(PROCESS, SPLIT, TRAIN, {"evaluate": {"models": [{"$from": "train"}], "tasks": [task]}})
        assert "no such" in refused(document)["evaluate"].message

    def test_several_steps_are_told_together(self) -> None:
        errors = refused(
            pipeline({"process": {"input": "none.jsonl"}}, {"infer": {"model": "sft/none", "input": "raw.jsonl"}})
        )
        assert set(errors) == {"process", "infer"}

    def test_a_training_that_waits_for_nothing_is_planned_whole(self) -> None:
        error = refused(pipeline({"train": rating(data={"dataset": "none.csv"})}))["train"]
        assert "none.csv" in str(error)
