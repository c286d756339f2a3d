"""A data set read as training of a kind would, on trial: what would become of every row, and whether it could train."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from runner import near_names
from runner.contract import DataReport, LoadContext, LoadedData
from runner.errors import DataError, Fault, SpecError, UsageError
from runner.execution.prepared_references import resolve_section
from runner.workspace import Workspace, current_folder

#: An object, or JSON text of one as it was typed; None is an empty one.
Words = str | Mapping[str, Any] | None


@dataclass
class DataTrial:
    """What became of reading it."""

    section: Any
    report: DataReport
    loaded: LoadedData | None = None
    error: DataError | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def refused(self) -> int:
        """Rows that have nothing wrong themselves, and are not kept as the data is refused."""
        return max(0, self.report.rows_read - sum(self.report.rows_dropped.values())) if self.error else 0

    @property
    def all_warnings(self) -> list[str]:
        """Everything odd about it, each once."""
        return list(dict.fromkeys([*self.report.warnings, *self.warnings]))

    @property
    def verdict(self) -> str:
        """``accept``, ``warn`` or ``refuse``."""
        if self.error:
            return "refuse"
        report = self.report
        return "warn" if report.rows_dropped or report.rows_changed or self.all_warnings else "accept"


def read_data(path: str, kind: str, columns: Words = None, fields: Words = None, **beside: Any) -> DataTrial:
    """Read data as training of a kind would; ``beside`` are fields of the section where nothing says otherwise."""
    from runner.spec.kinds import spec_class

    spec = spec_class(kind)
    beside = {name: value for name, value in beside.items() if name in spec.data.model_fields}
    section = data_section(spec.data, path, columns, kind, **beside | _fields(fields))
    section = resolve_section(section, Workspace.current().store, current_folder()).section
    warnings: list[str] = []

    def emit(event: str, **fields: Any) -> None:
        if event == "warning":
            warnings.append(str(fields.get("message")))

    # The data is judged and no spec: its fields have their defaults, or are not there, and its filters are off.
    off: dict[str, Any] = dict.fromkeys(spec.row_filters, 0)
    unfiltered = spec.model_construct(model_type=kind, **off)
    context = LoadContext(unfiltered, Workspace.current().cache, emit)
    read = DataTrial(section, context.report, warnings=warnings)
    try:
        section.check(current_folder())
        read.loaded = section.load(context)
    except DataError as error:
        read.error = error
    read.report = (read.loaded.report if read.loaded else None) or read.report
    read.report.layout = read.report.layout or section.layout
    return read


def data_section(layout: Any, path: str, columns: Words, kind: str, **beside: Any) -> Any:
    """The data section of a path and of ``--columns``, whose keys are those of the kind's layout.

    ``beside`` are fields of the section where no column says otherwise.
    """
    mapping = _object(columns, "--columns", '{"prompt": "Question"}')
    _check_roles(layout, mapping, kind)
    return _section(kind, layout, beside | layout.document_of(path, mapping))


def _fields(words: Words) -> dict[str, Any]:
    """The fields of ``--fields``. Raises :class:`UsageError` for what other words of the command say."""
    found = _object(words, "--fields", '{"max_rows_lost": 1}')
    for name, said in {"dataset": "the path", "columns": "--columns"}.items():
        if name in found:
            raise UsageError(f"{name} is what {said} says", where="--fields")
    return found


def _object(words: Words, flag: str, example: str) -> dict[str, Any]:
    if words is None:
        return {}
    if not isinstance(words, str):
        return dict(words)
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
        from runner.spec.json_schemas import schema_for
        from runner.spec.reader import read
        from runner.spec.schema_validation import check as faults_of

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


def data_document(read: DataTrial) -> dict[str, Any]:
    """What ``runner data check --json`` prints."""
    report = read.report
    facts: dict[str, Any] = {report.layout: report.facts} if report.facts else {}
    if read.error:
        facts["rows_refused"] = read.refused
    return {
        "layout": report.layout,
        "rows_read": report.rows_read,
        "rows_kept": 0 if read.error else report.rows_kept,
        "rows_dropped": report.rows_dropped,
        "rows_changed": report.rows_changed,
        "named": report.named,
        "warnings": read.all_warnings,
        "verdict": read.verdict,
        "errors": [read.error.as_dict()] if read.error else [],
    } | facts
