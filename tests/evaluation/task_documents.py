"""Task files made for a test, and evaluating them in this process."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from runner.evaluation.evaluating import Plan, evaluate, prepare
from runner.workspace import Workspace
from tests.talking_models import CHATS, GOES_ON

Document = dict[str, Any]
#: The fixture ``bench``: documents in, the folder and their files out.
Bench = Callable[..., tuple[Path, list[Path]]]
WORDS = ["hot/cold", "up/down", "day/night", "wet/dry", "full/empty", "early/late", "soft/hard", "loud/quiet"]
PAIRS = [tuple(word.split("/")) for word in WORDS]
CHOICES = {"by": "multiple_choice", "choices": ["wrong", "right"], "correct": "right"}
SAYS = {
    "by": "generation",
    "reference": "{right}",
    "options": {"max_new_tokens": 6},
    "metrics": [{"metric": "exact_match"}, {"metric": "contains"}, {"metric": "chrf"}],
}
NUMBERED = SAYS | {"reference": "{number}", "metrics": [{"metric": "numeric_match"}]}
LIKELY = {"by": "log_likelihood", "target": "{right}"}
TEXTS = {"by": "perplexity"}


def rows() -> list[Document]:
    """Rows with a question, choices, a right one, and a number."""
    return [
        {
            "word": word,
            "right": right,
            "wrong": [PAIRS[(at + 3) % len(PAIRS)][1], "green"],
            "number": at,
            "part": at % 2,
        }
        for at, (word, right) in enumerate(PAIRS)
    ]


def task(answer: Document, name: str = "opposites", **fields: Any) -> Document:
    """A task of those rows."""
    document = {"name": name, "data": {"dataset": "rows.jsonl"}, "prompt": "The opposite of {word}?", "answer": answer}
    return document | fields


def furnish(home: Path, models: Path, documents: Sequence[Document], lines: Sequence[Any] | None = None) -> list[Path]:
    """A folder with the stored models of another, rows, and a file for each task."""
    home.mkdir(exist_ok=True)
    if not (home / "models").exists():
        shutil.copytree(models, home / "models")
    write_rows(home / "rows.jsonl", rows() if lines is None else lines)
    files = [home / f"{document['name']}.json" for document in documents]
    for file, document in zip(files, documents, strict=True):
        file.write_text(json.dumps(document))
    return files


def write_rows(path: Path, lines: Sequence[Any]) -> None:
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))


def workspace(home: Path) -> Workspace:
    """A folder's own, its cache as well."""
    return replace(Workspace.below(home), cache=home / "cache")


def evaluated(home: Path, files: Sequence[Path], models: Sequence[str] = (CHATS, GOES_ON), **words: Any) -> Document:
    """The document of an evaluation in ``home``, which is the current folder; its samples lie in ``out``."""
    return evaluate(prepare(Plan(models, files, **words), workspace(home)), home / "out", lambda event: None)


def samples(home: Path, name: str = "opposites", model: str = CHATS) -> list[Document]:
    """The records of a model's samples."""
    file = home / "out" / "samples" / name / f"{model.replace('/', '--')}--v1.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()]


def result(document: Document, metric: str, model: str = CHATS, at: int = 0) -> Document:
    """One figure of a task."""
    return next(
        row for row in document["tasks"][at]["results"] if (row["metric"], row["model"]) == (metric, f"{model}/v1")
    )


def figures(document: Document) -> list[Any]:
    """All that a second run has to say again."""
    return [
        (
            each["name"],
            each["results"],
            each["comparisons"],
            each["data"],
            [one["rows_dropped"] for one in each["models"]],
        )
        for each in document["tasks"]
    ]
