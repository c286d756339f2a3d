"""The embedding cache: what is put comes back, to many processes, and nothing that is wrong with it stops a run."""

from __future__ import annotations

import sqlite3
import subprocess
import sys

import numpy as np

from runner.data.embedding_cache import CHUNK, EmbeddingCache, text_key


def keys(n: int, start: int = 0) -> list[bytes]:
    return [text_key(f"text {at}") for at in range(start, start + n)]


def vectors(n: int, width: int = 8) -> np.ndarray:
    return np.random.default_rng(n).normal(size=(n, width)).astype(np.float32)


def test_what_is_put_comes_back_bit_for_bit(tmp_path, listen):
    n = 2 * CHUNK + 3
    cache, values = EmbeddingCache(tmp_path / "a" / "b", "e", listen), vectors(n)
    assert not cache.get(keys(n), 8)[0].any()
    cache.put(keys(n), values)
    known, found = EmbeddingCache(tmp_path / "a" / "b", "e", listen).get(keys(n + 5), 8)
    assert known.tolist() == [True] * n + [False] * 5
    assert (found[:n] == values).all() and (found[n:] == 0).all()
    assert listen.events == []


def test_encoders_do_not_share(tmp_path, listen):
    EmbeddingCache(tmp_path, "one", listen).put(keys(3), vectors(3))
    assert not EmbeddingCache(tmp_path, "other", listen).get(keys(3), 8)[0].any()


def test_nothing_is_a_fine_question(tmp_path, listen):
    known, found = EmbeddingCache(tmp_path, "e", listen).get([], 8)
    assert known.shape == (0,) and found.shape == (0, 8)


def test_any_text_has_a_key():
    odd = ["", "a", "\ud800", "\x00", "e\u0301", "\u00e9"]
    assert len({text_key(text) for text in odd}) == len(odd)


def test_a_file_that_is_no_database_is_set_aside_and_said(tmp_path, listen):
    (tmp_path / "e.sqlite").write_bytes(b"not a database at all" * 100)
    cache = EmbeddingCache(tmp_path, "e", listen)
    assert not cache.get(keys(2), 8)[0].any()
    assert len(listen.warnings) == 1 and "damaged" in listen.warnings[0]
    assert [path.read_bytes()[:5] for path in tmp_path.glob("e.sqlite.corrupt-*")] == [b"not a"]
    cache.put(keys(2), vectors(2))
    assert cache.get(keys(2), 8)[0].all()


def test_a_torn_database_gives_no_wrong_vector(tmp_path, listen):
    cache, values = EmbeddingCache(tmp_path, "e", listen), vectors(400, 64)
    cache.put(keys(400), values)
    data = bytearray(cache.path.read_bytes())
    rng = np.random.default_rng(0)
    for at in rng.integers(100, len(data), 60):
        data[at] ^= 0xFF
    cache.path.write_bytes(data)
    known, found = cache.get(keys(400), 64)
    assert (found[known] == values[known]).all()
    assert not known.all()
    cache.put(keys(400), values)
    cache.put(keys(400), values)
    known, found = cache.get(keys(400), 64)
    assert known.all() and (found == values).all()


def test_a_flipped_bit_in_a_vector_is_a_miss(tmp_path, listen):
    cache = EmbeddingCache(tmp_path, "e", listen)
    cache.put(keys(2), vectors(2))
    with sqlite3.connect(cache.path) as connection:
        (blob,) = connection.execute("SELECT vector FROM vectors WHERE text = ?", [keys(1)[0]]).fetchone()
        connection.execute(
            "UPDATE vectors SET vector = ? WHERE text = ?", [bytes([blob[0] ^ 1]) + blob[1:], keys(1)[0]]
        )
    connection.close()
    assert cache.get(keys(2), 8)[0].tolist() == [False, True]
    assert cache.get(keys(2), 16)[0].tolist() == [False, False]


def test_without_a_folder_to_write_it_works_without_and_says_so_once(tmp_path, listen):
    (tmp_path / "file").write_text("in the way")
    cache = EmbeddingCache(tmp_path / "file" / "cache", "e", listen)
    cache.put(keys(2), vectors(2))
    assert not cache.get(keys(2), 8)[0].any()
    assert len(listen.warnings) == 1 and "working without it" in listen.warnings[0]


def test_a_path_that_is_a_folder_is_no_cache(tmp_path, listen):
    (tmp_path / "e.sqlite").mkdir()
    cache = EmbeddingCache(tmp_path, "e", listen)
    cache.put(keys(2), vectors(2))
    assert not cache.get(keys(2), 8)[0].any() and len(listen.warnings) == 1


def test_a_full_disk_is_said_and_what_was_there_stays(tmp_path, listen, monkeypatch):
    cache = EmbeddingCache(tmp_path, "e", listen)
    cache.put(keys(2), vectors(2))
    limited = EmbeddingCache(tmp_path, "e", listen)
    opened = limited._open

    def small() -> sqlite3.Connection:
        connection = opened()
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 1}")
        return connection

    monkeypatch.setattr(limited, "_open", small)
    limited.put(keys(500, 10), vectors(500))
    assert "full" in listen.warnings[0]
    known, found = EmbeddingCache(tmp_path, "e", listen).get(keys(2), 8)
    assert known.all() and (found == vectors(2)).all()


WRITER = """
import sys
import numpy as np
from pathlib import Path
from runner.data.embedding_cache import EmbeddingCache, text_key
which, folder = int(sys.argv[1]), Path(sys.argv[2])
cache = EmbeddingCache(folder, "e", lambda *a, **k: print(a, k))
for at in range(20):
    some = range(at * 10, at * 10 + 10)
    cache.put([text_key(f"text {i}") for i in some], np.array([[i, i] for i in some], np.float32))
    known, found = cache.get([text_key(f"text {i}") for i in some], 2)
    assert known.all() and (found[:, 0] == list(some)).all()
"""


def test_many_processes_at_once(tmp_path, listen):
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(at), str(tmp_path)], stdout=subprocess.PIPE)
        for at in range(4)
    ]
    said = [writer.communicate(timeout=120)[0] for writer in writers]
    assert said == [b""] * 4 and [writer.returncode for writer in writers] == [0] * 4
    known, found = EmbeddingCache(tmp_path, "e", listen).get(keys(200), 2)
    assert known.all() and (found[:, 1] == np.arange(200)).all()


def test_the_first_to_write_a_vector_keeps_it_and_a_damaged_one_is_written_anew(tmp_path):
    said = []
    cache = EmbeddingCache(tmp_path, "encoder", lambda *a, **k: said.append((a, k)))
    key = text_key("a prompt")
    first, second = np.full((1, 3), 0.1, np.float32), np.full((1, 3), 0.2, np.float32)
    cache.put([key], first)
    cache.put([key], second)
    known, vectors = cache.get([key], 3)
    assert known.all()
    np.testing.assert_array_equal(vectors, first)
    with sqlite3.connect(cache.path) as connection:
        connection.execute("UPDATE vectors SET crc = crc + 1")
    assert not cache.get([key], 3)[0].any()
    cache.put([key], second)
    np.testing.assert_array_equal(cache.get([key], 3)[1], second)
    assert said == []
