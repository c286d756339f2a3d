"""The kinds' own examples, and what is in a model that was trained from one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from runner import registry
from runner.data import images as sample
from runner.data.table_rows import packaged
from tests.conftest import ROOT, Desk

KINDS = sorted(registry.kinds())
PROMPTS = ["What is 12 + 7?", "Reverse the word 'stone'.", "Name the capital of France.", "Hi"]


def example(kind: str, **changes: Any) -> dict[str, Any]:
    """The kind's own example, as a document."""
    return json.loads((ROOT / "specs" / f"{kind}.json").read_text()) | changes


def question(desk: Desk, document: dict[str, Any]) -> list[object]:
    """Words after ``infer`` that ask the model of a training what it can answer, four rows of it."""
    kind = document["model"].partition("/")[0]
    words: list[object] = ["infer", "--model", document["model"]]
    reader = registry.load(kind).Spec.data.asked_rows
    if reader == "runner.data.table_rows.infer_rows":
        rows = desk.home / "rows.jsonl"
        dataset = json.loads((desk.home / document["path"] / "manifest.json").read_text())["spec"]["data"]["dataset"]
        # Of a packaged table, rows here and there.
        columns = {name: values[::40][: len(PROMPTS)] for name, values in packaged.columns(dataset).items()}
        lines = [json.dumps(dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)]
        rows.write_text("".join(line + "\n" for line in lines))
        return [*words, "--input", rows]
    if reader == "runner.data.images.infer_rows":
        # Every box that is found, however unsure.
        every = ["--set", "threshold=0"] if registry.task(kind).name == "detection" else []
        return [*words, "--input", pictures(desk), *every]
    if reader == "runner.data.pictured_dialogues.asked_pictures":
        asked = ["--set", "question=What shape is it?", "--set", "max_new_tokens=8", "--set", "logprobs=true"]
        return [*words, "--input", pictures(desk), *asked]
    if reader == "runner.data.text_pairs.asked_texts":
        # Rows of two texts: every model of pairs compares them.
        rows = desk.home / "pairs.jsonl"
        lines = [json.dumps({"sentence1": prompt, "sentence2": f"{len(prompt)} letters"}) for prompt in PROMPTS]
        rows.write_text("".join(line + "\n" for line in lines))
        return [*words, "--input", rows]
    if reader == "runner.data.labelled_texts.infer_rows":
        return [*words, "--prompts", *PROMPTS]
    if reader == "runner.data.source_targets.asked_sources":
        return [*words, "--prompts", *PROMPTS, "--set", "max_new_tokens=8", "--set", "logprobs=true"]
    if reader == "runner.data.dialogues.infer_rows":
        if registry.task(kind).name != "reward":
            return [*words, "--prompts", *PROMPTS, "--set", "max_new_tokens=8", "--set", "logprobs=true"]
        rows = desk.home / "answers.jsonl"
        lines = [json.dumps({"prompt": prompt, "completion": f"{len(prompt)}."}) for prompt in PROMPTS]
        rows.write_text("".join(line + "\n" for line in lines))
        return [*words, "--input", rows]
    if reader == "runner.data.tagged_tokens.infer_rows":
        return [*words, "--prompts", *PROMPTS]
    if reader == "runner.data.context_questions.infer_rows":
        asked = [{"question": prompt, "context": " ".join(PROMPTS * 9)} for prompt in PROMPTS]
        return [*words, "--prompts", *map(json.dumps, asked)]
    return [*words, "--models-to-score", *llms(document)[:3], "--prompts", *PROMPTS]


def pictures(desk: Desk) -> Path:
    """A folder of a few of the packaged pictures."""
    from pyarrow import parquet

    rows = parquet.read_table(Path(sample.__file__).with_name("sample") / "shapes.parquet").to_pylist()
    folder = desk.home / "pictures"
    folder.mkdir(exist_ok=True)
    for row in rows[: len(PROMPTS)]:
        (folder / row["image"]["path"]).write_bytes(row["image"]["bytes"])
    return folder


def numbers(answer: Any) -> list[float]:
    """Every number of an output document, in its order."""
    if isinstance(answer, dict):
        return [number for value in answer.values() for number in numbers(value)]
    if isinstance(answer, list):
        return [number for value in answer for number in numbers(value)]
    return [answer] if isinstance(answer, float) else []


def llms(document: dict[str, Any]) -> list[str]:
    """The LLMs of the training, as the tables list them."""
    tables = document["tables"]
    return [row["model"] for row in tables.get("leaderboard") or tables["lengths"]]


def files(desk: Desk, document: dict[str, Any]) -> dict[str, str]:
    """sha256 by file of a stored model."""
    manifest = json.loads((desk.home / document["path"] / "manifest.json").read_text())
    return {name: entry["sha256"] for name, entry in manifest["files"].items()}
