"""What the data itself says: who beats whom, and on which kinds of prompts reading the prompt pays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from runner.data.category_tags import TAGS as TAG_NAMES
from runner.data.category_tags import prompt_tags
from runner.data.comparisons import A, Comparisons
from runner.statistics.paired_bootstrap import resample
from runner.tasks.ranking.asking import Asked, correct

#: A group of fewer decided comparisons tells nothing.
FEWEST = 5
OWN, TAGS = "the data's own", "the category tags; a prompt may have several"
LENGTHS = "thirds by length, and first or later turns of a conversation"
#: More groups than this are nobody's to read; the largest are kept.
MOST = 24


def win_rates(rows: Comparisons, models: Sequence[str]) -> dict[str, Any]:
    """Every pair of LLMs over the decided comparisons: ``wins[i][j]`` of LLM i over j, ``count[i][j]`` of both.

    ``models`` come back in the order of their win rates, the highest first.
    """
    decided = rows.take(rows.decided)
    size = len(rows.models)
    winner = np.where(decided.winner == A, decided.model_a, decided.model_b)
    loser = np.where(decided.winner == A, decided.model_b, decided.model_a)
    wins = np.bincount(winner.astype(np.int64) * size + loser, minlength=size * size).reshape(size, size)
    place = {name: at for at, name in enumerate(rows.models)}
    chosen = np.array([place[name] for name in models], np.int64)
    wins = wins[np.ix_(chosen, chosen)]
    rate = wins.sum(axis=1) / np.maximum(wins.sum(axis=1) + wins.sum(axis=0), 1)
    order = np.argsort(-rate, kind="stable")
    wins = wins[np.ix_(order, order)]
    return {
        "models": [models[at] for at in order],
        "wins": wins.tolist(),
        "count": (wins + wins.T).tolist(),
        "rate": rate[order].tolist(),
    }


def prompt_groups(rows: Comparisons) -> tuple[str, dict[str, np.ndarray]]:
    """What the groups are, and each group's prompts: bool over ``rows.prompts``.

    The data's own groups; without them its category tags (a prompt may have several); without those how long the
    prompt is and whether it opens a conversation.
    """
    if any(rows.groups):
        names = np.array(rows.groups, dtype=object)
        return OWN, {name: names == name for name in sorted({*rows.groups} - {""})}
    if rows.tags:
        marks = {
            name.replace("_", " "): values == 1
            for name, values in zip(TAG_NAMES, prompt_tags([rows]).T, strict=True)
            if name in rows.tags and not name.endswith("_score")
        }
        return TAGS, marks
    length = np.array([len(prompt) for prompt in rows.prompts])
    low, high = np.percentile(length[np.unique(rows.prompt)], [100 / 3, 200 / 3])
    later = np.array([bool(history) for history in rows.histories])
    groups = {
        f"up to {low:.0f} characters": length <= low,
        f"{low + 1:.0f} to {high:.0f} characters": (length > low) & (length <= high),
        f"over {high:.0f} characters": length > high,
    }
    if later[rows.prompt].any():
        groups |= {"first turn": ~later, "later turn": later}
    return LENGTHS, groups


def by_group(
    labels: Sequence[str], asked: Sequence[Asked], places: Sequence[int], rows: Comparisons, seed: int
) -> dict[str, Any] | None:
    """Every prompt-reading model less the best of those that do not read it, group by group, with paired intervals.

    None where one of the two sorts is missing. ``places`` are the models' own in the table of results, 0 the best.
    """
    readers = [at for at, answer in enumerate(asked) if answer.reads_prompts]
    others = [at for at, answer in enumerate(asked) if not answer.reads_prompts]
    if not readers or not others:
        return None
    readers.sort(key=lambda at: places[at])
    base = min(others, key=lambda at: places[at])
    decided = rows.take(rows.decided)
    right = correct(asked, decided)
    what, groups = prompt_groups(rows)
    table = [_row("all", right, decided.prompt, readers, base, labels, seed)]
    sizes = {name: int(members[decided.prompt].sum()) for name, members in groups.items()}
    kept = sorted((name for name in groups if sizes[name] >= FEWEST), key=lambda name: (-sizes[name], name))[:MOST]
    if what == LENGTHS:
        kept = [name for name in groups if name in kept]
    for name in kept:
        inside = groups[name][decided.prompt]
        table.append(_row(name, right[inside], decided.prompt[inside], readers, base, labels, seed))
    return {
        "groups_are": what,
        "prompt_agnostic": labels[base],
        "prompt_aware": [labels[at] for at in readers],
        "left_out": len(groups) - len(kept),
        "rows": table,
    }


def _row(
    name: str,
    right: np.ndarray,
    prompt: np.ndarray,
    readers: Sequence[int],
    base: int,
    labels: Sequence[str],
    seed: int,
) -> dict[str, Any]:
    redrawn = resample(right, prompt, seed)
    return {
        "group": name,
        "comparisons": len(right),
        "prompts": len(np.unique(prompt)),
        "prompt_agnostic": float(redrawn.mean[base]),
        "prompt_aware": {
            labels[at]: {"accuracy": float(redrawn.mean[at]), "gain": redrawn.difference(at, base).as_dict()}
            for at in readers
        },
    }
