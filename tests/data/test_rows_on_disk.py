"""Rows that lie on disk, because they are many, are the rows that they would be in memory, in every layout."""

import json
from pathlib import Path

import pytest

from runner.contract import LoadContext
from runner.data import kept_rows
from runner.spec.checking import load_object

SPECS = Path(__file__).parents[2] / "specs"
#: One kind of each layout.
KINDS = ["causal_lm", "sft", "dpo", "kto", "grpo", "seq2seq", "token_classification", "extractive_qa", "cross_encoder"]


def rows(side):
    return list(getattr(side, "rows", side))


@pytest.fixture
def load(tmp_path):
    def load(document):
        told = []
        spec = load_object(document).spec
        context = LoadContext(spec.model.spec, tmp_path, lambda event, **fields: told.append((event, fields)))
        return spec.data.load(context), told

    return load


@pytest.fixture
def both(load, monkeypatch):
    """The data of a document as it is read in memory, and as it is where not one row is held."""

    def both(document):
        here, told = load(document)
        monkeypatch.setattr(kept_rows, "HELD", 0)
        there, told_there = load(document)
        assert told_there == told
        assert (there.fingerprint, there.record, there.report) == (here.fingerprint, here.record, here.report)
        for side, same in ((there.train, here.train), (there.validation, here.validation)):
            assert rows(side) == rows(same)
        assert not isinstance(getattr(there.train, "rows", there.train), list)
        return there, told

    return both


def document(kind, **data):
    found = json.loads((SPECS / f"{kind}.json").read_text())
    return found | {"data": found["data"] | data}


@pytest.mark.parametrize("kind", KINDS)
def test_they_are_the_same_rows(kind, both):
    data, _ = both(document(kind, max_samples=10))
    assert data.record["rows_kept"] == 10


def of_file(kind, folder, rows, **data):
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = document(kind)
    return found | {"data": {"dataset": str(path)} | data}


def test_rows_of_one_that_is_several_stay_together(both, tmp_path):
    lines = [{"prompt": f"p{at}", "chosen": f"good {at}", "rejected": f"bad {at}"} for at in range(9)]
    data, _ = both(of_file("kto", tmp_path, lines, validation_split=0.4))
    assert data.record["examples"] == 18
    assert [row.wanted for row in data.train] == [True, False] * (len(data.train) // 2)


def test_scores_come_into_their_range(both, tmp_path):
    lines = [{"sentence1": f"a{at}", "sentence2": f"b{at % 3}", "score": at % 6} for at in range(12)]
    lines += [{"sentence1": "a0", "sentence2": "b0", "score": 4.5}, {"sentence1": "a7", "sentence2": "b1", "score": 5}]
    data, told = both(of_file("cross_encoder", tmp_path, lines))
    assert max(row.score for row in (*data.train, *data.validation)) == 1.0
    sentences = [fields["message"] for _, fields in told]
    assert any("2 pairs stand there with more than one score: the last of each is line 13, 14" in s for s in sentences)
    assert "3 texts belong to several anchors" in data.record["shared"]


def test_labels_that_are_numbers_with_fractions_are_scores(both, tmp_path):
    lines = [{"sentence1": f"a{at}", "sentence2": f"b{at}", "label": at / 10} for at in range(10)]
    data, _ = both(of_file("cross_encoder", tmp_path, lines))
    assert sorted(row.score for row in (*data.train, *data.validation)) == [at / 10 for at in range(10)]
    assert data.record["form"] == "pair_score"


def test_ids_of_several_questions_are_told(both, tmp_path):
    def asked(at, own):
        text = f"It is {at}."
        return {"context": text, "question": "What?", "answers": {"text": [str(at)], "answer_start": [6]}, "id": own}

    lines = [asked(1, "x"), asked(2, "y"), asked(3, "x"), asked(2, "y"), asked(4, None), asked(5, None), asked(6, 1)]
    lines += [asked(7, "1")]
    _, told = both(of_file("extractive_qa", tmp_path, lines))
    sentences = [fields["message"] for _, fields in told]
    assert any("the id of 1 question is that of another one before" in each for each in sentences)
    assert any("question" in each and "there before, word by word" in each for each in sentences)


def test_a_source_with_another_target_is_told(both, tmp_path):
    lines = [{"source": f"s{at % 7}", "target": f"t{at}"} for at in range(9)]
    _, told = both(of_file("seq2seq", tmp_path, lines))
    assert any("the source of 2 rows stands there before" in f["message"] and "8, 9" in f["message"] for _, f in told)


def test_rows_to_measure_on_are_compared_with_them(both, tmp_path):
    lines = [
        {"messages": [{"role": "user", "content": f"q{at}"}, {"role": "assistant", "content": "a"}]} for at in range(4)
    ]
    other = tmp_path / "other.jsonl"
    other.write_text("".join(json.dumps(row) + "\n" for row in lines[2:]))
    data, told = both(of_file("sft", tmp_path, lines[:3], validation_data=str(other)))
    assert len(data.validation) == 2
    assert any("1 of 2 rows" in fields["message"] for _, fields in told)


def test_tools_that_are_called_are_kept(both, tmp_path):
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": {"x": [1, {"y": None}], "z": 0.5}}}
    turns = [
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "r", "tool_call_id": "c1"},
        {"role": "assistant", "content": "a", "weight": 0.5},
    ]
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
    data, _ = both(of_file("sft", tmp_path, [{"messages": turns, "tools": [tool]}], validation_split=0))
    (row,) = data.train
    assert row.conversation.messages[1].tool_calls[0].arguments == {"x": [1, {"y": None}], "z": 0.5}
    assert row.conversation.tools == (tool,)
