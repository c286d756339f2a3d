"""A model that finds answers, from its spec to what its stored form answers."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest

from runner.errors import SpecError
from runner.spec.checking import load_object
from tests.conftest import Desk
from tests.examples import example

#: Trainings of some seconds.
LONG = [pytest.mark.slow, pytest.mark.warm]
ASKED = {"question": "Who made the clock?", "context": "The clock of Sande was made by Jakob Lind in 1688. " * 3}
#: By how much F1 is above the best answer without learning, on real questions.
MARGIN = 0.2


def changed(**fields: Any) -> dict[str, Any]:
    """The example with other fields of its spec."""
    document = copy.deepcopy(example("extractive_qa"))
    document["model"]["spec"] |= fields
    return document


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"max_length": 64, "doc_stride": 64}, "/model/spec/doc_stride"),
        ({"max_length": 128, "doc_stride": 128}, "/model/spec/doc_stride"),
        ({"max_length": 64, "max_question_length": 60}, "/model/spec/max_question_length"),
    ],
)
def test_windows_without_room_to_go_on_are_refused(fields, pointer):
    with pytest.raises(SpecError) as caught:
        load_object(changed(**fields))
    assert [fault.pointer for fault in caught.value.faults] == [pointer]
    load_object(changed(max_length=64, doc_stride=16))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Desk, dict[str, Any]]:
    """The example, trained once."""
    desk = Desk(tmp_path_factory.mktemp("answers"))
    return desk, train(desk, example("extractive_qa"))


def train(desk: Desk, document: dict[str, Any], timeout: float = 300) -> dict[str, Any]:
    path = desk.write("spec.json", document)
    done = desk("train", "--spec-file", path, "--executor", "local", "--json", timeout=timeout)
    found: dict[str, Any] = done.ok().json
    return found


def manifest(desk: Desk, document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((desk.home / document["path"] / "manifest.json").read_text())
    return found


def answer(desk: Desk, document: dict[str, Any], *settings: str) -> dict[str, Any]:
    words = [word for setting in settings for word in ("--set", setting)]
    found = desk("infer", "--model", document["model"], "--prompts", json.dumps(ASKED), "--output-path", "-", *words)
    (record,) = found.ok().json["answers"]
    return dict(record)


class TestTheExample:
    pytestmark: ClassVar = LONG

    def test_it_is_measured_with_and_without_answers(self, trained):
        desk, document = trained
        metrics, tables = document["metrics"], document["tables"]
        assert metrics["gold_window_recall"] == 1
        assert metrics["n_unanswerable"] > 0
        assert {
            "windows",
            "answerable",
            "question_words",
            "worst_errors",
            "baselines",
            "null_threshold",
        } <= tables.keys()
        assert set(manifest(desk, document)["parameters"]) >= {"null_threshold"}
        card = (desk.home / document["path"] / "README.md").read_text()
        assert 'pipeline_tag: "question-answering"' in card

    def test_every_option_of_infer_has_an_effect(self, trained):
        desk, document = trained
        given = answer(desk, document, "null_threshold=1000", "n_best=3")
        assert given["text"] == ASKED["context"][given["start"] : given["end"]] != ""
        assert [each["score"] for each in given["n_best"]] == sorted(
            (e["score"] for e in given["n_best"]), reverse=True
        )
        none = answer(desk, document, "null_threshold=-1000")
        assert (none["text"], none["start"], none["end"]) == ("", None, None)
        assert none["null_score"] == pytest.approx(given["null_score"])
        long = answer(desk, document, "null_threshold=1000", "n_best=50")
        short = answer(desk, document, "null_threshold=1000", "n_best=50", "max_answer_length=1")
        assert max(len(e["text"]) for e in short["n_best"]) < max(len(e["text"]) for e in long["n_best"])

    def test_its_own_library_reads_it_and_says_the_same(self, trained):
        desk, document = trained
        given = answer(desk, document, "null_threshold=1000", "n_best=1")
        program = f"""
import json, torch
from transformers import AutoModelForQuestionAnswering, AutoTokenizer
folder = {str(desk.home / document["path"])!r}
tokenizer = AutoTokenizer.from_pretrained(folder)
inputs = tokenizer({ASKED["question"]!r}, {ASKED["context"]!r}, return_tensors="pt", return_offsets_mapping=True,
                   truncation="only_second", max_length=96)
places = inputs.pop("offset_mapping")[0].tolist()
with torch.no_grad():
    output = AutoModelForQuestionAnswering.from_pretrained(folder).eval()(**inputs)
starts, ends = output.start_logits[0], output.end_logits[0]
inside = [at for at, text in enumerate(inputs.sequence_ids(0)) if text == 1]
score, start, end = max((float(starts[i] + ends[j]), i, j) for i in inside for j in inside if i <= j < i + 30)
print(json.dumps([places[start][0], places[end][1], float(starts[0] + ends[0]) - score]))
"""
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        start, end, null = json.loads(done.stdout.splitlines()[-1])
        # The first window has all of it: the context is three times the same.
        assert ASKED["context"][start:end].strip() == given["text"]
        assert given["null_score"] <= null + 1e-4


@pytest.mark.parametrize(
    ("fields", "table"),
    [
        ({"max_length": 40, "doc_stride": 4}, "windows"),
        ({"max_length": 40, "doc_stride": 12}, "windows"),
        ({"max_length": 40, "doc_stride": 4, "max_question_length": 5}, "windows"),
        ({"max_answer_length": 1}, "windows"),
    ],
)
@pytest.mark.slow
@pytest.mark.warm
def test_every_size_changes_the_windows(trained, make_desk, fields, table):
    _, document = trained
    assert train(make_desk(), changed(**fields))["tables"][table] != document["tables"][table]


@pytest.mark.slow
@pytest.mark.warm
def test_a_threshold_that_is_said_is_kept(trained, make_desk):
    desk = make_desk()
    document = train(desk, changed(null_threshold=2.5))
    assert manifest(desk, document)["parameters"]["null_threshold"] == 2.5
    assert "null_threshold" not in document["tables"]


@pytest.mark.slow
@pytest.mark.warm
def test_a_model_of_questions_with_answers_alone_always_answers(make_desk):
    desk = make_desk()
    rows = [
        {"context": f"Box {at} holds {what}.", "question": f"What is in box {at}?",
         "answers": {"text": [what], "answer_start": [11 + (at > 9)]}}
        for at, what in enumerate(["salt", "wool", "tar", "oil"] * 5)
    ]  # fmt: skip
    path = desk.home / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    document = train(desk, changed() | {"data": {"dataset": str(path)}})
    assert "null_threshold" not in manifest(desk, document).get("parameters", {})
    assert answer(desk, document)["null_score"] is None
    assert answer(desk, document)["text"]
    refused = desk("infer", "--model", document["model"], "--prompts", json.dumps(ASKED), "--set", "null_threshold=1")
    assert refused.code == 2
    assert "always answers" in refused.err


@pytest.mark.slow
@pytest.mark.warm
def test_a_small_encoder_learns_to_answer_real_questions(shared_data, make_desk):
    """The sentences that questions of XQuAD are answered by: whole paragraphs take a CPU too long."""
    desk = make_desk()
    path = sentences(shared_data / "qa_xquad_en.parquet", desk.home / "sentences.jsonl", every=5)
    document = changed(
        base_model_name="sentence-transformers/all-MiniLM-L6-v2",
        max_question_length=40,
        # The lower layers know words already, and a step takes half as long.
        finetuning_spec={"method": "last_layers", "num_layers": 3},
        optimizer={"optimizer_type": "adamw", "learning_rate": 0.001},
    )
    found = train(desk, document | {"data": {"dataset": str(path)}, "epochs": 2, "batch_size": 8}, timeout=1800)
    best = max(row[1] for row in found["tables"]["baselines"]["rows"])
    assert found["metrics"]["f1"] > best + MARGIN


def sentences(source: Path, target: Path, every: int) -> Path:
    """Each so-many-th answerable question of a file, with the sentence of its context that has the answer."""
    import re

    import pyarrow.parquet as pq

    lines = []
    for row in pq.read_table(source).to_pylist():
        if not row["answers"]["text"]:
            continue
        context, text, start = row["context"], row["answers"]["text"][0], row["answers"]["answer_start"][0]
        first = max((found.end() for found in re.finditer(r"[.!?] ", context[:start])), default=0)
        ending = re.search(r"[.!?](?= |$)", context[start + len(text) :])
        last = start + len(text) + ending.end() if ending else len(context)
        answers = {"text": [text], "answer_start": [start - first]}
        lines.append(json.dumps({"context": context[first:last], "question": row["question"], "answers": answers}))
    target.write_text("".join(line + "\n" for line in lines[::every]))
    return target
