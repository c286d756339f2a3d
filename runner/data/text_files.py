"""How the text files of a layout are written: its encoding, and what separates the cells of a row."""

from __future__ import annotations

from collections.abc import Set
from typing import Annotated

from pydantic import StringConstraints

from runner.contract import DataSection, option
from runner.errors import DataError

#: The containers that are text, in some encoding.
TEXTS = frozenset({"csv", "tsv", "jsonl", "json"})
#: The containers whose files have a delimiter, and an encoding.
HAVING = {"delimiter": frozenset({"csv", "tsv"}), "encoding": TEXTS}


def unset(value: object) -> bool:
    """Whether an optional field is not there: then it is not in a resolved spec either."""
    return value is None


class TextFiles(DataSection):
    """The fields of ``data`` that say so. Unset, they are not in a resolved spec: it is that of before they were."""

    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] | None = option(
        None,
        exclude_if=unset,
        description="What separates the cells of a text file. null: a comma, in a .tsv file a tab.",
    )
    encoding: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = option(
        None, exclude_if=unset, description="The encoding of a text file. null: UTF-8."
    )

    def check_text(self, containers: Set[str | None], found: str = "") -> None:
        """Raise :class:`DataError` for an encoding that there is not, and for what no file of ``containers`` has.

        ``found`` says what the data is, where it is no file.
        """
        found = found or ", ".join(sorted(map(str, containers)))
        for name, having in HAVING.items():
            if getattr(self, name) is not None and not containers & having:
                raise DataError(f"has no effect: the data is {found}", where=f"/data/{name}", hint="take it out")
        if self.encoding is not None:
            # Imported here: it brings the reader of records.
            from runner.data.records.row_reader import check_encoding

            check_encoding(self.encoding, "/data/encoding")
