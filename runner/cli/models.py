"""``runner models``"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from runner import registry
from runner.cli.output import show, table
from runner.cli.parameters import Json
from runner.workspace import Workspace

if TYPE_CHECKING:
    from runner.store.manifest import Manifest


def models(
    what: Literal["list", "show"] = "list",
    model: str | None = None,
    *,
    types: Annotated[bool, Parameter(negative="")] = False,
    verify: Annotated[bool, Parameter(negative="")] = False,
    json: Json = False,
) -> int:
    """List the stored models, and the model types that exist.

    Example: runner models --types

    Example: runner models show elo_scoring/elo

    Parameters
    ----------
    what
        list, or show: one model with what it was made from and what it measured.
    model
        The model to show: TYPE/NAME, or TYPE/NAME/vN.
    types
        Only the model types, with what each is.
    verify
        Check every byte of every stored model against its manifest; exits 4 if one is damaged.
    """
    from runner.errors import EnvironmentProblem, ExitCode, RunnerError
    from runner.store import manifest
    from runner.store import model_lookup as store
    from runner.tracking.headline_column import headline, headline_column

    if what == "show" or model is not None:
        return _show(what, model, verify=verify, as_json=json)
    kinds = [{"model_type": kind.name, "family": kind.family} for kind in registry.kinds().values()]
    if types:
        kinds = [kind | {"summary": _summary(kind["model_type"])} for kind in kinds]
        cells = [(kind["model_type"], kind["family"], kind["summary"]) for kind in kinds]
        show({"types": kinds}, lambda: table(("TYPE", "FAMILY", "WHAT IT IS"), cells), as_json=json)
        return ExitCode.DONE
    rows: list[dict[str, Any]] = []
    closed: list[EnvironmentProblem] = []
    for stored in store.listing(Workspace.current().store, closed):
        row: dict[str, Any] = {"model": stored.reference, "path": str(stored.path)}
        try:
            facts = manifest.verify(stored.path) if verify else stored.manifest()
            row |= {"created": facts.created, "bytes": facts.bytes, "metrics": facts.metrics, "whole": True}
            row["headline"] = headline(facts.model_type, facts.metrics)
        except RunnerError as error:
            row |= {"whole": False, "error": error.as_dict()}
        rows.append(row)
    rows += [
        {"model": str(error.where), "path": error.where, "whole": False, "error": error.as_dict()} for error in closed
    ]

    def human() -> str:
        if not rows:
            return (
                "no stored models here yet: `runner train --spec-file ...` stores one\n"
                f"types: {', '.join(kind['model_type'] for kind in kinds)}"
            )
        heading, figures = headline_column([row.get("headline") for row in rows])
        cells = []
        for row, figure in zip(rows, figures, strict=True):
            if not row["whole"]:
                unread = row["error"]["error"] == EnvironmentProblem.kind
                cells.append((row["model"], "UNREADABLE" if unread else "DAMAGED", "", row["error"]["message"]))
                continue
            cells.append((row["model"], figure, f"{row['bytes'] / 2**20:.1f} MiB", row["created"]))
        return table(("MODEL", heading, "SIZE", "CREATED"), cells, right=(1, 2))

    show({"models": rows, "types": kinds}, human, as_json=json)
    broken = [row["error"]["exit_code"] for row in rows if not row["whole"]]
    # Damage comes before what only could not be looked at.
    return ExitCode(min(broken)) if verify and broken else ExitCode.DONE


def _show(what: str, reference: str | None, *, verify: bool, as_json: bool) -> int:
    """One stored model: where it came from, and every model that it was made from, back to the first."""
    from runner.errors import ExitCode, UsageError
    from runner.pages.numbers import number, told
    from runner.store import manifest
    from runner.store import model_lookup as store

    if what != "show" or reference is None:
        raise UsageError("which model?", hint="runner models show TYPE/NAME")
    stored = store.find(Workspace.current().store, reference)
    facts = manifest.verify(stored.path) if verify else stored.manifest()
    lineage = _lineage(facts, set())
    document = {
        "model": stored.reference,
        "path": str(stored.path),
        "created": facts.created,
        "run": facts.run,
        "bytes": facts.bytes,
        "metrics": facts.metrics,
        "parameters": facts.parameters,
        "parent": facts.parent,
        "references": facts.references,
        "lineage": lineage,
        "caveats": list(facts.caveats),
    }

    def human() -> str:
        rows = [(name, document[name]) for name in ("model", "path", "created", "run")]
        rows.append(("size", f"{facts.bytes / 2**20:.1f} MiB"))
        rows += [(name.replace("_", " "), number(value)) for name, value in facts.metrics.items()]
        rows += [(name.replace("_", " "), told(value)) for name, value in facts.parameters.items()]
        width = max(len(name) for name, _ in rows)
        lines = [f"{name.ljust(width)}  {'-' if value is None else value}" for name, value in rows]
        made = _family(lineage, 1)
        lines += [f"caveat: {caveat}" for caveat in facts.caveats]
        return "\n".join([*lines, *(["made from", *made] if made else ["made from no other model"])])

    show(document, human, as_json=as_json)
    return ExitCode.DONE


def _lineage(facts: Manifest, above: set[str]) -> list[dict[str, Any]]:
    """The stored models that a manifest names, and theirs; one that is gone, or damaged, has no ``made_from``."""
    from runner.errors import RunnerError
    from runner.store import model_lookup as store

    named = [("start_state", facts.parent)] if facts.parent else []
    rows = []
    for field, reference in [*named, *facts.references.items()]:
        row: dict[str, Any] = {"field": field, "model": reference}
        # A manifest can be written by anybody: one that leads back to itself ends here.
        if reference not in above:
            try:
                found = store.find(Workspace.current().store, reference)
                row["made_from"] = _lineage(found.manifest(), above | {reference})
            except RunnerError as error:
                row["error"] = error.message
        rows.append(row)
    return rows


def _family(lineage: list[dict[str, Any]], depth: int) -> list[str]:
    lines = []
    for row in lineage:
        gone = f"  ({row['error']})" if "error" in row else ""
        lines.append(f"{'  ' * depth}{row['model']}  as {row['field']}{gone}")
        lines += _family(row.get("made_from", []), depth + 1)
    return lines


def _summary(kind: str) -> str:
    """The first line of what the kind's module says of itself."""
    return (registry.load(kind).__doc__ or "").strip().partition("\n")[0]
