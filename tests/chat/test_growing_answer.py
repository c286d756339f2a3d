"""An answer as it grows: the same message as of the whole text, told without taking anything back."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from runner.chat.growing_answer import GrowingAnswer
from runner.chat.parsing import message_of


@dataclass(frozen=True)
class Habits:
    prefix: str = ""
    thinking: bool = False
    thought: tuple[str, str] = ("<think>", "</think>")
    marker: str = "<|im_end|>"
    end_token: str | None = "<|im_end|>"


@pytest.mark.parametrize(
    ("habits", "text"),
    [
        (Habits(), "Hello <there>, a < b and <think of it."),
        (Habits(), "<think>\nWell, 1 + 1 </thin is no end.\n</think>\n\nIt is 2.</think>"),
        (Habits(), "<think>Never at an end"),
        (Habits(), "<thinking aloud>"),
        (Habits(), ""),
        (Habits(thinking=True), "So it is.\n</think>\nTwo."),
        (Habits(thought=("", "")), "No marks at all"),
        (Habits(prefix="\n\n"), "\n\nHi"),
        (Habits(prefix="\n\n"), "\nHi"),
        (Habits(marker="\n<|im_end|>"), "One line\nand another"),
        (
            Habits(prefix="<|channel|>final<|message|>"),
            "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Yes.",
        ),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_pieces_come_to_the_message_of_the_whole(habits, text, size):
    growing = GrowingAnswer(habits)
    told = [growing.add(text[at : at + size]) for at in range(0, len(text), size)] + [growing.rest()]
    whole = message_of(text, style=None, prefix=habits.prefix, thinking=habits.thinking, thought=habits.thought)
    assert "".join(content for content, _ in told) == whole.content
    assert "".join(reasoning for _, reasoning in told) == (whole.reasoning or "")


def test_what_stands_before_the_end_of_a_turn_is_no_part_of_the_answer():
    growing = GrowingAnswer(Habits(marker="\n<|im_end|>"))
    assert [growing.add("a\n"), growing.add("b\n"), growing.rest()] == [("a", ""), ("\nb", ""), ("", "")]


def test_a_thought_without_an_end_is_reasoning():
    growing = GrowingAnswer(Habits(thinking=True))
    assert growing.add("Hm, ") == ("", "Hm,")
    assert growing.add("well") == ("", " well")
    assert growing.rest() == ("", "")
