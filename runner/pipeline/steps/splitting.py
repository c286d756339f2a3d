"""``split``: rows divided into parts, seeded, by what they ask.

Rows that ask the same are in one part, so that no part is measured on what another has learned. Which part a row is in
hangs on its content and the seed alone, and not on the order of the file, as in :mod:`runner.data.holdout`.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, StringConstraints, field_validator
from pydantic_core import PydanticCustomError

from runner.contract import Section, option
from runner.contract.quantities import counted
from runner.data.holdout import ColumnName, order, text_key
from runner.errors import DataError
from runner.pipeline.steps import Inputs
from runner.pipeline.steps.part_names import in_order, own_name
from runner.pipeline.steps.row_files import part_writer, rows_of
from runner.pipeline.steps.row_forms import need_column, prompt_key, whole_of
from runner.pipeline.steps.step_report import StepReport

if TYPE_CHECKING:
    import numpy as np

PartName = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
Share = Annotated[float, Field(gt=0, le=1)]
#: How far the sum of the shares may be from 1: what adding up decimals costs.
CLOSE = 1e-6


class Options(Section):
    """What ``split`` may be told."""

    ratios: dict[PartName, Share] = option(
        factory=lambda: {"train": 0.8, "validation": 0.1, "test": 0.1},
        min_length=2,
        description="The parts, each with its share of the rows; the shares add up to 1. Each gets a row at least.",
    )
    seed: int = option(42, ge=0, le=2**32 - 1, description="Another seed divides otherwise.")
    group_by: ColumnName = option(
        "prompt",
        description="What stays together: prompt (rows that ask the same), row (equal rows), or a column's name.",
    )
    stratify: ColumnName | None = option(None, description="A column of which each value is divided by the shares.")

    @field_validator("ratios")
    @classmethod
    def _whole(cls, value: dict[str, float]) -> dict[str, float]:
        total = math.fsum(value.values())
        if abs(total - 1) > CLOSE:
            raise PydanticCustomError("shares", "the shares add up to {total}, and not to 1", {"total": f"{total:.6g}"})
        names = [own_name(name) for name in value]
        if len(set(names)) < len(names):
            raise PydanticCustomError("parts", "two parts have one name: {names}", {"names": ", ".join(value)})
        return value


def run(inputs: Inputs, options: Options, out: Path) -> StepReport:
    """All rows of all inputs, divided. Raises :class:`DataError` where there are too few groups for the parts."""
    import numpy as np

    report = StepReport()
    keys, strata = array("Q"), array("Q")
    for path in inputs.values():
        for place, row in rows_of(path, report):
            keys.append(_group(row, options, place))
            if options.stratify is not None:
                need_column(row, [options.stratify], place)
                strata.append(text_key(whole_of(row, [options.stratify])))
    shares = {own_name(name): share for name, share in options.ratios.items()}
    names = in_order(shares)
    part = divided(
        np.array(keys, np.uint64),
        [shares[name] for name in names],
        options.seed,
        np.array(strata, np.uint64) if options.stratify is not None else None,
        report.warnings,
        names,
    )
    number = 0
    again = StepReport()
    with ExitStack() as files:
        writers = [files.enter_context(part_writer(out, name, report)) for name in names]
        for path in inputs.values():
            for _, row in rows_of(path, again):
                writers[part[number]].write(row)
                number += 1
    report.parts = {name: report.parts[name] for name in names}
    rows = {name: report.files[report.parts[name]].rows for name in names}
    report.facts |= {"rows": rows, "groups": len(np.unique(np.array(keys, np.uint64)))}
    return report


def divided(
    keys: np.ndarray,
    shares: Sequence[float],
    seed: int,
    strata: np.ndarray | None,
    warnings: list[str],
    names: Sequence[str],
) -> np.ndarray:
    """The part of every row: int64 ``[n]``. ``keys``, ``strata``: uint64 ``[n]``; rows of one key are in one part.

    A key that several strata have is divided in the one of its first row. Raises :class:`DataError` for fewer keys than
    parts.
    """
    import numpy as np

    distinct, first, group, counts = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
    if len(distinct) < len(shares):
        raise DataError(
            f"{counted(len(keys), 'rows')} in {counted(len(distinct), 'groups')} cannot be divided into "
            f"{len(shares)} parts ({', '.join(names)}), each of which gets a group at least",
            hint="rows that ask the same stay together; ask for fewer parts, use more data, or let group_by be row",
        )
    everything = np.arange(len(distinct))
    if strata is None:
        return _cut(everything, distinct, counts, shares, seed, least=1)[group]
    own = strata[first]
    pairs = np.unique(np.stack([group.astype(np.uint64), strata]), axis=1)
    mixed = int((np.bincount(pairs[0].astype(np.int64)) > 1).sum())
    if mixed:
        warnings.append(
            f"{counted(mixed, 'groups')} with several values of the column that is stratified by: each stays whole"
        )
    part = np.zeros(len(distinct), np.int64)
    for stratum in np.unique(own):
        members = everything[own == stratum]
        part[members] = _cut(members, distinct, counts, shares, seed, least=int(len(members) >= len(shares)))
    if missing := [name for at, name in enumerate(names) if not (part == at).any()]:
        warnings.append(f"the values are too rare to be divided ({', '.join(missing)} would be empty): not stratified")
        return _cut(everything, distinct, counts, shares, seed, least=1)[group]
    return part[group]


def _cut(
    members: np.ndarray, keys: np.ndarray, counts: np.ndarray, shares: Sequence[float], seed: int, least: int
) -> np.ndarray:
    """The part of each member: taken in a seeded order, and cut as near to the shares as whole groups allow."""
    import numpy as np

    taken = order(keys[members], seed)
    rows = np.concatenate([[0], np.cumsum(counts[members][taken])])
    part = np.zeros(len(members), np.int64)
    start, wanted = 0, 0.0
    for at, share in enumerate(shares[:-1]):
        wanted += share * rows[-1]
        last = len(members) - least * (len(shares) - 1 - at)
        choices = np.arange(start + least, last + 1)
        end = int(choices[np.argmin(np.abs(rows[choices] - wanted))])
        part[taken[start:end]] = at
        start = end
    part[taken[start:]] = len(shares) - 1
    return part


def _group(row: Mapping[str, Any], options: Options, place: str) -> int:
    if options.group_by == "prompt":
        return prompt_key(row)
    if options.group_by == "row":
        return text_key(whole_of(row))
    need_column(row, [options.group_by], place)
    return text_key(whole_of(row, [options.group_by]))
