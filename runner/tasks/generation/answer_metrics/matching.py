"""Whether an answer is the one that was wanted, and how many words the two share.

Each function takes an answer and a reference, and gives a number from 0 to 1; of several references the best counts.
"""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Callable, Sequence

from runner.tasks.generation.answer_metrics import metric_sections as sections
from runner.tasks.generation.answer_metrics.number_reading import last_number, numbers

#: What is read of an answer; None where there is nothing of the kind in it.
Reader = Callable[[str], "str | None"]
Comparison = Callable[[str, str], float]
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalised(text: str) -> str:
    """Lower case, without punctuation, articles and repeated blanks (Rajpurkar et al., SQuAD, 2016)."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact(answer: str, reference: str) -> float:
    return float(answer.strip() == reference.strip())


def nearly_exact(answer: str, reference: str) -> float:
    return float(normalised(answer) == normalised(reference))


def numeric(relative: float = 1e-6, absolute: float = 0.0) -> Comparison:
    """Compares the last numbers of two texts."""

    def compare(answer: str, reference: str) -> float:
        said, right = last_number(answer), last_number(reference)
        if said is None or right is None:
            return 0.0
        return float(math.isclose(said, right, rel_tol=relative, abs_tol=absolute))

    return compare


def f1(answer: str, reference: str) -> float:
    """F1 of the words of both, counted as often as they come."""
    said, wanted = normalised(answer).split(), normalised(reference).split()
    if not said or not wanted:
        return float(said == wanted)
    shared = sum((Counter(said) & Counter(wanted)).values())
    return 2 * shared / (len(said) + len(wanted))


def anls(threshold: float = 0.5) -> Comparison:
    """Compares texts by the edits between them, ``1 - edits / letters of the longer``, and 0 below the threshold.

    Case and blanks at the ends do not count. Source: Biten et al., "Scene Text Visual Question Answering" (2019),
    equation 1, whose threshold is 0.5.
    """

    def compare(answer: str, reference: str) -> float:
        said, wanted = answer.strip().lower(), reference.strip().lower()
        longer = max(len(said), len(wanted))
        likeness = 1.0 - edits(said, wanted) / longer if longer else 1.0
        return likeness if likeness >= threshold else 0.0

    return compare


def edits(one: str, other: str) -> int:
    """The fewest letters that are put in, taken out or replaced to make one text the other (Levenshtein, 1966)."""
    row = list(range(len(other) + 1))
    for at, letter in enumerate(one, 1):
        corner, row[0] = row[0], at
        for place, against in enumerate(other, 1):
            corner, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, corner + (letter != against))
    return row[-1]


def whole(answer: str) -> str | None:
    return answer


def extracting(pattern: str, which: sections.Which) -> Reader:
    """Reads what a pattern finds: its first group, or all of it where it has none."""
    compiled = re.compile(pattern)

    def read(answer: str) -> str | None:
        found = [match.group(1 if compiled.groups else 0) for match in compiled.finditer(answer)]
        found = [each for each in found if each is not None]
        return (found[0] if which == "first" else found[-1]) if found else None

    return read


def reading_number(which: sections.Which) -> Reader:
    """Reads a number."""

    def read(answer: str) -> str | None:
        found = numbers(answer)
        return repr(found[0] if which == "first" else found[-1]) if found else None

    return read


def matcher(metric: sections.AnswerMetric) -> tuple[Reader, Comparison] | None:
    """What is read of an answer by a metric, and how that is compared; None for one of another sort."""
    if isinstance(metric, sections.ExactMatch):
        return whole, exact
    if isinstance(metric, sections.NormalisedMatch):
        return whole, nearly_exact
    if isinstance(metric, sections.ExtractedMatch):
        ways = {"exact": exact, "normalised": nearly_exact, "numeric": numeric()}
        return extracting(metric.pattern, metric.which), ways[metric.compare]
    if isinstance(metric, sections.NumericMatch):
        return reading_number(metric.which), numeric(metric.relative, metric.absolute)
    if isinstance(metric, sections.Contains):
        return whole, _inside if not metric.ignore_case else lambda a, r: _inside(a.casefold(), r.casefold())
    if isinstance(metric, sections.TokenF1):
        return whole, f1
    if isinstance(metric, sections.Anls):
        return whole, anls(metric.threshold)
    return None


def wants_number(metric: sections.AnswerMetric) -> bool:
    """Whether a reference without a number is of no use to a metric."""
    extracted = isinstance(metric, sections.ExtractedMatch) and metric.compare == "numeric"
    return extracted or isinstance(metric, sections.NumericMatch)


def best(compare: Comparison, answer: str, references: Sequence[str]) -> float:
    """The greatest value over the references."""
    return max(compare(answer, reference) for reference in references)


def _inside(answer: str, reference: str) -> float:
    return float(reference.strip() in answer)
