"""The rows that a path holds: how many there are, and a sample of them that layouts can be tried on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from runner.contract.quantities import counted
from runner.data import hub_files
from runner.data.holdout import TEST, TRAIN, VALIDATION
from runner.data.records import Records, open_records
from runner.data.records.data_files import container_of, refuse_url
from runner.errors import DataError
from runner.workspace import absolute

#: Rows that columns are told by, and those that layouts are tried on.
ROWS, TRIED = 5000, 1000
#: Bytes of text up to which every row is read, so that the count is exact.
WHOLE = 32 * 2**20
#: Rows that are read of a larger text.
READ = 20_000
#: Rows of a table that are passed over for a sample, in how many pieces, and of how many files.
PASSED, PIECES, MOST_FILES = 200_000, 100, 20
#: Bytes of a text whose line breaks are counted for an estimate.
BLOCK = 8 * 2**20
#: What may divide the columns of a text, where it is not what the name's end says.
DELIMITERS = (";", "\t", "|", ",")


@dataclass(frozen=True)
class Sides:
    """A folder's data files by the side of the split that their names say."""

    train: str
    validation: str | None = None
    test: str | None = None


@dataclass
class SampledRows:
    """What was read of it."""

    #: What a spec names: the path as it was given, or the part of a folder that is for training.
    dataset: str
    container: str
    #: None where nobody can tell without reading all of it.
    rows: int | None
    #: Whether ``rows`` was counted; else it is an estimate.
    exact: bool
    sample: list[dict[str, Any]]
    untyped: bool
    #: The folder that pictures' paths count from.
    folder: Path
    sides: Sides | None = None
    bad: int = 0
    #: Fields of a spec's ``data`` without which it is not read, such as another delimiter.
    fields: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def columns(self) -> list[str]:
        return list(dict.fromkeys(name for row in self.sample for name in row))

    @property
    def tried(self) -> list[dict[str, Any]]:
        """Those rows of the sample that layouts are tried on."""
        return self.sample[:: max(1, len(self.sample) // TRIED)]

    def count_text(self) -> str:
        """``5,574 rows``, ``about 1,200,000 rows, by the files' size``"""
        if self.rows is None:
            return f"more than {counted(len(self.sample), 'rows')}"
        return counted(self.rows, "rows") if self.exact else f"about {self.rows:,} rows, by the files' size"

    @contextmanager
    def as_file(self) -> Iterator[Path]:
        """The sample as a file of a kind that keeps what its cells are."""
        rows = self.tried
        with TemporaryDirectory(prefix="runner-look-") as scratch:
            if self.container in ("parquet", "arrow"):
                path = Path(scratch) / "sample.parquet"
                _write_parquet(rows, path)
            elif self.untyped:
                path = Path(scratch) / "sample.csv"
                _write_csv(rows, self.columns, path)
            else:
                path = Path(scratch) / "sample.jsonl"
                lines = (json.dumps(row, ensure_ascii=False, default=str) for row in rows)
                path.write_text("".join(f"{line}\n" for line in lines), "utf-8", errors="surrogatepass")
            yield path


def check_path(path: str) -> None:
    """Raise :class:`DataError` for what can be no path and no name: a URL, control characters, nothing."""
    if not path.strip() or any(ord(letter) < 32 for letter in path):
        raise DataError("names nothing that can be read", where=repr(path), hint="name a file, a folder or a data set")
    refuse_url(path, path)


def read(path: str, folder: Path) -> SampledRows:
    """Look into a file, a folder, a pattern, or a data set of the Hub.

    Args:
        path: as a spec's ``data.dataset`` has it; ``OWNER/NAME`` alone is the Hub's where no such folder is.
        folder: what a relative path counts from.

    Raises :class:`~runner.errors.NotFoundError` and :class:`DataError` for what is not there or cannot be read, and
    :class:`~runner.errors.EnvironmentProblem` for what has to be fetched and cannot be.
    """
    notes: list[str] = []
    name = named(path, folder)
    if name != path:
        notes.append(f"{path} is no file here: it is read as the Hub's data set, {name}")
    if hub_files.is_hub_name(name):
        records = _opened(name)
        return _sampled(name, records, None, notes)
    place = absolute(path, folder)
    sides = sides_of(place, path) if place.is_dir() else None
    dataset = path if sides is None else sides.train
    return _sampled(dataset, _opened(absolute(dataset, folder)), sides, notes)


def _opened(path: str | Path) -> Records:
    """The rows, with the delimiter that the header has where it is another one than the name's end says."""
    try:
        return open_records(path)
    except DataError:
        for mark in DELIMITERS:
            try:
                return open_records(path, delimiter=mark)
            except DataError:
                continue
        raise


def named(path: str, folder: Path) -> str:
    """The name as a spec has it: ``hub:OWNER/NAME`` of what can only be a data set of the Hub."""
    if hub_files.is_hub_name(path) or absolute(path, folder).exists():
        return path
    plain = path.removeprefix("datasets/").rstrip("/")
    of_hub = re.fullmatch(r"[A-Za-z0-9][\w.-]*/[\w.-]+", plain) and container_of(plain) is None
    return f"{hub_files.MARK}{plain}" if of_hub else path


def sides_of(folder: Path, path: str) -> Sides | None:
    """The files of a folder by the sides that their names say; None where they say none, or there is one side.

    ``train.jsonl`` beside ``dev.jsonl``; ``train-00000-of-00002.parquet``; the folders ``train`` and ``test``.
    """
    found: dict[str, str] = {}
    for each in sorted(folder.iterdir()):
        side = _side(each.name)
        if side is None or (each.is_file() and container_of(each.name) is None):
            continue
        if each.is_dir() and not any(
            container_of(file.name) for file in each.iterdir() if file.name[0] not in "._" and file.is_file()
        ):
            continue
        shard = re.fullmatch(r"(.*?)\d{5}-of-\d{5}(\..+)", each.name)
        part = f"{shard.group(1)}*{shard.group(2)}" if shard else each.name
        found.setdefault(side, str(Path(path) / part))
    if "train" not in found or len(found) < 2:
        return None
    return Sides(found["train"], found.get("validation"), found.get("test"))


def _side(name: str) -> str | None:
    word = re.split(r"[-_.]", name.lower())[0]
    for side, words in (("train", TRAIN), ("validation", VALIDATION), ("test", TEST)):
        if word in words:
            return side
    return None


def _sampled(dataset: str, records: Records, sides: Sides | None, notes: list[str]) -> SampledRows:
    untyped = records.container in ("csv", "tsv")
    folder = records.files[0].parent
    found = SampledRows(dataset, records.container, None, False, [], untyped, folder, sides, notes=notes)
    if records.delimiter is not None:
        found.fields["delimiter"] = records.delimiter
        notes.append(f"its columns are divided by {records.delimiter!r}")
    if records.unit == "row":
        found.rows, found.exact = _counted(records), True
        found.sample = _spread(records, found.rows)
        return found
    size = sum(file.stat().st_size for file in records.files)
    packed = any(file.name.lower().endswith(".gz") for file in records.files)
    whole = size <= (WHOLE // 4 if packed else WHOLE)
    seen, bad, kept, every = 0, 0, list[dict[str, Any]](), 1
    for batch in records.batches():
        bad += len(batch.bad)
        for row in batch.rows:
            if seen % every == 0:
                kept.append(row)
                if len(kept) == 2 * ROWS:
                    kept, every = kept[::2], every * 2
            seen += 1
        if not whole and seen >= READ:
            break
    found.sample, found.bad = kept, bad
    if whole:
        found.rows, found.exact = seen, True
    elif not packed:
        found.rows = round(size * seen / max(1, _bytes_of(records, seen + bad)))
        notes.append(f"the first {counted(seen, 'rows')} were looked at")
    if not seen:
        raise DataError("there is no row in it that can be read", where=dataset, hint="name a file with rows")
    return found


def _counted(records: Records) -> int:
    from runner.data.records import arrow_files

    if records.container == "parquet" and not any(file.name.lower().endswith(".gz") for file in records.files):
        import pyarrow.parquet as pq

        return sum(pq.read_metadata(file).num_rows for file in records.files)
    return sum(
        batch.num_rows
        for file in records.files
        for batch in arrow_files.batches(file, records.container, 65_536, (records.columns or [])[:1])
    )


def _spread(records: Records, rows: int) -> list[dict[str, Any]]:
    """Rows from all over a table whose rows are quick to pass over: they are often sorted by what they are."""
    files = records.files[:: max(1, len(records.files) // MOST_FILES)]
    passed = min(rows, PASSED) // len(files) if rows > PASSED else rows
    size = max(1, min(rows, PASSED) // PIECES)
    of_each, found = max(1, TRIED // PIECES), list[dict[str, Any]]()
    for one in [[file] for file in files] if rows > PASSED else [records.files]:
        at = 0
        for batch in replace(records, files=one).batches(size):
            found += batch.arrow.slice(0, size if rows <= TRIED else of_each).to_pylist()
            at += len(batch.numbers)
            if at >= passed:
                break
    return found


def _bytes_of(records: Records, lines: int) -> int:
    """About how many bytes the first so many rows are."""
    length = count = 0
    with records.files[0].open("rb") as file:
        block = file.read(BLOCK)
    ends = block.count(b"\n")
    if ends:
        length, count = block.rfind(b"\n") + 1, ends
    return round(length / max(1, count) * lines)


def _write_csv(rows: list[dict[str, Any]], columns: list[str], path: Path) -> None:
    import csv

    with path.open("w", encoding="utf-8", errors="surrogatepass", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def _write_parquet(rows: list[dict[str, Any]], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(rows), path)
