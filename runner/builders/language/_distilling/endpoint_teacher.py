"""A teacher, or a judge, behind an OpenAI-compatible endpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from dataclasses import replace
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from runner.chat.endpoints.answers_cache import Answer, AnswersCache
from runner.chat.endpoints.backends import Backend, keyed
from runner.chat.endpoints.chat_requests import Asking, Failed, Seldom
from runner.chat.messages import Conversation
from runner.contract import TrainContext
from runner.errors import DataError, EnvironmentProblem, Stopped

#: Seconds after which is looked again whether the run is to stop.
LOOK = 0.2


class AskedEndpoint:
    """What it answers is kept in the cache at once: the same question is not asked twice, in no run."""

    def __init__(self, section: Any, where: str, asking: Asking | None = None) -> None:
        parameters = {"max_tokens": section.max_new_tokens, "temperature": section.temperature}
        backend = Backend(
            name=section.model, base_url=section.base_url, model=section.model, key_env=section.key_env,
            parameters=parameters,
        )  # fmt: skip
        self._keyed, self._where, self._concurrency = keyed(backend, where), where, section.concurrency
        # Threads ask, and the training tells: events have an order.
        self._told: SimpleQueue[str] = SimpleQueue()
        self._asking = replace(asking or Asking(), say=Seldom(self._told.put))

    def answers(
        self,
        prompts: Sequence[Conversation],
        context: TrainContext,
        *,
        tell: bool = True,
        worth_keeping: Callable[[str], bool] = bool,
    ) -> list[tuple[str, bool] | None]:
        """``tell`` says whether each answer is told as progress, ``worth_keeping`` whether a text answers what was
        asked: one that does not is not kept, so that an endpoint that has been mended is asked again.

        Raises :class:`DataError` for a prompt with tools, and :class:`EnvironmentProblem` for questions that got no
        answer, once all others have theirs. Who is waited for is told as a warning, seldom."""
        import urllib3

        asked = [self._messages(prompt) for prompt in prompts]
        pool, cache = urllib3.PoolManager(maxsize=self._concurrency), AnswersCache(context.cache / "answers")
        found: list[Answer | None] = [cache.get(self._keyed.backend, messages) for messages in asked]
        found = [answer if answer is not None and worth_keeping(answer.text) else None for answer in found]
        failed: list[Failed] = []
        waiting = [at for at, answer in enumerate(found) if answer is None]

        def ask(at: int) -> Answer:
            answer = self._asking.ask(pool, self._keyed, asked[at])
            if worth_keeping(answer.text):
                cache.put(self._keyed.backend, asked[at], answer)
            return answer

        running: dict[Future[Answer], int] = {Future(): at for at in waiting}
        try:
            _started(ask, running, self._concurrency)
            open_ones, done = set(running), 0
            while open_ones:
                ended, open_ones = wait(open_ones, timeout=LOOK, return_when=FIRST_COMPLETED)
                self._tell(context)
                for each in sorted(ended, key=running.__getitem__):
                    done += 1
                    try:
                        found[running[each]] = each.result()
                    except Failed as failure:
                        failed.append(failure)
                    if tell:
                        context.emit("progress", done=done, total=len(waiting), unit="answers", metrics={})
                # An endpoint may take minutes for an answer: who asks to stop does not wait for it.
                if context.stop_requested():
                    raise Stopped("stopped while an endpoint was asked: what it has answered is kept")
        except BaseException:
            # Nobody waits for another attempt then.
            self._asking.stopped.set()
            raise
        finally:
            for future in running:
                future.cancel()
        if failed:
            told = ": ".join(filter(None, (failed[0].reason, failed[0].told)))
            raise EnvironmentProblem(
                f"{len(failed):,} of {len(waiting):,} questions got no answer: {told}",
                where=self._where,
                hint="the other answers are kept: the same training asks for these alone",
            )
        return [None if answer is None else (answer.text, answer.cut) for answer in found]

    def _tell(self, context: TrainContext) -> None:
        with suppress(Empty):
            while True:
                context.emit("warning", message=self._told.get_nowait(), pointer=self._where)

    def _messages(self, prompt: Conversation) -> list[dict[str, str]]:
        if prompt.tools or any(turn.tool_calls or turn.role == "tool" for turn in prompt.messages):
            raise DataError(
                "rows with tools are not asked of an endpoint", where=self._where, hint="leave such rows out"
            )
        return [{"role": turn.role, "content": turn.content} for turn in prompt.messages]


def _started(ask: Callable[[int], Answer], futures: Mapping[Future[Answer], int], most: int) -> None:
    """Have some threads ask for what each future is of; unlike an executor's, none holds up the end of a process."""
    left: SimpleQueue[Future[Answer]] = SimpleQueue()

    def work() -> None:
        with suppress(Empty):
            while True:
                future = left.get_nowait()
                if not future.set_running_or_notify_cancel():
                    continue
                try:
                    future.set_result(ask(futures[future]))
                except Exception as error:  # noqa: BLE001 - whoever waits for the future raises it
                    future.set_exception(error)

    for future in futures:
        left.put(future)
    for _ in range(min(most, len(futures))):
        Thread(target=work, name="asks an endpoint", daemon=True).start()
