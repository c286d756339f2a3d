"""Answers that a model draws to prompts, each by a seed of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runner.builders.language._answering.decoding import Decoding, Line
from runner.builders.language._answering.stop_texts import cut_at, end_at
from runner.builders.language._rewards.judged_answer import JudgedAnswer
from runner.chat.renderer import ChatRenderer
from runner.data.dialogues.rows import PromptRow
from runner.tasks.generation.options import GenerationOptions
from runner.training.precision import Precision, arithmetic


@dataclass(frozen=True)
class Drawn:
    """An answer: the tokens of its prompt and its own, with the one that ended it, and what rewards see."""

    prompt: list[int]
    made: list[int]
    judged: JudgedAnswer


@dataclass(frozen=True)
class Drawing:
    """How answers are drawn, as the spec says it."""

    renderer: ChatRenderer
    options: GenerationOptions
    longest: int
    padding: int
    #: Answers that are drawn at a time.
    together: int

    @classmethod
    def of(cls, spec: Any, renderer: ChatRenderer, padding: int, together: int) -> Drawing:
        options = GenerationOptions(
            max_new_tokens=spec.max_new_tokens, temperature=spec.temperature, top_k=spec.top_k, top_p=spec.top_p
        )
        return cls(renderer, options, spec.max_length, padding, max(1, together))

    def answers(
        self,
        model: Any,
        prompts: Sequence[tuple[PromptRow, list[int]]],
        seeds: Sequence[Sequence[int]],
        precision: Precision = "float32",
    ) -> list[Drawn]:
        """One to each prompt, without dropout. What is drawn depends on the seed, and not on what stands beside it."""
        ends, stops = self._ends(), self.renderer.stop_strings
        lines = [Line(ids, seed, self.options, ends, stops) for (_, ids), seed in zip(prompts, seeds, strict=True)]
        decoding = Decoding(model, padding=self.padding, longest=self.longest, rows=self.together)
        decoding.join(lines)
        was = model.training
        model.eval()
        try:
            with arithmetic(str(model.device).partition(":")[0], precision):
                while decoding.busy:
                    for line in decoding.step():
                        end_at(line, self.renderer.tokenizer)
        finally:
            model.train(was)
        return [self._drawn(row, line) for (row, _), line in zip(prompts, lines, strict=True)]

    def _ends(self) -> frozenset[int]:
        return frozenset(self.renderer.stop_ids)

    def _drawn(self, row: PromptRow, line: Line) -> Drawn:
        kept = line.made[:-1] if line.made[-1] in self._ends() else line.made
        text, _ = cut_at(
            self.renderer.tokenizer.decode(kept, skip_special_tokens=False), list(self.renderer.stop_strings)
        )
        judged = JudgedAnswer(row, text, self.renderer.parsed(text), len(line.made), not line.ended)
        return Drawn(line.prompt, line.made, judged)
