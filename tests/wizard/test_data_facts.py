"""What the data says of itself is in the spec when a conversation ends, for every family, as a training reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runner.execution.data_trial import read_data
from runner.wizard.draft import Draft
from runner.wizard.proposals import look
from tests.wizard import test_proposals as made
from tests.wizard.scripted import Scripted, Turn, conversation, converse


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNNER_HOME", str(tmp_path))
    monkeypatch.setenv("HF_TOKEN", "hf_of_a_test")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path


def ended(kind: str, path: str, **answers: Any) -> tuple[dict[str, Any], Scripted]:
    from runner import registry

    family = registry.kinds()[kind].family
    first = {"family": family, "kind": kind, "/data/dataset": path, "start": False}
    asker = Scripted(first | {"/epochs": 1, "/batch_size": 4} | answers)
    return converse(asker).document, asker


ROLES: list[tuple[Any, str, dict[str, Any]]] = [
    (made.odd_classes, "text_classification", {"text_columns": "words", "target_columns": "kind_of"}),
    (made.tags, "token_classification", {"columns": {"tokens": "tokens", "tags": "tags"}}),
    (made.questions, "extractive_qa",
     {"columns": {"context": "context", "question": "question", "answers": "answers"}}),
    (made.entailments, "cross_encoder",
     {"columns": {"anchor": "premise", "positive": "hypothesis", "label": "label"}}),
    (made.summaries, "seq2seq", {"columns": {"source": "article", "target": "summary"}}),
    (made.table, "tabular_classification", {"target_columns": "target"}),
    (made.pictures, "image_classification", {}),
    (made.measured_pictures, "image_regression", {"columns": {"image": "image", "target": "target"}}),
    (made.chats, "sft", {"columns": {"messages": "messages"}}),
    (made.preferences, "dpo", {"columns": {"prompt": "prompt", "chosen": "chosen", "rejected": "rejected"}}),
    (made.wanted, "kto", {"columns": {"prompt": "prompt", "completion": "completion", "label": "label"}}),
    (made.plain, "causal_lm", {"columns": {"text": "text"}}),
    (made.votes, "elo_scoring", {}),
]  # fmt: skip


@pytest.mark.parametrize(("maker", "kind", "fields"), ROLES, ids=[kind for _, kind, _ in ROLES])
def test_columns_fill_the_fields_of_every_family(folder: Path, maker: Any, kind: str, fields: dict[str, Any]):
    path = maker(folder)
    proposed = made.of(look(path, folder), kind)
    document, asker = ended(kind, path)
    assert document["data"] == proposed.data == {"dataset": path} | fields
    assert ("columns" in asker.keys) == bool(fields)
    beside = {name: value for name, value in document["data"].items() if name not in ("dataset", "columns")}
    assert read_data(path, kind, document["data"].get("columns"), None, **beside).error is None


def sides(folder: Path) -> None:
    for name, first in (("train", 0), ("dev", 30), ("test", 60)):
        rows = [f"{made.text(n)},{'spam' if n % 3 else 'ham'}" for n in range(first, first + 30)]
        made.csv(folder / "rows" / f"{name}.csv", "text,label", rows)


def test_the_sides_of_a_folder_are_in_the_spec(folder: Path):
    sides(folder)
    document, asker = ended("text_classification", "rows")
    assert document["data"]["dataset"] == "rows/train.csv"
    assert document["data"]["validation_data"] == "rows/dev.csv"
    split = next(question for question in asker.asked if question.key == "split")
    assert (split.default, split.why) == ("validation_data", "the data says so")
    assert any("rows/test.csv is not trained on" in text for text in asker.said)


def test_another_way_to_hold_rows_out_takes_the_place_of_the_sides(folder: Path):
    sides(folder)
    document, _ = ended("text_classification", "rows", split="validation_split", **{"/data/validation_split": 0.5})
    assert document["data"]["validation_split"] == 0.5 and "validation_data" not in document["data"]


def test_a_folder_that_is_gone_back_to_is_offered_as_it_was_typed_and_leaves_nothing_behind(folder: Path):
    sides(folder)
    made.odd_classes(folder)
    asker = Scripted({
        "family": "text", "kind": "text_classification", "/data/dataset": [Turn("rows"), Turn("d.csv")],
        "more": [Turn(":back data"), Turn(False)], "/epochs": 1, "/batch_size": 4, "start": False,
    })  # fmt: skip
    document = converse(asker).document
    assert document["data"] == {"dataset": "d.csv", "text_columns": "words", "target_columns": "kind_of"}
    assert [question.default for question in asker.asked if question.key == "/data/dataset"][1] == "rows"


def test_a_folder_given_by_a_flag_has_its_sides_too(folder: Path):
    sides(folder)
    draft = Draft()
    draft.put("/model/spec/model_type", "text_classification", "flag")
    draft.put("/data/dataset", "rows", "flag")
    draft.given += ["kind", "/data/dataset"]
    asker = Scripted({"/epochs": 1, "/batch_size": 4, "start": False})
    document = conversation(asker, draft).run().document
    assert document["data"]["validation_data"] == "rows/dev.csv" and document["data"]["dataset"] == "rows/train.csv"


def test_a_column_that_says_the_side_is_the_default(folder: Path):
    rows = [f"{made.text(n)},{'spam' if n % 3 else 'ham'},{'train' if n % 4 else 'validation'}" for n in range(60)]
    made.csv(folder / "d.csv", "text,label,split", rows)
    document, _ = ended("text_classification", "d.csv")
    assert document["data"]["split_column"] == "split"


def test_what_a_file_is_divided_by_stays_where_each_column_is_asked(folder: Path):
    rows = [f"{n},{n % 5},{n * 1.5},{'a' if n % 3 else 'b'}" for n in range(40)]
    made.csv(folder / "d.csv", "age,rooms,size,target", rows, delimiter=";")
    document, _ = ended("tabular_classification", "d.csv", columns=False)
    assert document["data"]["delimiter"] == ";"


def test_a_target_that_only_a_person_can_say_is_asked_and_never_guessed_for_nobody(folder: Path):
    from runner.errors import UsageError
    from runner.wizard.unattended import Untended

    rows = [f"{n % 7},{'x' if n % 2 else 'y'},{'blue' if n % 3 else 'green'},{n % 5}" for n in range(60)]
    made.csv(folder / "d.csv", "a,b,c,d", rows)
    document, asker = ended("tabular_classification", "d.csv", **{"/data/target_columns": "c"})
    asked = next(question for question in asker.asked if question.key == "/data/target_columns")
    assert {"b", "c"} <= {choice.value for choice in asked.choices} and asked.default is not None
    assert document["data"]["target_columns"] == "c"
    assert asker.keys.count("/data/target_columns") == 1
    draft = Draft()
    for pointer, value in (("/model/spec/model_type", "tabular_classification"), ("/model/name", "a"),
                           ("/data/dataset", "d.csv")):  # fmt: skip
        draft.put(pointer, value, "flag")
    draft.given += ["kind", "/model/name", "/data/dataset"]
    with pytest.raises(UsageError, match="missing: /data/target_columns"):
        conversation(Untended(), draft, tended=False).run()  # type: ignore[arg-type]


def test_how_long_texts_are_is_in_the_spec(folder: Path):
    rows = [{"messages": [{"role": "user", "content": made.text(n, 1500)}, {"role": "assistant", "content": "Yes."}]}
            for n in range(12)]  # fmt: skip
    made.jsonl(folder / "d.jsonl", rows)
    assert made.of(look("d.jsonl", folder), "sft").fields == {"/model/spec/max_length": 4096}
    document, _ = ended("sft", "d.jsonl")
    assert document["model"]["spec"]["max_length"] == 4096
    made.chats(folder)
    again, _ = ended("sft", "d.jsonl", file="again.json")
    assert "max_length" not in again["model"]["spec"], "a guess by letters cuts nothing that the default reads"


def test_by_the_data_only_what_it_could_train_is_listed_until_another_kind_is_asked_for(folder: Path):
    made.chats(folder)
    asker = Scripted({
        "family": "by the data", "/data/dataset": "d.jsonl", "kind": [Turn("another kind"), Turn("causal_lm")],
        "/data/columns/text": "id", "start": False, "/epochs": 1, "/batch_size": 4,
    })  # fmt: skip
    document = converse(asker).document
    first, second = [question for question in asker.asked if question.key == "kind"]
    titles = [choice.title for choice in first.choices]
    assert titles[0] == "sft" and titles[-1] == "another kind" and "elo_scoring" not in titles
    assert "elo_scoring" in [choice.title for choice in second.choices]
    assert first.check("elo_scoring") is None and "did you mean 'sft'" in str(first.check("sftt"))
    assert document["model"]["spec"]["model_type"] == "causal_lm"
