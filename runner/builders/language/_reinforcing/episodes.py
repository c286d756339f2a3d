"""Answers of several turns: drawn turn by turn, all that are open together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from runner.builders.language._reinforcing.environments import PLACE, Surroundings, stepped
from runner.chat.messages import Message
from runner.chat.refusals import Unrenderable
from runner.chat.renderer import ChatRenderer
from runner.data.dialogues.row_types import PromptRow
from runner.errors import RunFailed

#: How an episode ends: by a turn that nothing answers, for want of turns, for want of room within ``max_length``.
ENDS = ("answered", "out_of_turns", "no_room")


@dataclass(frozen=True)
class DrawnTurn:
    """A turn of the model: its tokens with the one that ended it, its text, the same as a message."""

    made: list[int]
    text: str
    message: Message
    #: What it wrote of its end of turn; nothing where it was cut.
    end: str
    cut: bool


#: Draws one turn after each of some rows of tokens, each by a seed.
Draw = Callable[[list[list[int]], list[list[int]]], list[DrawnTurn]]


@dataclass
class Episode:
    """A prompt, and the turns after it."""

    row: PromptRow
    prompt: list[int]
    seed: list[int]
    partner: Any
    #: The tokens after the prompt, and which of them the model made.
    made: list[int] = field(default_factory=list)
    own: list[bool] = field(default_factory=list)
    drawn: list[DrawnTurn] = field(default_factory=list)
    turns: list[Message] = field(default_factory=list)
    given: float = 0.0
    calls: int = 0
    failed_calls: int = 0
    #: One of :data:`ENDS`, once it is over.
    end: str | None = None

    def add(self, ids: Sequence[int], own: bool) -> None:
        self.made += ids
        self.own += [own] * len(ids)

    @property
    def ids(self) -> list[int]:
        """All tokens so far."""
        return [*self.prompt, *self.made]


def played(
    asked: Sequence[tuple[PromptRow, list[int]]],
    seeds: Sequence[Sequence[int]],
    surroundings: Surroundings,
    renderer: ChatRenderer,
    draw: Draw,
    room: int,
    step: int | None,
) -> list[Episode]:
    """An episode for every prompt. A turn follows where ``room`` tokens are left for what stands before it.

    Raises :class:`RunFailed` by line and ``step`` for a partner that raises, or gives what is no step.
    """
    episodes = []
    for (row, ids), seed in zip(asked, seeds, strict=True):
        with _Told(row, step):
            episodes.append(Episode(row, list(ids), list(seed), surroundings.partner_for(row)))
    for turn in range(surroundings.max_turns):
        going = [episode for episode in episodes if episode.end is None]
        if not going:
            break
        # The first turn is drawn as an answer of one turn is.
        own = [[*episode.seed, turn] if turn else episode.seed for episode in going]
        for episode, drawn in zip(going, draw([each.ids for each in going], own), strict=True):
            with _Told(episode.row, step):
                _go_on(episode, drawn, surroundings, renderer, room, last=turn + 1 == surroundings.max_turns)
    return episodes


def courses(episodes: Sequence[Episode]) -> Counter[str]:
    """How they went, added up: :data:`ENDS`, ``turns``, ``calls``, ``failed_calls``, and ``given`` where a partner gave
    something for an answer."""
    found: Counter[str] = Counter(str(episode.end) for episode in episodes)
    found["turns"] = sum(len(episode.drawn) for episode in episodes)
    found["calls"] = sum(episode.calls for episode in episodes)
    found["failed_calls"] = sum(episode.failed_calls for episode in episodes)
    if given := sum(episode.given != 0 for episode in episodes):
        found["given"] = given
    return found


def _go_on(
    episode: Episode, drawn: DrawnTurn, surroundings: Surroundings, renderer: ChatRenderer, room: int, *, last: bool
) -> None:
    before = episode.row.prompt.with_messages([*episode.row.prompt.messages, *episode.turns])
    episode.add(drawn.made, True)
    episode.drawn.append(drawn)
    episode.turns.append(drawn.message)
    follow = _followed(episode, drawn, surroundings, last)
    if not follow:
        episode.end = episode.end or "answered"
        return
    ids = renderer.between(before, follow, drawn.end)
    if last or len(episode.prompt) + len(episode.made) + len(ids) > room:
        episode.end = "out_of_turns" if last else "no_room"
        return
    episode.add(ids, False)
    episode.turns += follow


def _followed(episode: Episode, drawn: DrawnTurn, surroundings: Surroundings, last: bool) -> list[Message]:
    """The turns that follow one of the model's; none ends the episode."""
    calls = drawn.message.tool_calls
    if calls and surroundings.tools:
        if last:
            # Nobody would read what the tools say.
            episode.end = "out_of_turns"
            return []
        answered = [surroundings.call(call) for call in calls]
        episode.calls += len(calls)
        episode.failed_calls += sum(not done for _, done in answered)
        return [message for message, _ in answered]
    if episode.partner is None:
        return []
    found, follow = stepped(episode.partner, drawn.message, drawn.cut)
    episode.given += found.reward
    return follow


class _Told:
    """Tells what an environment raises by the line of its prompt and the step."""

    def __init__(self, row: PromptRow, step: int | None) -> None:
        self._line, self._place = row.line, "on held-out rows" if step is None else f"at step {step + 1}"

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, Exception):
            told = error.message if isinstance(error, Unrenderable) else f"{type(error).__name__}: {error}"
            raise RunFailed(
                f"the environment failed on an answer to the prompt of line {self._line}, {self._place}: {told}",
                where=PLACE,
                hint="step(message) gives a text, a number or a StepResult",
            ) from error
