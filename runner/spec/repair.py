"""Repairing a spec where only one thing can have been meant, in its own text: order and layout stay.

First what makes the text JSON (comments, trailing commas, Python's ``True``), then what makes the JSON a spec (older
spellings, misspelt keys and values, a number in quotes, a ``spec`` that is ignored). The rest is an error.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace

from runner.errors import Fault, SpecError
from runner.spec import json_parser, json_words, pointers
from runner.spec.checking import examine
from runner.spec.findings import Finding
from runner.spec.json_parser import Repair
from runner.spec.pointers import Path
from runner.spec.reader import Document, decode, line_starts, read
from runner.spec.schema_walk import Schema, has_type

#: Each round can only bring to light what the one before hid (a misspelt key, and then what stands in it).
_ROUNDS = 20
#: What is taken out where it is ignored, and what is said of it.
_VOID: dict[Path, str] = {
    ("model", "spec"): "took out spec, which start_state makes void",
    ("jar_base_path",): "took out jar_base_path, which has no meaning here",
}


@dataclass(frozen=True)
class Repaired:
    """One thing that was changed; line and column are those of the text as it was given."""

    what: str
    line: int
    column: int
    pointer: str = ""


def fix(data: bytes | str, source: str = "<spec>") -> tuple[str, list[Repaired]]:
    """The repaired text, and what was changed. Raises SpecError with what cannot be, at its place in the given text."""
    text = data if isinstance(data, str) else decode(data, source)
    original = text
    history: list[list[Repair]] = []
    changes: list[Repaired] = []
    for _ in range(_ROUNDS):
        repairs, faults = _next(text, source)
        if not repairs:
            if faults:
                raise SpecError([_moved(fault, text, original, history) for fault in faults], source=source)
            return text, sorted(changes, key=lambda change: (change.line, change.column))
        for repair, pointer in repairs:
            changes.append(Repaired(repair.what, *_place(original, _back(repair.start, history)), pointer))
        tidy = _tidy(text, [repair for repair, _ in repairs])
        history.append(tidy)
        text = _applied(text, tidy)
    raise SpecError([Fault("the repairs do not come to an end")], source=source)


def _next(text: str, source: str) -> tuple[list[tuple[Repair, str]], list[Fault]]:
    """The next repairs, each with its pointer, and the faults if there are none."""
    troubles = json_parser.parse(text).troubles
    if troubles:
        repairs = [(trouble.repair, trouble.fault.pointer) for trouble in troubles if trouble.repair]
        if repairs:
            return repairs, []
    document = read(text, source)
    examined = examine(document, document.value)
    found = [*examined.faults, *examined.warnings]
    wanted = [(f.at[:-1], f.meant) for f in found if f.sort in ("unknown", "older")]
    repairs = []
    for finding in found:
        if finding.sort in ("unknown", "older") and wanted.count((finding.at[:-1], finding.meant)) > 1:
            continue  # two keys that could both be meant for one
        repair = _repair(document, finding)
        if repair is not None and all(repair.end <= other.start or repair.start >= other.end for other, _ in repairs):
            repairs.append((repair, finding.fault.pointer))
    return repairs, [finding.fault for finding in examined.faults]


def _repair(document: Document, finding: Finding) -> Repair | None:
    pointer = pointers.join(finding.at)
    name = finding.at[-1] if finding.at else ""
    key = document.key_span(pointer)
    there = pointers.get(document.value, pointers.join(finding.at[:-1]))
    if finding.sort in ("older", "unknown") and key is not None and (finding.sure or finding.sort == "older"):
        if isinstance(there, dict) and finding.meant in there:
            return None
        if finding.literal is not None:
            return _replaced(document, finding, key[0])
        return Repair(*key, json.dumps(finding.meant), f"renamed {name} to {finding.meant}")
    if finding.sort == "ignored" and finding.at in _VOID:
        return Repair(*_member(document, finding.at), "", _VOID[finding.at])
    if finding.sort == "choice" and finding.sure:
        span = document.span(pointer)
        return Repair(
            *span, json.dumps(finding.meant), f"put {json.dumps(finding.meant)} for {document.written(pointer)}"
        )
    if finding.sort == "type" and finding.schema is not None:
        literal = _literal(pointers.get(document.value, pointer), finding.schema)
        if literal is not None:
            return Repair(*document.span(pointer), literal, f"put {literal} for {document.written(pointer)}")
    return None


def _replaced(document: Document, finding: Finding, start: int) -> Repair:
    """A member whose name and value are both of an older spelling; what stands between them stays."""
    pointer = pointers.join(finding.at)
    colon = document.text[(document.key_span(pointer) or (start, start))[1] : document.span(pointer)[0]]
    member = f"{json.dumps(finding.meant)}{colon}{finding.literal}"
    what = f"put {finding.meant}: {finding.literal} for {finding.at[-1]}: {document.written(pointer)}"
    return Repair(start, document.span(pointer)[1], member, what)


def _literal(value: object, schema: Schema) -> str | None:
    """The JSON literal that a string holds, if that is of a type that the schema allows."""
    if not isinstance(value, str):
        return None
    read_as = json_words.read(value.strip())
    text = value.strip() if read_as.complaint is None else read_as.meant
    if text is None:
        return None
    for option in [schema, *schema.get("anyOf", ())]:
        kind = option.get("type")
        if isinstance(kind, str) and kind != "string" and has_type(read_as.value, kind):
            return text
    return None


def _member(document: Document, at: Path) -> tuple[int, int]:
    """Start and end of a member with the comma that goes with it."""
    key = document.key_span(pointers.join(at))
    start, end = key[0] if key else 0, document.span(pointers.join(at))[1]
    after = re.compile(r"\s*,\s*").match(document.text, end)
    if after:
        return start, after.end()
    before = re.search(r",\s*\Z", document.text[:start])
    return (before.start() if before else start), end


def _tidy(text: str, repairs: list[Repair]) -> list[Repair]:
    """What is taken out of the end of a line goes with the blanks before it, and a line left blank goes as a whole."""
    result: list[Repair] = []
    for repair in sorted(repairs, key=lambda repair: repair.start):
        start, end = repair.start, repair.end
        rest = re.compile(r"[ \t]*(?:\r?\n|\Z)").match(text, end)
        if not repair.text and rest is not None:
            blanks = len(text[:start]) - len(text[:start].rstrip(" \t"))
            if start - blanks == 0 or text[start - blanks - 1] in "\n\ufeff":
                end = rest.end()
            start -= blanks
        if result and start < result[-1].end:
            start = result[-1].end
        result.append(replace(repair, start=start, end=max(start, end)))
    return result


def _applied(text: str, repairs: list[Repair]) -> str:
    for repair in reversed(repairs):
        text = text[: repair.start] + repair.text + text[repair.end :]
    return text


def _back(offset: int, history: list[list[Repair]]) -> int:
    """An offset into the present text as one into the text before all repairs."""
    for repairs in reversed(history):
        grown = 0
        for repair in repairs:
            if repair.start + grown + len(repair.text) > offset:
                # Within what was put in: the place is where that begins, unless it is before it.
                offset = min(offset, repair.start + grown)
                break
            grown += len(repair.text) - (repair.end - repair.start)
        offset -= grown
    return offset


def _place(text: str, offset: int) -> tuple[int, int]:
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def _moved(fault: Fault, text: str, original: str, history: list[list[Repair]]) -> Fault:
    """A fault of the present text with its place in the original."""
    if fault.line is None or fault.column is None or not history:
        return fault
    offset = line_starts(text)[fault.line - 1] + fault.column - 1
    line, column = _place(original, _back(offset, history))
    return replace(fault, line=line, column=column)
