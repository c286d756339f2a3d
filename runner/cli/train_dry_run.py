"""What ``runner train --dry-run`` prints."""

from __future__ import annotations

import json as jsonlib
import shlex
from typing import TYPE_CHECKING, Any

from runner.cli.output import show, table
from runner.workspace import Workspace

if TYPE_CHECKING:
    from runner.spec.checking import LoadedSpec


def explain(loaded: LoadedSpec, workspace: Workspace, executor: str | None, *, as_json: bool) -> None:
    """Plan without starting anything and print it: values with origins, command, mounts, names, rows, estimates."""
    from runner.execution.dry_run import dry_run

    document = dry_run(loaded, workspace, executor)
    show(document, lambda: _text(document), as_json=as_json)


def _hub(section: dict[str, Any]) -> str:
    return f"{section['repository']} ({'private' if section['private'] else 'public'})"


def _text(document: dict[str, Any]) -> str:
    values = table(
        ("VALUE", "", "FROM"),
        [
            (row["pointer"], jsonlib.dumps(row["value"], ensure_ascii=False), row["origin"])
            for row in document["origins"]
        ],
    )
    estimate = document["estimate"]
    if estimate["judged_by"]:
        takes = (
            f"about {estimate['seconds']:.0f} s and {estimate['memory'] / 2**20:.0f} MiB, "
            f"judged by run {estimate['judged_by']}"
        )
    else:
        takes = "unknown: no run of this type has succeeded here yet"
    count = document["spec"]["run"]["processes"]
    together = f", in {count} processes" if count > 1 else ""
    footprint = document["footprint"]
    told = footprint or {"tables": [], "notes": []}
    facts = [
        ("runs", document["executor"] + (f", in {document['image']}" if document["image"] else "") + together),
        ("command", shlex.join(document["command"])),
        *(("writes", path + _placeholder(path)) for path in document["mounts"]["read_write"]),
        *(("reads", path) for path in document["mounts"]["read_only"]),
        ("network", "yes" if document["network"] else "not needed" if "submission" in document else "none"),
        ("secrets", ", ".join(document["secrets"]) or "none"),
        ("stored as", document["stored_as"]),
        *([("W&B", f"artifact {document['wandb_artifact']}")] if document["wandb_artifact"] else []),
        *([("the Hub", _hub(document["hub"]))] if "hub" in document else []),
        ("data", _data(document)),
        ("takes", takes),
        ("fit", f"{document['fit']['label']}: {document['fit']['sentence']}"),
        *(("warning", text) for text in document["warnings"]),
        *(("note", text) for text in [*document["notes"], *told["notes"]]),
        *([("footprint", f"unknown: {document['footprint_unknown']}")] if document["footprint_unknown"] else []),
    ]
    tables = [_table(found) for found in told["tables"]]
    submission = [f"what is submitted:\n\n{document['submission']}"] if "submission" in document else []
    listed = "\n".join(f"{name.ljust(9)}  {value}" for name, value in facts)
    return "\n\n".join([values, *tables, listed, *submission])


def _placeholder(path: str) -> str:
    """What is to know of a path whose end is not known yet."""
    return "  (RUN stands for the id that the run gets when it begins)" if path.endswith("/RUN") else ""


def _table(found: dict[str, Any]) -> str:
    numbers = [
        at
        for at in range(len(found["columns"]))
        if all(isinstance(row[at], int | float) or row[at] is None for row in found["rows"])
    ]
    header = [str(name).upper() for name in found["columns"]]
    return f"{found['title']}\n\n" + table(header, found["rows"], right=numbers)


def _data(document: dict[str, Any]) -> str:
    from runner.tracking.event_words import counts_text

    if document["data"] is None:
        return f"unknown: {document['data_unknown']}"
    return counts_text(document["data"])
