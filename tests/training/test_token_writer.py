"""Tokens as they come: few in memory, many in a file, the same to those who make batches of them."""

import numpy as np
import pytest

from runner.store import unnamed_files
from runner.training import tokens
from runner.training.text_chunks import chunks
from runner.training.tokens import TokenWriter

LISTS = [[5, 6, 7], [], [2**31 - 1], [8] * 50]


@pytest.mark.parametrize("held", [0, 2**20])
def test_tokens_are_those_that_were_added(tmp_path, monkeypatch, held):
    monkeypatch.setattr(tokens, "HELD", held)
    writer = TokenWriter(tmp_path)
    writer.add(LISTS[:2])
    writer.add(iter(LISTS[2:]))
    assert len(writer) == 4
    found = writer.done()
    assert found.ids.tolist() == [token for own in LISTS for token in own]
    assert (found.ids.dtype, found.ends.dtype) == (np.int32, np.int64)
    assert found.lengths.tolist() == [3, 0, 1, 50]
    ids, mask = found.padded(np.array([1, 0]), 9)
    assert ids.tolist() == [[9, 9, 9], [5, 6, 7]]
    assert mask.tolist() == [[0, 0, 0], [1, 1, 1]]
    assert list(tmp_path.iterdir()) == []


def test_none_at_all(tmp_path):
    found = TokenWriter(tmp_path).done()
    assert (len(found), len(found.ids)) == (0, 0)


def test_texts_come_in_lists_of_so_many_rows_and_characters():
    texts = [("a" * 3, "b"), ("c" * 9, ""), ("d", ""), ("e", ""), ("f", "")]
    assert [len(some) for some in chunks(texts, 2, 6)] == [1, 1, 2, 1]
    assert [row for some in chunks(texts, 2, 6) for row in some] == texts
    assert list(chunks([], 2, 6)) == []


@pytest.mark.parametrize("held", [0, 2**20])
def test_what_is_made_of_tokens_is_added_up_by_text(tmp_path, monkeypatch, held):
    monkeypatch.setattr(tokens, "HELD", held)
    monkeypatch.setattr(unnamed_files, "PART", 4)
    writer = TokenWriter(tmp_path, "f")
    writer.add([[], [0.5, 1.5], [], [2.0] * 11, [0.25], []])
    found = writer.done()
    assert found.ids.dtype == np.float32
    assert found.added(lambda part: part * 2.0).tolist() == [0.0, 4.0, 0.0, 44.0, 0.5, 0.0]
    assert [part.tolist() for part in found] == [[], [0.5, 1.5], [], [2.0] * 11, [0.25], []]
    assert found.largest == 2


def test_of_no_text_nothing_is_made():
    assert TokenWriter().done().added(lambda part: part * 2.0).tolist() == []
    assert TokenWriter().done().largest == 0
