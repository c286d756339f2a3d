"""The matrix of who beats whom, as a table of coloured cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.pages.html import Markup, join, tag
from runner.pages.numbers import clean

#: More LLMs than this make no picture; those with the most comparisons are shown.
MOST = 30
#: The deepest colour, in per cent: text on it stays readable, in light and in dark.
DEEPEST = 55


def win_rates(found: Mapping[str, Any] | None) -> Markup:
    """Row beats column: the share of the decided comparisons, and how many there are. Empty where there is nothing."""
    if not found or len(found["models"]) < 2:
        return Markup()
    models = found["models"]
    busiest = sorted(range(len(models)), key=lambda at: -sum(found["count"][at]))[:MOST]
    shown = sorted(busiest)
    head = [tag("th", ""), tag("th", tag("span", "all"), "up")]
    head += [tag("th", tag("span", models[at]), "up", title=models[at], scope="col") for at in shown]
    body = []
    for at in shown:
        wins, count = sum(found["wins"][at]), sum(found["count"][at])
        line = [tag("td", models[at], "llm", title=models[at]), _cell(wins, count, f"{models[at]} against all")]
        for other in shown:
            if other == at:
                line.append(tag("td", "", "cell none"))
                continue
            said = f"{models[at]} against {models[other]}"
            line.append(_cell(found["wins"][at][other], found["count"][at][other], said))
        body.append(tag("tr", join(line)))
    table = tag("table", join([tag("thead", tag("tr", join(head))), tag("tbody", join(body))]), "heat")
    some = f" The {MOST} LLMs with the most comparisons, of {len(models)}." if len(models) > MOST else ""
    intro = tag(
        "p",
        "How often the LLM of the row beat the LLM of the column, in per cent of their decided comparisons, and how "
        f"many those are, in all of the data, training and held-out part.{some}",
        "soft",
    )
    return join([intro, tag("div", table, "box")])


def _cell(wins: int, count: int, pair: str) -> Markup:
    if not count:
        return tag("td", "·", "cell none", title=f"{clean(pair)}: no decided comparison")
    rate = wins / count
    much = round(2 * DEEPEST * abs(rate - 0.5))
    inside = join([f"{100 * rate:.0f}", tag("small", f"{count:,}")])
    css = "cell won" if rate >= 0.5 else "cell lost"
    return tag("td", inside, css, style=f"--much: {much}%", title=f"{clean(pair)}: won {wins:,} of {count:,}")
