"""What a look of an instant tells of the user's comparisons: before a run is made, and in a terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from runner.contract import DataReport, ModelSpec, Table
from runner.data.comparisons.comparison_arrays import Comparisons
from runner.data.records.data_files import data_files
from runner.errors import DataError, EnvironmentProblem

if TYPE_CHECKING:
    from runner.data.comparisons.section import ComparisonsData
    from runner.data.outcomes import OutcomeMatrix

#: Files of so many bytes together are read whole, others as far as so many rows, which tell of their columns.
WHOLE, SOME = 2 * 1024 * 1024, 2000
#: Characters of a text in a table.
SHOWN = 48
WINNERS = ("model_a", "model_b", "tie", "both_bad")


def look(section: ComparisonsData, spec: ModelSpec, cwd: Path) -> None:
    """Raise :class:`DataError` for columns that the kind needs and the data lacks, and, of small data, for lost rows.

    What is read with a package that this machine lacks (a container has it) is not looked at.
    """
    from runner.data.comparisons import lost_rows, outcome_source, sources

    path = Path(section.dataset).expanduser()
    path = path if cwd == Path.cwd() else cwd / path
    if path.suffix.lower() == ".npz":
        return
    whole = sum(file.stat().st_size for file in data_files(path)[0]) <= WHOLE
    most = None if whole else SOME
    try:
        source = outcome_source.found(section, path)
        if source is not None:
            matrix, gathered = source.read(DataReport(section.layout), most)
            lost = gathered.lost if whole else 0
            outcome_source.checked(matrix, gathered, lost, spec, section, section.dataset)
            return
        rows = sources.read_file(
            path,
            section.columns,
            section.winner_values,
            spec.reads,
            spec.model_type,
            most,
            encoding=section.encoding,
            delimiter=section.delimiter,
            empty=spec.takes_empty_responses(),
        )
        if whole:
            lost_rows.refuse(rows, section.max_rows_lost, section.dataset, winners=spec.reads_winners)
    except EnvironmentProblem:
        return
    except DataError as error:
        error.where = f"/data/dataset: {error.where}"
        raise


def preview(rows: Comparisons, count: int) -> Table:
    """The first comparisons: who met whom, who won, and the beginnings of the texts that there are.

    Of an outcome matrix the first prompts, each LLM's score and, where it is known, its cost.
    """
    if rows.outcomes is not None:
        return _matrix(rows.outcomes, count)
    columns = ["model_a", "model_b", "winner"]
    columns += [] if "prompts" in rows.lacks else ["prompt"]
    columns += [] if "responses" in rows.lacks else ["response_a", "response_b"]
    shown = []
    for at in range(min(count, len(rows))):
        cells = {
            "model_a": rows.models[rows.model_a[at]],
            "model_b": rows.models[rows.model_b[at]],
            "winner": WINNERS[rows.winner[at]],
            "prompt": _short(rows.prompts[rows.prompt[at]]),
            "response_a": _short(rows.responses_a[at]),
            "response_b": _short(rows.responses_b[at]),
        }
        shown.append([cells[name] for name in columns])
    return Table("rows", "Training comparisons", columns, shown)


def _matrix(matrix: OutcomeMatrix, count: int) -> Table:
    columns = ["prompt"] + ["group"] * any(matrix.groups)
    columns += [name for model in matrix.models for name in [model] + [f"{model} cost"] * (matrix.costs is not None)]
    shown: list[list[object]] = []
    for row in range(min(count, len(matrix))):
        cells: list[object] = [_short(matrix.keys[row]), *[matrix.groups[row]] * any(matrix.groups)]
        for column in range(len(matrix.models)):
            cells.append(_known(matrix.scores[row, column]))
            if matrix.costs is not None:
                cells.append(_known(matrix.costs[row, column]))
        shown.append(cells)
    return Table("outcomes", "Training prompts and what each LLM's answer was worth", columns, shown)


def _known(value: float) -> float | None:
    return None if value != value else float(value)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."
