"""Where comparisons come from: two data sets of the Hub, the packaged sample, the user's own files."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runner.data import hub
from runner.data.comparisons import comparison_table
from runner.data.comparisons.arrow_conversations import add_arrow
from runner.data.comparisons.catalog import HUB, SAMPLE, parquet, whole
from runner.data.comparisons.comparison_columns import Columns, WinnerValues
from runner.data.comparisons.json_conversations import add_json
from runner.data.comparisons.raw_layouts import COLUMNS, UNKNOWN, Rows, require_columns
from runner.data.comparisons.winner_words import WinnerWords
from runner.data.records import open_records
from runner.data.records.arrow_files import need_pyarrow
from runner.errors import DataError, EnvironmentProblem

BATCH = 8192
CONVERSATIONS = {"conversation_a", "conversation_b"}
#: What a model may read of a comparison beside who met whom and who won.
EVERYTHING = frozenset({"prompts", "responses"})


def read(
    dataset: str,
    columns: Columns | None = None,
    winners: WinnerValues | None = None,
    reads: frozenset[str] = EVERYTHING,
    kind: str = "",
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    empty: bool = False,
) -> Rows:
    """Read and check a data set by name or path; a path's table may have columns and words of its own, and its text
    files an encoding and a delimiter.

    Rows in which an LLM answered nothing are kept with ``empty``.

    Raises :class:`DataError` (unreadable, missing columns, nothing in it), :class:`NotFoundError` (no such file) and
    :class:`EnvironmentProblem` (no network and not cached, gated, a package missing).
    """
    if dataset == "both":
        rows = Rows()
        for name in HUB:
            rows.extend(read(name, empty=empty))
        return rows
    if dataset in HUB:
        return read_hub(HUB[dataset], empty=empty)
    if dataset == "sample":
        return read_file(SAMPLE, empty=empty)
    return read_file(dataset, columns, winners, reads, kind, empty=empty, encoding=encoding, delimiter=delimiter)


def read_hub(repo: str, *, empty: bool = False) -> Rows:
    """A Hub data set's training split, read through ``datasets`` from a snapshot in the Hub's cache.

    It is streamed from the snapshot's Parquet, so no second copy is written in Arrow.
    """
    need_pyarrow()
    snapshot = hub.cached_snapshot(repo, "dataset")
    if snapshot is None or not whole(snapshot):
        snapshot = hub.download(repo, "dataset", ["README.md", "*.parquet", "**/*.parquet"])
    lacking = hub.missing_shards(parquet(snapshot))
    if lacking:
        raise EnvironmentProblem(
            f"the cached copy of {repo} lacks {', '.join(lacking[:3])}{' ...' if len(lacking) > 3 else ''}",
            where=str(snapshot),
            hint="run once with a network and without HF_HUB_OFFLINE: the download goes on where it was cut off",
        )
    rows, words = Rows(keeps_empty=empty), WinnerWords("winner", {})
    for table in _hub_batches(repo, snapshot):
        add_arrow(rows, table, repo, words, range(rows.read + 1, rows.read + table.num_rows + 1))
    return _not_empty(rows, repo)


def _hub_batches(repo: str, snapshot: Path) -> Iterator[Any]:
    from datasets import load_dataset
    from datasets.exceptions import DatasetsError

    try:
        # Streaming prepares nothing, but locks a folder of its cache; the Hub's may be mounted read-only.
        with tempfile.TemporaryDirectory(prefix="runner-") as scratch:
            stream = load_dataset(str(snapshot), split="train", streaming=True, cache_dir=scratch).with_format("arrow")
            for table in stream.iter(batch_size=BATCH):
                names = table.schema.names
                require_columns(names, repo)
                yield table.select([name for name in COLUMNS if name in names])
    except (DatasetsError, ValueError, OSError) as error:
        # pyarrow's errors are ValueErrors and OSErrors; here either means that the cached files are damaged.
        raise DataError(
            f"the cached copy of {repo} cannot be read: {_first_line(error)}",
            where=str(snapshot),
            hint="remove that folder and download it again",
        ) from error


def read_file(
    path: str | Path,
    columns: Columns | None = None,
    winners: WinnerValues | None = None,
    reads: frozenset[str] = EVERYTHING,
    kind: str = "",
    most: int | None = None,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    empty: bool = False,
) -> Rows:
    """The user's file, or files, in either raw layout, or as a table of one comparison a row. Raises as :func:`read`.

    They are a table where the spec names their columns, where they have a column of prompts, and where they have
    none of conversations. ``reads`` is what the model reads of prompts and responses, ``kind`` what it is called.
    With ``most``, reading ends after about so many rows.
    """
    records = open_records(path, pointer="", encoding=encoding, delimiter=delimiter)
    mapping = columns or Columns()
    words = WinnerWords(mapping.winner, (winners or WinnerValues()).by_word())
    rows = Rows(unit=records.unit, words=words, keeps_empty=empty)
    wanted, table = None, False
    names = records.columns
    if names is not None:
        table = columns is not None or not CONVERSATIONS & set(names)
        _settle(rows, names, table, mapping, reads, kind, str(records.files[0]) + (":1" if rows.unit == "line" else ""))
        # What else is in a file costs nothing.
        wanted = list(COLUMNS) if not table else [name for name in mapping.model_dump().values() if name is not None]
    for batch in records.batches(BATCH, wanted):
        if names is None and batch.numbers:
            # JSON: one row may lack a key, all of the first ones do not.
            names = sorted({name for row in batch.rows for name in row})
            table = columns is not None or not CONVERSATIONS & set(names)
            _settle(rows, names, table, mapping, reads, kind, str(batch.file))
        if table:
            comparison_table.add_table(rows, batch.rows, batch.numbers, mapping, words, batch.file)
        elif batch.arrow is not None:
            add_arrow(rows, batch.arrow, str(batch.file), words, batch.numbers)
        elif batch.numbers:
            add_json(rows, batch.rows, batch.numbers, words, batch.file)
        rows.read += len(batch.bad)
        rows.skip([reason for _, reason in batch.bad], [line for line, _ in batch.bad])
        if most is not None and rows.read >= most:
            break
    return _not_empty(_told(rows) if table else rows, str(path))


def _settle(
    rows: Rows, names: list[str], table: bool, columns: Columns, reads: frozenset[str], kind: str, where: str
) -> None:
    """Whether the columns are there that this layout has to have, and what the rows lack without harm."""
    if table:
        rows.lacks = comparison_table.lacking(names, columns, reads, where, kind)
    else:
        require_columns(names, where)


def _told(rows: Rows) -> Rows:
    """Name the winner's words that nothing explains: they are the column's, and there are few of them."""
    if rows.words is not None and rows.words.strange and UNKNOWN in rows.skipped:
        told = f"{UNKNOWN}: {rows.words.listed}"
        rows.skipped[told] = rows.skipped.pop(UNKNOWN)
        rows.first[told] = rows.first.pop(UNKNOWN)
        rows.named[told] = rows.named.pop(UNKNOWN)
    return rows


def _not_empty(rows: Rows, where: str) -> Rows:
    if rows.read == 0:
        raise DataError("there is no row in it", where=where)
    return rows


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).strip().splitlines()[0][:200]
