"""A router as a completer: it decides who answers, asks the next best where one fails, and tells what it came to."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace

from runner.data.prompt_rows import Row
from runner.errors import RunnerError
from runner.gateway.answer_costs import Account, account
from runner.gateway.backend_choice import Before, Policy
from runner.gateway.backend_health import Wellness
from runner.gateway.backends_file import ROUTER
from runner.gateway.counters import Counters
from runner.gateway.remote_completer import Failed
from runner.gateway.request_log import RequestLog
from runner.gateway.request_needs import Needs, needs_of
from runner.gateway.request_routing import Decider, Decision, conversation
from runner.gateway.routed_answer import Outcome, RoutedAnswer, cut
from runner.gateway.routed_request import Tried, log_line
from runner.gateway.sessions import OF_SESSIONS, Sessions, session_key
from runner.serving.completions import Answering, Completer, Refusal, Request, Served, Settings
from runner.serving.openai_requests import asks_nothing
from runner.tasks.ranking.backend_sections import Backend

#: Codes of a refusal that another backend may not give.
ELSEWHERE = (408, 425, 429, 500, 502, 503, 504)
#: Seconds that silent choices have to end once the server goes.
ENDING = 5.0
#: Answers that feedback is taken on.
ANSWERED = 50_000
#: Codes of what one model cannot do and another may, and what is said of it.
OF_ONE = {"context_length_exceeded": "too long", "not_honoured_there": "a field that it does not honour"}


class Gateway:
    """Serves ``router``, ``router-R`` of another trade-off, and each LLM by its name."""

    def __init__(
        self,
        decider: Decider,
        policy: Policy,
        completers: Mapping[str, Completer],
        *,
        strongest: str,
        counters: Counters | None = None,
        log: RequestLog | None = None,
        sessions: Sessions | None = None,
        wellness: Wellness | None = None,
        present: str | None = None,
        also_closed: Callable[[], Awaitable[None]] | None = None,
        left_out: Collection[str] = (),
    ) -> None:
        """``present`` answers everything, in shadow mode, while the router chooses silently. ``left_out`` are LLMs that
        the router knows and that are not called."""
        self.decider, self.policy, self.strongest, self.present = decider, policy, strongest, present
        self.counters = counters or Counters()
        self.log, self._also_closed = log, also_closed
        self.sessions = sessions or Sessions()
        self._wellness = wellness or Wellness()
        self._completers, self._left_out = dict(completers), frozenset(left_out)
        self._created = int(time.time())
        self._warm = False
        self._silent: set[asyncio.Task[Decision | None]] = set()
        self._settling: set[asyncio.Task[None]] = set()
        #: Requests that are not over, what waits for there being none, and whether this is the end.
        self._under_way, self._none_under_way, self._going = 0, asyncio.Event(), False
        #: The ids of answers, the latest, for feedback on them.
        self._answered: OrderedDict[str, None] = OrderedDict()
        if log is not None:
            prices = {llm: backend.price.model_dump() for llm, backend in decider.backends.items()}
            log.write(
                {"event": "gateway", "router": self.root, "present": present, "against": strongest, "prices": prices}
            )

    @property
    def root(self) -> str:
        """The router: ``type/name/vN``."""
        return str(self.decider.scorer.router.opened.reference)

    def knows(self, request: str) -> bool:
        """Whether an answer of this id was given lately."""
        return request in self._answered

    @property
    def backends(self) -> Mapping[str, Backend]:
        return self.decider.backends

    def served(self) -> Sequence[Served]:
        own = Served(ROUTER, self.root, self._created, frozenset({"chat"}), "runner", frozenset({"*"}))
        return [own, *map(self._own, self._completers)]

    def find(self, name: str) -> Served | None:
        """What serves a name: also ``router-0.5``, which no list has and is the router's. None for an unknown one.

        Raises :class:`Refusal` for an LLM that is not called.
        """
        if name in self._left_out:
            raise Refusal(
                404,
                f"{name} is not called here: the file of backends has null for it; there are "
                f"{', '.join(self._completers)}",
                param="model",
                code="model_not_found",
            )
        listed = {served.name: served for served in self.served()}
        return listed[ROUTER] if self.policy.of_model(name) is not None else listed.get(name)

    async def ready(self) -> None:
        """Return once the router has read a prompt and one backend is there. Raises the refusal of one where none
        is."""
        if not self._warm:
            # What it reads with is loaded by then. Where it cannot read, requests are answered all the same.
            with contextlib.suppress(RunnerError):
                await self.decider.scorer.scores(Row("Hello"))
            self._warm = True
        refused: Refusal | None = None
        for completer in self._completers.values():
            try:
                await completer.ready()
                return
            except Refusal as refusal:
                refused = refusal
        raise refused or Refusal(503, "there is no backend")

    async def start(self, request: Request) -> Answering:
        """Decide, and ask until one begins to answer; an answer that is not sent as it comes is waited for, and begun
        again by the next where it breaks off. Raises :class:`Refusal`."""
        started = time.perf_counter()
        self._count(1)
        try:
            tried = await self._tried(request, started)
            return await self._ask(tried)
        except BaseException:
            self._count(-1)
            raise

    def _count(self, more: int) -> None:
        """Requests begin, and end."""
        self._under_way += more
        self.counters.in_flight.set(self._under_way)
        (self._none_under_way.clear if self._under_way else self._none_under_way.set)()

    async def close(self) -> None:
        """Cut what is under way, and end the backends, what is still counted, and the log."""
        self._going = True
        for completer in {id(each): each for each in self._completers.values()}.values():
            await completer.close()
        if self._also_closed is not None:
            await self._also_closed()
        if self._under_way:
            # They break off now, and are told of in the log.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ENDING):
                    await self._none_under_way.wait()
        if self._settling:
            await asyncio.wait(self._settling, timeout=ENDING)
            for silent in list(self._silent):
                silent.cancel()
            await asyncio.gather(*self._settling, return_exceptions=True)
        await self.decider.scorer.close()
        if self.log is not None:
            await asyncio.to_thread(self.log.close)

    async def _tried(self, request: Request, started: float) -> Tried:
        needs, key = needs_of(request), session_key(request)
        before = self.sessions.before(key, conversation(request))
        silent = None
        if request.model in self._completers:
            self.decider.need([request.model], needs)
            decision = Decision((request.model,), "asked", self.decider.row(request))
        else:
            policy = self.policy.of_model(request.model)
            if policy is None:
                raise Refusal(404, f"no model is called {request.model!r}", param="model", code="model_not_found")
            if self.present is not None:
                decision = Decision((self.present,), "present", self.decider.row(request))
                silent = asyncio.create_task(self._silently(policy, request, needs, before))
                self._silent.add(silent)
                silent.add_done_callback(self._silent.discard)
            else:
                decision = await self._decided(policy, request, needs, before)
        if silent is None:
            self.counters.decision.observe(time.perf_counter() - started)
        return Tried(request, started, needs, decision, key, before, {}, silent)

    async def _decided(self, policy: Policy, request: Request, needs: Needs, before: Before | None) -> Decision:
        try:
            return await self.decider.decide(policy, request, needs, before)
        except RunnerError:
            # A request is answered whatever becomes of the router.
            self.counters.undecided.inc()
            return self.decider.without_router(request, needs)

    async def _silently(self, policy: Policy, request: Request, needs: Needs, before: Before | None) -> Decision | None:
        """The router's choice in shadow mode; None where it has none."""
        started = time.perf_counter()
        try:
            decision = await self.decider.decide(policy, request, needs, before)
        except Refusal:
            return None
        except RunnerError:
            self.counters.undecided.inc()
            return None
        self.counters.decision.observe(time.perf_counter() - started)
        self.counters.shadow.labels(decision.llm).inc()
        return decision

    async def _ask(self, tried: Tried) -> RoutedAnswer:
        """The first of the order that answers."""
        refused: list[Refusal] = []
        for llm in self._wellness.order(tried.decision.order):
            try:
                inner = await self._completers[llm].start(self._of(llm, tried.request))
            except Refusal as refusal:
                if self._going:
                    raise cut() from None
                refused.append(self._told(tried, llm, refusal))
                continue
            self.counters.first_piece.labels(llm).observe(time.perf_counter() - tried.started)
            # Known from here on: the next turn may come before this one is closed.
            self._remember(tried, llm, tried.needs.prompt_tokens)
            answer = RoutedAnswer(inner, self._outcome(tried, llm, inner))
            if tried.request.streamed:
                return answer
            try:
                await answer.gather()
            except Refusal as refusal:
                await inner.close()
                if self._going:
                    answer.outcome.ended_at = time.perf_counter()
                    self._over(tried, answer.outcome)
                    raise
                refused.append(self._told(tried, llm, refusal))
                continue
            except BaseException:
                # Who waited went away: what was made until then is paid for all the same.
                await inner.close()
                answer.outcome.ended_at = time.perf_counter()
                self._over(tried, answer.outcome)
                raise
            return answer
        if tried.silent is not None:
            tried.silent.cancel()
        self.counters.unanswered.inc()
        raise self._nobody(tried, refused)

    def _nobody(self, tried: Tried, refused: Sequence[Refusal]) -> Refusal:
        """What is said where none of the order answered."""
        last = refused[-1] if refused else None
        if last is not None and (len(refused) == 1 or all(refusal.code in OF_ONE for refusal in refused)):
            if not isinstance(last, Failed) or last.message != last.reason:
                return last
            (llm,) = tried.failed
            said = f"{llm} did not answer: {last.reason}"
            return Refusal(last.status, said, code="no_backend", retry_after=last.retry_after)
        told = ", ".join(f"{llm}: {reason}" for llm, reason in tried.failed.items())
        waits = [refusal.retry_after for refusal in refused if refusal.retry_after is not None]
        busy = all(refusal.status == 429 for refusal in refused)
        return Refusal(
            429 if busy else 503, f"no backend answered: {told}", code="no_backend", retry_after=min(waits, default=1)
        )

    def _told(self, tried: Tried, llm: str, refusal: Refusal) -> Refusal:
        """Note who failed. Raises the refusal where nobody else would answer otherwise."""
        reason = refusal.reason if isinstance(refusal, Failed) else f"HTTP {refusal.status}"
        elsewhere = refusal.elsewhere if isinstance(refusal, Failed) else refusal.status in ELSEWHERE
        if refusal.code in OF_ONE:
            reason, elsewhere = OF_ONE[refusal.code], True
        if not elsewhere:
            self.counters.requests.labels(llm, tried.decision.why, "refused").inc()
            raise refusal
        tried.failed[llm] = reason
        self.counters.failovers.labels(llm, reason).inc()
        # That says nothing of its health.
        if refusal.code not in OF_ONE:
            self._wellness.failed(llm)
        return refusal

    def _of(self, llm: str, request: Request) -> Request:
        """The request as one completer gets it. Raises :class:`Refusal` for a field that it does not honour."""
        served = self._own(llm)
        fields = dict(request.fields)
        if "*" not in served.fields:
            # These are honoured here: they tell which conversation it is.
            for name in OF_SESSIONS:
                fields.pop(name, None)
            fields = {name: value for name, value in fields.items() if not asks_nothing(name, value)}
            beyond = [name for name in fields if name not in served.fields]
            beyond += [name for name in served.without if getattr(request.settings, name) != getattr(Settings(), name)]
            if beyond:
                raise Refusal(400, f"{llm} does not honour {beyond[0]}", param=beyond[0], code="not_honoured_there")
        return replace(request, model=llm, fields=fields)

    def _own(self, llm: str) -> Served:
        return next(served for served in self._completers[llm].served() if served.name == llm)

    def _outcome(self, tried: Tried, llm: str, inner: Answering) -> Outcome:
        def counted(outcome: Outcome) -> Account:
            return account(
                self.backends, llm, self.strongest, inner.usage,
                prompt_tokens=tried.needs.prompt_tokens, characters=outcome.characters,
                kept=tried.before.cached_tokens if tried.before is not None else 0.0,
            )  # fmt: skip

        def over(outcome: Outcome) -> None:
            self._over(tried, outcome)
            self._count(-1)

        decision = tried.decision
        expected = decision.candidates.get(llm)
        return Outcome(
            llm=llm,
            why=decision.why if llm == decision.llm else f"failover from {decision.llm}",
            strongest=self.strongest,
            failed=dict(tried.failed),
            expected_cost=None if expected is None else expected.cost,
            counted=counted,
            over=over,
            going=lambda: self._going,
        )

    def _over(self, tried: Tried, outcome: Outcome) -> None:
        """An answer is over: settle it, in shadow mode once the router has chosen too."""
        if tried.silent is None:
            self._settle(tried, outcome.llm, outcome, None)
            return
        task = asyncio.get_running_loop().create_task(self._settle_silent(tried, tried.silent, outcome.llm, outcome))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    async def _settle_silent(
        self, tried: Tried, silent: asyncio.Task[Decision | None], llm: str, outcome: Outcome
    ) -> None:
        """The same in shadow mode, once the router has chosen too. It goes on from its own choice, as if it was
        asked."""
        try:
            decision = await silent
        except asyncio.CancelledError:
            if not silent.cancelled():
                raise
            decision = None
        self._settle(tried, llm, outcome, decision)
        if decision is not None:
            self.sessions.answered(
                tried.key, decision.llm, conversation(tried.request), outcome.account().prompt_tokens
            )

    def _settle(self, tried: Tried, llm: str, outcome: Outcome, silent: Decision | None) -> None:
        """Count an answer that is over, remember its conversation, and log it."""
        decision, found = tried.decision, outcome.account()
        why = decision.why if llm == decision.llm else "failover"
        self.counters.answered(llm, why, outcome.ended, found)
        if outcome.ended == "broken":
            self._wellness.failed(llm)
        elif outcome.ended == "ok":
            self._wellness.well(llm)
        self._remember(tried, llm, found.prompt_tokens)
        self._answered[outcome.id] = None
        while len(self._answered) > ANSWERED:
            self._answered.popitem(last=False)
        if self.log is not None:
            self.log.write(log_line(self.log, self.root, self.strongest, tried, llm, why, outcome, silent))

    def _remember(self, tried: Tried, llm: str, prompt_tokens: float) -> None:
        """Who answers this turn of the conversation, where the router was asked."""
        if tried.decision.why not in ("asked", "present"):
            self.sessions.answered(tried.key, llm, conversation(tried.request), prompt_tokens)
