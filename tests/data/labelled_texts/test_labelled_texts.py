"""Rows of texts with classes, labels or numbers: what is kept, how it is called, and what is said."""

from __future__ import annotations

import pytest

from runner.data.labelled_texts.section import ClassTextData, NumberTextData
from runner.errors import DataError

HALF = {"validation_split": 0.5}


def both(loaded):
    return [*loaded.train.texts, *loaded.validation.texts]


def csv(*labels: str, head: str = "text,label") -> str:
    return head + "\n" + "".join(f"a text of number {at},{label}\n" for at, label in enumerate(labels))


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["True", "False"], ("False", "True")),
        (["9007199254740993", "9007199254740992"], ("9007199254740992", "9007199254740993")),
        (["NA", "NO"], ("NA", "NO")),
        (["10", "9"], ("9", "10")),
    ],
)
def test_classes_are_called_as_in_the_file(load, labels, classes):
    loaded = load(csv(*labels * 4), **HALF)
    assert loaded.train.classes == {"label": classes}
    assert loaded.report.rows_dropped == {}


def test_zero_as_a_number_and_as_a_text_are_one_class(load):
    loaded = load([{"text": f"t{at}", "label": [0, "1", "0", 1][at % 4]} for at in range(12)], **HALF)
    assert loaded.train.classes == {"label": ("0", "1")}


def test_texts_come_as_they_stand_whatever_they_look_like(load):
    rows = 'text,label\n3.50,a\n007,b\n1e5,a\n"two\r\nlines, ""quoted""",b\nnull,a\n  spaces ,b\n'
    assert set(both(load(rows, **HALF))) == {
        ("3.50",), ("007",), ("1e5",), ('two\r\nlines, "quoted"',), ("null",), ("  spaces ",),
    }  # fmt: skip


def test_rows_without_a_text_are_counted_and_named(load):
    loaded = load(csv(*"abababab") + ",a\n   ,b\n", **HALF)
    assert loaded.report.rows_dropped == {"empty_text": 2}
    assert loaded.report.named["empty_text"] == [10, 11]
    assert loaded.report.rows_kept == 8


def test_spellings_that_differ_by_spaces_alone_are_joined_and_told(load):
    loaded = load(csv("english", "french", "english ", "french") * 1, **HALF)
    assert loaded.train.classes == {"label": ("english", "french")}
    assert "spaces around" in " ".join(loaded.report.warnings)


LABELS = [["x"], ["x", "y"], [], ["y"]] * 4


def lines(head: str, cells: list[str]) -> str:
    return f"{head}\n" + "".join(f"t{at},{cell}\n" for at, cell in enumerate(cells))


@pytest.mark.parametrize(
    ("rows", "fields"),
    [
        ([{"text": f"t{at}", "labels": labels} for at, labels in enumerate(LABELS)], {}),
        (lines("text,labels", [";".join(labels) for labels in LABELS]), {"label_separator": ";"}),
        (lines("text,tags", [f'"{labels}"' for labels in LABELS]), {}),
        (
            lines("text,x,y", [f"{'x' in labels:d},{'y' in labels:d}" for labels in LABELS]),
            {"target_columns": ["x", "y"]},
        ),
    ],
    ids=["lists", "a separator", "lists as text", "a column a label"],
)
def test_a_row_may_have_several_labels(load, rows, fields):
    side = load(rows, **fields, **HALF).train
    assert side.many and set(side.targets) == {"x", "y"}
    assert all(classes == ("no", "yes") for classes in side.classes.values())
    for texts, x, y in zip(side.texts, side.targets["x"], side.targets["y"], strict=True):
        at = int(texts[0][1:]) % 4
        wanted = (at in (0, 1), at in (1, 3))
        assert (bool(x), bool(y)) == wanted


def test_two_text_columns_are_a_pair_and_more_are_lines(load):
    rows = [{"premise": f"a{at}", "hypothesis": f"b{at}", "extra": f"c{at}", "label": "xy"[at % 2]} for at in range(8)]
    pair = load(rows, **HALF).train
    assert pair.paired and pair.texts[0][1].startswith("b")
    lines = load(rows, text_columns=["extra", "premise", "hypothesis"], **HALF).train
    assert not lines.paired and len(lines.texts[0]) == 3


def test_numbers_keep_their_fractions(load):
    rows = "text,score\n" + "".join(f"t{at},{at / 10}\n" for at in range(10))
    loaded = load(rows, kind="text_regression", **HALF)
    values = [*loaded.train.targets["score"], *loaded.validation.targets["score"]]
    assert sorted(values) == [at / 10 for at in range(10)]


def test_a_given_file_is_measured_on_and_no_other_row(load, tmp_path):
    (tmp_path / "valid.csv").write_text("text,label\nnew one,a\nnew two,b\nnew three,c\n")
    loaded = load(csv(*"abababab"), validation_data=str(tmp_path / "valid.csv"))
    assert (len(loaded.train), len(loaded.validation)) == (8, 3)
    assert loaded.validation.targets["label"].tolist() == [0, 1, -1]
    assert "count as wrong: 4" in " ".join(loaded.report.warnings)


def test_equal_texts_are_on_one_side_and_told_where_their_labels_differ(load):
    loaded = load("text,label\n" + "same,a\nsame,b\n" * 3 + csv(*"abababab").partition("\n")[2], **HALF)
    sides = [set(side.texts) for side in (loaded.train, loaded.validation)]
    assert not sides[0] & sides[1]
    assert "with another target" in " ".join(loaded.report.warnings)


def test_a_file_in_another_encoding_is_refused_at_its_byte_or_read_as_it_is_said(load):
    rows = "text,label\n" + "".join(f"caf\u00e9 {at},{'ab'[at % 2]}\n" for at in range(8))
    with pytest.raises(DataError) as refused:
        load(rows.encode("cp1252"))
    assert "byte" in str(refused.value) and "encoding" in str(refused.value.hint)
    assert ("caf\u00e9 3",) in both(load(rows.encode("cp1252"), encoding="cp1252", **HALF))


@pytest.mark.parametrize(
    ("rows", "fields", "where", "says"),
    [
        ("words,label\nx,a\n", {}, "/data/text_columns", "usual name of a text"),
        ("text,kind\nx,a\n", {}, "/data/target_columns", "usual name of a target"),
        ("text,label\nx,a\n", {"text_columns": "texts"}, "train.csv:1", "'texts'"),
        (csv("a", "a", "a"), {"validation_split": 0.4}, "/data/target_columns", "1 class"),
        (csv("a", "b", "", ""), {"max_rows_lost": 0.1}, "/data/max_rows_lost", "missing_target 2"),
        ("text,x,y\nt,3,0\n", {"target_columns": ["x", "y"]}, "train.csv:2", "says yes or no"),
        (csv(*map(str, range(64))), {}, "/data/target_columns", "no classes"),
    ],
)
def test_what_cannot_be_learned_is_refused_with_its_place(load, rows, fields, where, says):
    with pytest.raises(DataError) as refused:
        load(rows, **fields)
    assert where in (refused.value.where or "")
    assert says in refused.value.message


def test_plain_words_name_columns():
    assert ClassTextData.document_of("x.csv", {"text": "body", "label": "kind"}) == {
        "dataset": "x.csv", "text_columns": "body", "target_columns": "kind",
    }  # fmt: skip
    paired = NumberTextData.document_of("x.csv", {"sentence1": "a", "sentence2": "b", "score": "s"})
    assert paired["text_columns"] == ["a", "b"]
