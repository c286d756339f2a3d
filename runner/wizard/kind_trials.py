"""One kind tried on a sample of rows: read as a training of it would, kept with its score or with why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from runner.contract.quantities import counted
from runner.errors import RunnerError
from runner.execution.data_trial import DataTrial, read_data
from runner.wizard.column_profiles import ColumnLook
from runner.wizard.sampled_rows import SampledRows


@dataclass
class Tried:
    """What one kind makes of the sample."""

    kind: str
    score: int
    reasons: list[str]
    #: Role -> column, or columns; a field of the section for what has one.
    columns: dict[str, Any] = field(default_factory=dict)
    #: Roles that only a person can say, with the columns that it may be.
    choose: dict[str, list[str]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


@dataclass
class Trials:
    """All of them, the likeliest first; and why the others are none."""

    found: list[Tried] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


class KindTrials:
    """Tries kinds on one sample, and keeps what became of each.

    Args:
        path: the sample's file, or the data itself.
        rows: what was read of it; None of pictures in folders.
        looks: its columns.
    """

    def __init__(self, path: str, rows: SampledRows | None, looks: Sequence[ColumnLook]) -> None:
        self.path, self.rows = path, rows
        self.looks = {look.name: look for look in looks}
        self.trials = Trials()

    def _trial(self, kind: str, columns: dict[str, Any] | None = None, **beside: Any) -> DataTrial | None:
        """What became of it; None where it is refused, which is kept."""
        if self.rows is not None:
            beside = {"image_folder": str(self.rows.folder)} | beside
        try:
            trial = read_data(self.path, kind, columns or None, None, **beside)
            if trial.loaded is not None:
                trial.section.need_learnable(trial.loaded)
        except RunnerError as error:
            self.trials.refused[kind] = error.message
            return None
        except ImportError as error:
            self.trials.refused[kind] = f"reading it needs the package {error.name}, which is not installed"
            return None
        if trial.error is not None:
            self.trials.refused[kind] = trial.error.message
            return None
        return trial

    def _add(
        self,
        kind: str,
        score: int,
        reason: str,
        trial: DataTrial | None,
        columns: dict[str, Any] | None = None,
        **more: Any,
    ) -> Tried:
        reasons = [reason]
        if trial is not None:
            report = trial.report
            lost = report.rows_read - report.rows_kept
            if lost and report.rows_read:
                why = ", ".join(f"{reason} {count:,}" for reason, count in report.rows_dropped.items())
                reasons.append(f"{lost:,} of {counted(report.rows_read, 'rows')} could not be used ({why})")
                score -= round(60 * lost / report.rows_read)
            unused = report.facts.get("unused_columns") or []
            if unused:
                reasons.append(f"not used: {', '.join(unused)}")
        warnings = [] if trial is None else trial.all_warnings
        tried = Tried(kind, score, reasons, dict(columns or {}), warnings=list(warnings), **more)
        self.trials.found.append(tried)
        self.trials.refused.pop(kind, None)
        return tried

    def _found(self, trial: DataTrial) -> dict[str, Any]:
        """The columns that the layout found, by the roles that a spec takes; none that a spec does not."""
        columns = trial.report.facts.get("columns")
        if not isinstance(columns, dict):
            return {}
        roles = type(trial.section).roles()
        if any(role not in roles or not isinstance(column, str) for role, column in columns.items()):
            # They are found together, and naming a part of them could mean another form.
            return {}
        return dict(columns)
