"""``runner models extend``"""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from runner.cli.output import say, show, table
from runner.cli.parameters import Json
from runner.pages.numbers import signed_interval
from runner.workspace import Workspace

if TYPE_CHECKING:
    from runner.contract import Table
    from runner.inference.extending.extending import Extended


def extend(
    model: Annotated[str, Parameter(help="The router: a stored model, TYPE/NAME or TYPE/NAME/vN.")],
    *,
    with_: Annotated[str, Parameter(name="--with")],
    new_name: str,
    llm: str | None = None,
    columns: str | None = None,
    batch_size: int = 128,
    device: Literal["cpu", "cuda"] = "cpu",
    json: Json = False,
) -> None:
    """Let a new LLM join a stored router, from how it did on a few dozen prompts; nothing is trained again.

    Example: runner models extend knn_scoring/router --with gpt-5.jsonl --new-name router-2

    The router stays as it is: a new stored model of its type knows one LLM more, and scores the others as before.

    Parameters
    ----------
    with_
        A file of the new LLM's outcomes: a matrix, or rows of prompt, model and score, with or without known LLMs; or
        comparisons of it with known LLMs. Of prompts that the router was trained on, the known LLMs' outcomes are in
        the training data.
    new_name
        What the new stored model is called.
    llm
        The LLM that joins, where the file has several that are new, or names none.
    columns
        Role -> column, as JSON: {"prompt": "Question"}; the roles are those of `runner data check`.
    batch_size
        Prompts per batch.
    device
        Where to compute.
    """
    gc.enable()
    from runner import registry
    from runner.execution.data_trial import data_section
    from runner.inference.extending.extending import extend as run
    from runner.inference.extending.extending import need_extendable
    from runner.inference.opening import find_model

    workspace = Workspace.current()
    found = find_model(workspace, model)
    builder = registry.load(found.model_type)
    need_extendable(found.reference, builder.TASK)
    section = data_section(builder.Spec.data, with_, columns, found.model_type)
    section.check(Path.cwd())
    done = run(
        workspace,
        model,
        section,
        new_name,
        llm=llm,
        batch_size=batch_size,
        device=device,
        say=lambda text: say(f"warning: {text}"),
    )
    show(done.as_dict(), lambda: _human(done), as_json=json, kept=f"stored as {done.stored.reference}")


def _human(done: Extended) -> str:
    new = done.new
    foretold = f", on {new.foretold} of them foretold" if new.foretold else ""
    lines = [
        f"{new.llm} joins {done.parent}: {len(new.prompts)} prompts, {new.comparisons} comparisons with known "
        f"LLMs{foretold}"
    ]
    for each in done.tables:
        lines += ["", each.title, _text(each)]
    difference = done.checked.difference
    within = signed_interval(difference.low, difference.high)
    lines.append(f"log loss less that of the mean: {difference.value:+z.3f} ({within})")
    lines.append("")
    if done.like:
        lines.append("most like: " + ", ".join(f"{name} {share:.2f}" for name, share in done.like))
    if new.amounts:
        lines.append("a call on average: " + ", ".join(f"{name} {value:.6g}" for name, value in new.amounts.items()))
    return "\n".join([*lines, f"stored as {done.stored.reference}"])


def _text(found: Table) -> str:
    def cell(column: str, value: object) -> object:
        places = found.decimals.get(column)
        return f"{value:z.{places}f}" if isinstance(value, float) and places is not None else value

    rows = [[cell(name, value) for name, value in zip(found.columns, row, strict=True)] for row in found.rows]
    heading = [name.replace("_", " ") for name in found.columns]
    return table(heading, rows, right=tuple(range(1, len(heading))))
