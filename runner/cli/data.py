"""``runner data check`` and ``runner data show``: a data set as a kind's training would read it, without training."""

from __future__ import annotations

import json as jsonlib
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from cyclopts import Parameter

from runner import near_names
from runner.cli.output import error_text, say, show, table
from runner.cli.parameters import Json
from runner.contract import DataReport, LoadContext, LoadedData
from runner.errors import DataError, ExitCode, Fault, SpecError, UsageError
from runner.workspace import Workspace

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


Fields_ = Annotated[
    str | None,
    Parameter(help='Other fields of a spec\'s data, as JSON: {"role_words": {"clerk": "assistant"}}.'),
]


@dataclass
class Read:
    """What became of reading it."""

    section: Any
    report: DataReport
    loaded: LoadedData | None = None
    error: DataError | None = None
    warnings: list[str] = field(default_factory=list)


def check(
    path: Path_,
    *,
    kind: Kind_,
    columns: Columns_ = None,
    fields: Fields_ = None,
    model: Annotated[
        str | None,
        Parameter(help="Language models: try this model's chat template on every row, as base_model_name names it."),
    ] = None,
    template: Annotated[str | None, Parameter(help="--model: as a spec's chat.template; default tokenizer.")] = None,
    loss_on: LossOn_ = None,
    json: Json = False,
) -> int:
    """Read data as training would, and say what would become of every row: exit 0, or 4 with what to do.

    A spec's filter on rare LLMs is not applied.

    Example: runner data check battles.csv --kind elo_scoring

    Example: runner data check battles.csv --kind dense_network --columns '{"prompt": "Question"}' --json

    Example: runner data check chats.jsonl --kind sft --model HuggingFaceTB/SmolLM2-135M-Instruct
    """
    for flag, given in {"--template": template, "--loss-on": loss_on}.items():
        if given is not None and model is None:
            raise UsageError("says how rows become tokens, and needs --model", where=flag)
    read = read_data(path, kind, columns, fields)
    if read.loaded is not None:
        try:
            read.section.need_learnable(read.loaded)
        except DataError as error:
            read.error = error
    if model is not None and read.error is None:
        from runner.cli.data_tokens import loss_on_of, try_template

        try_template(read, model=model, template=template or "tokenizer", loss_on=loss_on_of(kind, loss_on))
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
    model: Annotated[str | None, Parameter(help="--tokens: whose tokenizer, as base_model_name names it.")] = None,
    template: Annotated[str | None, Parameter(help="--tokens: as a spec's chat.template; default tokenizer.")] = None,
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
            template=template or "tokenizer",
            loss_on=loss_on_of(kind, loss_on),
            as_served=as_served,
            as_json=json,
        )
    found = read.section.preview(read.loaded, rows)
    cells = [list(row) for row in found.rows]
    text = read.section.preview_text(read.loaded, rows) or (table(found.columns, cells) if cells else found.note)
    show(found.as_dict(), text, as_json=json)
    return ExitCode.DONE


def read_data(path: str, kind: str, columns: str | None, fields: str | None = None, **beside: Any) -> Read:
    """Read data as training of a kind would; ``beside`` are fields of the section where nothing says otherwise."""
    from pathlib import Path

    from runner.spec.kinds import spec_class

    spec = spec_class(kind)
    beside = {name: value for name, value in beside.items() if name in spec.data.model_fields}
    section = data_section(spec.data, path, columns, kind, **beside | _fields(fields))
    warnings: list[str] = []

    def emit(event: str, **fields: Any) -> None:
        if event == "warning":
            warnings.append(str(fields.get("message")))

    # The data is judged and no spec: its fields have their defaults, or are not there, and its filters are off.
    off: dict[str, Any] = dict.fromkeys(spec.row_filters, 0)
    unfiltered = spec.model_construct(model_type=kind, **off)
    context = LoadContext(unfiltered, Workspace.current().cache, emit)
    read = Read(section, context.report, warnings=warnings)
    try:
        section.check(Path.cwd())
        read.loaded = section.load(context)
    except DataError as error:
        read.error = error
    read.report = (read.loaded.report if read.loaded else None) or read.report
    read.report.layout = read.report.layout or section.layout
    return read


def data_section(layout: Any, path: str, columns: str | None, kind: str, **beside: Any) -> Any:
    """The data section of a path and of ``--columns``, whose keys are those of the kind's layout.

    ``beside`` are fields of the section where no column says otherwise.
    """
    mapping = _object(columns, "--columns", '{"prompt": "Question"}')
    _check_roles(layout, mapping, kind)
    return _section(kind, layout, beside | layout.document_of(path, mapping))


def _fields(words: str | None) -> dict[str, Any]:
    """The fields of ``--fields``. Raises :class:`UsageError` for what other words of the command say."""
    found = _object(words, "--fields", '{"max_rows_lost": 1}')
    for name, said in {"dataset": "the path", "columns": "--columns"}.items():
        if name in found:
            raise UsageError(f"{name} is what {said} says", where="--fields")
    return found


def _object(words: str | None, flag: str, example: str) -> dict[str, Any]:
    if words is None:
        return {}
    try:
        found = jsonlib.loads(words)
    except ValueError as error:
        raise UsageError(f"not JSON: {error}", where=flag, hint=f"such as {example}") from None
    if not isinstance(found, dict):
        raise UsageError("not a JSON object", where=flag, hint=f"such as {example}")
    return found


def _check_roles(section: Any, mapping: dict[str, Any], kind: str) -> None:
    """Raise :class:`SpecError` for every key that the layout does not have, with the one that was probably meant."""
    roles = section.roles()
    faults = []
    for key in mapping:
        if key not in roles:
            hint = near_names.hint(key, roles, "there are: " + ", ".join(roles))
            more = f"; what each means: runner data check --help --kind {kind}"
            faults.append(Fault(f"{key!r} is no key for {kind}", "--columns", hint=hint + more))
    if faults:
        raise SpecError(faults)


def _section(kind: str, section: Any, document: dict[str, Any]) -> Any:
    """The data section. Raises :class:`SpecError` with the pointer of every fault in it, as a spec's are told."""
    from pydantic import ValidationError

    try:
        return section.model_validate_json(jsonlib.dumps(document))
    except ValidationError as error:
        from runner.spec.field_faults import check as faults_of
        from runner.spec.json_schemas import schema_for
        from runner.spec.reader import read

        whole = schema_for(kind)
        part = {"properties": {"data": whole["properties"]["data"]}, "$defs": whole.get("$defs", {})}
        words = read(jsonlib.dumps({"data": document}), "--columns")
        # They were typed on one line: a column of it helps nobody.
        faults = [replace(found.fault, line=None, column=None) for found in faults_of(words, words.value, part)]
        beyond = [
            Fault(details["msg"], "/data/" + "/".join(map(str, details["loc"])))
            for details in error.errors(include_url=False, include_input=False)
        ]
        raise SpecError(faults or beyond) from None


def data_document(read: Read) -> dict[str, Any]:
    report = read.report
    facts: dict[str, Any] = {report.layout: report.facts} if report.facts else {}
    if read.error:
        facts["rows_refused"] = _refused(read)
    return {
        "layout": report.layout,
        "rows_read": report.rows_read,
        "rows_kept": 0 if read.error else report.rows_kept,
        "rows_dropped": report.rows_dropped,
        "rows_changed": report.rows_changed,
        "named": report.named,
        "warnings": _warnings(read),
        "verdict": _verdict(read),
        "errors": [read.error.as_dict()] if read.error else [],
    } | facts


def _refused(read: Read) -> int:
    """Rows that have nothing wrong themselves, and are not kept as the data is refused."""
    return max(0, read.report.rows_read - sum(read.report.rows_dropped.values())) if read.error else 0


def _warnings(read: Read) -> list[str]:
    return list(dict.fromkeys([*read.report.warnings, *read.warnings]))


def _verdict(read: Read) -> str:
    if read.error:
        return "refuse"
    report = read.report
    return "warn" if report.rows_dropped or report.rows_changed or _warnings(read) else "accept"


def report_text(read: Read) -> str:
    report = read.report
    kept = 0 if read.error else report.rows_kept
    counts: list[tuple[str, object, str]] = [("read", report.rows_read, ""), ("kept", kept, "")]
    if refused := _refused(read):
        counts.append(("refused with the rest", refused, ""))
    for word, reasons in (("dropped", report.rows_dropped), ("changed", report.rows_changed)):
        counts += [(f"{word}: {reason}", count, _first(report, reason)) for reason, count in reasons.items()]
    lines = [table(("ROWS", "COUNT", "FIRST"), counts, right=(1,))]
    lines += [f"{name}: {_fact(value)}" for name, value in report.facts.items() if value not in ([], {})]
    lines += [f"warning: {warning}" for warning in _warnings(read)]
    return "\n".join([*lines, f"{report.layout}: {_verdict(read)}"])


def _fact(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {each!r}" for name, each in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _first(report: DataReport, reason: str) -> str:
    named = report.named.get(reason, [])
    return ", ".join(map(str, named[:5])) + (" ..." if len(named) > 5 else "")


def ended(read: Read, as_json: bool) -> int:
    if read.error is None:
        return ExitCode.DONE
    if not as_json:
        say(error_text(read.error))
    return read.error.code
