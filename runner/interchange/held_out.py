"""The topic of what is measured: which rows are held out, how often they are measured, which weights are kept."""

from __future__ import annotations

from runner import registry
from runner.data.records import open_records
from runner.errors import RunnerError
from runner.interchange import schema_types
from runner.interchange.drafting import Draft

SPEC = "/model/spec"
SHARE = "/data/validation_split"


def held_out(draft: Draft) -> None:
    """What is measured on, how often, and which weights are kept."""
    data, share = draft.value("val_data"), draft.value("val_share")
    if data:
        draft.put("/data/validation_data", data)
        draft.carried("val_data", "/data/validation_data")
        draft.void("val_share", "the rows to measure on are given")
    elif share is not None:
        if share >= 1:
            _as_share(draft, int(share))
        else:
            draft.put(SHARE, share)
            draft.carried(
                "val_share",
                SHARE,
                "" if share or draft.given("val_share") else "nothing is held out there",
            )
    held = bool(data or (share or 0) > 0)
    _often(draft, held)
    _rhythm(draft, held)
    _kept(draft, held)


def _as_share(draft: Draft, count: int) -> None:
    """A number of rows as a share of those that the data set's file has; where it cannot be read, our own share."""
    rows = _rows(draft)
    if rows is not None and count < rows:
        draft.put(SHARE, float(f"{count / rows:.6g}"))
        draft.carried("val_share", SHARE, f"{count} of the {rows:,} rows that the file has: a share, drawn anew")
        return
    share = schema_types.default(draft.kind, SHARE)
    draft.put(SHARE, share)
    why = "how many rows there are in all is not known here" if rows is None else f"the file has {rows:,} rows"
    draft.carried(
        "val_share",
        SHARE,
        f"{count} rows are meant, a share is needed here, and {why}: {share} of them, the default, are held out",
        f"set {SHARE} to {count} / all rows",
        effect=True,
    )


#: What is counted at the most: a number of rows is worth no more than a few seconds.
_MOST_BYTES = 256 * 1024 * 1024


def _rows(draft: Draft) -> int | None:
    """How many rows the data set's file has; None where it is not here, is no file, or cannot be read."""
    place = draft.cwd / str(draft.get("/data/dataset") or "")
    try:
        if not place.is_file() or place.stat().st_size > _MOST_BYTES:
            return None
        return sum(len(batch.numbers) for batch in open_records(place).batches(columns=()))
    except (OSError, RunnerError):
        return None


def _often(draft: Draft, held: bool) -> None:
    """Several measurements an epoch. Here an epoch has one, unless steps are counted, and these are not known."""
    often = draft.value("evals_per_epoch")
    if often is None or not draft.given("evals_per_epoch"):
        return
    pointer = f"{SPEC}/evaluation/every"
    if not held:
        draft.void("evals_per_epoch", "nothing is held out to be measured")
    elif often == 0:
        draft.carried(
            "evals_per_epoch", pointer, "held-out rows are measured after every epoch, which changes no weight"
        )
    elif often == 1:
        draft.carried("evals_per_epoch", pointer)
    elif draft.given("eval_steps"):
        draft.void("evals_per_epoch", "the steps between two measurements are given")
    else:
        waits, keeps = bool(draft.value("patience")), bool(draft.value("keep_best"))
        said = ["they are measured once an epoch"]
        said += [f"the patience counts epochs, where it counts 1/{often} of one"] if waits else []
        said += ["the best weights are those of an epoch's end"] if keeps else []
        draft.lost(
            "evals_per_epoch",
            f"rows are measured every so many steps or after every epoch here: {', and '.join(said)}",
            f"set {pointer} to the steps of an epoch / {often}; `runner train --dry-run` tells them",
            effect=waits or keeps,
        )


def _rhythm(draft: Draft, held: bool) -> None:
    strategy, steps = str(draft.value("eval_strategy", "")).casefold().rpartition(".")[2], draft.value("eval_steps")
    if strategy == "false":
        strategy = "no"
    pointer = f"{SPEC}/evaluation/every"
    by_steps = strategy == "steps" or (strategy == "" and steps)
    if not held:
        for name in ("eval_strategy", "eval_steps"):
            draft.void(name, "nothing is held out to be measured")
        return
    if by_steps and steps and draft.has_field(pointer):
        if steps < 1:
            draft.lost("eval_steps", "a share of the run's steps: a number of steps is needed here", f"set {pointer}")
            draft.carried("eval_strategy", pointer, "measured after every epoch", effect=True)
            return
        draft.put(pointer, int(steps))
        draft.carried("eval_steps", pointer)
        draft.carried("eval_strategy", pointer)
        return
    draft.void("eval_steps", "the measurements do not go by steps there")
    if strategy == "no":
        draft.carried(
            "eval_strategy", "/data", "the held-out rows are measured after every epoch, which changes no weight"
        )
    elif draft.given("eval_strategy"):
        draft.carried("eval_strategy", pointer)


def _measures(kind: str) -> set[str]:
    """The measures of a kind that are called the same there."""
    return {"loss"} | {measure.metric for measure in registry.task(kind).measures}


def _kept(draft: Draft, held: bool) -> None:
    pointer = f"{SPEC}/keep"
    if draft.has_field(pointer):
        if not held:
            draft.void("keep_best", "nothing is measured: the last weights are kept, there and here")
        elif draft.value("keep_best") is not None:
            draft.put(pointer, "best" if draft.value("keep_best") else "last")
            draft.carried("keep_best", pointer)
    else:
        draft.void("keep_best", f"{draft.kind} keeps what it has learned")
    measure = draft.value("measure")
    if measure is not None:
        name = str(measure).removeprefix("eval_")
        if not held:
            draft.void("measure", "nothing is measured")
        elif draft.has_field(f"{SPEC}/evaluation/measure") and name in _measures(draft.kind):
            draft.put(f"{SPEC}/evaluation/measure", name)
            draft.carried("measure", f"{SPEC}/evaluation/measure")
        else:
            draft.lost(
                "measure",
                "measures have other names here",
                f"set {SPEC}/evaluation/measure; `runner schema {draft.kind}` and a first run tell them",
            )
    patience = draft.value("patience")
    if patience and held and draft.has_field(f"{SPEC}/early_stopping"):
        draft.put(f"{SPEC}/early_stopping", {"patience": patience})
        draft.carried("patience", f"{SPEC}/early_stopping/patience")
        if draft.value("min_delta") is not None:
            draft.put(f"{SPEC}/early_stopping/min_delta", draft.value("min_delta"))
            draft.carried("min_delta", f"{SPEC}/early_stopping/min_delta")
    else:
        for name in ("patience", "min_delta"):
            draft.void(name, "nothing is measured that could end the run" if not held else "no early end")
