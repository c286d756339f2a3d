"""Where comparisons come from: two data sets of the Hub, the packaged sample, the user's own files."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from runner.data import hub
from runner.data.comparisons import comparison_table
from runner.data.comparisons.catalog import HUB, SAMPLE, parquet, whole
from runner.data.comparisons.comparison_columns import Columns, WinnerValues
from runner.data.comparisons.raw_layouts import COLUMNS, Rows, add_json, require_columns
from runner.errors import DataError, EnvironmentProblem, NotFoundError
from runner.workspace import absolute

BATCH = 8192


def read(dataset: str, columns: Columns | None = None, winners: WinnerValues | None = None) -> Rows:
    """Read and check a data set by name or path; a path's table may have columns and words of its own.

    Raises :class:`DataError` (unreadable, missing columns, nothing in it), :class:`NotFoundError` (no such file) and
    :class:`EnvironmentProblem` (no network and not cached, gated, a package missing).
    """
    if dataset == "both":
        rows = Rows()
        for name in HUB:
            rows.extend(read(name))
        return rows
    if dataset in HUB:
        return read_hub(HUB[dataset])
    if dataset == "sample":
        return read_file(SAMPLE)
    return read_file(absolute(dataset, Path()), columns, winners)


def read_hub(repo: str) -> Rows:
    """A Hub data set's training split, read through ``datasets`` from a snapshot in the Hub's cache.

    It is streamed from the snapshot's Parquet, so no second copy is written in Arrow.
    """
    _need_pyarrow()
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
    from runner.data.comparisons.arrow_conversations import add_arrow

    rows = Rows()
    for table in _hub_batches(repo, snapshot):
        add_arrow(rows, table, repo)
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


def read_file(path: Path, columns: Columns | None = None, winners: WinnerValues | None = None) -> Rows:
    """A local file in either raw layout, or as a table of one comparison a row. Raises as :func:`read` does.

    CSV and TSV are tables; JSON lines and Parquet are where the spec names their columns, or where they have a column
    of prompts and none of conversations.
    """
    check_file(path)
    table = columns is not None or winners is not None
    shape = _Shape(columns or Columns(), (winners or WinnerValues()).by_word(), table)
    try:
        if comparison_table.is_table(path):
            return _not_empty(comparison_table.read_csv(path, shape.columns, shape.words), str(path))
        read = _read_parquet if path.name.endswith(".parquet") else _read_jsonl
        return _not_empty(read(path, shape), str(path))
    except PermissionError:
        raise DataError("the file may not be read", where=str(path), hint="check its permissions") from None


def check_file(path: Path, cwd: Path = Path(), pointer: str = "") -> None:
    """Raise for a data file that is not there, is none, is empty, or may not be read: a look, without reading it.

    ``pointer`` is the spec's field that names it; ``cwd`` is what a relative path counts from.
    """
    here = cwd / path
    where = f"{pointer}: {path}" if pointer else str(path)
    try:
        is_there = here.exists()
    except PermissionError:
        raise DataError("the file may not be read", where=where, hint="check its folder's permissions") from None
    if not is_there:
        near = sorted(other.name for other in here.parent.glob(f"*{path.suffix}"))[:5] if here.parent.is_dir() else []
        counted = None if path.is_absolute() else f"a relative path counts from {cwd.absolute()}"
        raise NotFoundError(
            "there is no such data file",
            where=where,
            hint=f"that folder has {', '.join(near)}" if near else counted,
        )
    if not here.is_file():
        raise DataError("is not a file", where=where)
    if here.stat().st_size == 0:
        raise DataError("the file is empty", where=where)
    if not os.access(here, os.R_OK):
        raise DataError("the file may not be read", where=where, hint="check its permissions")


@dataclass(frozen=True)
class _Shape:
    """What a spec says of a file's columns: ``table`` where it says anything."""

    columns: Columns
    words: dict[str, str]
    table: bool

    def is_table(self, names: Sequence[str]) -> bool:
        """Whether columns of these names are those of a table: as the spec says, or as they look."""
        return self.table or (self.columns.prompt in names and not {"conversation_a", "conversation_b"} & set(names))


def _read_parquet(path: Path, shape: _Shape) -> Rows:
    _need_pyarrow()
    from runner.data.comparisons.arrow_conversations import add_arrow

    names = _parquet_names(path)
    if shape.is_table(names):
        comparison_table.require(names, shape.columns, str(path))
        wanted = [name for name in shape.columns.model_dump().values() if name is not None]
        return comparison_table.read_objects(path, shape.columns, shape.words, _objects(_parquet_batches(path, wanted)))
    require_columns(names, str(path))
    rows = Rows()
    for batch in _parquet_batches(path, [name for name in COLUMNS if name in names]):
        add_arrow(rows, batch, str(path))
    return rows


def _objects(batches: Iterator[Any]) -> Iterator[tuple[list[dict[str, Any]], list[int]]]:
    first = 1
    for batch in batches:
        yield batch.to_pylist(), list(range(first, first + batch.num_rows))
        first += batch.num_rows


def _parquet_names(path: Path) -> list[str]:
    import pyarrow.parquet as pq

    with _whole_parquet(path), pq.ParquetFile(path) as file:
        return list(file.schema_arrow.names)


def _parquet_batches(path: Path, columns: list[str]) -> Iterator[Any]:
    import pyarrow.parquet as pq

    with _whole_parquet(path), pq.ParquetFile(path) as file:
        yield from file.iter_batches(BATCH, columns=columns)


@contextlib.contextmanager
def _whole_parquet(path: Path) -> Iterator[None]:
    """What pyarrow says of a damaged file, as this program's error."""
    import pyarrow as pa

    try:
        yield
    except PermissionError:
        raise
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"not a whole Parquet file: {_first_line(error)}",
            where=str(path),
            hint="it may have been cut off while it was copied: compare its size with the original's",
        ) from error


def _read_jsonl(path: Path, shape: _Shape) -> Rows:
    first = next((row for _, row in _json_lines(path) if row is not None), {})
    if shape.is_table(list(first)):
        return _read_json_table(path, shape)
    rows = Rows()
    seen: set[str] = set()
    batch: list[dict[str, Any]] = []
    numbers: list[int] = []
    for number, row in _json_lines(path):
        if row is None:
            rows.read += 1
            rows.skip(["text that is not valid Unicode"], [number])
            continue
        seen.update(row)
        batch.append(row)
        numbers.append(number)
        if len(batch) == BATCH:
            require_columns(sorted(seen), str(path))
            add_json(rows, batch, numbers)
            batch, numbers = [], []
    if batch:
        require_columns(sorted(seen), str(path))
        add_json(rows, batch, numbers)
    return rows


def _read_json_table(path: Path, shape: _Shape) -> Rows:
    half: list[int] = []

    def batches() -> Iterator[tuple[list[dict[str, Any]], list[int]]]:
        lines, seen = _json_lines(path), set[str]()
        while some := list(islice(lines, BATCH)):
            half.extend(number for number, row in some if row is None)
            objects = [row for _, row in some if row is not None]
            seen.update(*objects)
            comparison_table.require(sorted(seen), shape.columns, str(path))
            yield objects, [number for number, row in some if row is not None]

    rows = comparison_table.read_objects(path, shape.columns, shape.words, batches())
    rows.read += len(half)
    rows.skip(["text that is not valid Unicode"] * len(half), half)
    return rows


def _json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Each line's number and object; None for one with half a character (a lone surrogate), which no file can hold."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            where = f"{path}:{number}"
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise DataError(f"not UTF-8: byte {error.start + 1} of the line", where=where) from None
            if not text.strip():
                continue
            try:
                row = json.loads(text.rstrip())
            except json.JSONDecodeError as error:
                raise DataError(
                    f"not JSON: {error.msg} (column {error.colno})",
                    where=where,
                    hint="one JSON object a line; the last line may have been cut off",
                ) from None
            except (ValueError, RecursionError) as error:
                raise DataError(f"not readable JSON: {_first_line(error)}", where=where) from None
            if not isinstance(row, dict):
                raise DataError("expected a JSON object on each line", where=where)
            yield number, None if "\\ud" in text.lower() and not _encodable(row) else row


def _encodable(row: dict[str, Any]) -> bool:
    try:
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _not_empty(rows: Rows, where: str) -> Rows:
    if rows.read == 0:
        raise DataError("there is no row in it", where=where)
    return rows


def _need_pyarrow() -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise EnvironmentProblem(
            "reading Parquet needs the package pyarrow", hint="pip install 'runner[train]', or use a .jsonl file"
        ) from None


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).strip().splitlines()[0][:200]
