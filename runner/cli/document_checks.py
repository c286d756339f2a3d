"""What ``runner validate`` does. It needs no parser of flags, which takes longer to load than many a spec to check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from runner.cli.output import error_text, fault_text, say, show
from runner.cli.streams import standard_input
from runner.errors import RunnerError
from runner.spec.checking import load
from runner.spec.document_sort import is_batch, is_pipeline, is_task
from runner.spec.reader import read_file, read_piped


def only_documents(words: Sequence[str]) -> bool:
    """Whether words behind a verb are files, lone dashes and ``--json`` alone: nothing that a parser has to read."""
    return all(word and (word in ("-", "--json") or not word.startswith("-")) for word in words)


def check_documents(files: Sequence[Path], *, as_json: bool) -> int:
    """Check each file (a lone dash, or none, is standard input), print what was found, and return the exit code."""
    results = [_check(file) for file in files or (Path("-"),)]
    documents = [document for document, _ in results]
    for document, text in results if not as_json else ():
        if document["valid"]:
            print(text)
        else:
            say(text)
    if as_json:
        show(documents[0] if len(documents) == 1 else {"specs": documents}, "", as_json=True)
    return max(document["exit_code"] for document in documents)


def _check(file: Path) -> tuple[dict[str, Any], str]:
    """The result for one file as a document, and as a person reads it."""
    source = "<stdin>" if str(file) == "-" else str(file)
    try:
        data = read_piped(standard_input(), source) if str(file) == "-" else read_file(file)
        if is_task(data):
            from runner.spec.evaluation_checking import load_task

            task = load_task(data, source).task
            text = f"{source}: a valid task, answered by {task.answer.by}"
            return {"source": source, "valid": True, "exit_code": 0, "task": task.name, "warnings": []}, text
        if is_batch(data) or is_pipeline(data):
            return _check_steps(data, source)
        loaded = load(data, source)
    except RunnerError as error:
        return {"source": source, "valid": False} | error.as_dict(), error_text(error)
    warnings = [asdict(warning) for warning in loaded.warnings]
    what = f"a valid spec of {loaded.kind}" if loaded.kind else "a valid spec that starts from a stored model"
    lines = [fault_text(warning, source, "warning: ") for warning in loaded.warnings]
    document = {"source": source, "valid": True, "exit_code": 0, "model_type": loaded.kind, "warnings": warnings}
    return document, "\n".join([*lines, f"{source}: {what}"])


def _check_steps(data: bytes, source: str) -> tuple[dict[str, Any], str]:
    """The same of a pipeline, or of a batch with all its pipelines."""
    if is_batch(data):
        from runner.pipeline.batches.expanding import load_batch

        batch = load_batch(data, source)
        text = f"{source}: a valid batch of {len(batch.members)} pipelines"
        document = {"source": source, "valid": True, "exit_code": 0, "batch": batch.name, "warnings": []}
        return document | {"pipelines": [member.pipeline.name for member in batch.members]}, text
    from runner.pipeline.loading import load as load_pipeline

    pipeline = load_pipeline(data, source)
    warnings = [asdict(warning) for warning in pipeline.warnings]
    lines = [fault_text(warning, source, "warning: ") for warning in pipeline.warnings]
    steps = [step.name for step in pipeline.steps]
    document = {"source": source, "valid": True, "exit_code": 0, "pipeline": pipeline.name, "steps": steps}
    text = f"{source}: a valid pipeline of {len(steps)} steps: {', '.join(steps)}"
    return document | {"warnings": warnings}, "\n".join([*lines, text])
