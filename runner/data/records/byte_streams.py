"""A file's bytes as UTF-8, out of gzip and of other encodings; what is no such file is told by its first bytes."""

from __future__ import annotations

import codecs
import contextlib
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from runner.errors import DataError
from runner.store.files import cannot_read

CHUNK = 1024 * 1024
GZIP, ZIP, PARQUET, UTF_16 = b"\x1f\x8b", b"PK\x03\x04", b"PAR1", (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
NAME = "name its encoding: data.encoding in a spec, --encoding for rows of a table that are asked about"
SAVE = f"save the file as UTF-8, or {NAME}"


@contextlib.contextmanager
def opened(path: Path, *, text: bool = True, encoding: str | None = None) -> Iterator[BinaryIO]:
    """The file's bytes, unpacked if it is gzip (by its bytes, whatever its name), and as UTF-8 if it is text.

    Raises :class:`DataError` for a damaged archive, and for text that is none: UTF-16 that was not declared, a
    spreadsheet, a Parquet file by another name.
    """
    try:
        with contextlib.ExitStack() as stack:
            file: BinaryIO = stack.enter_context(path.open("rb"))
            head = file.read(4)
            file.seek(0)
            if head.startswith(GZIP):
                file = cast("BinaryIO", stack.enter_context(gzip.open(file, "rb")))
                head = file.read(4)
                file.seek(0)
            elif path.name.lower().endswith(".gz"):
                raise DataError("is no gzip file", where=str(path), hint="take .gz off its name if it is not packed")
            if text:
                _need_text(head, path, encoding)
                if encoding is not None and codecs.lookup(encoding).name != "utf-8":
                    file = cast("BinaryIO", io.BufferedReader(_Transcoded(file, path, encoding), CHUNK))
            yield file
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"the gzip file is damaged or cut off: {error}", where=str(path), hint="copy it again: gzip -t tells"
        ) from None
    except OSError as error:
        raise cannot_read(path, error) from error


def bad_byte(path: Path) -> DataError:
    """The first byte that is not UTF-8, with its line and its position in the line; both count from 1."""
    before = 1
    with opened(path) as file:
        for raw in file:
            try:
                raw.decode("utf-8")
            except UnicodeDecodeError as error:
                good = raw[: error.start]
                # A line may end in a carriage return alone.
                line, start = before + good.count(b"\r"), good.rfind(b"\r") + 1
                return not_utf8(raw[error.start], error.start - start, f"{path}:{line}")
            before += 1 + raw.removesuffix(b"\n").removesuffix(b"\r").count(b"\r")
    return DataError("the file was changed while it was read", where=str(path), hint="the same command again")


def not_utf8(byte: int, position: int, where: str) -> DataError:
    """A byte at a position of a line, from 0, that no UTF-8 text has there."""
    return DataError(f"not UTF-8 text: byte {byte:#04x} at position {position + 1}", where=where, hint=SAVE)


def _need_text(head: bytes, path: Path, encoding: str | None) -> None:
    if head.startswith(ZIP):
        raise DataError(
            "is a ZIP archive, or a spreadsheet, which is one",
            where=str(path),
            hint=f'unpack it first: unzip {path.name}; of a spreadsheet, save "CSV UTF-8"',
        )
    if head.startswith(PARQUET):
        raise DataError("is a Parquet file", where=str(path), hint="give it a name that ends in .parquet")
    if encoding is None and head[:2] in UTF_16:
        raise DataError(
            "not UTF-8 text: it is UTF-16",
            where=str(path),
            hint=f"iconv -f UTF-16 -t UTF-8 {path.name} > NEW makes it UTF-8, and so does saving as "
            f'"CSV UTF-8"; or {NAME}',
        )


class _Transcoded(io.RawIOBase):
    """Bytes of a declared encoding, as UTF-8."""

    def __init__(self, file: BinaryIO, path: Path, encoding: str) -> None:
        self._file, self._path, self._encoding = file, path, encoding
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._ready, self._lines, self._over = b"", 0, False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready and not self._over:
            chunk = self._file.read(CHUNK)
            self._over = not chunk
            try:
                text = self._decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                read = self._file.tell() - len(error.object) + error.start
                self._lines += error.object[: error.start].decode(self._encoding, "ignore").count("\n")
                raise DataError(
                    f"not {self._encoding} text: byte {error.object[error.start]:#04x}, the file's {read + 1}th",
                    where=f"{self._path}:{self._lines + 1}",
                    hint="name the encoding that the file was saved in",
                ) from None
            self._lines += text.count("\n")
            self._ready = text.encode("utf-8", "surrogatepass")
        size = min(len(buffer), len(self._ready))
        buffer[:size], self._ready = self._ready[:size], self._ready[size:]
        return size
