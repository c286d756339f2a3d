"""``runner data from-log``: what a gateway logged, as rows to train on."""

from __future__ import annotations

import json as jsonlib
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from runner.cli.output import show
from runner.cli.parameters import Json
from runner.errors import DataError, UsageError

HOW = {
    "outcomes": "grade answers at /v1/feedback; or take --as prompts and grade them by `runner data collect`",
    "comparisons": "say at /v1/feedback which of two answers to a prompt was better, or grade both",
    "prompts": "serve with --log-texts",
}


def from_log(
    log: Annotated[Path, Parameter(help="What `runner serve --router ... --log FILE --log-texts` wrote.")],
    out: Annotated[Path, Parameter(help="The file to write, .jsonl. One that is there is replaced.")],
    *,
    as_: Annotated[
        Literal["outcomes", "comparisons", "prompts"],
        Parameter(
            name="--as",
            help="outcomes: a row for each graded answer, a matrix that routers train on; comparisons: a row for two "
            "answers to one prompt of which one was better; prompts: each prompt once, for `runner data collect`.",
        ),
    ] = "outcomes",
    json: Json = False,
) -> None:
    """Make rows to train a router on of what a gateway logged, and say what gave none.

    Example: runner data from-log requests.jsonl outcomes.jsonl

    Example: runner data from-log requests.jsonl prompts.jsonl --as prompts
    """
    from runner.gateway import log_tables
    from runner.gateway.log_reading import read_log
    from runner.store.files import write_atomic

    if out.suffix.lower() not in (".jsonl", ".ndjson"):
        raise UsageError("is no name of a JSON Lines file", where=str(out), hint="give it one that ends in .jsonl")
    if out.exists() and log.exists() and out.samefile(log):
        raise UsageError("is the log itself", where=str(out), hint="give the new file another name")
    logged = read_log(log)
    made = getattr(log_tables, as_)(logged)
    left_out = made.left_out + logged.dropped
    if not made.rows:
        why = ", ".join(f"{reason} ({count:,})" for reason, count in left_out.items())
        raise DataError(f"the log gives no {as_}: {why}", where=str(log), hint=HOW[as_])
    write_atomic(out, (jsonlib.dumps(row, ensure_ascii=False).encode() + b"\n" for row in made.rows))
    document: dict[str, Any] = {
        "path": str(out), "rows_written": len(made.rows), "requests": len(logged.requests), "left_out": dict(left_out),
    }  # fmt: skip
    show(document, lambda: _human(document, as_), as_json=json, kept=f"the rows are in {out}")


def _human(document: dict[str, Any], kind: str) -> str:
    lines = [f"{document['rows_written']:,} {kind} of {document['requests']:,} requests written to {document['path']}"]
    lines += [f"  {count:,} left out: {reason}" for reason, count in document["left_out"].items()]
    return "\n".join(lines)
