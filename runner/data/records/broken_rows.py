"""Rows of a file that cannot be read: the file is read on, and one error names them all, up to a bound."""

from __future__ import annotations

from runner.contract.quantities import counted
from runner.errors import DataError

#: Broken rows that are named: a file with more of them is another thing than it is taken for.
MOST = 10


class BrokenRows:
    """What is wrong with rows, in their order; true once there is one."""

    def __init__(self) -> None:
        self._errors: list[DataError] = []

    def __bool__(self) -> bool:
        return bool(self._errors)

    def add(self, error: DataError) -> None:
        """Keep a row's fault, and read on. Raises what :meth:`tell` does once there are :data:`MOST`."""
        self._errors.append(error)
        if len(self._errors) == MOST:
            self.tell()

    def tell(self) -> None:
        """At the end of the file: raise :class:`DataError` for all that was kept, at the place of the first."""
        if not self._errors:
            return
        first, *others = self._errors
        if not others:
            raise first
        least = "at least " if len(self._errors) == MOST else ""
        places: dict[str, list[str]] = {}
        for other in others:
            places.setdefault(other.message, []).append(_place(other, first))
        more = "; ".join(f"{', '.join(found)}: {message}" for message, found in places.items())
        raise DataError(
            f"{first.message}; and {least}{counted(len(others), 'rows')} more cannot be used: {more}",
            where=first.where,
            hint=first.hint,
        )


def _place(error: DataError, first: DataError) -> str:
    """Where it is, without the file's name where that is the first one's."""
    file, _, number = (error.where or "").rpartition(":")
    if file != (first.where or "").rpartition(":")[0]:
        return error.where or ""
    number = number.strip()
    return f"line {number}" if number.isdigit() else number
