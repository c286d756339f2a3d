"""What a path holds, and what could be trained on it: the data is asked before the person is.

>>> looked = look("messages.csv", Path())  # doctest: +SKIP
>>> looked.families[0].kind, looked.families[0].reasons  # doctest: +SKIP
('text_classification', ['column label has 2 values in 5,574 rows: classes'])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner import registry
from runner.contract.quantities import counted
from runner.data import hub_files
from runner.data.comparisons import catalog as comparisons
from runner.data.holdout import Holdout
from runner.data.records.data_files import container_of
from runner.data.table_rows import packaged
from runner.errors import RunnerError
from runner.wizard.column_profiles import ColumnLook, look_at
from runner.wizard.kind_trials import Trials, Tried
from runner.wizard.likely_kinds import Trying
from runner.wizard.sampled_rows import SampledRows, Sides, check_path, named, read
from runner.workspace import absolute

#: A sample whose rows are read where they are: the file itself is no larger.
SMALL = 4 * 2**20
#: Pictures in folders that are opened, each of them; of more, only the names are looked at.
MOST_PICTURES = 3000
#: Characters of a token, about, in the texts of most languages' tokenizers; and the lengths that are proposed.
CHARACTERS, LENGTHS = 3.5, (128, 256, 512, 1024, 2048, 4096)


@dataclass(frozen=True)
class Proposed:
    """A kind that could be trained on the data."""

    kind: str
    #: Its family: ``text``, ``language``, ``tabular``, ...
    family: str
    #: The ``data`` object of a spec: the path, the columns, the split.
    data: dict[str, Any]
    #: Role -> column, or columns, of ``data``.
    columns: dict[str, Any]
    #: Other fields, by JSON pointer: ``{"/model/spec/max_length": 256}``.
    fields: dict[str, Any]
    #: Why, a sentence each; the first says what the data is.
    reasons: list[str]
    #: Roles that only a person can say, with the columns that it may be; ``columns`` has a guess.
    choose: dict[str, list[str]] = field(default_factory=dict)
    #: What is odd about the rows, as ``runner data check`` says it.
    warnings: list[str] = field(default_factory=list)

    @property
    def split(self) -> dict[str, Any]:
        """The fields of ``data`` that say which rows are held out; none where a share of them is."""
        return {name: self.data[name] for name in Holdout.WAYS if name in self.data}


@dataclass(frozen=True)
class Looked:
    """What there is to say of a path."""

    path: str
    #: ``csv``, ``jsonl``, ``parquet``, ...; ``pictures``, or ``packaged``.
    container: str
    #: None where only reading all of it would tell; ``exact`` says whether it was counted or estimated.
    rows: int | None
    exact: bool
    columns: list[ColumnLook]
    #: The likeliest first.
    families: list[Proposed]
    #: Why each other kind that was tried is none, by its name.
    refused: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    #: ``1,204 rows``, or ``about 1,200,000 rows, by the files' size``.
    count: str = ""

    def lines(self) -> list[str]:
        """What to show of it, a line each."""
        return [
            f"{self.path}: {self.container}, {self.count}",
            *(f"  {column.sentence()}" for column in self.columns),
            *self.notes,
        ]


def look(path: str, folder: Path) -> Looked:
    """Look into data: what it is, how much, and which kinds could be trained on it, the likeliest first.

    Args:
        path: a file, a folder, a pattern, a data set of the Hub (``hub:OWNER/NAME``, or ``OWNER/NAME`` alone), or the
            name of a packaged one.
        folder: what a relative path counts from.

    Raises :class:`~runner.errors.RunnerError` for what is not there, cannot be read, or cannot be fetched.
    """
    if found := _packaged(path):
        return found
    check_path(path)
    place = None if hub_files.is_hub_name(named(path, folder)) else absolute(path, folder)
    if place is not None and (looked := _of_pictures(path, place)) is not None:
        return looked
    rows = read(path, folder)
    looks = [look_at(name, [row.get(name) for row in rows.sample], untyped=rows.untyped) for name in rows.columns]
    trials = _tried(rows, looks, place)
    sided = _SplitColumn(looks)
    notes = list(rows.notes)
    if rows.bad:
        notes.append(f"{counted(rows.bad, 'lines')} could not be read")
    families = [_proposed(tried, rows, looks, sided, folder) for tried in trials.found]
    return Looked(
        path, rows.container, rows.rows, rows.exact, looks, families, trials.refused, notes, rows.count_text()
    )


def _tried(rows: SampledRows, looks: Sequence[ColumnLook], place: Path | None) -> Trials:
    small = place is not None and place.is_file() and rows.exact and place.stat().st_size <= SMALL and not rows.fields
    if small and rows.rows == len(rows.sample):
        return Trying(str(place), rows, looks).all()
    with rows.as_file() as sample:
        trials = Trying(str(sample), rows, looks).all()
    if len(rows.tried) != rows.rows:
        for tried in trials.found:
            tried.reasons.append(f"told by {counted(len(rows.tried), 'rows')} of it")
    return trials


class _SplitColumn:
    """A column that says of rows which side of the split they are on."""

    def __init__(self, looks: Sequence[ColumnLook]) -> None:
        self.name = next((look.name for look in looks if look.sides), None)
        self.sides = next((look.sides for look in looks if look.sides), [])

    def apply(self, data: dict[str, Any], layout: Any, reasons: list[str]) -> None:
        """Name it where it can be used, and say why."""
        if self.name is None or "split_column" not in layout.model_fields:
            return
        if {"train", "validation"} <= set(self.sides):
            data["split_column"] = self.name
            reasons.append(f"column {self.name} says which rows are held out")
        elif "test" in self.sides and "train" in self.sides:
            reasons.append(
                f"column {self.name} says train and test, and not which rows are held out: rows of test are trained "
                "on as well, unless you take them into a file of their own"
            )


def _proposed(
    tried: Tried, rows: SampledRows, looks: Sequence[ColumnLook], sided: _SplitColumn, folder: Path
) -> Proposed:
    layout = registry.load(tried.kind).Spec.data
    reasons = list(tried.reasons)
    # Beside its columns what a layout needs to read them, such as another delimiter.
    tried.columns |= {name: value for name, value in rows.fields.items() if name in layout.model_fields}
    data = layout.document_of(rows.dataset, tried.columns)
    sides = rows.sides
    if sides is not None:
        reasons += _of_sides(sides, data, layout)
    else:
        sided.apply(data, layout, reasons)
    if rows.dataset.startswith(hub_files.MARK) and "image_folder" in data:
        del data["image_folder"]
    fields = _lengths(tried, layout, looks, reasons)
    return Proposed(tried.kind, _family(tried.kind), data, tried.columns, fields, reasons, tried.choose, tried.warnings)


def _of_sides(sides: Sides, data: dict[str, Any], layout: Any) -> list[str]:
    said = []
    if sides.validation is not None and "validation_data" in layout.model_fields:
        data["validation_data"] = sides.validation
        said.append(f"{sides.validation} holds the rows that are held out")
    if sides.test is not None:
        said.append(f"{sides.test} is not trained on: keep it to compare with, at the end")
    return said


def _lengths(tried: Tried, layout: Any, looks: Sequence[ColumnLook], reasons: list[str]) -> dict[str, Any]:
    """``max_length`` for texts that are longer, or much shorter, than what a kind reads by default."""
    spec = registry.load(tried.kind).Spec
    field = spec.model_fields.get("max_length")
    source = {"source": tried.columns["source"]} if "source" in tried.columns else tried.columns
    names = {name for value in source.values() for name in ([value] if isinstance(value, str) else value)}
    used = [look.usual for look in looks if look.name in names and look.kind in ("texts", "list", "object", "words")]
    if field is None or not used:
        return {}
    tokens = round(sum(used) / CHARACTERS)
    # Most encoders have positions for 512 tokens, and sentence encoders for fewer.
    most = LENGTHS[-1] if _family(tried.kind) == "language" else 256
    length = next((each for each in LENGTHS if each >= tokens), LENGTHS[-1])
    if tokens > most:
        reasons.append(f"long rows are cut: 1 of 20 is longer than about {counted(tokens, 'tokens')}")
    else:
        reasons.append(f"19 of 20 rows are no longer than about {counted(tokens, 'tokens')}")
    if "doc_stride" in spec.model_fields:
        # What does not fit is read in windows, which nothing is gained by making short.
        return {}
    return {} if (length := min(length, most)) == field.default else {"/model/spec/max_length": length}


def _family(kind: str) -> str:
    found = registry.find(kind)
    return found.family if found is not None else ""


def _packaged(path: str) -> Looked | None:
    """The families of a name that stands for data of the program, of which some have each their own."""
    if path in packaged.NAMES:
        return _of_table(path)
    if path not in comparisons.NAMES:
        return None
    kinds = [
        kind
        for kind in registry.kinds()
        if path == "sample" and "sample" in getattr(registry.load(kind).Spec.data, "PACKAGED", ())
    ]
    routers = ("linear_scoring", "bradley_terry_scoring", "elo_scoring")
    what = "a small set that comes with each kind" if path == "sample" else "published comparisons of LLMs"
    families = [
        Proposed(kind, _family(kind), {"dataset": path}, {}, {}, [f"{path} is {what}"]) for kind in [*kinds, *routers]
    ]
    return Looked(path, "packaged", None, False, [], families, count=what)


def _of_table(name: str) -> Looked:
    cells = packaged.columns(name)
    looks = [look_at(column, values, untyped=False) for column, values in cells.items()]
    trials = Trying(name, None, looks)
    trials._tables()
    rows = len(next(iter(cells.values())))
    families = [
        Proposed(
            tried.kind, "tabular", {"dataset": name} | tried.columns, tried.columns, {}, tried.reasons, tried.choose
        )
        for tried in sorted(trials.trials.found, key=lambda tried: -tried.score)
    ]
    return Looked(name, "packaged", rows, True, looks, families, trials.trials.refused, count=counted(rows, "rows"))


def _of_pictures(path: str, place: Path) -> Looked | None:
    """A folder, or an archive, of pictures without a table that says what they are; None for anything else."""
    from runner.data.images.picture_tree import glance, tree_of, walked

    if place.is_file() and place.suffix.lower() == ".zip":
        return _pictures(path, Trying(str(place), None, []).pictures(), None, "zip of pictures")
    if not place.is_dir() or not glance(place)[0]:
        return None
    tree = tree_of(walked(place, path))
    if any(container_of(table.name) for branch in tree.branches for table in branch.tables):
        if _data_files_alone(place):
            return None
        return _pictures(path, Trying(str(place), None, []).pictures(), None, "pictures and a table")
    count = sum(len(branch.pictures) for branch in tree.branches)
    if count <= MOST_PICTURES:
        return _pictures(path, Trying(str(place), None, []).pictures(), count, "pictures")
    classes = sorted({name for branch in tree.branches for name in branch.classes})
    trials = Trials()
    if len(classes) > 1:
        what = f"the folders are {counted(len(classes), 'classes')} of {counted(count, 'pictures')}"
        trials.found.append(Tried("image_classification", 91, [what, "their names were read, and no picture opened"]))
    return _pictures(path, trials, count, "pictures")


def _data_files_alone(place: Path) -> bool:
    """Whether the folder's tables are one table, which then is looked at row by row."""
    tables = [each for each in place.iterdir() if each.is_file() and container_of(each.name) is not None]
    return len(tables) == 1 and not tables[0].name.lower().endswith(".json")


def _pictures(path: str, trials: Trials, count: int | None, container: str) -> Looked:
    families = [
        Proposed(
            tried.kind,
            _family(tried.kind),
            registry.load(tried.kind).Spec.data.document_of(path, tried.columns),
            tried.columns,
            {},
            tried.reasons,
            tried.choose,
            tried.warnings,
        )
        for tried in trials.found
    ]
    said = counted(count, "pictures") if count is not None else "not counted"
    return Looked(path, container, count, count is not None, [], families, trials.refused, count=said)


__all__ = ["ColumnLook", "Looked", "Proposed", "RunnerError", "look"]
