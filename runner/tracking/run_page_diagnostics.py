"""How a training went from the inside: what its spec's ``diagnostics`` told, over the epochs."""

from __future__ import annotations

import numpy as np

from runner.pages import table_plots
from runner.pages.harmless_text import clean
from runner.pages.html import Markup, join, tag
from runner.pages.table_page import key
from runner.tracking.recorded_run import Recorded

#: What stands before the slash of a name: the plot's title, and what it shows.
PLOTS = {
    "gradient_norm": (
        "Norm of the gradient",
        "By part of the network, before it is clipped, the mean over an epoch's batches. A part near 0 learns nothing; "
        "one that grows without end will not settle.",
    ),
    "score_variance": (
        "Variance of the scores",
        "Among the LLMs on one prompt, and of one LLM among the prompts, means over held-out prompts. Where it is near "
        "0 among the prompts, the router ranks alike whatever is asked.",
    ),
}


def diagnostics(run: Recorded) -> Markup:
    """One plot for each sort of figure, with a line for each part; empty where nothing was told."""
    told = run.diagnostics
    names = list(dict.fromkeys(name for each in told.values() for name in each))
    figures = []
    for sort in dict.fromkeys(name.partition("/")[0] for name in names):
        own = {name.partition("/")[2] or name: name for name in names if name.partition("/")[0] == sort}
        epochs = sorted(told)
        lines = {clean(said): np.array([told[at].get(name, np.nan) for at in epochs]) for said, name in own.items()}
        lines = dict(list(lines.items())[: len(table_plots.COLOURS)])
        title, meaning = PLOTS.get(sort, (clean(sort).replace("_", " "), ""))
        plot = table_plots.lines(np.array(epochs, float), lines, f"{title} over {len(epochs)} epochs", "epoch")
        note = tag("figcaption", meaning) if meaning else Markup()
        figures.append(tag("figure", join([tag("h3", title), Markup(plot), key(list(lines)), note])))
    return tag("div", join(figures), "plots") if figures else Markup()
