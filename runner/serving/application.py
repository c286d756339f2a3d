"""The endpoints: ``/v1`` as OpenAI's clients ask it, ``/infer``, ``/health`` and ``/metrics``."""

from __future__ import annotations

import base64
import contextlib
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import quote

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from runner import near_names
from runner.serving import openai_requests
from runner.serving.bodies import check_headers, read_document
from runner.serving.body_faults import fault_of
from runner.serving.completions import Answering, Refusal, Served
from runner.serving.joined_answers import Joined
from runner.serving.measurements import CONTENT_TYPE
from runner.serving.openai_answers import DONE, ChatWriter, TextWriter, Writer, comment, event
from runner.serving.openai_requests import IDLE, Asked
from runner.serving.service import Service, Visit
from runner.serving.streaming_response import EventStream, unless_gone

Work = Callable[[Request, Visit], Awaitable[Response]]
#: Responses after which the connection is closed: what is left of the request is not read.
UNREAD = (408, 413, 431)


def application(service: Service, routes: Sequence[BaseRoute] = ()) -> Starlette:
    """The server's application. ``routes`` come before its own."""
    endpoints = Endpoints(service)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await service.start()
        try:
            yield
        finally:
            await service.close()

    own = [
        Route("/v1/models", endpoints.around("models", endpoints.models), methods=["GET"]),
        Route("/v1/models/{name:path}", endpoints.around("models", endpoints.model), methods=["GET"]),
        Route("/v1/chat/completions", endpoints.around("chat", endpoints.chat), methods=["POST"]),
        Route("/v1/completions", endpoints.around("completions", endpoints.completions), methods=["POST"]),
        Route("/v1/embeddings", endpoints.around("embeddings", endpoints.embeddings), methods=["POST"]),
        Route("/infer", endpoints.around("infer", endpoints.infer), methods=["POST"]),
        Route("/metrics", endpoints.around("metrics", endpoints.metrics), methods=["GET"]),
        Route("/health", endpoints.health, methods=["GET"]),
    ]
    known = [route.path.replace("{name:path}", "NAME") for route in [*own, *routes] if isinstance(route, Route)]

    async def nowhere(request: Request, error: Exception) -> Response:
        try:
            endpoints.need_host(request)
        except Refusal as refusal:
            return refused(refusal)
        status = error.status_code if isinstance(error, HTTPException) else 404
        if status == 405:
            return refused(Refusal(405, f"{request.method} is not for {request.url.path}", code="wrong_method"))
        hint = near_names.hint(request.url.path, known, f"there are {', '.join(known)}")
        return refused(Refusal(status, f"there is nothing at {request.url.path}: {hint}", code="not_found"))

    return Starlette(routes=[*routes, *own], lifespan=lifespan, exception_handlers={404: nowhere, 405: nowhere})


class EmbeddingsBody(BaseModel):
    """``/v1/embeddings``."""

    model_config = ConfigDict(strict=True, extra="forbid", protected_namespaces=())

    model: str
    input: str | list[str]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = Field(None, ge=1)
    #: What the texts are, where the model has a prompt for each: ``anchor`` (a question) or ``positive`` (an answer).
    side: Literal["anchor", "positive"] | None = None


class InferBody(BaseModel):
    """``/infer``."""

    model_config = ConfigDict(strict=True, extra="forbid", protected_namespaces=())

    model: str | None = None
    #: Several models that are asked the same rows, such as a router and a model of lengths.
    models: list[str] | None = Field(None, min_length=1, max_length=16)
    rows: list[Any]
    options: dict[str, Any] = Field(default_factory=dict)
    batch_size: int = Field(128, ge=1, le=4096)


class Endpoints:
    """What each of them does."""

    def __init__(self, service: Service) -> None:
        self.service = service

    def around(self, endpoint: str, work: Work) -> Callable[[Request], Awaitable[Response]]:
        """What all have in common: who may ask, what it is refused for, and that it is counted."""

        async def answered(request: Request) -> Response:
            visit: Visit | None = None
            streams = False
            try:
                caller = self._admitted(request)
                asks = request.method == "POST"
                visit = self.service.enter(endpoint, asks=asks)
                if asks:
                    self.service.rules.rate.take(caller)
                response = await work(request, visit)
                visit.status = response.status_code
                streams = isinstance(response, EventStream)
                return response
            except Refusal as refusal:
                if visit is not None:
                    visit.status = refusal.status
                return refused(refusal)
            except Exception:  # noqa: BLE001 - a bug of ours is told as one, and the server goes on
                traceback.print_exc()
                return refused(Refusal(500, "this is a bug in the server, which has it in its log", code="bug"))
            finally:
                # A stream is over when its last byte is sent.
                if visit is not None and not streams:
                    visit.end()

        return answered

    def _admitted(self, request: Request) -> str:
        """Who asks. Raises :class:`Refusal` for who may not."""
        rules = self.service.rules
        check_headers(request, rules.bounds)
        self.need_host(request)
        address = request.client.host if request.client is not None else ""
        return rules.keys.admit(request.headers.get("authorization")) or address

    def need_host(self, request: Request) -> None:
        """Raise :class:`Refusal` for a request that names another host: a page of another site, whose name leads here
        all of a sudden, learns nothing at all."""
        rules = self.service.rules
        host = _host(request.headers.get("host", ""))
        if rules.hosts is not None and host not in rules.hosts:
            raise Refusal(
                403,
                f"the request is for the host {host!r}, and this server is for {', '.join(sorted(rules.hosts))}: serve "
                "with --host or with a key for others",
                code="wrong_host",
            )

    # ---- Of language models

    async def chat(self, request: Request, visit: Visit) -> Response:
        """``/v1/chat/completions``"""
        return await self._completed(request, visit, "chat", openai_requests.read_chat, ChatWriter)

    async def completions(self, request: Request, visit: Visit) -> Response:
        """``/v1/completions``"""
        return await self._completed(request, visit, "completions", openai_requests.read_text, TextWriter)

    async def _completed(
        self, request: Request, visit: Visit, does: str, read: Callable[..., Asked], kind: type[Writer]
    ) -> Response:
        document = await read_document(request, self.service.rules.bounds)
        served = self._found(document, does, visit)
        asked = read(document, served, _headers(request), self.service.rules.passed_over)
        prompts, settings = len(asked.requests), asked.requests[0].settings
        if asked.stream:
            # The first piece of an endpoint elsewhere may be long in coming.
            answering = await unless_gone(request, self._started(served, asked))
            writer = kind(answering, settings, prompts)
            return EventStream(self._events(answering, writer, asked, visit), _sent(answering, asked))

        async def whole() -> Response:
            answering = await self._started(served, asked)
            writer = kind(answering, settings, prompts)
            try:
                async with contextlib.aclosing(answering.pieces()) as pieces:
                    async for piece in pieces:
                        visit.first()
                        writer.take(piece)
                usage = answering.usage
                self._count(visit, answering)
                return JSONResponse(writer.whole(usage), headers=_sent(answering, asked))
            finally:
                await answering.close()

        return await unless_gone(request, whole())

    async def _started(self, served: Served, asked: Asked) -> Answering:
        """What was asked, begun; all of it, or nothing."""
        completer = self.service.completer(served.name)
        begun: list[Answering] = []
        try:
            for one in asked.requests:
                begun.append(await completer.start(one))
        except BaseException:
            for answering in begun:
                await answering.close()
            raise
        return begun[0] if len(begun) == 1 else Joined(begun, asked.requests[0].settings.n)

    async def _events(self, answering: Answering, writer: Writer, asked: Asked, visit: Visit) -> AsyncIterator[bytes]:
        """A stream's events. It ends with ``[DONE]``, whatever happened on the way."""
        try:
            async with contextlib.aclosing(answering.pieces()) as pieces:
                async for piece in pieces:
                    visit.first()
                    if chunks := writer.chunks(piece):
                        yield b"".join(chunks)
            self._count(visit, answering)
            end = writer.usage_chunk(answering.usage) if asked.include_usage else b""
            # A look at the type would have it made twice.
            closing = getattr(answering, "closing", None)
            yield end + (comment(closing) if closing is not None else b"") + DONE
        except Refusal as refusal:
            visit.status = refusal.status
            yield event(refusal.as_dict()) + DONE
        except Exception:  # noqa: BLE001 - as above
            traceback.print_exc()
            visit.status = 500
            bug = Refusal(500, "this is a bug in the server, which has it in its log", code="bug")
            yield event(bug.as_dict()) + DONE
        finally:
            visit.end()
            await answering.close()

    def _count(self, visit: Visit, answering: Answering) -> None:
        if (usage := answering.usage) is not None:
            self.service.measurements.tokens(visit.model, usage.prompt_tokens, usage.completion_tokens)

    def _found(self, document: Mapping[str, Any], does: str, visit: Visit) -> Served:
        name = document.get("model")
        if not isinstance(name, str):
            raise Refusal(400, "model is missing, or no text", param="model", code="missing_field")
        served = self.service.find(name, does)
        visit.model = served.name
        return served

    # ---- Of rows

    async def embeddings(self, request: Request, visit: Visit) -> Response:
        """``/v1/embeddings``"""
        document = await read_document(request, self.service.rules.bounds)
        served = self._found(document, "embeddings", visit)
        body = _read(EmbeddingsBody, document, self.service.rules.passed_over)
        texts = [body.input] if isinstance(body.input, str) else body.input
        model = self.service.rows[served.name]
        if not texts or len(texts) > model.most_rows:
            raise Refusal(
                400,
                f"input has {len(texts):,} texts: a request has 1 to {model.most_rows:,}",
                param="input",
                code="invalid_value",
            )
        vectors, tokens = await model.vectors(texts, body.dimensions, body.side or "anchor")
        visit.first()
        self.service.measurements.tokens(served.name, tokens, 0)
        coded = body.encoding_format == "base64"
        data = [
            {"object": "embedding", "index": at, "embedding": _base64(vector) if coded else vector.tolist()}
            for at, vector in enumerate(vectors)
        ]
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return JSONResponse({"object": "list", "data": data, "model": served.name, "usage": usage})

    async def infer(self, request: Request, visit: Visit) -> Response:
        """``/infer``"""
        document = await read_document(request, self.service.rules.bounds)
        body = _read(InferBody, document, ())
        if (body.model is None) == (body.models is None):
            raise Refusal(400, "one of model and models says which is asked", param="model", code="missing_field")
        names = [body.model] if body.model is not None else list(dict.fromkeys(body.models or ()))
        found = [self.service.find(name, "infer").name for name in names if name is not None]
        visit.model = found[0] if len(found) == 1 else ""
        results = [
            {"name": name} | await self.service.rows[name].answer(body.rows, body.options, body.batch_size)
            for name in found
        ]
        visit.first()
        return JSONResponse(results[0] if body.model is not None else {"results": results})

    # ---- Of the server

    async def models(self, request: Request, visit: Visit) -> Response:
        """``/v1/models``"""
        return JSONResponse({"object": "list", "data": [_card(served) for served in self.service.served()]})

    async def model(self, request: Request, visit: Visit) -> Response:
        """``/v1/models/NAME``"""
        name = request.path_params["name"]
        # It is called as it was asked for: a name that is not listed may answer too.
        return JSONResponse(_card(self.service.find(name)) | {"id": name})

    async def metrics(self, request: Request, visit: Visit) -> Response:
        """``/metrics``"""
        ready, _ = await self.service.state()
        return Response(self.service.measurements.text(ready), media_type=CONTENT_TYPE)

    async def health(self, request: Request) -> Response:
        """``/health``: 503 until every model has answered, and once the server is going."""
        try:
            self.need_host(request)
        except Refusal as refusal:
            return refused(refusal)
        ready, said = await self.service.state()
        names = [served.name for served in self.service.served()]
        return JSONResponse({"status": said, "models": names}, status_code=200 if ready else 503)


def refused(refusal: Refusal) -> Response:
    """A refusal as a response."""
    headers = {} if refusal.retry_after is None else {"retry-after": str(refusal.retry_after)}
    if refusal.status == 401:
        headers["www-authenticate"] = "Bearer"
    if refusal.status in UNREAD:
        headers["connection"] = "close"
    return JSONResponse(refusal.as_dict(), status_code=refusal.status, headers=headers)


def _read(kind: type[Any], document: Mapping[str, Any], passed_over: Sequence[str] | frozenset[str]) -> Any:
    """A body without a model's own fields. Raises :class:`Refusal` that names the field at fault."""
    own = {}
    for name, value in document.items():
        if name in kind.model_fields:
            own[name] = value
        elif name not in passed_over and not (value is None and name in IDLE):
            known = list(kind.model_fields)
            if name in IDLE:
                raise Refusal(400, f"{name} is not honoured: leave it out", param=name, code="unsupported_field")
            said = near_names.hint(name, known, f"the fields are {', '.join(known)}")
            raise Refusal(400, f"there is no field {name!r}: {said}", param=name, code="unknown_field")
    try:
        return kind.model_validate(own)
    except ValidationError as error:
        raise fault_of(error) from None


def _card(served: Served) -> dict[str, Any]:
    return {
        "id": served.name,
        "object": "model",
        "created": served.created,
        "owned_by": served.owner,
        "root": served.root,
        "does": sorted(served.does),
    }


def _headers(request: Request) -> dict[str, str]:
    return {name: value for name, value in request.headers.items() if name != "authorization"}


def _sent(answering: Answering, asked: Asked) -> dict[str, str]:
    """Headers of the response, in letters that a header may have."""
    headers = dict(answering.headers)
    if asked.passed_over:
        headers["x-runner-not-honoured"] = ", ".join(asked.passed_over)
    return {name: quote(value, safe=" !#$%&'()*+,-./:;<=>?@[]^_`{|}~") for name, value in headers.items()}


def _host(header: str) -> str:
    """The host of a header, without its port."""
    if header.startswith("["):
        return header.partition("]")[0] + "]"
    return header.partition(":")[0].lower()


def _base64(vector: np.ndarray) -> str:
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()
