"""Answers that a model draws to prompts, each by a seed of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runner.builders._finetuning.stop_texts import cut_at, end_at
from runner.builders.language._answering.continuous_batching import Decoding, Line
from runner.builders.language._reinforcing.environments import Surroundings
from runner.builders.language._reinforcing.episodes import DrawnTurn, Episode, courses, played
from runner.builders.language._rewards.judged_answer import JudgedAnswer
from runner.chat.renderer import ChatRenderer
from runner.data.dialogues.row_types import PromptRow
from runner.tasks.generation.options import GenerationOptions
from runner.training.precision import Precision, arithmetic
from runner.training.without_dropout import without_dropout


@dataclass(frozen=True)
class Drawn:
    """An answer: the tokens of its prompt and its own, with the one that ended it, and what rewards see."""

    prompt: list[int]
    made: list[int]
    judged: JudgedAnswer
    #: Which of the tokens the model made, where it has an environment that made the others.
    own: list[bool] | None = None

    @property
    def weights(self) -> list[float]:
        """What its tokens count."""
        return [1.0] * len(self.made) if self.own is None else [float(own) for own in self.own]


@dataclass(frozen=True)
class Drawing:
    """How answers are drawn, as the spec says it."""

    renderer: ChatRenderer
    options: GenerationOptions
    longest: int
    padding: int
    #: Answers that are drawn at a time.
    together: int
    #: What answers the model's turns; None lets an answer be one.
    surroundings: Surroundings | None = None

    @classmethod
    def of(
        cls, spec: Any, renderer: ChatRenderer, padding: int, together: int, surroundings: Surroundings | None = None
    ) -> Drawing:
        options = GenerationOptions(
            max_new_tokens=spec.max_new_tokens, temperature=spec.temperature, top_k=spec.top_k, top_p=spec.top_p
        )
        return cls(renderer, options, spec.max_length, padding, max(1, together), surroundings)

    def answers(
        self,
        model: Any,
        prompts: Sequence[tuple[PromptRow, list[int]]],
        seeds: Sequence[Sequence[int]],
        precision: Precision = "float32",
        *,
        step: int | None = None,
        course: Counter[str] | None = None,
    ) -> list[Drawn]:
        """One to each prompt, without dropout. What is drawn depends on the seed, and not on what stands beside it.

        ``step`` is named where an environment fails; how its episodes went is added to ``course``.
        """

        def draw(ids: list[list[int]], own: Sequence[Sequence[int]]) -> list[DrawnTurn]:
            return self._turns(model, ids, own, precision)

        if self.surroundings is None:
            turns = draw([ids for _, ids in prompts], seeds)
            return [
                Drawn(ids, turn.made, JudgedAnswer(row, turn.text, turn.message, len(turn.made), turn.cut))
                for (row, ids), turn in zip(prompts, turns, strict=True)
            ]
        room = self.longest - int(self.options.max_new_tokens)
        episodes = played(prompts, seeds, self.surroundings, self.renderer, draw, room, step)
        if course is not None:
            course.update(courses(episodes))
        return [_of_episode(episode) for episode in episodes]

    def _turns(
        self, model: Any, prompts: list[list[int]], seeds: Sequence[Sequence[int]], precision: Precision
    ) -> list[DrawnTurn]:
        ends, stops = frozenset(self.renderer.stop_ids), self.renderer.stop_strings
        lines = [Line(ids, seed, self.options, ends, stops) for ids, seed in zip(prompts, seeds, strict=True)]
        decoding = Decoding(model, padding=self.padding, longest=self.longest, rows=self.together)
        decoding.join(lines)
        with without_dropout(model), arithmetic(str(model.device).partition(":")[0], precision):
            while decoding.busy:
                for line in decoding.step():
                    end_at(line, self.renderer.tokenizer)
        return [self._turn(line, ends) for line in lines]

    def _turn(self, line: Line, ends: frozenset[int]) -> DrawnTurn:
        decode = self.renderer.tokenizer.decode
        by_token = line.made[-1] in ends
        text, by_text = cut_at(
            decode(line.made[:-1] if by_token else line.made, skip_special_tokens=False),
            list(self.renderer.stop_strings),
        )
        end = ""
        if by_token:
            end = decode(line.made[-1:], skip_special_tokens=False)
        elif by_text:
            end = self.renderer.stop_strings[0]
        return DrawnTurn(line.made, text, self.renderer.parsed(text), end, not line.ended)


def _of_episode(episode: Episode) -> Drawn:
    last = episode.drawn[-1]
    judged = JudgedAnswer(
        episode.row,
        last.text,
        last.message,
        sum(episode.own),
        any(turn.cut for turn in episode.drawn),
        tuple(episode.turns),
        None if episode.partner is None else episode.given,
    )
    return Drawn(episode.prompt, episode.made, judged, episode.own)
