"""What a judge is asked about two answers, and what it says: which of the two is better.

It says so in words, at whose end stands a verdict; or by how likely it finds the letter of either answer, which every
language model tells.
"""

from __future__ import annotations

import math
import re

VERDICT = re.compile(r"\[\[([ABC])\]\]")
JUDGE = """Two assistants answered the same question. Say which answer is better: more correct first, then more helpful.
Do not go by their order or their length. End with one of these, alone on the last line:
[[A]] if the first is better, [[B]] if the second is, [[C]] if neither is.

Question:
{question}

First answer:
{first}

Second answer:
{second}"""
#: The same for a judge whose next token is read, and no more.
LETTER = """Two assistants answered the same question. Say which answer is better: more correct first, then more
helpful. Do not go by their order or their length. Say one letter alone: A or B.

Question:
{question}

Answer A:
{first}

Answer B:
{second}

The better answer is answer"""
LETTERS = ("A", "B")


def questions(question: str, answer: str, other: str, form: str = JUDGE) -> tuple[str, str]:
    """What the judge is asked, as ``form`` (:data:`JUDGE` or :data:`LETTER`) says it: the answer first, and second."""
    return (
        form.format(question=question, first=answer, second=other),
        form.format(question=question, first=other, second=answer),
    )


def has_verdict(said: str) -> bool:
    """Whether a judge's words say which of the two is better."""
    return VERDICT.search(said) is not None


def verdict(said: str, first: bool) -> float | None:
    """What a judge's words are worth to the answer that stood first, or second; None where it says nothing."""
    found = VERDICT.findall(said)
    if not found:
        return None
    return 0.5 if found[-1] == "C" else float((found[-1] == "A") == first)


def preference(first: str, second: str) -> float | None:
    """What a judge's words are worth to an answer that stood first, and then second: 1 where it is preferred both
    times, 0.5 where that hangs on the place; None where either says nothing."""
    one, other = verdict(first, first=True), verdict(second, first=False)
    return None if one is None or other is None else (one + other) / 2


def likelier(first: tuple[float, float], second: tuple[float, float]) -> float:
    """How likely a judge says the letter of an answer that stood first, and then second: the mean of both, 0 to 1.

    Each is the log-probabilities of the two letters, A and B; all else that it may say does not count. A judge that
    goes by the place alone gives ``p`` to the answer that is first, and ``1 - p`` to it as the second: 0.5. So is the
    win rate of AlpacaEval 2 weighted (Dubois et al., 2024), there in one order.
    """
    return (_share(*first) + _share(*reversed(second))) / 2


def _share(own: float, other: float) -> float:
    """``e^own / (e^own + e^other)``."""
    return (1 + math.tanh((own - other) / 2)) / 2
