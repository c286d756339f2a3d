"""The ways in which sources and targets are written, and what of a row cannot be used."""

from __future__ import annotations

import json

import pytest

from runner.data.source_targets import asked_sources
from runner.errors import DataError
from tests.data.dialogues.conftest import documents, load_file

ROW = {"source": "A wren sang.", "target": "Ein Zaunkönig sang."}
COPY = {"source": "same", "target": " same "}


@pytest.mark.parametrize(
    ("row", "columns"),
    [
        (ROW, None),
        ({"src": ROW["source"], "tgt": ROW["target"]}, None),
        ({"text": ROW["source"], "target": ROW["target"]}, None),
        ({"Document": ROW["source"], "Summary": ROW["target"]}, None),
        ({"article": ROW["source"], "highlights": ROW["target"], "id": 7}, None),
        ({"id": 7, "document": "a.1", "en": ROW["source"], "de": ROW["target"]}, None),
        ({"English": ROW["source"], "German": ROW["target"]}, None),
        ({"eng_Latn": ROW["source"], "deu_Latn": ROW["target"]}, None),
        ({"translation": {"en": ROW["source"], "de": ROW["target"]}}, None),
        ({"translation": json.dumps({"en": ROW["source"], "de": ROW["target"]})}, None),
        (
            {"translation": {"de": ROW["target"], "en": ROW["source"], "fr": "Un roitelet chantait."}},
            {"source_language": "en", "target_language": "de"},
        ),
        ({"de": ROW["target"], "en": ROW["source"]}, {"source": "en", "target": "de"}),
        ({"frage": ROW["source"], "antwort": ROW["target"]}, {"source": "frage", "target": "antwort"}),
        ({"source_sentences": ["A wren", "sang.\n"], "summaries": [ROW["target"]]}, None),
        ({"source": '["A wren", "sang."]', "target": json.dumps([ROW["target"], "", ROW["target"]])}, None),
        ({"text": ROW["source"], "label": "x", "reference": ROW["target"]}, {"target": "reference"}),
    ],
    ids=lambda value: json.dumps(value)[:50],
)
def test_one_row_in_many_forms(row, columns, load):
    assert documents(load("seq2seq", row, columns=columns)) == [ROW]


def test_several_targets_stay_together(load):
    loaded = load("seq2seq", {"source": "a", "target": ["b", "c", "b"]}, {"source": "d", "target": "e"})
    assert documents(loaded) == [{"source": "a", "target": ["b", "c"]}, {"source": "d", "target": "e"}]
    assert loaded.report.facts["several_targets"] == 1


def test_rows_without_a_text_are_counted_and_named(load):
    loaded = load(
        "seq2seq",
        ROW,
        {"source": "a", "target": None},
        {"source": "a", "target": "  "},
        {"source": "a", "target": []},
        {"source": "", "target": "a"},
        {"source": ["", " "], "target": "a"},
        {"source": {"a": 1}, "target": "a"},
        {"source": "a", "target": [{"b": 1}]},
        {"source": "halve 8", "target": 4},
        max_rows_lost=1,
    )
    assert documents(loaded) == [ROW, {"source": "halve 8", "target": "4"}]
    assert loaded.report.rows_dropped == {
        "empty_target": 3, "empty_source": 2, "source_not_text": 1, "target_not_text": 1
    }  # fmt: skip
    assert loaded.report.named["empty_target"] == [2, 3, 4]
    assert loaded.report.rows_changed == {"number_as_text": 1}


def test_digits_of_a_text_file_stay_text(tmp_path):
    path = tmp_path / "train.csv"
    path.write_text('source,target\nhalve 8,4\nhalve 010,05\n"halve 9,9",\n')
    loaded = load_file("seq2seq", path, validation_split=0.0)
    assert [row["target"] for row in documents(loaded)] == ["4", "05"]


def test_what_is_odd_about_used_rows_is_told(load):
    loaded = load("seq2seq", ROW, COPY, ROW, {"source": "x" * 3000, "target": "y"})
    told = " ".join(loaded.report.warnings)
    assert "1 row has a target that is their source, word by word: line 2" in told
    assert "1 row is there before, word by word, and used again: line 3" in told
    assert "max_target_length" in told


def test_one_target_of_all_rows_is_told(load):
    rows = [{"source": f"a {at}", "target": "same"} for at in range(3)]
    assert any("every row has the same target, 'same'" in each for each in load("seq2seq", *rows).report.warnings)
    assert load("seq2seq", rows[0]).report.warnings == []


def test_which_language_is_read_is_told(load):
    loaded = load("seq2seq", {"de": "Ja", "en": "Yes"})
    assert documents(loaded) == [{"source": "Ja", "target": "Yes"}]
    assert any("'de', which comes first, is read" in warning for warning in loaded.report.warnings)


def test_one_source_is_on_one_side_of_a_split(load):
    rows = [{"source": f"s{number // 4}", "target": f"t{number}"} for number in range(80)]
    loaded = load("seq2seq", *rows, validation_split=0.25)
    assert {row.source for row in loaded.train}.isdisjoint(row.source for row in loaded.validation)
    assert len(loaded.validation) == 20


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"text": "alone"}, "'text' could be the source"),
        ({"article": "a", "summary": "b", "highlights": "c"}, "could be the target of 'article'"),
        ({"en": "a", "de": "b", "fr": "c"}, "say which is read and which is made"),
        ({"translation": {"en": "a", "de": "b", "fr": "c"}}, "say which is read and which is made"),
        ({"messages": [{"role": "user", "content": "a"}]}, "model_type sft"),
        ({"prompt": "a", "chosen": "b", "rejected": "c"}, "model_type dpo"),
        ({"alpha": "a", "beta": "b"}, '"source": "alpha"'),
        ({"source": "a", "target": ""}, "empty_target"),
    ],
    ids=lambda value: json.dumps(value)[:40],
)
def test_data_that_is_none_is_refused(row, said, load):
    with pytest.raises(DataError) as caught:
        load("seq2seq", row)
    told = f"{caught.value.message} {caught.value.where} {caught.value.hint}"
    assert said in told


@pytest.mark.parametrize(
    ("row", "columns"),
    [
        ({"source": "a", "id": 3}, None),
        ({"document": "a", "summary": "b", "id": 3}, None),
        ({"id": 3, "en": "a", "de": "b"}, None),
        ({"frage": "a", "id": 3}, {"source": "frage", "target": "antwort"}),
        ({"translation": {"de": "b", "en": "a"}, "id": 3}, {"source_language": "en", "target_language": "de"}),
    ],
    ids=str,
)
def test_asked_rows_need_no_target(row, columns, lines):
    rows = asked_sources.from_file(lines(row), columns=columns)
    rows.check()
    ((found,),) = rows.chunks(2)
    assert (found.conversation.messages[-1].content, found.id) == ("a", 3)


@pytest.mark.parametrize(
    ("name", "kept", "validation"),
    [
        ("seq2seq_e2e_nlg.jsonl", 1030, 206),
        ("translation_ntrex_en_de.jsonl", 700, 140),
        ("summarization_scitldr.jsonl", 250, 50),
    ],
)
def test_the_rows_of_a_published_data_set(shared_data, name, kept, validation):
    loaded = load_file("seq2seq", shared_data / name)
    assert loaded.report.rows_kept == kept
    assert len(loaded.train) + len(loaded.validation) == kept
    assert len(loaded.validation) == validation


def test_a_language_that_a_translation_lacks_is_named_with_those_that_it_has(load):
    row = {"translation": {"en": ROW["source"], "de": ROW["target"]}}
    with pytest.raises(DataError) as refused:
        load("seq2seq", row, columns={"source_language": "en", "target_language": "fr"})
    assert "no 'fr'; its languages are 'en', 'de'" in str(refused.value.hint)


def test_a_source_of_several_rows_is_told_where_their_targets_differ(load):
    loaded = load(
        "seq2seq", {"source": "a", "target": "b"}, {"source": " a", "target": "c"}, {"source": "d", "target": "e"}
    )
    assert any("stands there before" in each for each in loaded.report.warnings)
    same = load(
        "seq2seq", {"source": "a", "target": "b"}, {"source": "a", "target": "b"}, {"source": "d", "target": "e"}
    )
    assert not any("stands there before" in each for each in same.report.warnings)
