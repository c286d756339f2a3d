"""A data section whose files are an outcome matrix: told as one, read, and its comparisons drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from runner.contract import DataReport, ModelSpec
from runner.data.comparisons import catalog, prompt_split
from runner.data.comparisons.comparison_arrays import B
from runner.data.comparisons.outcome_pairs import as_rows, draw
from runner.data.comparisons.raw_layouts import Rows
from runner.data.holdout import text_key
from runner.data.outcomes import OutcomeMatrix, Outcomes, outcome_files
from runner.data.outcomes.gathered import Gathered
from runner.data.outcomes.outcome_files import Found
from runner.data.outcomes.published_forms import Sparse
from runner.errors import DataError

if TYPE_CHECKING:
    from runner.data.comparisons.section import ComparisonsData

#: What a report calls the layout.
LAYOUT = "outcomes"


def found(section: ComparisonsData, path: str | Path | None = None, sparse: Sparse | None = None) -> Found | None:
    """The section's files as a matrix; None where they are comparisons. ``path`` stands in for the section's own.

    With ``sparse`` they may be of one LLM alone. Raises :class:`DataError` where ``data.outcomes`` is given and the
    files are no matrix.
    """
    if not catalog.is_path(section.dataset) or section.columns is not None or section.winner_values is not None:
        return None
    opening = {"encoding": section.encoding, "delimiter": section.delimiter}
    return outcome_files.find(path or section.dataset, section.outcomes, sparse=sparse, **opening)


def checked(
    matrix: OutcomeMatrix, gathered: Gathered, lost: int, spec: ModelSpec, section: ComparisonsData, where: str
) -> None:
    """Raise :class:`DataError` where the kind reads what the matrix lacks, or too much of it cannot be used."""
    read, odd = gathered.read, gathered.odd_score
    missing = spec.reads & matrix.lacks
    if missing:
        raise DataError(
            f"{spec.model_type} reads {' and '.join(sorted(missing))}, and this matrix has none",
            where=where,
            hint="choose a kind that reads prompts and scores alone, such as dense_network, or add the column",
        )
    if lost > section.max_rows_lost * read:
        raise DataError(
            f"{lost} of {read} rows give no score, more than the share of {section.max_rows_lost:g} that "
            "data.max_rows_lost allows" + (f": a score is {odd[0]} in row {odd[1]}, which is no number" if odd else ""),
            where=where,
            hint="mend the rows; or raise data.max_rows_lost, to train on the rest"
            + ("; scores are numbers, such as 0.5, or True and False" if odd else ""),
        )
    if not len(matrix):
        raise DataError(
            f"no prompt among {read} rows has scores of two LLMs, so that nothing can be compared",
            where=where,
            hint="a matrix needs at least two LLMs' scores for a prompt",
        )


def read(
    section: ComparisonsData, source: Found, spec: ModelSpec, report: DataReport, emit: Callable[..., None]
) -> tuple[Rows, OutcomeMatrix, dict[str, Any]]:
    """The comparisons, the matrix that they were drawn from, and what the run's record says of both.

    ``max_samples`` counts prompts here. Raises :class:`DataError`.
    """
    options = section.outcomes or Outcomes()
    form = source.reading.form
    report.layout = LAYOUT
    matrix, gathered = source.read(report)
    checked(matrix, gathered, gathered.lost, spec, section, str(source.path))
    if section.max_samples is not None:
        keys = [text_key(key).to_bytes(8, "little") for key in matrix.keys]
        chosen = prompt_split.sample(keys, section.max_samples, section.seed)
        left = np.setdiff1d(np.arange(len(matrix)), chosen)
        report.drop("a prompt not among max_samples", [matrix.numbers[at] for at in left])
        matrix = matrix.take(chosen)
    pairs = draw(matrix, options, section.seed)
    facts: dict[str, Any] = {
        "format": form.name,
        "columns": dict(source.reading.columns),
        "prompts": len(matrix),
        "llms": len(matrix.models),
        "scores": int(matrix.filled.sum()),
        "holes": int((~matrix.filled).sum()),
        "has": [name for name in ("costs", "prompt_tokens", "completion_tokens", "latency", "responses")
                if getattr(matrix, name) is not None],
        "pairs_per_prompt": options.pairs_per_prompt,
        "comparisons": len(pairs.winner),
    }  # fmt: skip
    report.facts = facts
    by_prompt = form.shape in ("wide", "arrays")
    report.rows_kept = len(matrix) if by_prompt else facts["scores"]
    _tell(section, matrix, facts, pairs.winner, report, emit)
    if spec.reads_winners:
        _refuse_ties(section, matrix, pairs.winner)
    record = {
        "rows_read": gathered.read,
        "skipped": dict(report.rows_dropped),
        "skipped_first_row": {reason: report.named[reason][0] for reason in report.rows_dropped},
        "outcomes": facts,
    }
    return as_rows(matrix, pairs), matrix, record


def _tell(
    section: ComparisonsData,
    matrix: OutcomeMatrix,
    facts: dict[str, Any],
    winner: np.ndarray,
    report: DataReport,
    emit: Callable[..., None],
) -> None:
    def warn(message: str, pointer: str = "/data/dataset") -> None:
        emit("warning", message=message, pointer=pointer)

    options = section.outcomes or Outcomes()
    if section.outcomes is None:
        warn(
            f"{Path(section.dataset).name} is an outcome matrix ({facts['format']}: {facts['prompts']:,} prompts, "
            f"{facts['llms']} LLMs), read with the defaults of data.outcomes: {facts['comparisons']:,} comparisons, at "
            f"most {options.pairs_per_prompt} a prompt"
        )
    for sentence in report.warnings:
        warn(sentence)
    dropped = {reason: count for reason, count in report.rows_dropped.items() if "max_samples" not in reason}
    for told, counts in (("rows are not used", dropped), ("cells", report.rows_changed)):
        if counts:
            first = {reason: report.named[reason][0] for reason in counts}
            each = ", ".join(f"{reason} ({count}, first in {first[reason]})" for reason, count in counts.items())
            warn(f"{told}: {each}")
    if not len(winner):
        raise DataError(
            "no two LLMs have scores and responses for the same prompt", where=section.dataset,
            hint="take out the column of responses, to compare by scores alone",
        )  # fmt: skip


def _refuse_ties(section: ComparisonsData, matrix: OutcomeMatrix, winner: np.ndarray) -> None:
    """Raise :class:`DataError` where nobody won."""
    options = section.outcomes or Outcomes()
    if not (winner <= B).any():
        pointer = "/data/outcomes/min_difference" if options.min_difference else "/data/dataset"
        spread = float((np.nanmax(matrix.scores, axis=1) - np.nanmin(matrix.scores, axis=1)).max())
        raise DataError(
            f"every one of {len(winner)} comparisons is a tie"
            + (f": scores nearer than {options.min_difference:g} are one" if options.min_difference else ""),
            where=pointer,
            hint=f"the greatest difference on a prompt is about {spread:g}; is the column of scores the right one "
            "(data.outcomes.columns)?",
        )


def of_side(matrix: OutcomeMatrix, keys: set[tuple[str, tuple[str, ...]]], models: tuple[str, ...]) -> OutcomeMatrix:
    """The prompts of one side of a split, known by key and history, with these LLMs' columns."""
    own = [at for at, key in enumerate(zip(matrix.keys, matrix.histories, strict=True)) if key in keys]
    return matrix.take(np.array(own, np.int64)).of(models)
