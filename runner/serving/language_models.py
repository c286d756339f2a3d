"""Stored language models as a completer: each has an engine, and its requests share a running batch."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runner.contract.quantities import counted
from runner.data.dialogues.infer_rows import AskedConversation, read_conversation
from runner.errors import DataError, RunFailed, RunnerError, UsageError
from runner.generation import Engine
from runner.serving.completions import Refusal, Request, Served, Settings
from runner.serving.engine_answers import EngineAnswering, PieceReader
from runner.serving.openai_messages import turns_of

#: Options of generation by the settings that they are, where they are called otherwise.
OPTIONS = {"max_tokens": "max_new_tokens", "min_tokens": "min_new_tokens"}
#: Settings that are no options of generation: they are seen to here.
OWN = ("n", "logprobs", "top_logprobs", "token_ids", "deterministic", "stop")
#: Options that are no server's.
OF_REQUESTS = ("n", "logprobs")
#: What a model is asked to see whether it answers.
PROBE = "Hello"


@dataclass
class LanguageModel:
    """One model under a name."""

    name: str
    engine: Engine
    created: int
    #: Of a stored model, the hash of its manifest, which tells its bytes.
    manifest: str | None = None
    #: Options for requests that name no others, as ``runner infer --set`` takes them.
    defaults: Mapping[str, Any] = field(default_factory=dict)
    #: Tokens of a prompt and its answer, at most; None: as many as the model reads.
    max_length: int | None = None
    #: Requests that may wait for a place in the batch.
    waiting: int = 64
    #: Whether every request is computed by itself, whatever it says.
    deterministic: bool = False
    _warm: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        for name in OF_REQUESTS:
            if name in self.defaults:
                raise UsageError("is a request's own", where=f"--set {name}", hint="leave it out: a request says it")
        # A default that there is not is told before anything is served.
        self.engine.options(dict(self.defaults))

    @property
    def limit(self) -> int:
        """Tokens of a prompt and its answer, at most."""
        longest = int(self.engine.answerer.longest)
        return min(longest, self.max_length or longest)

    def served(self) -> Served:
        """As ``/v1/models`` lists it."""
        does = {"completions"} | ({"chat"} if self.engine.converses else set())
        return Served(self.name, self.engine.model, self.created, frozenset(does))

    async def start(self, request: Request) -> EngineAnswering:
        """Begin to answer. Raises :class:`Refusal`."""
        settings = request.settings
        if self.engine.unanswered + settings.n > self.engine.rows + self.waiting:
            raise Refusal(
                429,
                f"{self.name} has {counted(self.engine.unanswered, 'answers')} under way and in line, and takes "
                f"{self.engine.rows + self.waiting:,}",
                code="queue_full",
                retry_after=1,
            )
        options = self._options(settings)
        ids, key = await asyncio.to_thread(self._prompt, request, options)
        room = self.limit - len(ids)
        if room < 1 or (settings.max_tokens is not None and settings.max_tokens > room):
            asked = "" if settings.max_tokens is None else f", {settings.max_tokens:,} more are asked for"
            raise Refusal(
                400,
                f"the prompt has {counted(len(ids), 'tokens')}{asked}, and {self.name} takes {self.limit:,}, answer "
                f"included: {'shorten the prompt' if room < 1 else f'ask for {room:,} at most, or shorten the prompt'}",
                param=_place(request) if room < 1 else "max_tokens",
                code="context_length_exceeded",
            )
        options = options.model_copy(update={"max_new_tokens": min(options.max_new_tokens, room)})
        alone = settings.deterministic or self.deterministic
        answerer = self.engine.answerer
        lines = [
            answerer.line(ids, options, key=key, copy=copy, beside=settings.top_logprobs, alone=alone)
            for copy in range(settings.n)
        ]
        told = settings.logprobs or settings.token_ids
        parted = request.messages is not None
        try:
            with self.engine.together():
                replies = [
                    self.engine.submit(line, PieceReader(answerer, at, parted=parted, told=told))
                    for at, line in enumerate(lines)
                ]
        except UsageError:
            raise Refusal(503, "the server is going", code="shutting_down", retry_after=1) from None
        mode = "deterministic" if alone else "batched"
        headers = {"x-runner-model": self.engine.model, "x-runner-mode": mode}
        if options.temperature > 0:
            headers["x-runner-seed"] = str(options.seed)
        fingerprint = ":".join(filter(None, (self.engine.model, (self.manifest or "")[:12], mode)))
        return EngineAnswering(self.name, fingerprint, headers, ids, replies, lines)

    async def warm(self) -> None:
        """Make one token, once. Raises :class:`~runner.errors.RunFailed` for a model that makes none."""
        if self._warm:
            return
        messages = ({"role": "user", "content": PROBE},) if self.engine.converses else None
        settings = Settings(max_tokens=1, min_tokens=0)
        try:
            answering = await self.start(Request(self.name, messages, None if messages else PROBE, settings))
            async with contextlib.aclosing(answering.pieces()) as pieces:
                self._warm = any([True async for _ in pieces])
        except Refusal as refusal:
            raise RunFailed(f"{self.name} does not answer: {refusal.message}") from refusal

    # ---- Inside

    def _options(self, settings: Settings) -> Any:
        """The options of generation. Raises :class:`Refusal`."""
        given: dict[str, Any] = dict(self.defaults)
        named = {name: value for name, value in vars(settings).items() if name not in OWN and value is not None}
        given |= {OPTIONS.get(name, name): value for name, value in named.items()}
        if settings.stop:
            given["stop"] = list(settings.stop)
        given["logprobs"] = settings.logprobs
        given.setdefault("seed", secrets.randbits(32))
        try:
            options = self.engine.options(given)
            if settings.n > 1 and options.temperature == 0:
                told = "all answers would be the same: no token is drawn at a temperature of 0"
                raise Refusal(400, f"{told}: give a temperature", param="n", code="invalid_value")
            if settings.n > 1:
                # Says what is wrong with several answers that nothing tells apart.
                self.engine.options(given | {"n": settings.n})
        except UsageError as error:
            raise Refusal(400, _said(error), param=_field(error), code="invalid_value") from None
        return options

    def _prompt(self, request: Request, options: Any) -> tuple[list[int], bytes | None]:
        """The token ids that the model is fed, and what its drawing is known by. Raises :class:`Refusal`."""
        answerer = self.engine.answerer
        place = _place(request)
        try:
            if request.messages is not None:
                turns = turns_of(request.messages)
                row = AskedConversation(read_conversation(turns, None, "messages"))
                return answerer.prompt_ids(row, options), row.key()
            if not isinstance(request.prompt, str):
                ids = list(request.prompt or ())
                # Says which of them is no token.
                answerer.line(ids[: self.limit], options)
                return ids, None
            if not self.engine.converses:
                row = AskedConversation(read_conversation([{"role": "user", "content": request.prompt}], None, place))
                return answerer.prompt_ids(row, options), row.key()
            return _some(answerer.text_ids(request.prompt)), None
        except RunnerError as error:
            raise Refusal(400, _said(error), param=place, code="invalid_value") from None


def _some(ids: list[int]) -> list[int]:
    if not ids:
        raise DataError("the prompt has no token", hint="give a prompt that says something")
    return ids


def _place(request: Request) -> str:
    return "messages" if request.messages is not None else "prompt"


def _said(error: RunnerError) -> str:
    return f"{error.message}: {error.hint}" if error.hint else error.message


def _field(error: UsageError) -> str | None:
    """The wire's name of the option that an error is about."""
    word = (error.where or "").removeprefix("--set ").partition("=")[0].strip()
    names = {option: name for name, option in OPTIONS.items()}
    return names.get(word, word) or None


class LanguageModels:
    """Models by their names. See :class:`~runner.serving.completions.Completer`."""

    def __init__(self, models: Sequence[LanguageModel]) -> None:
        self._models = {model.name: model for model in models}

    @property
    def unfinished(self) -> int:
        """Answers under way, and in line."""
        return sum(engine.unanswered for engine in self._engines())

    def served(self) -> Sequence[Served]:
        return [model.served() for model in self._models.values()]

    async def start(self, request: Request) -> EngineAnswering:
        return await self._models[request.model].start(request)

    async def ready(self) -> None:
        for model in self._models.values():
            await model.warm()

    async def close(self) -> None:
        # Joining the engine's thread waits for its step.
        for engine in self._engines():
            await asyncio.to_thread(engine.close)

    def _engines(self) -> list[Engine]:
        """Each once, whatever names it has."""
        return list({id(model.engine): model.engine for model in self._models.values()}.values())
