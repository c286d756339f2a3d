"""``runner data check`` and ``runner data show``: a data set as a kind's training would read it, without training."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from runner.cli.output import error_text, say, show, table
from runner.cli.parameters import Json
from runner.contract import DataReport
from runner.contract.quantities import counted
from runner.errors import DataError, ExitCode, UsageError
from runner.execution.data_trial import DataTrial, data_document, read_data

LossOn_ = Annotated[
    str | None,
    Parameter(help="As a spec's loss_on: assistant (the default), last_assistant, all, or weights of roles as JSON."),
]
Path_ = Annotated[str, Parameter(help="A file, a folder with a slash, a pattern, or a data set's name.")]
Kind_ = Annotated[str, Parameter(help="The model type that would be trained, such as elo_scoring.")]
Columns_ = Annotated[
    str | None,
    Parameter(
        help='Role -> column, as JSON: {"prompt": "Question"}. Default: the roles\' own names. --help '
        "with --kind lists the roles."
    ),
]


Template_ = Annotated[str | None, Parameter(help="With a model: as a spec's chat.template; default the model's own.")]
Fields_ = Annotated[
    str | None,
    Parameter(help='Other fields of a spec\'s data, as JSON: {"role_words": {"clerk": "assistant"}}.'),
]


def check(
    path: Path_,
    *,
    kind: Kind_,
    columns: Columns_ = None,
    fields: Fields_ = None,
    model: Annotated[
        str | None,
        Parameter(help="Language models: try this one's chat template on every row; a base, or a stored model."),
    ] = None,
    template: Template_ = None,
    loss_on: LossOn_ = None,
    max_length: Annotated[
        int | None, Parameter(help="With a model: as a spec's max_length; default that of the kind.")
    ] = None,
    json: Json = False,
) -> int:
    """Read data as training would, and say what would become of every row: exit 0, or 4 with what to do.

    A spec's filter on rare LLMs is not applied.

    Example: runner data check battles.csv --kind elo_scoring

    Example: runner data check battles.csv --kind dense_network --columns '{"prompt": "Question"}' --json

    Example: runner data check chats.jsonl --kind sft --model HuggingFaceTB/SmolLM2-135M-Instruct --max-length 2048
    """
    for flag, given in {"--template": template, "--loss-on": loss_on, "--max-length": max_length}.items():
        if given is not None and model is None:
            raise UsageError("says how rows become tokens, and needs --model", where=flag)
    read = read_data(path, kind, columns, fields)
    if read.loaded is not None:
        try:
            read.section.need_learnable(read.loaded)
        except DataError as error:
            read.error = error
    if model is not None and read.error is None:
        from runner.cli.data_length import room_of
        from runner.cli.data_tokens import loss_on_of, try_template

        room = room_of(kind, max_length)
        try_template(read, model=model, template=template, loss_on=loss_on_of(kind, loss_on), room=room)
    show(data_document(read), lambda: report_text(read), as_json=json)
    return ended(read, json)


def show_rows(
    path: Path_,
    *,
    kind: Kind_,
    columns: Columns_ = None,
    fields: Fields_ = None,
    rows: Annotated[int, Parameter(help="How many rows to print.")] = 5,
    tokens: Annotated[
        bool, Parameter(negative="", help="Language models: rows as tokens, and which of them are learned.")
    ] = False,
    model: Annotated[str | None, Parameter(help="--tokens: whose tokenizer: a base, or a stored TYPE/NAME.")] = None,
    template: Template_ = None,
    loss_on: LossOn_ = None,
    as_served: Annotated[
        bool, Parameter(negative="", help="--tokens: compare them with what a stored model would be asked with.")
    ] = False,
    json: Json = False,
) -> int:
    """Print the first rows of training as the model would get them.

    Example: runner data show sample --kind elo_scoring --rows 3

    Example: runner data show chats.jsonl --kind sft --tokens --model HuggingFaceTB/SmolLM2-135M-Instruct --as-served
    """
    if rows < 1:
        raise UsageError("is less than 1", where="--rows")
    needing = {"--model": model, "--template": template, "--loss-on": loss_on, "--as-served": as_served or None}
    for flag, given in needing.items():
        if given is not None and not tokens:
            raise UsageError("says how tokens are made, and needs --tokens", where=flag)
    read = read_data(path, kind, columns, fields)
    if read.loaded is None:
        show(data_document(read), "", as_json=json)
        return ended(read, json)
    if tokens:
        from runner.cli.data_tokens import loss_on_of, show_tokens

        return show_tokens(
            read.loaded.train,
            rows,
            model=model,
            template=template,
            loss_on=loss_on_of(kind, loss_on),
            as_served=as_served,
            as_json=json,
            account=_account(read, path, kind),
        )
    found = read.section.preview(read.loaded, rows)
    cells = [list(row) for row in found.rows]
    text = read.section.preview_text(read.loaded, rows) or (table(found.columns, cells) if cells else found.note)
    show(found.as_dict() | _account(read, path, kind), text, as_json=json)
    return ExitCode.DONE


def _account(read: DataTrial, path: str, kind: str) -> dict[str, Any]:
    """What became of all rows, for the document of those that are shown; rows that are left out are told of as well."""
    report = read.report
    if report.rows_dropped:
        reasons = [f"{reason} {count:,} ({_first(report, reason)})" for reason, count in report.rows_dropped.items()]
        count = sum(report.rows_dropped.values())
        say(f"{count:,} of {counted(report.rows_read, 'rows')} left out: {', '.join(reasons)}")
        say(f"  what would become of every row: runner data check {path} --kind {kind}")
    document = data_document(read)
    return {name: document[name] for name in ("rows_read", "rows_kept", "rows_dropped", "rows_changed", "named")}


def report_text(read: DataTrial) -> str:
    report = read.report
    kept = 0 if read.error else report.rows_kept
    counts: list[tuple[str, object, str]] = [("read", report.rows_read, ""), ("kept", kept, "")]
    if refused := read.refused:
        counts.append(("refused with the rest", refused, ""))
    for word, reasons in (("dropped", report.rows_dropped), ("changed", report.rows_changed)):
        counts += [(f"{word}: {reason}", count, _first(report, reason)) for reason, count in reasons.items()]
    lines = [table(("ROWS", "COUNT", "FIRST"), counts, right=(1,))]
    lines += [f"{name}: {_fact(value)}" for name, value in report.facts.items() if value not in ([], {})]
    lines += [f"warning: {warning}" for warning in read.all_warnings]
    return "\n".join([*lines, f"{report.layout}: {read.verdict}"])


def _fact(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {each!r}" for name, each in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _first(report: DataReport, reason: str) -> str:
    named = report.named.get(reason, [])
    return ", ".join(map(str, named[:5])) + (" ..." if len(named) > 5 else "")


def ended(read: DataTrial, as_json: bool) -> int:
    if read.error is None:
        return ExitCode.DONE
    if not as_json:
        say(error_text(read.error))
    return read.error.code
