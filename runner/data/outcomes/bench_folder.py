"""LLMRouterBench's results: ``bench/DATASET/SPLIT/MODEL/TIME.json``, each with ``records`` of one LLM on one split."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runner.data.outcomes import outcome_values
from runner.data.outcomes.gathered import NO_PROMPT, Gathered
from runner.data.records.byte_streams import opened
from runner.errors import DataError

#: Of a file, as much as tells whether it is one of these.
HEAD = 64 * 1024
MARK = re.compile(rb'"records"\s*:\s*\[')
NAMES = re.compile(rb'"(dataset_name|model_name)"\s*:')


def is_result(path: Path) -> bool:
    """Whether a ``.json`` file begins as such a result does: an object with records, not an array, not a row."""
    with opened(path) as file:
        head = file.read(HEAD)
    head = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    # A row of JSON Lines is whole on its line.
    spread = head.partition(b"\n")[0].strip() == b"{" and NAMES.search(head)
    return head.startswith(b"{") and bool(MARK.search(head) or spread)


def add(gathered: Gathered, files: Sequence[Path]) -> None:
    """Take in the newest result of every data set, split and LLM. Raises :class:`DataError` for what is none."""
    newest: dict[tuple[str, str, str], tuple[str, Path, list[Any]]] = {}
    older = 0
    for path in files:
        document = _document(path)
        if document.get("demo") is True:
            continue
        key = _names(document, path)
        found = (path.name, path, document["records"])
        older += key in newest
        if key not in newest or path.name > newest[key][0]:
            newest[key] = found
    if older:
        gathered.say(f"{older} results are older ones of the same data set, split and LLM, and were left out")
    for (dataset, _, model), (_, path, records) in sorted(newest.items()):
        gathered.where = str(path)
        for number, record in enumerate(records, 1):
            gathered.read += 1
            _add(gathered, dataset, model, record if isinstance(record, dict) else {}, number)


def _add(gathered: Gathered, dataset: str, model: str, record: dict[str, Any], number: int) -> None:
    cell = record.get("origin_query") or record.get("prompt")
    found = outcome_values.prompt(cell if isinstance(cell, str | list) else None)
    if found is None or not found[0].strip():
        gathered.drop(NO_PROMPT, number)
        return
    place = gathered.prompt(*found, dataset, number)
    cells = {role: record.get(role) for role in ("score", "cost", "prompt_tokens", "completion_tokens")}
    raw = record.get("raw_output")
    cells["response"] = raw if isinstance(raw, str) else record.get("prediction")
    gathered.lost += not gathered.outcome(place, model, cells, number)


def _document(path: Path) -> dict[str, Any]:
    try:
        with opened(path) as file:
            document = json.loads(file.read().decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"not JSON that can be read: {error}", where=str(path)) from None
    if not isinstance(document, dict) or not isinstance(document.get("records"), list):
        raise DataError(
            "is no result of LLMRouterBench: an object with records",
            where=str(path),
            hint="name the files that are by a pattern, such as bench/*/test/*/*.json",
        )
    return document


def _names(document: dict[str, Any], path: Path) -> tuple[str, str, str]:
    """Data set, split and LLM: as the file says, else as the folders are called."""
    folders = ["", "", "", *path.parts[:-1]][-3:]
    said = [document.get(name) for name in ("dataset_name", "split", "model_name")]
    dataset, split, model = (str(word) if word else folder for word, folder in zip(said, folders, strict=True))
    return dataset, split, model
