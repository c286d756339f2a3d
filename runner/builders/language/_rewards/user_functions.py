"""Opening code of a user's: what a file or a module has by a name, and the checksum of what was run."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from runner.builders.language._fields.user_code import need_content
from runner.errors import DataError


def opened(section: Any, place: str, names: Sequence[str], at: str, hint: str) -> tuple[list[Callable[..., Any]], str]:
    """What a section's file or module calls ``names``, and the file's checksum.

    ``place`` is the section's pointer, ``at`` the field that has the names. Raises :class:`DataError` for another
    content than the spec says, code that cannot be run, and what has no such name, with the ``hint``.
    """
    if section.file is not None:
        where, path = f"{place}/file", Path(section.file)
    else:
        where, path = f"{place}/module", _file_of(section.module, f"{place}/module")
    source = path.read_bytes()
    found = need_content(source, path, section.sha256, place)
    try:
        module = _run(path, source) if section.file is not None else importlib.import_module(section.module)
    except (Exception, SystemExit) as error:
        raise DataError(f"{path} cannot be run: {type(error).__name__}: {error}", where=where) from error
    things = []
    for name in names:
        thing = getattr(module, name, None)
        if not callable(thing):
            raise DataError(
                f"{path} has no {at.removesuffix('s').partition('_')[0]} {name!r}", where=f"{place}/{at}", hint=hint
            )
        things.append(thing)
    return things, found


def file_of(section: Any) -> str | None:
    """The file that a section's opened code stands in; None where it is of another sort."""
    if section.file is not None:
        return str(section.file)
    return getattr(sys.modules.get(section.module), "__file__", None)


def line_raised(error: BaseException, file: str | None) -> str:
    """The last place of a file that an error passed through, as ``" (judges.py:3)"``; empty where there is none."""
    lines = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == file]
    return f" ({Path(str(file)).name}:{lines[-1]})" if lines else ""


def _run(path: Path, source: bytes) -> ModuleType:
    """The module that the file is: what was read is what is run."""
    name = f"runner_code_{hashlib.sha256(str(path).encode()).hexdigest()[:16]}"
    module = ModuleType(name)
    module.__file__ = str(path)
    # Classes of the file look themselves up by their module's name.
    sys.modules[name] = module
    exec(compile(source, str(path), "exec"), module.__dict__)  # noqa: S102 - the spec names the file to be run
    return module


def _file_of(name: str, where: str) -> Path:
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError) as error:
        raise DataError(f"there is no module {name}: {error}", where=where) from error
    if found is None:
        raise DataError(f"there is no module {name}", where=where, hint="install its package where the run is")
    if found.origin is None or not Path(found.origin).is_file():
        raise DataError(f"the module {name} has no file, whose checksum a run keeps", where=where, hint="name another")
    return Path(found.origin)
