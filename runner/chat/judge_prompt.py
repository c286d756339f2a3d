"""What a judge is asked about two answers, and what its words say: which of the two is better."""

from __future__ import annotations

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


def questions(question: str, answer: str, other: str) -> tuple[str, str]:
    """What the judge is asked: the answer first, and the answer second."""
    return (
        JUDGE.format(question=question, first=answer, second=other),
        JUDGE.format(question=question, first=other, second=answer),
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
