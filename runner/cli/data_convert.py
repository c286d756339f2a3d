"""``runner data convert``: data in any form that a kind reads, as rows that are all written alike."""

from __future__ import annotations

import json as jsonlib
from itertools import chain
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from runner.cli.data import Columns_, Fields_, Kind_, Path_, ended, report_text
from runner.cli.output import show
from runner.cli.parameters import Json
from runner.errors import ExitCode, UsageError
from runner.execution.data_trial import data_document, read_data
from runner.store.files import write_atomic

ENDS = (".jsonl", ".ndjson")


def convert(
    path: Path_,
    out: Annotated[Path, Parameter(help="The file to write, .jsonl. One that is there is replaced.")],
    *,
    kind: Kind_,
    columns: Columns_ = None,
    fields: Fields_ = None,
    json: Json = False,
) -> int:
    """Write data in the one form that a kind's rows have, and say what became of every row.

    Conversations are {"messages", "tools"}, preferences {"prompt", "chosen", "rejected", "margin"}, answers that are
    labelled {"prompt", "completion", "label"}, texts {"text"}. All rows that can be used are written, in their order.

    Example: runner data convert sharegpt.json train.jsonl --kind sft

    Example: runner data convert pairs.csv pairs.jsonl --kind dpo --columns '{"chosen": "better", "rejected": "worse"}'
    """
    if out.suffix.lower() not in ENDS:
        raise UsageError("is no name of a JSON Lines file", where=str(out), hint="give it one that ends in .jsonl")
    if out.exists() and Path(path).exists() and out.samefile(path):
        raise UsageError("is the file that is read", where=str(out), hint="give the new file another name")
    # All rows are written: nothing is held out unless the file's own columns say so.
    read = read_data(path, kind, columns, fields, validation_split=0)
    if not hasattr(read.section, "written"):
        raise UsageError(f"{kind} reads {read.section.layout}, which have no such form", where="--kind")
    if read.loaded is None:
        show(data_document(read), lambda: report_text(read), as_json=json)
        return ended(read, json)
    rows = chain(read.loaded.train, read.loaded.validation)
    write_atomic(out, (jsonlib.dumps(read.section.written(row), ensure_ascii=False).encode() + b"\n" for row in rows))
    count = len(read.loaded.train) + len(read.loaded.validation)
    document = data_document(read) | {"path": str(out), "rows_written": count}
    show(document, lambda: f"{report_text(read)}\n{count:,} rows written to {out}", as_json=json)
    return ExitCode.DONE
