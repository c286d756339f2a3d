"""How tagged tokens are written: lists in cells, CoNLL's lines, spans of characters, numbers with names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner.contract import DataReport
from runner.errors import DataError
from tests.data.tagged_tokens.conftest import load_file, tags, tokens

Lines = Callable[..., Path]
ROW = {"tokens": ["Ida", "left", "Port", "Ellis"], "tags": ["B-PER", "O", "B-LOC", "I-LOC"]}


@pytest.mark.parametrize(
    "cells",
    [
        """"['Ida', 'left', 'Port', 'Ellis']","['B-PER', 'O', 'B-LOC', 'I-LOC']\"""",
        '''"[""Ida"", ""left"", ""Port"", ""Ellis""]","[""B-PER"", ""O"", ""B-LOC"", ""I-LOC""]"''',
        """"['Ida' 'left' 'Port' 'Ellis']","['B-PER' 'O' 'B-LOC' 'I-LOC']\"""",
        "Ida left Port Ellis,B-PER O B-LOC I-LOC",
    ],
    ids=["python", "json", "numpy", "words"],
)
def test_lists_in_cells(tmp_path: Path, cells: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(f"tokens,tags\n{cells}\n")
    loaded = load_file(path)
    assert (tokens(loaded), tags(loaded)) == ([ROW["tokens"]], [ROW["tags"]])


def test_a_list_with_strings_side_by_side_among_commas_is_no_list(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("tokens,tags\n\"['Ida' 'left', 'Oslo']\",\"['B-PER', 'O', 'B-LOC']\"\na b,O B-X\n")
    assert load_file(path).record["rows_dropped"] == {"list_of_joined_strings": 1}


CONLL = """-DOCSTART- -X- -X- O

EU NNP B-NP B-ORG
rejects VBZ B-VP O
German JJ B-NP B-MISC

# sent_id = 2
# NN B-NP O
Peter NNP B-NP B-PER
Blackburn NNP I-NP I-PER
"""


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("name", ["train.conll", "train.txt", "TRAIN.BIO"])
def test_conll(tmp_path: Path, name: str, end: str) -> None:
    path = tmp_path / name
    path.write_bytes(CONLL.replace("\n", end).encode())
    loaded = load_file(path)
    assert tokens(loaded) == [["EU", "rejects", "German"], ["#", "Peter", "Blackburn"]]
    assert tags(loaded) == [["B-ORG", "O", "B-MISC"], ["O", "B-PER", "I-PER"]]
    assert [row.line for row in loaded.train.rows] == [3, 8]
    assert loaded.record["document_marks"] == loaded.record["comments"] == 1


@pytest.mark.parametrize("token", ["10\u00a0000", "a\u2009b", "#id"])
def test_a_token_of_conll_may_have_another_blank_or_look_like_a_comment(tmp_path: Path, token: str) -> None:
    path = tmp_path / "rows.conll"
    path.write_text(f"# id 7\nIda B-PER\n{token} O\n\n" * 2, "utf-8")
    assert tokens(load_file(path)) == [["Ida", token]] * 2


def test_line_ends_of_carriage_returns_alone_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.conll"
    path.write_bytes(b"Ida B-PER\rleft O\r\rBo B-PER\rleft O\r")
    with pytest.raises(DataError, match="carriage return"):
        load_file(path)


def test_a_column_of_conll_is_named_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "train.conll"
    path.write_text(CONLL)
    assert tags(load_file(path, columns={"tags": "3"}))[0] == ["B-NP", "B-VP", "B-NP"]
    with pytest.raises(DataError, match="there are 4 columns, and none 7"):
        load_file(path, columns={"tags": "7"})


def test_tsv_without_a_header_is_conll(tmp_path: Path) -> None:
    path = tmp_path / "train.tsv"
    path.write_text("Ida\tB-PER\nleft\tO\n\nOslo\tB-LOC\n")
    assert tags(load_file(path)) == [["B-PER", "O"], ["B-LOC"]]


def test_a_sentence_of_uneven_columns_is_dropped_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "train.conll"
    path.write_text("Ida B-PER\nleft\n\nOslo B-LOC\n\nhere O\n")
    report = DataReport("")
    assert len(load_file(path, report).train) == 2
    assert report.rows_dropped == {"uneven_columns": 1} and report.named["uneven_columns"] == [1]
    assert "the token 'left' has 1 column, and the first has 2" in " ".join(report.warnings)


@pytest.mark.parametrize(
    ("spans", "found"),
    [
        ([[0, 3, "PER"], [9, 13, "LOC"]], ["B-PER", "O", "B-LOC", "O"]),
        ([{"start": 0, "end": 3, "label": "PER"}], ["B-PER", "O", "O", "O"]),
        ([{"start": 9, "end": 13, "label": ["LOC"], "text": "Oslo"}], ["O", "O", "B-LOC", "O"]),
        ([[8, 13, "LOC"]], ["O", "O", "B-LOC", "O"]),
        ([[0, 2, "X"]], ["B-X", "O", "O", "O", "O"]),
        ([[0, 8, "X"]], ["B-X", "I-X", "O", "O"]),
        ({"entities": [[0, 3, "PER"]]}, ["B-PER", "O", "O", "O"]),
        ("[(0, 3, 'PER')]", ["B-PER", "O", "O", "O"]),
        ([], ["O", "O", "O", "O"]),
        (None, ["O", "O", "O", "O"]),
    ],
)
def test_spans(lines: Lines, spans: Any, found: list[str]) -> None:
    loaded = load_file(lines({"text": "Ida left Oslo.", "entities": spans}))
    assert tags(loaded) == [found]
    row = loaded.train.rows[0]
    assert [row.text[start:end] for start, end in row.spans] == list(row.tokens)


@pytest.mark.parametrize(
    ("text", "spans", "reason"),
    [
        ("Ida left", [[0, 3, "PER"], [2, 5, "LOC"]], "overlapping_spans"),
        ("Ida left", [[4, 9, "LOC"]], "span_outside_text"),
        ("Ida left", [[3, 4, "LOC"]], "empty_span"),
        ("Ida left", [{"start": 0, "end": 3, "label": "PER", "text": "Ada"}], "span_not_its_text"),
        ("Ida left", [[0, "3", "PER"]], "bad_span"),
        ("Ida left", [[0, 3, ""]], "bad_span"),
        ("  ", [], "empty"),
    ],
)
def test_spans_that_do_not_fit_are_counted(lines: Lines, text: str, spans: Any, reason: str) -> None:
    good = {"text": "Bo left", "entities": [[0, 2, "PER"]]}
    assert load_file(lines(good, {"text": text, "entities": spans})).record["rows_dropped"] == {reason: 1}


def test_spans_that_count_utf16_are_converted_and_counted(lines: Lines) -> None:
    row = {"text": "😀 Ida left", "entities": [{"start": 3, "end": 6, "label": "PER", "text": "Ida"}]}
    loaded = load_file(lines(row))
    assert tags(loaded) == [["O", "B-PER", "O"]]
    assert loaded.record["rows_changed"] == {"utf16_offsets_converted": 1}


def _utf16_units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _bytes(text: str) -> int:
    return len(text.encode())


def _line_feeds(text: str) -> int:
    return len(text.replace("\r", ""))


@pytest.mark.parametrize("said", [True, False], ids=["with their text", "without"])
@pytest.mark.parametrize(
    ("text", "words", "counted", "reason"),
    [
        ("😀😀 Ida left Oslo.", ["Ida", "Oslo"], _utf16_units, "utf16_offsets_converted"),
        ("Zoë Müller left Köln now", ["Zoë Müller", "Köln"], _bytes, "byte_offsets_converted"),
        ("He said:\r\nIda left\r\nOslo", ["Ida", "Oslo"], _line_feeds, "line_end_offsets_converted"),
    ],
    ids=["utf-16", "bytes", "line ends"],
)  # fmt: skip
def test_spans_that_count_something_else_than_characters_are_converted(
    lines: Lines, text: str, words: list[str], counted: Any, reason: str, said: bool
) -> None:
    spans = []
    for word in words:
        start = counted(text[: text.index(word)])
        spans.append({"start": start, "end": start + counted(word), "label": "X"} | ({"text": word} if said else {}))
    loaded = load_file(lines({"text": text, "entities": spans}))
    row = loaded.train.rows[0]
    found = " ".join(row.text[start:end] for (start, end), tag in zip(row.spans, row.tags, strict=True) if tag != "O")
    assert found == " ".join(words)
    assert loaded.record["rows_changed"] == {reason: 1}


def test_spans_whose_end_is_their_last_character_are_converted_where_their_text_says_so(lines: Lines) -> None:
    loaded = load_file(lines({"text": "Ida left", "entities": [{"start": 0, "end": 2, "label": "PER", "text": "Ida"}]}))
    assert tags(loaded) == [["B-PER", "O"]]
    assert loaded.record["rows_changed"] == {"inclusive_ends_converted": 1}


def test_tags_that_are_numbers_need_names(lines: Lines) -> None:
    path = lines({"tokens": ["Ida", "left"], "ner_tags": [1, 0]})
    with pytest.raises(DataError, match="nothing says what they stand for") as caught:
        load_file(path)
    assert caught.value.where == "/data/tag_names"
    assert tags(load_file(path, tag_names=["O", "B-PER"])) == [["B-PER", "O"]]


def test_digits_that_are_no_number_are_no_number_of_a_tag(lines: Lines) -> None:
    path = lines(
        {"tokens": ["Ida", "left"], "ner_tags": ["1", "0"]}, {"tokens": ["Bo", "left"], "ner_tags": ["²", "0"]}
    )
    loaded = load_file(path, tag_names=["O", "B-PER"])
    assert tags(loaded) == [["B-PER", "O"]]
    assert loaded.record["rows_dropped"] == {"tag_without_prefix": 1}


def test_a_parquet_file_of_the_hub_brings_the_names(tmp_path: Path) -> None:
    import json

    import pyarrow as pa
    from pyarrow import parquet

    features = {"ner_tags": {"feature": {"names": ["O", "B-PER"], "_type": "ClassLabel"}, "_type": "List"}}
    table = pa.table({"tokens": [["Ida", "left"]], "ner_tags": [[1, 0]]})
    told = {"huggingface": json.dumps({"info": {"features": features}})}
    parquet.write_table(table.replace_schema_metadata(told), tmp_path / "rows.parquet")
    assert tags(load_file(tmp_path / "rows.parquet")) == [["B-PER", "O"]]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"tokens": ["a", "b"], "tags": ["O"]}, "length_mismatch"),
        ({"tokens": [], "tags": []}, "empty"),
        ({"tokens": None, "tags": ["O"]}, "missing_tokens"),
        ({"tokens": ["a", None], "tags": ["O", "O"]}, "token_not_text"),
        ({"tokens": 3, "tags": ["O"]}, "tokens_no_list"),
        ({"tokens": ["a"], "tags": ["B-"]}, "tag_without_type"),
        ({"tokens": ["a"], "tags": ["PER"]}, "tag_without_prefix"),
    ],
)
def test_rows_that_cannot_be_used(lines: Lines, row: dict[str, Any], reason: str) -> None:
    assert load_file(lines(ROW, ROW, row)).record["rows_dropped"] == {reason: 1}


def test_columns_of_another_layout(lines: Lines) -> None:
    with pytest.raises(DataError, match=r"the columns are not those of tagged tokens: .*'prompt'"):
        load_file(lines({"prompt": "a", "chosen": "b"}))
    with pytest.raises(DataError, match="there is no column 'words_'"):
        load_file(lines(ROW), columns={"tokens": "words_"})


@pytest.mark.parametrize("spans", [[[0, 2, "PER"]], [[1, 3, "PER"]]], ids=["an end that counts", "a start from 1"])
def test_spans_that_cut_words_are_counted_and_told(lines: Lines, spans: Any) -> None:
    loaded = load_file(
        lines({"text": "Ida left", "entities": spans}, {"text": "伊達は東京に", "entities": [[0, 2, "PER"]]})
    )
    assert loaded.record["rows_changed"] == {"word_cut_at_span": 1}
    assert any("within a word" in each for each in loaded.report.warnings)
