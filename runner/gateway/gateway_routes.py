"""What a gateway has at a server beside the models: its page, and feedback on its answers."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from runner.gateway.gateway_completer import Gateway
from runner.gateway.gateway_page import page
from runner.serving.application import Endpoints
from runner.serving.bodies import read_document
from runner.serving.body_faults import fault_of
from runner.serving.completions import Refusal
from runner.serving.service import Service, Visit

Id = Annotated[str, Field(pattern=r"^req-[0-9a-f]{24}$")]


class Feedback(BaseModel):
    """What an answer was worth: a score from 0 to 1, or that it was better than another to the same prompt."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    #: The answer's header ``x-runner-request``.
    request: Id
    score: float | None = Field(None, ge=0, le=1)
    better_than: Id | None = None


def routes(service: Service, gateway: Gateway) -> list[BaseRoute]:
    """``/`` and ``/v1/feedback``, behind the server's own doors."""
    endpoints = Endpoints(service)

    async def shown(request: Request, visit: Visit) -> Response:
        return HTMLResponse(page(gateway), headers={"cache-control": "no-store"})

    async def feedback(request: Request, visit: Visit) -> Response:
        document = await read_document(request, service.rules.bounds)
        try:
            given = Feedback.model_validate(document)
        except ValidationError as error:
            fault = fault_of(error)
            if fault.param in ("request", "better_than") and fault.code != "missing_field":
                said = f"{fault.param} is no name of an answer: the header x-runner-request of each has its own"
                raise Refusal(400, said, param=fault.param, code="invalid_value") from None
            raise fault from None
        if (given.score is None) == (given.better_than is None):
            raise Refusal(400, "one of score and better_than says what it was worth", param="score")
        if given.better_than == given.request:
            raise Refusal(400, "better_than names the answer itself: name another one", param="better_than")
        if gateway.log is None:
            raise Refusal(400, "there is no log to keep it in: the server was started without --log", code="no_log")
        for name in ("request", "better_than"):
            one = getattr(given, name)
            if one is not None and not gateway.knows(one):
                raise Refusal(404, f"{name} is no answer that is remembered here", param=name, code="not_found")
        worth = {"score": given.score} if given.score is not None else {"better_than": given.better_than}
        gateway.log.write({"event": "feedback", "id": given.request} | worth)
        return JSONResponse({"object": "feedback", "request": given.request} | worth)

    return [
        Route("/", endpoints.around("page", shown), methods=["GET"]),
        Route("/v1/feedback", endpoints.around("feedback", feedback), methods=["POST"]),
    ]
