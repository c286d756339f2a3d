"""``stats``: what there is to know of rows: how many, of what form, how long, how often the same, in which scripts."""

from __future__ import annotations

import unicodedata
from array import array
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from runner.contract import Section, option
from runner.data.holdout import text_key
from runner.pipeline.steps import Inputs
from runner.pipeline.steps.part_names import in_order
from runner.pipeline.steps.row_files import RowWriter, need_rows, rows_of, tokenizer_files
from runner.pipeline.steps.row_forms import prompt_key, texts_of, turns_of, whole_of
from runner.pipeline.steps.step_report import StepReport

FILE = "_statistics.jsonl"
PERCENTILES = (5, 25, 50, 75, 95, 99)
#: Characters of a row that are looked at for its script.
LOOKED_AT = 400


class Options(Section):
    """What ``stats`` may be told."""

    model: str | None = option(
        None,
        pretrained=True,
        description="Count tokens too, by this model's tokenizer, of the texts without a template.",
    )


def run(inputs: Inputs, options: Options, out: Path) -> StepReport:
    """Figures of each part, as facts of the report and as a file with a line for each part."""
    report = StepReport()
    count = None if options.model is None else token_counter(options.model)
    found = {part: _Part(count) for part in in_order(inputs)}
    with RowWriter(out, FILE, report) as writer:
        for part, figures in found.items():
            for _, row in rows_of(inputs[part], report):
                figures.add(row)
            report.facts[part] = figures.as_dict()
            writer.write({"part": part} | report.facts[part])
    asked = {part: set(figures.prompts) for part, figures in found.items()}
    shared = {
        f"{one} and {other}": len(asked[one] & asked[other])
        for at, one in enumerate(asked)
        for other in list(asked)[at + 1 :]
        if asked[one] & asked[other]
    }
    if shared:
        report.facts["asked_in_both"] = shared
        for pair, number in shared.items():
            report.warnings.append(f"{pair} share {number} prompts: what is measured may have been learned")
    report.rows_written = report.rows_read - sum(report.dropped.values())
    need_rows(report, inputs, "name a file with rows")
    report.rows_written = 0
    return report


def reads(options: Options) -> list[Path]:
    """The files that decide the figures, beside the rows: the tokenizer of a local model."""
    return tokenizer_files(options.model)


def token_counter(model: str) -> Callable[[str], int]:
    """Counts a text's tokens. Raises :class:`~runner.errors.DataError` for a model without a tokenizer."""
    from runner.generation.named_tokenizer import named_tokenizer
    from runner.workspace import Workspace

    tokenizer, _ = named_tokenizer(Workspace.current(), model, "model")
    return lambda text: len(tokenizer(text, add_special_tokens=False, verbose=False).input_ids)


class _Part:
    """Figures of one part."""

    def __init__(self, count: Callable[[str], int] | None) -> None:
        self._count = count
        self._lengths: dict[str, array[int]] = {}
        self._forms: Counter[str] = Counter()
        self._roles: Counter[str] = Counter()
        self._scripts: Counter[str] = Counter()
        self._rows = array("Q")
        self.prompts = array("Q")

    def add(self, row: Mapping[str, Any]) -> None:
        turns = turns_of(row)
        text = texts_of(row)
        form = "messages" if turns and "messages" in row else "question and answer" if turns else ", ".join(row)
        self._forms[form] += 1
        self._length("characters", len(text))
        if turns:
            self._length("turns", sum(role != "system" for role, _ in turns))
            for role, said in turns:
                self._roles[role] += 1
                self._length(f"characters of {role}", len(said))
        if self._count is not None:
            self._length("tokens", self._count(text))
        self._scripts[_script(text[:LOOKED_AT])] += 1
        self._rows.append(text_key(whole_of(row)))
        self.prompts.append(prompt_key(row))

    def _length(self, what: str, value: int) -> None:
        self._lengths.setdefault(what, array("q")).append(value)

    def as_dict(self) -> dict[str, Any]:
        return {
            "rows": len(self._rows),
            "forms": dict(self._forms.most_common()),
            "turns_by_role": dict(self._roles.most_common()),
            "repeated_rows": len(self._rows) - len(set(self._rows)),
            "repeated_prompts": len(self.prompts) - len(set(self.prompts)),
            "scripts": dict(self._scripts.most_common()),
            "lengths": {what: _summary(values) for what, values in self._lengths.items()},
        }


def _summary(values: array[int]) -> dict[str, float]:
    """Count, mean, least, most, and percentiles by linear interpolation."""
    import numpy as np

    found = np.array(values, np.int64)
    cuts = np.percentile(found, PERCENTILES)
    return {
        "count": len(found),
        "mean": round(float(found.mean()), 2),
        "min": int(found.min()),
        **{f"p{percent}": round(float(cut), 1) for percent, cut in zip(PERCENTILES, cuts, strict=True)},
        "max": int(found.max()),
    }


def _script(text: str) -> str:
    """The script that most letters of a text are of, such as ``latin`` or ``cjk``."""
    found = Counter(script for letter in text if (script := _script_of(letter)))
    return found.most_common(1)[0][0] if found else "none"


@cache
def _script_of(letter: str) -> str:
    if not letter.isalpha():
        return ""
    return unicodedata.name(letter, "unknown").split()[0].lower()
