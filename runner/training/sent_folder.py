"""A folder of the first process on every machine of a training: its files are sent by the processes' own group."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

#: Bytes that are sent at once: so many are in memory, whatever the size of a file.
PIECE = 64 * 2**20


def send_folder(folder: Path, *, source: bool, writes: bool) -> None:
    """Have all processes take part in sending ``folder`` from the process that is its ``source``, of rank 0. Those that
    ``write``, one a machine, have it afterwards as it is there, and nothing else; the rest only pass it on.

    A file is written aside and renamed. All processes have to come here; all return together.
    """
    listed = _sent_files(folder if source else None)
    if writes:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    for name, size in listed:
        _send_file(folder / name, size, source, writes)
    _sent(bytearray(1))


def _sent_files(folder: Path | None) -> list[tuple[str, int]]:
    """The files of the source's folder and their sizes, sent to all: JSON, after its own length."""
    found = [path for path in sorted(folder.rglob("*")) if path.is_file()] if folder is not None else []
    text = json.dumps([(path.relative_to(folder or path).as_posix(), path.stat().st_size) for path in found]).encode()
    length = int.from_bytes(_sent(bytearray(len(text).to_bytes(8, "big"))), "big")
    return [(name, size) for name, size in json.loads(_sent(bytearray(text) if folder else bytearray(length)))]


def _sent(data: bytearray) -> bytearray:
    """The bytes of the first process in the place of these, which are as many."""
    import torch
    from torch import distributed

    distributed.broadcast(torch.frombuffer(data, dtype=torch.uint8), 0)
    return data


def _send_file(path: Path, size: int, source: bool, writes: bool) -> None:
    aside = path.with_name(f".{path.name}.sent")
    if writes:
        path.parent.mkdir(parents=True, exist_ok=True)
    opened = path.open("rb") if source else aside.open("wb") if writes else None
    try:
        for start in range(0, size, PIECE):
            count = min(PIECE, size - start)
            data = _sent(bytearray(opened.read(count)) if source and opened is not None else bytearray(count))
            if writes and opened is not None:
                opened.write(data)
    finally:
        if opened is not None:
            opened.close()
    if writes:
        os.replace(aside, path)  # noqa: PTH105 - Path.replace is the same
