"""The measures of taggers beside seqeval's figures, and their tables."""

from __future__ import annotations

import random

import pytest

from runner.data.tagged_tokens.tagged_row import labels_of
from runner.tasks.token_labels.baselines import baselines, tags_by_word
from runner.tasks.token_labels.judged_tags import Judged
from runner.tasks.token_labels.measuring import measure_tags, score
from runner.tasks.token_labels.tag_decoding import entities_of

LABELS = labels_of(("PER", "creative-work", "a b"))


def drawn(count: int, seed: int, labels: tuple[str, ...] = LABELS) -> list[list[str]]:
    draw = random.Random(seed)
    return [[draw.choice(labels) for _ in range(1 + at % 9)] for at in range(count)]


def valid(tags: list[list[str]]) -> list[list[str]]:
    """The same with a begin in the place of every inside that has none."""
    made = []
    for row in tags:
        own: list[str] = []
        for tag in row:
            alone = tag.startswith("I-") and (not own or own[-1][2:] != tag[2:])
            own.append("B-" + tag[2:] if alone else tag)
        made.append(own)
    return made


#: What seqeval 1.2.2 gives for the tags below in its strict mode for IOB2: precision, recall, F1, how many there are.
#: It is not installed here: it comes as a source that today's tools do not build everywhere.
OF_SEQEVAL = {
    "PER": (0.6789473684210526, 0.5352697095435685, 0.5986078886310905, 241),
    "a b": (0.711340206185567, 0.5348837209302325, 0.6106194690265486, 258),
    "creative-work": (0.7116279069767442, 0.5884615384615385, 0.6442105263157896, 260),
    "micro": (0.7011686143572621, 0.5533596837944664, 0.6185567010309279, 759),
}
OF_SEQEVAL_MACRO_F1 = 0.6178126279911429


def test_the_figures_are_those_of_seqeval() -> None:
    actual = valid(drawn(200, 1))
    # Half of them right, so that no figure is near 0; the other half has tags in orders that no scheme has.
    predicted = actual[:100] + drawn(200, 2)[100:]
    metrics, redrawn = score(Judged(predicted, actual), seed=0)
    precision, recall, f1, there = OF_SEQEVAL["micro"]
    assert [metrics[name] for name in ("precision", "recall", "f1")] == pytest.approx([precision, recall, f1])
    assert metrics["f1_macro"] == pytest.approx(OF_SEQEVAL_MACRO_F1)
    assert metrics["n_entities"] == there
    assert metrics["f1_low"] < metrics["f1"] < metrics["f1_high"] and redrawn is not None
    _, tables = measure_tags(predicted, actual, actual, list(range(200)), seed=0)
    for name, *found in [(row[0], row[3], row[2], row[1], row[4]) for row in tables[0].rows]:
        assert found == pytest.approx(OF_SEQEVAL[name])


@pytest.mark.parametrize(
    ("tags", "entities"),
    [
        ("I-A I-A", []),
        ("B-A I-B", [("A", 0, 1)]),
        ("B-A B-A I-A O I-A", [("A", 0, 1), ("A", 1, 3)]),
        ("O B-a-b I-a-b", [("a-b", 1, 3)]),
        ("", []),
    ],
)
def test_an_inside_without_its_begin_is_in_no_entity(tags, entities) -> None:
    assert [(each.type, each.start, each.end) for each in entities_of(tags.split())] == entities


def test_confusion_and_worst_rows() -> None:
    actual = [["B-A", "I-A", "O", "B-B"], ["O", "B-A", "O", "O"], ["B-B", "O", "O", "O"]]
    predicted = [["B-A", "O", "O", "B-A"], ["O", "O", "O", "B-B"], ["B-B", "O", "O", "O"]]
    words = [["New", "York", "has", "Acme"], ["in", "Oslo", "it", "rains"], ["Acme", "is", "a", "firm"]]
    _, tables = measure_tags(predicted, actual, words, [5, 6, 7], seed=0)
    confusion = {row[0]: row[1:] for row in tables[1].rows}
    assert tables[1].columns == ["true type", "A", "B", "(other ends)", "(missed)"]
    assert confusion == {"A": [0, 0, 1, 1], "B": [1, 1, 0, 0], "(none there)": [0, 1, None, None]}
    assert tables[2].rows[0] == [5, 4, "New York has Acme", "New York (A); Acme (B)", "New (A); Acme (A)"]
    assert [row[0] for row in tables[2].rows] == [5, 6]


def test_without_entities_or_rows_the_figures_are_undefined() -> None:
    metrics, redrawn = score(Judged([["O", "B-A"]], [["O", "O"]]), seed=0)
    assert metrics["f1"] is None and redrawn is None and metrics["token_accuracy"] == 0.5
    assert score(Judged([], []), seed=0)[0]["f1"] is None


def test_baselines() -> None:
    train = [["Ida", "left", "New", "York"], ["York", "is", "old"]]
    tags = [["B-P", "O", "B-L", "I-L"], ["I-L", "O", "O"]]
    assert tags_by_word(train, tags, [["York", "left", "Bo"], ["New", "York"]]) == [["B-L", "O", "O"], ["B-L", "I-L"]]
    table = baselines(train, tags, [["Ida", "left"]], [["B-P", "O"]], seed=0).table()
    assert [row[:2] for row in table.rows] == [["no entities", 0.0], ["most frequent tag of each word", 1.0]]
