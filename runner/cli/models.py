"""``runner models``"""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from runner import registry
from runner.cli.output import Json, show, table
from runner.workspace import Workspace


def models(
    *,
    types: Annotated[bool, Parameter(negative="")] = False,
    verify: Annotated[bool, Parameter(negative="")] = False,
    json: Json = False,
) -> int:
    """List the stored models, and the model types that exist.

    Example: runner models --types

    Parameters
    ----------
    types
        Only the model types, with what each is.
    verify
        Check every byte of every stored model against its manifest; exits 4 if one is damaged.
    """
    from runner.errors import ExitCode, RunnerError
    from runner.store import manifest
    from runner.store import models as store

    kinds = [{"model_type": kind.name, "family": kind.family} for kind in registry.kinds().values()]
    if types:
        kinds = [kind | {"summary": _summary(kind["model_type"])} for kind in kinds]
        cells = [(kind["model_type"], kind["family"], kind["summary"]) for kind in kinds]
        show({"types": kinds}, lambda: table(("TYPE", "FAMILY", "WHAT IT IS"), cells), as_json=json)
        return ExitCode.DONE
    rows: list[dict[str, Any]] = []
    for model in store.listing(Workspace.current().store):
        row: dict[str, Any] = {"model": model.reference, "path": str(model.path)}
        try:
            facts = manifest.verify(model.path) if verify else model.manifest()
            size = sum(file["bytes"] for file in facts["files"].values())
            row |= {"created": facts.get("created"), "bytes": size, "metrics": facts.get("metrics"), "whole": True}
        except RunnerError as error:
            row |= {"whole": False, "error": error.as_dict()}
        rows.append(row)

    def human() -> str:
        if not rows:
            return (
                "no stored models here yet: `runner train --spec-file ...` stores one\n"
                f"types: {', '.join(kind['model_type'] for kind in kinds)}"
            )
        cells = []
        for row in rows:
            if not row["whole"]:
                cells.append((row["model"], "DAMAGED", "", row["error"]["message"]))
                continue
            accuracy = (row["metrics"] or {}).get("accuracy")
            cells.append(
                (
                    row["model"],
                    "-" if accuracy is None else f"{accuracy:.4f}",
                    f"{row['bytes'] / 2**20:.1f} MiB",
                    row["created"],
                )
            )
        return table(("MODEL", "ACCURACY", "SIZE", "CREATED"), cells, right=(1, 2))

    show({"models": rows, "types": kinds}, human, as_json=json)
    return ExitCode.DATA if verify and not all(row["whole"] for row in rows) else ExitCode.DONE


def _summary(kind: str) -> str:
    """The first line of what the kind's module says of itself."""
    return (registry.load(kind).__doc__ or "").strip().partition("\n")[0]
