"""Scores of a stored router for requests that come at the same time: read together, off the event loop, each once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.data.prompt_rows import Row
from runner.errors import UsageError
from runner.inference.opening import open_model
from runner.tasks import length, ranking
from runner.tasks.ranking.answers import LlmAnswers
from runner.tasks.ranking.llm_options import LlmOptions, Unknown
from runner.workspace import Workspace

if TYPE_CHECKING:
    import numpy as np

#: Requests that are read together.
AT_ONCE = 64
#: Prompts whose scores are remembered.
REMEMBERED = 4096


@dataclass(frozen=True)
class Scored:
    """What a router says of one prompt, float64 ``[LLMs]`` each."""

    scores: np.ndarray
    #: Tokens of each LLM's answer, NaN where nobody says; None without a length model.
    answer_tokens: np.ndarray | None


class Scorer:
    """A stored router, and perhaps a stored length model, for the LLMs ``names``."""

    def __init__(self, router: LlmAnswers, lengths: LlmAnswers | None = None) -> None:
        self.router, self._lengths = router, lengths
        self.names = list(router.names)
        self.temperature = router.opened.parameter("temperature") or 1.0
        self._executor = ThreadPoolExecutor(1, "router")
        self._waiting: list[tuple[Row, asyncio.Future[Scored]]] = []
        self._draining: asyncio.Task[None] | None = None
        self._known: OrderedDict[bytes, Scored] = OrderedDict()

    async def scores(self, row: Row) -> Scored:
        """What the router says of a prompt. Raises what scoring raises."""
        key = row.key()
        known = self._known.get(key)
        if known is not None:
            self._known.move_to_end(key)
            return known
        future: asyncio.Future[Scored] = asyncio.get_running_loop().create_future()
        self._waiting.append((row, future))
        if self._draining is None or self._draining.done():
            self._draining = asyncio.create_task(self._drain())
        found = await future
        self._known[key] = found
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return found

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            taken, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
            # Who went away is not read.
            taken = [(row, future) for row, future in taken if not future.done()]
            if not taken:
                continue
            try:
                found = await loop.run_in_executor(self._executor, self.of, [row for row, _ in taken])
            except Exception as error:  # noqa: BLE001 - it is raised again where the scores are waited for
                for _, future in taken:
                    if not future.done():
                        future.set_exception(error)
                continue
            for (_, future), scored in zip(taken, found, strict=True):
                if not future.done():
                    future.set_result(scored)

    def of(self, rows: Sequence[Row]) -> list[Scored]:
        """The same for several prompts at once, in this thread."""
        scores = self.router.answer(rows, AT_ONCE)
        tokens = None
        if self._lengths is not None:
            # A prediction is a median; cost goes by the mean, which is larger by what was measured.
            tokens = self._lengths.answer(rows, AT_ONCE) / (self._lengths.opened.parameter("total_ratio") or 1.0)
        return [Scored(scores[:, at], None if tokens is None else tokens[:, at]) for at in range(len(rows))]

    async def close(self) -> None:
        """Read no more."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def known_llms(workspace: Workspace, reference: str, device: str = "cpu") -> tuple[str, list[str]]:
    """A stored router's whole name and the LLMs that it knows. Raises as :func:`open_scorer`."""
    opened = open_model(workspace, reference, device=device)
    opened.need(ranking.TASK, "--router", "a router ranks LLMs")
    return opened.reference, list(LlmAnswers(opened, LlmOptions(), zero="", remember=False).names)


def open_scorer(
    workspace: Workspace, reference: str, names: Sequence[str], lengths: str | None = None, device: str = "cpu"
) -> Scorer:
    """The router and the length model, loaded. Raises :class:`UsageError` for a model of another task, and
    :class:`~runner.errors.NotFoundError` for one that is not there."""
    if not names:
        raise UsageError("there is no LLM to choose from", where="--backends")

    def answers(reference: str, task: object, flag: str, unknown: Unknown) -> LlmAnswers:
        opened = open_model(workspace, reference, device=device)
        opened.need(task, flag, "a router ranks LLMs; a length model tells how long their answers are")  # type: ignore[arg-type]
        # What people ask stays in memory: a server's disk keeps nothing of it unasked.
        return LlmAnswers(
            opened, LlmOptions(models_to_score=list(names), unknown=unknown), zero="", remember=False
        )

    router = answers(reference, ranking.TASK, "--router", "error")
    return Scorer(router, None if lengths is None else answers(lengths, length.TASK, "--lengths", "null"))
