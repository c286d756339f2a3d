"""A process that asks a stored model one question, and prints the answer: a job on standard input, a document out."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from runner.errors import RunnerError, UsageError
from runner.python_api import Runner


def answer(job: dict[str, Any]) -> dict[str, Any]:
    """The answer's document, with its provenance and warnings."""
    given = {name: job[name] for name in ("prompts", "messages", "rows") if job.get(name) is not None}
    if not given:
        raise UsageError("nothing is asked", where="prompts", hint="one of prompts, messages and rows says what")
    found = Runner().infer(job["model"], **given, options=job.get("options"))
    return {"answer": found.document, "provenance": found.provenance, "warnings": found.warnings}


def main() -> int:
    """Answer, and return the exit code."""
    # Whatever a library prints is no part of the document.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    job = json.load(sys.stdin)
    try:
        document, code = answer(job), 0
    except RunnerError as error:
        document, code = error.as_dict(), int(error.code)
    with out:
        json.dump(document, out, ensure_ascii=False, default=str)
    return code


if __name__ == "__main__":
    sys.exit(main())
