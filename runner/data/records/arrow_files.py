"""Parquet and Arrow files as record batches."""

from __future__ import annotations

import contextlib
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from runner.data.records.byte_streams import CHUNK, opened
from runner.errors import DataError, EnvironmentProblem

FILE_MAGIC = b"ARROW1"
#: Bytes of a Parquet file's rows that are read at a time, where rows are so long that fewer come to that.
BATCH_BYTES = 2**20


def names(path: Path, container: str) -> list[str]:
    """The names of the columns. Raises :class:`DataError` for a damaged file, and for a name that is there twice."""
    with _readable(path, container) as source:
        if container == "parquet":
            import pyarrow.parquet as pq

            with pq.ParquetFile(source) as file:
                found = list(file.schema_arrow.names)
        else:
            found = list(_arrow(source).schema.names)
    twice = sorted(name for name, count in Counter(found).items() if count > 1)
    if twice:
        raise DataError(
            f"the column {', '.join(map(repr, twice))} is there twice",
            where=str(path),
            hint="give each column a name of its own, or take one of them out",
        )
    return found


def batches(path: Path, container: str, size: int, columns: Sequence[str] | None) -> Iterator[Any]:
    """``pyarrow.RecordBatch``es of at most ``size`` rows, with these columns, or all."""
    with _readable(path, container) as source:
        if container == "parquet":
            with _streamed(source) as file:
                rows, told = file.metadata.num_rows, (file.metadata.row_group(at) for at in range(file.num_row_groups))
                each = sum(group.total_byte_size for group in told) // max(1, rows) + 1
                least = max(1, min(size, BATCH_BYTES // each))
                yield from file.iter_batches(least, columns=None if columns is None else list(columns))
            return
        reader = _arrow(source)
        whole = (
            (reader.get_batch(at) for at in range(reader.num_record_batches))
            if hasattr(reader, "num_record_batches")
            else reader
        )
        for batch in whole:
            if columns is not None:
                batch = batch.select([name for name in columns if name in batch.schema.names])
            for start in range(0, batch.num_rows, size):
                yield batch.slice(start, size)


def largest_group(path: Path) -> tuple[int, int]:
    """Rows and bytes, unpacked, of the largest group of rows of a Parquet file; zeros of any other file."""
    if not path.name.lower().endswith(".parquet"):
        return 0, 0
    with _readable(path, "parquet") as source:
        import pyarrow.parquet as pq

        with pq.ParquetFile(source) as file:
            groups = [file.metadata.row_group(at) for at in range(file.num_row_groups)]
    return max(((group.num_rows, group.total_byte_size) for group in groups), key=lambda each: each[1], default=(0, 0))


def _streamed(source: Any) -> Any:
    """A ``ParquetFile`` of which no more is in memory than what is read now, and that gives it back.

    Arrow would read a column of all rows of a group at once, which in most files is all of it; and its own allocator
    keeps what it once had.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    before = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        return pq.ParquetFile(source, buffer_size=CHUNK, pre_buffer=False)
    finally:
        pa.set_memory_pool(before)


def need_pyarrow() -> None:
    """Raise :class:`EnvironmentProblem` where the package is not installed."""
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise EnvironmentProblem(
            "reading Parquet needs the package pyarrow", hint="pip install 'runner[train]', or use a .jsonl file"
        ) from None


def _arrow(source: Any) -> Any:
    """A reader of the file format, or of the stream that other programs call ``.arrow`` as well."""
    import pyarrow as pa

    head = source.read(len(FILE_MAGIC))
    source.seek(0)
    return pa.ipc.open_file(source) if head == FILE_MAGIC else pa.ipc.open_stream(source)


@contextlib.contextmanager
def _readable(path: Path, container: str) -> Iterator[Any]:
    """The file for pyarrow, unpacked if need be; what pyarrow says of a damaged one is this program's error."""
    need_pyarrow()
    import pyarrow as pa

    name = "Parquet" if container == "parquet" else "Arrow"
    try:
        with contextlib.ExitStack() as stack:
            yield _source(path, container, stack)
    except PermissionError:
        raise DataError("the file may not be read", where=str(path), hint="check its permissions") from None
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"not a whole {name} file: {_first_line(error)}",
            where=str(path),
            hint="it may have been cut off while it was copied: compare its size with the original's",
        ) from error


def _source(path: Path, container: str, stack: contextlib.ExitStack) -> Any:
    import pyarrow as pa

    if not path.name.lower().endswith(".gz"):
        return path if container == "parquet" else stack.enter_context(pa.memory_map(str(path)))
    # These formats are read from their end: what is packed is unpacked beside, once.
    aside = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
    with opened(path, text=False) as packed:
        while chunk := packed.read(CHUNK):
            aside.write(chunk)
    aside.seek(0)
    return stack.enter_context(pa.PythonFile(aside, mode="r"))


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).strip().splitlines()[0][:200]
