"""Scores of a stored router for requests that come at the same time: read together, off the event loop, each once.

A router that takes less time than a thread's turn, as one that reads no prompt does, is asked in the event loop itself.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.data.prompt_rows import Row
from runner.inference.opening import Opened, open_model
from runner.serving.own_memory import OwnMemory
from runner.tasks import length, ranking
from runner.tasks.ranking.answers import LlmAnswers
from runner.tasks.ranking.llm_options import LlmOptions
from runner.tasks.ranking.llm_predictor import llm_predictor
from runner.workspace import Workspace

if TYPE_CHECKING:
    import numpy as np

#: Requests that are read together.
AT_ONCE = 64
#: Seconds of a router's last answer below which the next one is made in the event loop: as long as it takes to hand
#: work to a thread and back. Of prompts of so many characters at most, which it cannot be much slower on.
AT_HAND, SHORT = 0.0005, 20_000
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
        #: Seconds that the last answer took.
        self._took = float("inf")
        self._known: OrderedDict[bytes, Scored] = OrderedDict()

    async def scores(self, row: Row) -> Scored:
        """What the router says of a prompt. Raises what scoring raises."""
        key = row.key()
        known = self._known.get(key)
        if known is not None:
            self._known.move_to_end(key)
            return known
        idle = self._draining is None or self._draining.done()
        if idle and self._took < AT_HAND and len(row.prompt) + sum(map(len, row.history)) <= SHORT:
            found = self.of([row])[0]
        else:
            future: asyncio.Future[Scored] = asyncio.get_running_loop().create_future()
            self._waiting.append((row, future))
            if idle:
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
        begun = time.perf_counter()
        scores = self.router.answer(rows, AT_ONCE)
        tokens = None
        if self._lengths is not None:
            # A prediction is a median; cost goes by the mean, which is larger by what was measured.
            tokens = self._lengths.answer(rows, AT_ONCE) / (self._lengths.opened.parameter("total_ratio") or 1.0)
        # One slow answer, on a machine that is busy, does not say that the router is slow.
        self._took = min(2 * self._took, time.perf_counter() - begun)
        return [Scored(scores[:, at], None if tokens is None else tokens[:, at]) for at in range(len(rows))]

    async def close(self) -> None:
        """Read no more."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def open_router(workspace: Workspace, reference: str, device: str = "cpu") -> Opened:
    """A stored router, checked. Raises :class:`~runner.errors.ConflictError` for a model of another task."""
    return open_model(workspace, reference, device=device).need(ranking.TASK, "--router", "a router ranks LLMs")


def llms_of(router: Opened) -> list[str]:
    """The LLMs that a router knows."""
    return list(llm_predictor(router.predictor).models)


def open_scorer(
    workspace: Workspace,
    router: Opened,
    names: Sequence[str],
    lengths: str | None = None,
    device: str = "cpu",
    memory: OwnMemory | None = None,
) -> Scorer:
    """The router and a length model, loaded. What people ask stays in memory: a disk keeps nothing of it unasked.

    With a server's ``memory`` their weights are in it, and what becomes of their folders changes no score.

    Raises :class:`~runner.errors.NotFoundError` for a model that is not there, or an LLM that the router does not know.
    """
    names = list(names)
    if memory is not None:
        memory.keep_model(router)
    scorer = LlmAnswers(router, LlmOptions(models_to_score=names, unknown="error"), zero="", remember=False)
    if lengths is None:
        return Scorer(scorer)
    opened = open_model(workspace, lengths, device=device)
    opened.need(length.TASK, "--lengths", "a length model tells how long answers are")
    if memory is not None:
        memory.keep_model(opened)
    return Scorer(
        scorer, LlmAnswers(opened, LlmOptions(models_to_score=names, unknown="null"), zero="", remember=False)
    )
