"""What a judge behind an endpoint prefers: pairs of answers to one prompt, each asked twice with its places swapped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from runner.builders.language._distilling.endpoint_teacher import AskedEndpoint
from runner.builders.language._rewards.judged_answer import JudgedAnswer
from runner.chat.judge_prompt import has_verdict, preference, questions
from runner.chat.messages import Conversation, Message
from runner.contract import TrainContext
from runner.errors import EnvironmentProblem

#: A judge none of whose first so many words had a verdict is asked no more.
FIRST = 20
#: What to do about a judge that gives no verdict.
NO_VERDICT = "name a judge that ends as it is asked to; max_new_tokens has to leave room for what it says before"
#: Characters of a judge's words that are shown.
SHOWN = 120


@dataclass
class Unread:
    """What a judge said without a verdict."""

    count: int = 0
    asked: int = 0
    example: str = ""

    def told(self) -> str:
        """The end of a sentence about it."""
        words = " ".join(self.example.split())
        shown = words if len(words) <= SHOWN else f"... {words[-SHOWN:]}"
        return (
            f"{self.count:,} of {self.asked:,} times the judge gave no verdict, which is [[A]], [[B]] or [[C]]; once "
            f"it said {shown!r}"
        )


class PreferredByJudge:
    """The mean of an answer's comparisons; one that the judge says nothing of is left out."""

    def __init__(self, section: Any, place: str, context: TrainContext) -> None:
        """Raises by ``place`` for an address that is none, and a key that is not there."""
        self._opponents, self._context = int(section.opponents), context
        self._endpoint, self._place = AskedEndpoint(section, place), place
        self.unread = Unread()

    def values(self, answers: Sequence[JudgedAnswer]) -> list[float | None]:
        """Each answer is compared with those that come next, round and round: every one as often as any other."""
        count = len(answers)
        pairs = list(
            dict.fromkeys(
                (min(one, other), max(one, other))
                for apart in range(1, min(self._opponents, count - 1) + 1)
                for one in range(count)
                for other in [(one + apart) % count]
            )
        )
        found: list[list[float]] = [[] for _ in answers]
        preferred = self._preferred([(answers[one], answers[other]) for one, other in pairs])
        for (one, other), worth in zip(pairs, preferred, strict=True):
            if worth is not None:
                found[one].append(worth)
                found[other].append(1 - worth)
        return [sum(each) / len(each) if each else None for each in found]

    def against(self, answers: Sequence[JudgedAnswer], others: Sequence[JudgedAnswer]) -> list[float | None]:
        """Of each of some answers, and another to the same prompt."""
        return self._preferred(list(zip(answers, others, strict=True)))

    def _preferred(self, pairs: Sequence[tuple[JudgedAnswer, JudgedAnswer]]) -> list[float | None]:
        """What the first of each pair is worth; None where the judge says nothing of it."""
        asked = [questions(_prompt(one), _said(one), _said(other)) for one, other in pairs]
        # Two that say the same are as good as each other, and no judge is asked.
        same = [_said(one) == _said(other) for one, other in pairs]
        texts = list(dict.fromkeys(text for both, alike in zip(asked, same, strict=True) if not alike for text in both))
        conversations = [Conversation((Message("user", text),)) for text in texts]
        said = self._endpoint.answers(conversations, self._context, tell=False, worth_keeping=has_verdict)
        words = {text: answer[0] for text, answer in zip(texts, said, strict=True) if answer is not None}
        self._count(words.values())
        found: list[float | None] = []
        for (first, second), alike in zip(asked, same, strict=True):
            found.append(0.5 if alike else preference(words.get(first, ""), words.get(second, "")))
        return found

    def _count(self, words: Iterable[str]) -> None:
        """Raises :class:`EnvironmentProblem` for a judge that never gave a verdict: each question may cost."""
        unread = self.unread
        for each in words:
            unread.asked += 1
            if not has_verdict(each):
                unread.count, unread.example = unread.count + 1, each
        if unread.count == unread.asked >= FIRST:
            raise EnvironmentProblem(unread.told(), where=self._place, hint=NO_VERDICT)


def _prompt(answer: JudgedAnswer) -> str:
    return _told(answer.row.prompt.messages)


def _said(answer: JudgedAnswer) -> str:
    return _told(answer.turns) if len(answer.turns) > 1 else answer.message.content


def _told(messages: Sequence[Message]) -> str:
    """The text of one turn; of several each after its role."""
    if len(messages) == 1:
        return messages[0].content
    return "\n\n".join(f"{message.role}: {message.content}" for message in messages)
