"""Telling a pickle by its bytes: whatever a file is called, one that runs code when it is loaded is not stored."""

from __future__ import annotations

import pickletools
from pathlib import Path

#: A file that begins so is a pickle of protocol 2 or later, a zip archive (torch's container of one), or an array file
#: of numpy's, which may hold one.
BINARY = (*(bytes([0x80, protocol]) for protocol in range(2, 6)), b"PK\x03\x04", b"\x93NUMPY")
#: The first bytes of the older protocols, which look like text. No JSON begins with one.
TEXTUAL = b"c(}])l"
#: What such a pickle has in it where it makes more than numbers and texts.
CALLS = {"GLOBAL", "INST", "OBJ", "REDUCE", "BUILD"}


def is_pickle(path: Path) -> bool:
    """Whether the file holds a pickle, or a container of one. Nothing is unpickled. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(16)
        if head.startswith(BINARY):
            # A safetensors file begins with the length of its header, which can be any number.
            return not (path.suffix == ".safetensors" and head[8:9] == b"{")
        if not head or head[0] not in TEXTUAL:
            return False
        file.seek(0)
        called = False
        try:
            for operation, _, _ in pickletools.genops(file):
                called = called or operation.name in CALLS
        except Exception:  # noqa: BLE001 - any failure to read it as one is the answer no
            return False
        return called
