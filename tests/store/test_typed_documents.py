"""Documents as dataclasses: what is written is read, and what is written again is the same bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.store.typed_documents import JsonObject, Misfit, TypedDocument


@dataclass(frozen=True, kw_only=True)
class Part(TypedDocument):
    name: str
    size: int = 0


@dataclass(frozen=True, kw_only=True)
class Whole(TypedDocument):
    LEFT_OUT: ClassVar[frozenset[str]] = frozenset({"note", "done"})

    parts: Mapping[str, Part]
    numbers: tuple[float, ...] = ()
    gpus: int | str | None = None
    free: JsonObject = field(default_factory=dict)
    part: Part | None = None
    note: str | None = None
    done: bool = False


WHOLE = {"parts": {"a": {"name": "x", "size": 1}}, "numbers": [1, 2.5], "gpus": "all", "free": {"k": [1, {}]}}


def test_a_document_is_read_into_its_parts_and_written_as_it_was():
    whole = Whole.from_document(WHOLE | {"part": None})
    assert whole.parts["a"] == Part(name="x", size=1)
    assert whole.numbers == (1, 2.5)
    assert json.dumps(whole.to_document()) == json.dumps(WHOLE | {"part": None})


def test_what_an_older_version_did_not_write_has_its_default_and_what_a_newer_one_wrote_is_kept():
    whole = Whole.from_document({"parts": {}, "of_tomorrow": [1]})
    assert whole.numbers == () and whole.part is None
    assert whole.to_document()["of_tomorrow"] == [1]
    nested = Whole.from_document({"parts": {"a": {"name": "x", "colour": "red"}}})
    assert nested.to_document()["parts"]["a"] == {"name": "x", "size": 0, "colour": "red"}


def test_what_is_left_out_is_what_has_its_default():
    assert "note" not in Whole(parts={}).to_document()
    assert Whole(parts={}, note="n", done=True).to_document()["done"] is True
    assert Part(name="x").to_document() == {"name": "x", "size": 0}


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"parts": None}, "parts"),
        ({"parts": {"a": {}}}, "parts.a.name"),
        ({"parts": {"a": {"name": "x", "size": True}}}, "parts.a.size"),
        ({"numbers": [1, "2"]}, "numbers.1"),
        ({"gpus": []}, "gpus"),
        ({"free": []}, "free"),
        ({"part": {"name": 3}}, "part.name"),
        ({"done": 1}, "done"),
    ],
)
def test_what_is_not_of_its_type_is_refused_by_its_key_or_passed_over(change, where):
    with pytest.raises(Misfit, match=f"^{where}: "):
        Whole.from_document(WHOLE | change)
    if change.get("parts", ()) is not None:
        assert isinstance(Whole.from_document(WHOLE | change, lenient=True), Whole)


def test_lenient_reading_keeps_the_entries_that_fit():
    whole = Whole.from_document({"parts": {"a": 1, "b": {"name": "x"}}, "numbers": [1, "2", 3]}, lenient=True)
    assert whole.parts == {"b": Part(name="x")} and whole.numbers == (1, 3)
    with pytest.raises(Misfit):
        Whole.from_document([], lenient=True)


def test_null_is_nothing_where_there_is_a_default():
    assert Whole.from_document({"parts": {}, "free": None, "numbers": None, "done": None}) == Whole(parts={})


PARTS = st.builds(Part, name=st.text(max_size=4), size=st.integers())
WHOLES = st.builds(
    Whole,
    parts=st.dictionaries(st.text(max_size=4), PARTS),
    numbers=st.lists(st.integers() | st.floats(allow_nan=False)).map(tuple),
    gpus=st.none() | st.integers() | st.text(max_size=4),
    part=st.none() | PARTS,
    note=st.none() | st.text(max_size=4),
    done=st.booleans(),
)


@given(WHOLES)
def test_every_document_is_read_back_as_it_was_written(whole):
    text = json.dumps(whole.to_document())
    assert json.dumps(Whole.from_document(json.loads(text)).to_document()) == text
