"""The tables of a tagger: how well it finds each type, which types it confuses, and the rows with the most errors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from runner.contract import Table
from runner.tasks.token_labels.judged_tags import Judged, rates
from runner.tasks.token_labels.tag_decoding import Entity

MISSED, INVENTED, OTHER_ENDS = "(missed)", "(none there)", "(other ends)"
#: Rows that are shown with their errors, and the characters of a row's text.
WORST, LONGEST = 20, 300


def tables(judged: Judged, tokens: Sequence[Sequence[str]], lines: Sequence[int]) -> list[Table]:
    """All of them."""
    made = [types(judged), confusion(judged)]
    worst = worst_rows(judged, tokens, lines)
    return [*made, worst] if worst.rows else made


def types(judged: Judged) -> Table:
    """Precision, recall and F1 of every type, with its true and found entities."""
    rows = [
        [name, *reversed(rates(right, found, there)), there, found]
        for name, (right, found, there) in judged.by_type().items()
    ]
    return Table(
        "entities",
        "Entities by type",
        ["type", "F1", "recall", "precision", "there", "found"],
        rows,
        plot="bars",
        note="An entity is right if its type and both of its ends are.",
        decimals={"precision": 3, "recall": 3, "F1": 3},
    )


def confusion(judged: Judged) -> Table:
    """True types as rows, found ones as columns, for entities with the same ends; and those with none of the same."""
    counts: Counter[tuple[str, str]] = Counter()
    for own, true in zip(judged.found, judged.there, strict=True):
        places = {(each.start, each.end): each.type for each in own}
        for entity in true:
            counts[entity.type, places.get((entity.start, entity.end)) or _missed(entity, own)] += 1
        counts.update((INVENTED, each.type) for each in own if not any(_overlap(each, one) for one in true))
    there = sorted({name for name, _ in counts if name != INVENTED})
    found = sorted({name for _, name in counts if name not in (MISSED, OTHER_ENDS)} | set(there))
    columns = [*found, OTHER_ENDS, MISSED]
    rows: list[list[Any]] = [[name, *(counts[name, other] for other in columns)] for name in there]
    rows.append([INVENTED, *(counts[INVENTED, other] for other in found), None, None])
    return Table(
        "confusion",
        "Confusion of types",
        ["true type", *columns],
        rows,
        plot="matrix",
        note="Rows are true types, columns found ones, with the same ends. Other ends: one overlaps it.",
    )


def worst_rows(judged: Judged, tokens: Sequence[Sequence[str]], lines: Sequence[int]) -> Table:
    """The rows with the most entities that are missed or wrong, with what was to be found and what was not."""
    wrong = [len(own ^ true) for own, true in zip(judged.found, judged.there, strict=True)]
    order = sorted((at for at, count in enumerate(wrong) if count), key=lambda at: (-wrong[at], at))[:WORST]
    rows = [
        [
            lines[at],
            wrong[at],
            " ".join(tokens[at])[:LONGEST],
            _shown(judged.there[at] - judged.found[at], tokens[at]),
            _shown(judged.found[at] - judged.there[at], tokens[at]),
        ]
        for at in order
    ]
    return Table("worst_rows", "Rows with the most errors", ["row", "errors", "text", "missed", "wrong"], rows)


def _missed(entity: Entity, found: set[Entity]) -> str:
    return OTHER_ENDS if any(_overlap(entity, other) for other in found) else MISSED


def _overlap(one: Entity, other: Entity) -> bool:
    return one.start < other.end and other.start < one.end


def _shown(entities: set[Entity], tokens: Sequence[str]) -> str:
    ordered = sorted(entities, key=lambda each: (each.start, each.end, each.type))
    return "; ".join(f"{' '.join(tokens[each.start : each.end])} ({each.type})" for each in ordered)
