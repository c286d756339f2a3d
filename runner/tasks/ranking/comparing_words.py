"""How a comparison of routers reads: the columns of its table, and what its models were measured on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.pages.harmless_text import clean
from runner.pages.html import Markup
from runner.pages.numbers import finite, number
from runner.tasks.compared import fit, gap, interval, size
from runner.tasks.ranking import outcome_bench
from runner.tasks.ranking.recorded_baselines import sentences

HEADER = ("model", "accuracy", "95 % interval", "vs best", "log loss", "calib.", "fit", "ms/1k pairs", "size")
#: What is drawn over one axis.
METRIC = "accuracy"
LEGEND = (
    "~ not distinguishable from the best: the 95 % interval of the paired difference, drawn over prompts, holds 0",
    "ms/1k pairs: scoring a thousand (prompt, LLM) pairs, every prompt read anew",
)
PAGE_LEGEND = (
    "Blue: what it says of an LLM is the same for every prompt; orange: it reads the prompt. Grey differences may "
    "as well be none: the 95 % interval of the paired difference, drawn over prompts, holds 0. Fit: from the data "
    "being there to the model being measured; ms/1k pairs: scoring a thousand (prompt, LLM) pairs, every prompt "
    "read anew."
)


def cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """One row of the table; what failed has its first line of explanation elsewhere."""
    own = (number(row.get("log_loss"), 3), number(row.get("calibration_error"), 3))
    return row_cells(row, METRIC, own)


def row_cells(row: Mapping[str, Any], metric: str, own: tuple[str, ...]) -> tuple[str, ...]:
    """The cells that every table of LLMs' numbers has, with two of its own in the middle."""
    shown = number(row[metric], 3) if metric in row else row["state"]
    shared = (clean(row["label"]), shown, interval(row, metric), gap(row))
    return (*shared, *own, fit(row), speed(row), size(row.get("bytes")))


def speed(row: Mapping[str, Any]) -> str:
    """Milliseconds for a thousand (prompt, LLM) pairs."""
    known = finite(row.get("inference_ms_per_1000_pairs"))
    return "<0.1" if known is not None and known < 0.1 else number(known, 1)


def held_out(found: Mapping[str, Any]) -> list[str]:
    """What the models of a task were measured on, in sentences."""
    facts = found["held_out"]
    made_elsewhere = [row for row in found["table"] if row.get("warnings")]
    unseen = "none of which any model was trained on"
    if made_elsewhere:
        unseen = "none of which any model itself was trained on"
    said = [
        f"measured on the same {facts['comparisons']:,} held-out comparisons ({facts['decided']:,} with a winner) of "
        f"{facts['prompts']:,} prompts and {len(facts['models'])} LLMs, {unseen}"
    ]
    said += outcome_bench.sentences(found.get("outcomes"))
    said += [f"{clean(row['label'])}: {clean(warning)}" for row in made_elsewhere for warning in row["warnings"]]
    if facts["left_out"] or facts["left_out_models"]:
        names = [clean(name) for name in facts["left_out_models"]]
        more = f" and {len(names) - 8} more" if len(names) > 8 else ""
        said.append(
            f"left out: {facts['left_out']:,} comparisons, of LLMs that not all models know: "
            f"{', '.join(names[:8])}{more} (--min-model-rows N sets every filter alike)"
        )
    return said + list(sentences(found.get("baselines")))


def sections(found: Mapping[str, Any]) -> list[tuple[str, Markup]]:
    """What the page shows below the table."""
    from runner.pages import heat
    from runner.tasks.ranking import comparing_page

    return [
        ("Where reading the prompt pays", comparing_page.groups(found.get("groups"))),
        ("Leaderboards side by side", comparing_page.leaderboards(found.get("leaderboards"))),
        ("Calibration", comparing_page.calibration(found["table"])),
        ("Who beats whom", heat.win_rates(found.get("win_rates"))),
    ]
