"""Bodies of ``/v1`` as requests: every field is honoured, or refused by its name.

Fields of OpenAI's that nothing here goes by are known, so that they may stand there as long as they ask for nothing
(``"frequency_penalty": 0``); any other field is unknown. What a model honours beyond (:attr:`Served.fields`), as an
endpoint elsewhere may, is handed on as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runner import near_names
from runner.errors import UsageError
from runner.serving.body_faults import fault_of
from runner.serving.completions import Refusal, Request, Served, Settings

#: The most answers, stop texts and tokens told beside each.
MOST_ANSWERS, MOST_STOPS, MOST_BESIDE = 64, 16, 20
#: Fields of the wire that nothing here honours, with the values that ask for nothing. None of any stands for that too.
IDLE: dict[str, tuple[Any, ...]] = {
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "logit_bias": ({},),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "parallel_tool_calls": (),
    "functions": ([],),
    "function_call": ("none", "auto"),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
    "audio": (),
    "prediction": (),
    "reasoning_effort": (),
    "verbosity": (),
    "web_search_options": (),
    "service_tier": ("auto", "default"),
    "store": (False,),
    "metadata": ({},),
    "user": (),
    "safety_identifier": (),
    "prompt_cache_key": (),
    "prompt_cache_retention": (),
    "moderation": (),
    "suffix": ("",),
    "echo": (False,),
    "best_of": (1,),
    "ignore_eos": (False,),
    "stop_token_ids": ([],),
    "typical_p": (1,),
    "chat_template": (),
    "chat_template_kwargs": ({},),
    "guided_json": (),
    "guided_regex": (),
    "guided_choice": (),
    "prompt_logprobs": (),
    "use_beam_search": (False,),
}

#: How alike a field is to one that is known, of which it is a slip of the fingers: a letter more, less or elsewhere.
SLIP = 0.9


#: Settings that the wire calls otherwise.
WIRE = {"token_ids": "return_token_ids"}


class StreamOptions(BaseModel):
    """``stream_options``."""

    model_config = ConfigDict(strict=True, extra="forbid")

    include_usage: bool | None = None
    #: Noise that hides how long a piece is: none is added.
    include_obfuscation: bool | None = None


class Body(BaseModel):
    """The fields that are honoured whatever is asked."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())

    model: str
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(None, ge=1, le=1_000_000)
    min_tokens: int | None = Field(None, ge=0, le=1_000_000)
    temperature: float | None = Field(None, ge=0, le=100)
    top_p: float | None = Field(None, gt=0, le=1)
    top_k: int | None = Field(None, ge=-1)
    min_p: float | None = Field(None, ge=0, le=1)
    repetition_penalty: float | None = Field(None, gt=0)
    seed: int | None = Field(None, ge=0, le=2**32 - 1)
    stop: str | list[str] | None = None
    n: int | None = Field(None, ge=1, le=MOST_ANSWERS)
    deterministic: bool | None = None
    return_token_ids: bool | None = None


class ChatBody(Body):
    """``/v1/chat/completions``."""

    messages: list[dict[str, Any]] = Field(min_length=1)
    max_completion_tokens: int | None = Field(None, ge=1, le=1_000_000)
    logprobs: bool | None = None
    top_logprobs: int | None = Field(None, ge=0, le=MOST_BESIDE)


class TextBody(Body):
    """``/v1/completions``."""

    prompt: str | list[str] | list[int] | list[list[int]]
    logprobs: int | None = Field(None, ge=0, le=MOST_BESIDE)


@dataclass(frozen=True)
class Asked:
    """A body that was read."""

    #: One, or of ``/v1/completions`` with several prompts one for each.
    requests: tuple[Request, ...]
    stream: bool
    include_usage: bool
    #: Fields that were there and that nothing goes by, as the server was told to take them.
    passed_over: tuple[str, ...] = ()


def read_chat(
    document: Mapping[str, Any], served: Served, headers: Mapping[str, str], passed_over: Collection[str] = ()
) -> Asked:
    """A conversation to be answered. Raises :class:`Refusal` that names the field at fault.

    ``passed_over`` are fields that may be there without being honoured.
    """
    beyond, left, body = _parted(ChatBody, document, served, passed_over)
    most = body.max_tokens
    if body.max_completion_tokens is not None:
        if most is not None and most != body.max_completion_tokens:
            raise Refusal(
                400,
                f"max_tokens is {most} and max_completion_tokens {body.max_completion_tokens}: they mean the same, so "
                "leave one out",
                param="max_completion_tokens",
                code="invalid_value",
            )
        most = body.max_completion_tokens
    if body.top_logprobs and not body.logprobs:
        raise Refusal(
            400, 'top_logprobs has no effect without "logprobs": true', param="top_logprobs", code="invalid_value"
        )
    settings = _settings(body, most, bool(body.logprobs), body.top_logprobs or 0, served)
    request = Request(body.model, tuple(body.messages), None, settings, beyond, headers, bool(body.stream))
    return _asked(body, (request,), left)


def read_text(
    document: Mapping[str, Any], served: Served, headers: Mapping[str, str], passed_over: Collection[str] = ()
) -> Asked:
    """Texts, or token ids, to be gone on with. Raises as :func:`read_chat` does."""
    beyond, left, body = _parted(TextBody, document, served, passed_over)
    settings = _settings(body, body.max_tokens, body.logprobs is not None, body.logprobs or 0, served)
    prompt = body.prompt
    if isinstance(prompt, str) or not prompt:
        prompts: list[Any] = [prompt]
    elif all(isinstance(one, int) for one in prompt):
        prompts = [tuple(prompt)]
    else:
        prompts = [one if isinstance(one, str) else tuple(one) for one in prompt]
    if prompts == [[]] or () in prompts:
        raise Refusal(400, "prompt is empty", param="prompt", code="invalid_value")
    if len(prompts) * settings.n > MOST_ANSWERS:
        raise Refusal(
            400,
            f"prompt has {len(prompts)} prompts of {settings.n} answers each: a request has {MOST_ANSWERS} at most",
            param="prompt",
            code="invalid_value",
        )
    requests = tuple(Request(body.model, None, one, settings, beyond, headers, bool(body.stream)) for one in prompts)
    return _asked(body, requests, left)


def need_idle(names: Sequence[str]) -> frozenset[str]:
    """Fields that are to be passed over. Raises :class:`UsageError` for one that is honoured, or that nobody knows."""
    for name in names:
        if name in ChatBody.model_fields or name in TextBody.model_fields:
            raise UsageError(f"{name} is honoured", where="--pass-over", hint="leave it out")
        if name not in IDLE:
            known = near_names.hint(name, IDLE, f"the fields are {', '.join(IDLE)}")
            raise UsageError(f"there is no field {name!r}", where="--pass-over", hint=known)
    return frozenset(names)


def asks_nothing(name: str, value: Any) -> bool:
    """Whether a field that nothing goes by has a value that asks for nothing."""
    idle = IDLE.get(name, ())
    return value is None or any((value == one and type(value) is not bool) or value is one for one in idle)


def _parted(
    kind: type[Any], document: Mapping[str, Any], served: Served, passed_over: Collection[str]
) -> tuple[dict[str, Any], tuple[str, ...], Any]:
    """Fields that the model honours by itself, those that are passed over, and the body of the others."""
    beyond: dict[str, Any] = {}
    left: list[str] = []
    own: dict[str, Any] = {}
    for name, value in document.items():
        if name in kind.model_fields:
            own[name] = value
        elif value is None:
            if name not in IDLE and name not in served.fields and "*" not in served.fields:
                raise _unknown(name, kind)
        elif name in served.fields:
            beyond[name] = value
        elif "*" in served.fields:
            if name not in IDLE and near_names.nearest(name, [*kind.model_fields, *IDLE], SLIP) is not None:
                raise _unknown(name, kind)
            beyond[name] = value
        elif name in passed_over:
            left.append(name)
        elif name not in IDLE:
            raise _unknown(name, kind)
        elif not any((value == idle and type(value) is not bool) or value is idle for idle in IDLE[name]):
            raise Refusal(
                400,
                f"{name} is not honoured by {served.name}: leave it out",
                param=name,
                code="unsupported_field",
            )
    try:
        return beyond, tuple(left), kind.model_validate(own)
    except ValidationError as error:
        raise fault_of(error) from None


def _unknown(name: str, kind: type[BaseModel]) -> Refusal:
    known = list(kind.model_fields)
    nearest = near_names.nearest(name, [*known, *IDLE], SLIP)
    said = near_names.hint(name, known if nearest is None else [nearest], f"the fields are {', '.join(known)}")
    return Refusal(400, f"there is no field {name!r}: {said}", param=name, code="unknown_field")


def _settings(body: Any, most: int | None, logprobs: bool, beside: int, served: Served) -> Settings:
    stop = (body.stop,) if isinstance(body.stop, str) else tuple(body.stop or ())
    if len(stop) > MOST_STOPS or "" in stop:
        raise Refusal(
            400, f"stop has {MOST_STOPS} texts at most, and none of them empty", param="stop", code="invalid_value"
        )
    found = Settings(
        max_tokens=most,
        min_tokens=body.min_tokens,
        temperature=body.temperature,
        # These values ask for nothing.
        top_p=None if body.top_p == 1 else body.top_p,
        top_k=None if body.top_k in (0, -1) else body.top_k,
        min_p=body.min_p or None,
        repetition_penalty=body.repetition_penalty,
        seed=body.seed,
        stop=stop,
        n=body.n or 1,
        logprobs=logprobs,
        top_logprobs=beside,
        token_ids=bool(body.return_token_ids),
        deterministic=bool(body.deterministic),
    )
    for name in served.without:
        if getattr(found, name) != getattr(Settings(), name):
            field = WIRE.get(name, name)
            raise Refusal(
                400, f"{field} is not honoured by {served.name}: leave it out", param=field, code="unsupported_field"
            )
    return found


def _asked(body: Any, requests: tuple[Request, ...], left: tuple[str, ...]) -> Asked:
    options = body.stream_options
    if options is not None and not body.stream:
        raise Refusal(
            400, 'stream_options has no effect without "stream": true', param="stream_options", code="invalid_value"
        )
    if options is not None and options.include_obfuscation:
        raise Refusal(
            400,
            "stream_options.include_obfuscation is not honoured: leave it out",
            param="stream_options.include_obfuscation",
            code="unsupported_field",
        )
    usage = bool(options is not None and options.include_usage)
    return Asked(requests, bool(body.stream), usage, left)
