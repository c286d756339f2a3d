"""Names of stored models: what one may look like, and reading ``type/name/version``."""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from dataclasses import dataclass

from runner.errors import EnvironmentProblem, UsageError

MAX_LENGTH = 128
_VERSION = re.compile(r"v([1-9][0-9]{0,8})")


def name_fault(name: str) -> str | None:
    """What is wrong with a model's name, in words, or None. A name is one folder, the same on every file system."""
    if not name:
        return "is empty"
    if len(name.encode()) > MAX_LENGTH:
        return f"is longer than {MAX_LENGTH} bytes"
    if name != unicodedata.normalize("NFC", name):
        return "is not in Unicode normal form C"
    if "/" in name or "\\" in name:
        return "has a path separator"
    if name in {".", ".."} or ".." in name:
        return "has '..'"
    if name[0] in "-.":
        return f"begins with {name[0]!r}"
    if name != name.strip():
        return "begins or ends with a space"
    if any(unicodedata.category(letter).startswith("C") for letter in name):
        return "has a control character"
    return None


def check_encodable(text: str, where: str) -> None:
    """Raise :class:`EnvironmentProblem` where no file can have this name here: the locale's encoding lacks a letter."""
    try:
        os.fsencode(text)
    except UnicodeEncodeError as error:
        raise EnvironmentProblem(
            f"{text!r} cannot be a file's name here: {error.object[error.start]!r} is not in the locale's encoding, "
            + sys.getfilesystemencoding(),
            where=where,
            hint="use a UTF-8 locale: export LC_ALL=C.UTF-8",
        ) from None


@dataclass(frozen=True)
class ModelReference:
    """``type/name`` or ``type/name/vN``; ``type`` and ``version`` are None where they were not given."""

    model_type: str | None
    name: str
    version: int | None = None

    def __str__(self) -> str:
        parts = [self.model_type, self.name, f"v{self.version}" if self.version else None]
        return "/".join(part for part in parts if part)


def parse_reference(text: str) -> ModelReference:
    """Read ``name``, ``type/name`` or ``type/name/vN``. Raises :class:`UsageError` with what is wrong."""
    parts = text.split("/")
    version = None
    if len(parts) == 3:
        match = _VERSION.fullmatch(parts[2])
        if not match:
            raise UsageError(f"{text!r}: the version is written v1, v2, ..., not {parts[2]!r}")
        version = int(match[1])
        parts = parts[:2]
    if len(parts) > 2:
        raise UsageError(f"{text!r} is not a stored model's name", hint="write TYPE/NAME, or TYPE/NAME/vN")
    for part in parts:
        fault = name_fault(part)
        if fault:
            raise UsageError(f"{text!r}: {part!r} {fault}", hint="write TYPE/NAME, or TYPE/NAME/vN")
    return ModelReference(parts[0] if len(parts) == 2 else None, parts[-1], version)
