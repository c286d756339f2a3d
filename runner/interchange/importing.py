"""A configuration of another program, or its command line, made into a spec, with a report of every setting."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from runner import near_names
from runner.errors import Fault, NotFoundError, SpecError, UsageError
from runner.interchange import commands, rules, script_text, topics
from runner.interchange.drafting import Draft, rule_of
from runner.interchange.format import Chosen, Format
from runner.interchange.importers import detection, launchers
from runner.interchange.leaves import FromEnvironment, Leaf, Leaves, Unsafe
from runner.interchange.report import Report
from runner.interchange.yaml_text import read_config
from runner.spec import pointers
from runner.spec.checking import load_object
from runner.spec.reader import read_file


def import_data(data: bytes, source: str, name: str | None = None, cwd: Path | None = None) -> Report:
    """A spec of a configuration's bytes. ``name`` is a format, and with a colon a trainer of it (``trl:dpo``).

    Raises :class:`SpecError` for what is no YAML, JSON or script, and :class:`UsageError` where the format is not
    clear.
    """
    cwd = cwd or Path.cwd()
    _refuse_sorts(data, source)
    folder = (cwd / source).parent if not source.startswith("<") else cwd
    leaves = script_text.read_script(data, source) if source.endswith(".py") else read_config(data, source)
    leaves = _with_included(leaves, cwd, folder)
    format_name, _, trainer = (name or "").partition(":")
    found, other = (detection.named(format_name), None) if format_name else detection.detect(leaves)
    report = _imported(found, leaves, trainer or None, cwd, folder)
    if other is not None:
        _compare(report, _imported(other, leaves, trainer or None, cwd, folder), other)
    return report


def _compare(report: Report, by_other: Report, other: Format) -> None:
    """Name both formats that a configuration fits, and say what would be other in the spec by the second."""
    report.title = f"{report.title}, or {other.title}"
    ours, theirs = (dict(_values(each.spec)) for each in (report, by_other))
    # A value that is in neither spec is the same default of ours.
    differing = [at for at in [*ours, *(at for at in theirs if at not in ours)] if ours.get(at) != theirs.get(at)]
    if not differing:
        report.notes.append(f"it fits {other.name} as well, and the spec is the same")
        return
    said = [f"{at} {json.dumps(theirs[at]) if at in theirs else 'is not set'}" for at in differing]
    report.notes.append(
        f"it fits {other.name} as well, by whose defaults {', '.join(said)}: --from {other.name} for a file of that"
    )


def _values(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a document that is no object, by its pointer."""
    if not isinstance(value, dict):
        yield at, value
        return
    for name, each in value.items():
        yield from _values(each, at + pointers.join((name,)))


def _refuse_sorts(data: bytes, source: str) -> None:
    """Raise :class:`UsageError` for files that hold a configuration among other things, with how to take it out."""
    if source.endswith((".sh", ".bash")) or re.match(rb"#!.*sh\b", data):
        raise UsageError(
            "is a shell script: no line of it is run",
            where=source,
            hint="give the command that it runs: runner spec import -- trl sft --model_name_or_path ...",
        )
    if source.endswith(".ipynb"):
        raise UsageError(
            "is a notebook",
            where=source,
            hint=f"make a script of its cells, and name that: jupyter nbconvert --to script {source}",
        )


def import_file(path: str, name: str | None = None, cwd: Path | None = None) -> Report:
    """The same of a file. Raises :class:`NotFoundError` too, and :class:`UsageError` for an address."""
    if "://" in path:
        raise UsageError(
            "is an address: a configuration of somebody else's is not fetched and taken unseen",
            where=path,
            hint="download it, read it, and name the file",
        )
    place = (cwd or Path.cwd()) / path
    return import_data(read_file(place), path, name, cwd)


def import_command(words: Sequence[str], name: str | None = None, cwd: Path | None = None) -> Report:
    """A spec of a command line: its flags over the configuration that it names."""
    cwd = cwd or Path.cwd()
    command = commands.parse(words)
    leaves = _with_launcher(Leaves(command.leaves, "the command"), cwd)
    folder = cwd
    for config in command.configs:
        if "://" in config:
            continue
        read = read_config(read_file(cwd / config), config)
        folder = (cwd / config).parent
        leaves = leaves.over(_with_included(read, cwd, folder))
    leaves = _last_of_each(leaves)
    format_name, _, trainer = (name or "").partition(":")
    found = detection.named(format_name or command.format)
    return _imported(found, leaves, trainer or command.trainer, cwd, folder, as_command=True)


def _with_launcher(leaves: Leaves, cwd: Path) -> Leaves:
    """The settings over those of the launcher's own file, where it names one that is here."""
    key = f"{launchers.LAUNCH}.config_file"
    named = leaves.leaf(key)
    if named is None or not isinstance(named.value, str):
        return leaves
    place = cwd / named.value
    if "://" in named.value or not place.is_file():
        elsewhere = replace(named, key=f"{key}_elsewhere")
        return Leaves([elsewhere if leaf is named else leaf for leaf in leaves], leaves.source)
    read = read_config(read_file(place), named.value)
    return leaves.over(Leaves(launchers.configured(read), read.source))


def _last_of_each(leaves: Leaves) -> Leaves:
    """Of a flag that is given several times the last counts, as in their programs; the others are told of."""
    last: dict[str, Leaf] = {}
    for leaf in leaves:
        last[leaf.key.partition("#")[0]] = leaf
    kept = [
        replace(leaf, key=leaf.key.partition("#")[0]) for leaf in leaves if last[leaf.key.partition("#")[0]] is leaf
    ]
    joined = Leaves(kept, leaves.source)
    joined.replaced = [
        *leaves.replaced,
        *((leaf, last[leaf.key.partition("#")[0]]) for leaf in leaves if last[leaf.key.partition("#")[0]] is not leaf),
    ]
    return joined


def _with_included(leaves: Leaves, cwd: Path, folder: Path, seen: tuple[Path, ...] = ()) -> Leaves:
    """The settings over those of the file that `include` names, which is looked for as their program does: in the
    working directory, and beside the file where it is not there.
    """
    named = leaves.leaf("include")
    if named is None or not isinstance(named.value, str):
        return leaves
    if "://" in named.value:
        return leaves
    tried = [(cwd / named.value).resolve(), (folder / named.value).resolve()]
    place = next((path for path in tried if path.is_file()), None)
    if place is None:
        raise NotFoundError(
            f"includes {named.value}, which is not there",
            where=f"{leaves.source}:{named.line}",
            hint=f"looked for: {tried[0]}, {tried[1]}",
        )
    if place in seen or place == (cwd / leaves.source).resolve():
        fault = Fault(f"includes {named.value}, which includes it again", line=named.line)
        raise SpecError([fault], source=leaves.source)
    base = read_config(read_file(place), named.value)
    own = base.leaf("include")
    joined = leaves.over(Leaves([leaf for leaf in base if leaf.key != "include"], base.source))
    if own is not None:
        joined.replaced.append((own, named))
        _with_included(base, cwd, place.parent, (*seen, place, (cwd / leaves.source).resolve()))
    joined.included = place
    return joined


def _imported(
    found: Format, leaves: Leaves, trainer: str | None, cwd: Path, folder: Path, *, as_command: bool = False
) -> Report:
    if trainer:
        leaves = leaves.with_one(Leaf("(trainer)", trainer, None, flag=trainer))
    if found.negates:
        leaves = _positive(leaves, found)
    leaves = _without_environment(leaves)
    chosen: Chosen = found.kind(leaves)
    draft = Draft(chosen.kind, leaves, cwd, folder)
    if chosen.note:
        draft.notes.append(chosen.note)
    table = dict(found.table(chosen.kind))
    if as_command:
        table = detection.command_words(found.name) | table | detection.COMMAND_WORDS
    readable: list[Leaf] = []
    for leaf in leaves:
        unsafe = _unsafe(leaf.value)
        if unsafe is None:
            readable.append(leaf)
        if leaf.key == "(trainer)":
            draft.say(leaf, "carried", "it says which type of model this is", pointers=("/model/spec/model_type",))
        elif isinstance(leaf.value, FromEnvironment):
            what = "a name out of the environment, where nothing is looked up"
            shown = replace(leaf, value=leaf.value.what)
            draft.say(shown, "no equivalent", what, "write the value itself", effect=True)
        elif unsafe and (isinstance(rule_of(table, leaf.pattern), rules.Secret) or _looks_secret(leaf.key)):
            # A token that the script takes from somewhere is kept out as one that is written there.
            readable.append(replace(leaf, value=""))
        elif unsafe:
            draft.say(
                replace(leaf, value=unsafe.what),
                "refused",
                f"{unsafe.what} makes an object or runs code: nothing is made of it",
                "write the value itself",
                effect=True,
            )
        elif leaf.key.startswith("env.") and _looks_secret(leaf.key):
            draft.say(leaf, "secret", f"{leaf.shown} serves", "set it where the run begins", hide=True)
        elif isinstance(leaf.value, str) and leaf.key in ("config",) and "://" in leaf.value:
            draft.say(
                leaf,
                "refused",
                "a configuration of somebody else's is not fetched and taken unseen",
                "download it, read it, and name the file",
                effect=True,
            )
    # What is code is said, and nobody takes it for a value.
    draft.leaves = Leaves(readable, leaves.source)
    draft.leaves.replaced, draft.leaves.included = leaves.replaced, leaves.included
    found.prepare(draft)
    draft.apply(table)
    launchers.gpus_seen(draft, found.name)
    for setting, value in found.defaults(chosen.kind, leaves).items():
        if value is not None:
            draft.take(setting, value, None)
    draft.lay_pointers()
    found.finish(draft)
    launchers.lay(draft)
    topics.lay(draft)
    _unknown(draft, table)
    _replaced(draft)
    return _checked(found, draft)


#: The whole of a value, or the folder that a path begins with.
_VARIABLE = re.compile(r"\$(\{[A-Za-z_]\w*\}|[A-Za-z_]\w*)([/\\].*)?", re.DOTALL)


def _without_environment(leaves: Leaves) -> Leaves:
    """The settings, with `$HOME/rows.jsonl` and `${MODEL}` as what they are. Secrets are kept out by their own rules,
    and who owns a repository is a format's matter.
    """
    kept = []
    for leaf in leaves:
        named = isinstance(leaf.value, str) and _VARIABLE.fullmatch(leaf.value) is not None
        if named and not _looks_secret(leaf.key) and not leaf.key.startswith(("env.", "hub.")):
            leaf = replace(leaf, value=FromEnvironment(leaf.value))
        kept.append(leaf)
    found = Leaves(kept, leaves.source)
    found.replaced, found.included = leaves.replaced, leaves.included
    return found


def _positive(leaves: Leaves, found: Format) -> Leaves:
    """The settings with ``no_x: true`` as ``x: false``, where ``x`` is one and ``no_x`` is none."""
    table = found.table(found.kind(leaves).kind)
    kept = []
    for leaf in leaves:
        word = leaf.key.removeprefix("no_")
        if word != leaf.key and leaf.key not in table and word in table and isinstance(leaf.value, bool | str):
            with contextlib.suppress(ValueError):
                leaf = replace(leaf, key=word, value=not rules.flag(leaf.value), flag=leaf.shown, negated=True)
        kept.append(leaf)
    joined = Leaves(kept, leaves.source)
    joined.replaced, joined.included = leaves.replaced, leaves.included
    return joined


def _unsafe(value: Any) -> Unsafe | None:
    if isinstance(value, Unsafe):
        return value
    if isinstance(value, list):
        return next((one for one in value if isinstance(one, Unsafe)), None)
    return None


def _unknown(draft: Draft, table: dict[str, Any]) -> None:
    """Whatever nothing was said of: nothing is ever left out of the report."""
    names = [name.removesuffix(".**") for name in table]
    for leaf in draft.leaves:
        if draft.said(leaf):
            continue
        if rule_of(table, leaf.pattern) is not None:
            draft.say(leaf, "no effect", f"has none in a training of {draft.kind}")
            continue
        if _looks_secret(leaf.key):
            do = "take the value out of files that others see"
            draft.say(leaf, "secret", "a key or a token, by its name", do, hide=True)
            continue
        near = near_names.nearest(leaf.pattern, names, 0.75)
        near = near.removeprefix(f"{launchers.LAUNCH}.") if near else near
        do = (
            f"did you mean {near!r}?"
            if near
            else "look it up in the program's documents, and set what it means in the spec"
        )
        draft.say(leaf, "unknown", "", do, effect=True)


def _replaced(draft: Draft) -> None:
    for leaf, instead in draft.leaves.replaced:
        shown = replace(
            leaf,
            key=f"{leaf.key} ({leaf.source or 'before'}:{leaf.line})",
            flag=f"{leaf.shown} ({leaf.source or 'before'})",
        )
        rule = f"{instead.shown} in {instead.source or 'the command'} takes its place"
        draft.say(shown, "no effect", rule, hide=_looks_secret(leaf.key))


#: Names of keys and tokens, but for the tokens that a text is made of.
_SECRET = re.compile(r"(?i)(^|_)token$|api_?key|secret|passw|credential")


def _looks_secret(key: str) -> bool:
    """Whether a setting holds a key or a token, by its last name."""
    last = re.split(r"[.\]]", key.partition("#")[0])[-1]
    return _SECRET.search(last) is not None and not re.fullmatch(r"(?i)(bos|eos|pad|unk|sep|cls|mask|stop)_token", last)


def _checked(found: Format, draft: Draft) -> Report:
    """The report, with the spec tried: a value that our fields do not take is taken out again, and said."""
    spec = draft.spec
    for _ in range(40):
        faults = _faults(spec)
        bad = next((fault for fault in faults if _blamed(draft, spec, fault)), None)
        if bad is None:
            break
        spec = _without(draft, spec, bad)
    files = list(dict.fromkeys(entry.source for entry in draft.entries.values()))
    entries = sorted(draft.entries.values(), key=lambda entry: (files.index(entry.source), entry.line or 0))
    report = Report(
        found.name, found.title, draft.leaves.source, draft.kind, entries, draft.defaults, faults, draft.notes
    )
    report.spec = _ordered(spec)
    return report


def _faults(spec: dict[str, Any]) -> list[Fault]:
    try:
        load_object(spec)
    except SpecError as error:
        return [replace(fault, line=None, column=None) for fault in error.faults]
    return []


def _blamed(draft: Draft, spec: dict[str, Any], fault: Fault) -> bool:
    """Whether a fault is of a value that was carried over, so that it is better left out."""
    return (
        pointers.get(spec, fault.pointer, None) is not None
        and fault.pointer.count("/") > 1
        and any(fault.pointer in entry.pointers for entry in draft.entries.values())
    )


def _without(draft: Draft, spec: dict[str, Any], fault: Fault) -> dict[str, Any]:
    for key, entry in list(draft.entries.items()):
        if fault.pointer in entry.pointers:
            what = f"{fault.message}" + (f"; expected here: {fault.expected}" if fault.expected else "")
            draft.entries[key] = replace(
                entry, outcome="no equivalent", pointers=(), what=what, do=fault.hint or "", effect=True
            )
    return _cut(spec, pointers.split(fault.pointer))


def _cut(value: dict[str, Any], names: list[str]) -> dict[str, Any]:
    first, *rest = names
    if rest:
        return value | {first: _cut(value[first], rest)}
    return {name: part for name, part in value.items() if name != first}


def _ordered(spec: dict[str, Any]) -> dict[str, Any]:
    order = ("model", "data", "epochs", "batch_size", "run", "wandb", "hub", "log")
    return {name: spec[name] for name in order if spec.get(name) not in (None, {})} | {
        name: value for name, value in spec.items() if name not in order
    }
