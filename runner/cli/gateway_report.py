"""``runner gateway report`` and ``runner gateway replay``: what a router would have done with the requests of a log."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from runner.cli.output import say, show, table
from runner.cli.parameters import UNSAID, ChoosingFlags, Json
from runner.contract.quantities import counted
from runner.workspace import Workspace

if TYPE_CHECKING:
    from runner.gateway.shadow_report import Report

Log_ = Annotated[Path, Parameter(help="What `runner serve --router ... --log FILE` wrote.")]


def report(log: Log_, *, json: Json = False) -> None:
    """Tell what a router that chose in shadow would have saved, and cost in quality, with intervals.

    Example: runner gateway report requests.jsonl

    Costs are those of the tokens that were used, at the prices of the time; quality is the router's own expectation.
    Intervals are 95 % bootstraps over conversations.
    """
    from runner.gateway.log_reading import read_log
    from runner.gateway.shadow_report import report as made
    from runner.gateway.shadow_report import silent_choices

    logged = read_log(log)
    replayed, left_out = silent_choices(logged)
    found = made(replayed, left_out + logged.dropped, str(log), logged.scores)
    show(_document(found), lambda: _human(found), as_json=json)


def replay(
    log: Log_,
    *,
    router: Annotated[str, Parameter(help="The proposed router, TYPE/NAME.")],
    backends: Annotated[Path, Parameter(help="Its backends, as `runner serve` takes them: prices are read of them.")],
    choosing: ChoosingFlags = UNSAID,
    switch_margin: float | None = None,
    device: Literal["cpu", "cuda"] = "cpu",
    json: Json = False,
) -> None:
    """Go through a log as a proposed router would have, and tell what it would have saved, and cost in quality.

    Example: runner gateway replay requests.jsonl --router dense_network/next --backends backends.json --trade-off 20

    The log has to have texts (--log-texts). Nobody is asked anything.

    Parameters
    ----------
    switch_margin
        Quality that another LLM must have more to take a conversation over; 0.05 without it.
    device
        Where to compute.
    """
    gc.enable()
    from runner.gateway.backend_choice import MARGIN, read_calibration, settle
    from runner.gateway.backends_file import load_backends
    from runner.gateway.log_reading import read_log
    from runner.gateway.replaying import replay as replayed_over
    from runner.gateway.scoring import llms_of, open_router, open_scorer
    from runner.gateway.shadow_report import report as made

    workspace = Workspace.current()
    logged = read_log(log)
    opened = open_router(workspace, router, device)
    # Nobody is asked, and no key is needed.
    loaded = load_backends(backends, llms_of(opened), opened.reference, keyless=True)
    policy = settle(
        workspace, opened.reference, choosing.rule(), loaded, lengths=choosing.lengths,
        calibrate_on=read_calibration(choosing.calibrate_on),
        margin=MARGIN if switch_margin is None else switch_margin, device=device,
    )  # fmt: skip
    scorer = open_scorer(workspace, opened, list(loaded.backends), choosing.lengths, device)
    for warning in [*opened.warnings, *scorer.router.warnings]:
        say(f"warning: {warning}")
    replayed, left_out = replayed_over(logged, scorer, loaded.backends, policy)
    found = made(replayed, left_out + logged.dropped, str(log), logged.scores)
    show(_document(found) | {"router": opened.reference}, lambda: _human(found), as_json=json)


def _document(found: Report) -> dict[str, Any]:
    return found.as_dict() | {"sentences": found.sentences()}


def _human(found: Report) -> str:
    names = list(dict.fromkeys([*found.answered_by, *found.would_ask]))
    rows = [
        (name, f"{found.answered_by.get(name, 0.0):.1%}", f"{found.would_ask.get(name, 0.0):.1%}") for name in names
    ]
    lines = [
        f"{counted(found.requests, 'requests')} of {counted(found.conversations, 'conversations')}; "
        f"the router agrees on {found.agreed:.1%} of them",
        "",
        table(("LLM", "answered", "the router would ask"), rows, right=(1, 2)),
        "",
        f"cost a request: {found.present_cost.value:.6g}; the router's: {found.router_cost.value:.6g}",
        *found.sentences(),
    ]
    if found.graded is not None:
        agrees, differs = found.graded["router_agrees"], found.graded["router_differs"]
        lines.append(
            f"Users' grades of what was answered: {_graded(agrees)} where the router agrees, {_graded(differs)} "
            "where it would have asked another."
        )
    if found.left_out:
        left = ", ".join(f"{count:,} {reason}" for reason, count in found.left_out.items())
        lines.append(f"left out: {left}")
    return "\n".join(lines)


def _graded(side: dict[str, Any]) -> str:
    return "none" if side["mean_score"] is None else f"{side['mean_score']:.3f} of {side['answers']:,}"
