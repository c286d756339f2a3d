"""Tags of every scheme become the same entities in IOB2, and what had to be mended is counted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from runner.contract import LoadContext, ModelSpec
from runner.data.tagged_tokens.section import TaggedTokensData
from runner.data.tagged_tokens.tag_schemes import scheme_of
from tests.data.tagged_tokens.conftest import load_file, tags

Lines = Callable[..., Path]
IOB2 = [["B-P", "I-P", "B-P", "O", "B-L"], ["B-L", "B-P", "O", "B-L", "I-L"]]


@pytest.mark.parametrize(
    ("scheme", "written"),
    [
        ("IOB2", IOB2),
        ("IOB1", [["I-P", "I-P", "B-P", "O", "I-L"], ["I-L", "I-P", "O", "I-L", "I-L"]]),
        ("BILOU", [["B-P", "L-P", "U-P", "O", "U-L"], ["U-L", "U-P", "O", "B-L", "L-L"]]),
        ("BILOU", [["B-P", "E-P", "S-P", "O", "S-L"], ["S-L", "S-P", "O", "B-L", "E-L"]]),
        ("BILOU", [["B-P", "E-P", "W-P", "O", "W-L"], ["W-L", "W-P", "O", "B-L", "E-L"]]),
    ],
    ids=["IOB2", "IOB1", "BILOU", "BIOES", "BMEWO"],
)
def test_schemes(lines: Lines, scheme: str, written: list[list[str]]) -> None:
    loaded = load_file(lines(*({"tokens": list("abcde"), "tags": row} for row in written)))
    assert tags(loaded) == IOB2
    assert loaded.record["scheme"] == scheme
    assert loaded.record["rows_changed"] == {} and not loaded.report.warnings
    assert loaded.record.get("rows_turned_into_iob2", 0) == (0 if scheme == "IOB2" else 2)


def test_plain_types(lines: Lines) -> None:
    loaded = load_file(lines({"tokens": list("abcd"), "tags": ["P", "P", "O", "E-MAIL"]}))
    assert tags(loaded) == [["B-P", "I-P", "O", "B-E-MAIL"]]
    assert any("no prefixes" in sentence for sentence in loaded.report.warnings)


@pytest.mark.parametrize(
    ("written", "found", "reason"),
    [
        (["B-P", "O", "I-P"], ["B-P", "O", "B-P"], "inside_without_begin"),
        (["B-P", "I-L", "O"], ["B-P", "B-L", "O"], "inside_without_begin"),
        (["B-P", "o", "0"], ["B-P", "O", "O"], "outside_misspelt"),
        (["B-P", None, ""], ["B-P", "O", "O"], "outside_misspelt"),
        (["B-P ", "I-P", "O"], ["B-P", "I-P", "O"], "blanks_cut_from_tags"),
        (["B_P", "i-P", "O"], ["B-P", "I-P", "O"], "prefix_mended"),
    ],
)
def test_what_is_mended_is_counted(lines: Lines, written: list[str], found: list[str], reason: str) -> None:
    good = {"tokens": list("abc"), "tags": ["B-P", "I-P", "O"]}
    loaded = load_file(lines(good, {"tokens": list("abc"), "tags": written}))
    assert tags(loaded)[1] == found
    assert loaded.record["rows_changed"] == {reason: 1} and loaded.report.named[reason] == [2]


def test_prefixes_alone_are_one_type(lines: Lines) -> None:
    assert tags(load_file(lines({"tokens": list("abc"), "tags": ["B", "I", "O"]}))) == [["B-entity", "I-entity", "O"]]


def test_a_scheme_that_is_said_is_taken(lines: Lines) -> None:
    row = {"tokens": list("ab"), "tags": ["I-P", "I-P"]}
    assert scheme_of([row["tags"]]) == "IOB1"
    assert load_file(lines(row), scheme="IOB2").record["rows_changed"] == {"inside_without_begin": 1}
    assert load_file(lines(row)).record["rows_changed"] == {}


def test_types(lines: Lines) -> None:
    path = lines({"tokens": ["a"], "tags": ["B-P"]}, {"tokens": ["b"], "tags": ["B-Q"]})
    loaded = load_file(path, entity_types=["Z", "P"])
    assert loaded.train.types == ("P", "Z") and loaded.record["rows_dropped"] == {"unknown_type": 1}
    assert load_file(path).train.types == ("P", "Q")


def test_types_that_look_alike_are_told(lines: Lines) -> None:
    rows = [{"tokens": [str(at)], "tags": ["B-PERSON"]} for at in range(20)]
    odd = [{"tokens": ["x"], "tags": ["B-PRESON"]}, {"tokens": ["y"], "tags": ["B-person"]}]
    told = " ".join(load_file(lines(*rows, *odd)).report.warnings)
    assert "the type 'PRESON' has 1 entity, and 'PERSON' has 20" in told
    assert "differ by capital letters alone, and are learned apart: 'PERSON' (20), 'person' (1)" in told


def test_types_of_the_held_out_rows_alone_are_told(lines: Lines) -> None:
    other = lines({"tokens": ["Volta"], "tags": ["B-PROD"]}, name="valid.jsonl")
    train = lines({"tokens": ["Ida"], "tags": ["B-PER"]})
    section = TaggedTokensData.model_validate({"dataset": str(train), "validation_data": str(other)})
    told: list[str] = []
    context = LoadContext(
        ModelSpec(model_type="x"), Path("cache"), lambda event, **words: told.append(words["message"])
    )
    loaded = section.load(context)
    assert loaded.validation.types == loaded.train.types == ("PER",)
    assert any("'PROD' are held out and in no row of training" in sentence for sentence in told)


@pytest.mark.parametrize(
    ("scheme", "written", "told"),
    [
        ("BILOU", ["B-P", "I-P", "O"], "are BILOU, and they look like IOB2"),
        ("plain", ["B-P", "I-P", "O"], "are plain, and they look like IOB2"),
        ("BILOU", ["B-P", "L-P", "O"], None),
        ("IOB1", ["B-P", "I-P", "O"], None),
    ],
)
def test_a_scheme_that_the_tags_are_not_of_is_told(
    lines: Lines, scheme: str, written: list[str], told: str | None
) -> None:
    loaded = load_file(
        lines({"tokens": list("abc"), "tags": written}, {"tokens": list("def"), "tags": written}), scheme=scheme
    )
    found = [each for each in loaded.report.warnings if "data.scheme says" in each]
    assert [told in each for each in found] == ([] if told is None else [True])
