"""``runner serve``"""

from __future__ import annotations

import gc
import importlib.util
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from runner.cli.output import say, show
from runner.cli.parameters import UNSAID, ChoosingFlags, Json
from runner.errors import EnvironmentProblem, NotFoundError, UsageError
from runner.workspace import Workspace, absolute, current_folder

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from runner.serving.completions import Completer
    from runner.serving.row_models import RowModel

Settings = Parameter(name="--set", negative="")
Several = Parameter(negative="")
#: What serving needs beside the models.
NEEDED = ("starlette", "uvicorn", "prometheus_client", "aiohttp")
#: Where only this machine asks.
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def serve(
    *models: Annotated[str, Parameter(help="Stored models: TYPE/NAME or TYPE/NAME/vN; or a base of the Hub.")],
    host: str = "127.0.0.1",
    port: int = 8000,
    alias: Annotated[list[str] | None, Several] = None,
    set_: Annotated[list[str] | None, Settings] = None,
    max_concurrent: int = 32,
    max_waiting: int = 64,
    max_length: int | None = None,
    max_rows: int = 1024,
    rate: float | None = None,
    api_key_env: str | None = None,
    api_key_file: Path | None = None,
    pass_over: Annotated[list[str] | None, Several] = None,
    deterministic: Annotated[bool, Several] = False,
    drain_seconds: float = 30.0,
    engine: Literal["vllm", "sglang"] | None = None,
    engine_seconds: float | None = None,
    engine_flag: Annotated[list[str] | None, Several] = None,
    router: str | None = None,
    backends: Path | None = None,
    choosing: ChoosingFlags = UNSAID,
    switch_margin: float | None = None,
    against: str | None = None,
    shadow: Annotated[bool, Several] = False,
    present: str | None = None,
    log: Path | None = None,
    log_texts: Annotated[bool, Several] = False,
    harness_tag: Annotated[list[str] | None, Several] = None,
    device: Literal["cpu", "cuda", "auto"] = "cpu",
    json: Json = False,
) -> None:
    """Serve stored models over HTTP, as the clients of OpenAI's API ask for them; /infer answers rows for any task.

    Example: runner serve sft/helper reward/judge elo_scoring/elo --port 8000

    Example: runner serve --router dense_network/mine --backends backends.json --trade-off 20 --log requests.jsonl

    Example: runner serve sft/helper --engine vllm --max-length 4096

    Each model has its own name, in /v1/models. A field of a request that is not honoured is refused by its name.
    SIGTERM or Ctrl-C lets what runs end and takes nothing new; a second one ends it at once.

    With --router, a request for the model "router" goes to the LLM that a stored router chooses, by the rules of
    `runner route`; "router-20" has another trade-off. The backends: {"NAME": {"url": "https://api.example.com/v1",
    "api_key_env": "KEY", "price": {"input": 0.5, "output": 1.5, "answer_tokens": 300}, "tools": true}, "OTHER":
    "sft/helper"}. Headers of an answer say who gave it, why, and what it cost and saved; / shows the traffic.

    Parameters
    ----------
    host
        Where to listen. Without it, this machine alone can ask.
    port
        The port; 0 is one that is free.
    alias
        Another name for a model, as NAME=MODEL: one word after each flag.
    set_
        An option of generation for requests that name none, as KEY=VALUE: one word after each flag.
    max_concurrent
        Answers of a model that are made together; others wait.
    max_waiting
        Requests of a model that wait at most: one more is refused with 429.
    max_length
        Tokens of a prompt and its answer at most. Without it, as many as the model reads.
    max_rows
        Rows, or texts, of one request at most.
    rate
        Requests a minute of each key, or of each address where no key is asked for. Without it, any number.
    api_key_env
        The environment variable that has the key, or several with commas between them, which requests must bring.
    api_key_file
        A file with a key a line.
    pass_over
        A field that clients may send though nothing here goes by it: each answer says so in a header.
    deterministic
        Compute every answer by itself, so that it does not hang on what is made beside it, to the last digit.
    drain_seconds
        Seconds that running requests have to end once the server is to go.
    engine
        Have an engine of others answer for the model: it is started here, and ends with this server.
    engine_seconds
        --engine: seconds that it has to be ready; 600 without it.
    engine_flag
        --engine: a flag of its own, as NAME=VALUE, such as tensor-parallel-size=2: one word after each flag.
    router
        A stored router, TYPE/NAME, that chooses who answers.
    backends
        --router: a JSON file of what answers for each LLM: an endpoint, a stored model, or null for nobody.
    switch_margin
        --router: quality that another LLM must have more to take a conversation over; 0.05 without it.
    against
        --router: the LLM that savings are counted against. Without it, the strong one, or the dearest.
    shadow
        --router: --present answers everything, and the router chooses silently into the --log.
    present
        With --shadow: the LLM that answers.
    log
        --router: add a line for each request to this file. No key, no address and no text is in it.
    log_texts
        Keep prompts and answers in the log too, redacted: what `runner data from-log` makes rows of.
    harness_tag
        --router: a tag around text that no user wrote, left out of what the router reads: one word after each flag.
    device
        Where to compute.
    """
    gc.enable()
    keys = _keys(api_key_env, api_key_file)
    for name, least, value in (
        ("--max-concurrent", 1, max_concurrent),
        ("--max-waiting", 0, max_waiting),
        ("--max-length", 2, max_length),
        ("--max-rows", 1, max_rows),
        ("--drain-seconds", 0, drain_seconds),
    ):
        if value is not None and not value >= least:
            raise UsageError(f"is {value}", where=name, hint=f"{least} or more")
    if not 0 <= port <= 65535:
        raise UsageError(f"is {port}", where="--port", hint="0 to 65535; 0 is one that is free")
    if rate is not None and not 0 < rate < float("inf"):
        raise UsageError(f"is {rate}", where="--rate", hint="requests a minute, more than 0")
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise EnvironmentProblem(
            f"serving needs {', '.join(missing)}, not installed here", hint="pip install 'runner[train]'"
        )
    from runner.gateway.gateway_options import gathered
    from runner.inference.task_options import parse_settings
    from runner.serving.application import application
    from runner.serving.keys_and_rate_limits import Keys, Rate
    from runner.serving.openai_requests import need_idle
    from runner.serving.opened_models import Limits, open_models
    from runner.serving.own_memory import OwnMemory
    from runner.serving.server import address_of, listen
    from runner.serving.server import serve as serve_until_told
    from runner.serving.service import Rules, Service

    passed_over = need_idle(pass_over or ())
    aliases = _aliases(alias or ())
    asked = gathered(
        router=router, backends=backends, rule=choosing.rule(), calibrate_on=choosing.calibrate_on,
        lengths=choosing.lengths, switch_margin=switch_margin, against=against, shadow=shadow, present=present,
        log=log, log_texts=log_texts, harness_tag=harness_tag,
    )  # fmt: skip
    if engine is None:
        for flag, given in (("--engine-seconds", engine_seconds), ("--engine-flag", engine_flag)):
            if given is not None:
                raise UsageError("is an engine's, and none is named", where=flag, hint="--engine vllm")
    else:
        _check_engine(
            {"--set": set_, "--deterministic": deterministic, "--router": router, "--device": device != "cpu",
             "--max-rows": max_rows != 1024}, engine_seconds,
        )  # fmt: skip
    # A port that is taken is told before models are read.
    listening = listen(host, port)
    limits = Limits(max_concurrent, max_waiting, max_length, max_rows, deterministic)
    workspace, memory = Workspace.current(), OwnMemory()
    completers: list[Completer] = []
    rows: list[RowModel] = []
    told: list[str] = []
    if engine is not None:
        from runner.gateway.engines.engine_start import EngineWords, open_engine

        hidden = (api_key_env,) if api_key_env is not None else ()
        own = EngineWords(engine, engine_seconds or 600.0, tuple(engine_flag or ()), hidden)
        begun = open_engine(workspace, models, own, aliases=aliases, limits=limits, say=say)
        completers, told, warnings = [begun.completer], begun.told, begun.warnings
    elif models or asked is None:
        opened = open_models(
            workspace,
            models,
            aliases=aliases,
            defaults=parse_settings(set_ or ()),
            limits=limits,
            device=device,
            memory=memory,
        )
        completers, rows, told, warnings = [opened.language], opened.rows, opened.told, opened.warnings
    elif aliases or set_:
        raise UsageError("is of models that are named, and none is", where="--alias" if aliases else "--set")
    else:
        warnings = []
    gateway = None
    if asked is not None:
        from runner.gateway.opening import open_gateway

        made = open_gateway(workspace, asked, limits=limits, device=device, memory=memory)
        gateway = made.gateway
        twice = [one.name for each in completers for one in each.served() if one.name in gateway.backends]
        if twice:
            raise UsageError(f"{twice[0]} is named here and a backend too", hint="leave one out")
        completers.append(gateway)
        told, warnings = [*told, *made.told], [*warnings, *made.warnings]
    for warning in warnings:
        say(f"warning: {warning}")
    if host not in LOOPBACK and not keys:
        say(f"warning: whoever reaches {host} can ask, without a key: --api-key-env or --api-key-file asks for one")
    hosts = frozenset({*LOOPBACK, "[::1]"}) if host in LOOPBACK and not keys else None
    address = address_of(listening)

    def ready() -> None:
        document = {"address": address, "models": [served.name for served in service.served()]}
        show(document, "\n".join([*told, f"serving at {address}"]), as_json=json)
        sys.stdout.flush()
        # What the server is made of stays: a collection would go through all of it in the middle of answers.
        gc.collect()
        gc.freeze()

    rules = Rules(Keys(keys), Rate(rate), passed_over=passed_over, hosts=hosts)
    service = Service(completers, rows, rules, ready)
    routes: list[BaseRoute] = []
    if gateway is not None:
        from runner.gateway.gateway_routes import routes as of_gateway

        service.measurements.others.append(gateway.counters.registry)
        routes = of_gateway(service, gateway)
    with listening:
        serve_until_told(application(service, routes), service, listening, drain_seconds, say)


def _check_engine(others: Mapping[str, object], seconds: float | None) -> None:
    """Raise :class:`UsageError` for flags that mean nothing to an engine of others."""
    for flag, given in others.items():
        if given:
            hint = "name the engine's address in the router's backends" if flag == "--router" else "leave it out"
            raise UsageError("does not go with --engine", where=flag, hint=hint)
    if seconds is not None and not seconds > 0:
        raise UsageError(f"is {seconds}", where="--engine-seconds", hint="more than 0")


def _keys(variable: str | None, file: Path | None) -> list[str]:
    """The keys, of one of the two. Raises :class:`UsageError` where there is none in it."""
    if variable is not None and file is not None:
        raise UsageError("--api-key-env and --api-key-file do not go together", where="--api-key-env", hint="leave one")
    if variable is not None:
        found = [key.strip() for key in os.environ.get(variable, "").split(",")]
        where, said = "--api-key-env", f"the variable {variable} has no key"
    elif file is not None:
        path = absolute(file, current_folder())
        try:
            found = [line.strip() for line in path.read_text("utf-8").splitlines()]
        except FileNotFoundError:
            raise NotFoundError("there is no such file", where=f"--api-key-file {file}") from None
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no UTF-8"
            raise UsageError(f"{file} cannot be read: {reason.lower()}", where="--api-key-file") from None
        where, said = "--api-key-file", f"{file} has no key"
    else:
        return []
    keys = [key for key in found if key]
    if not keys:
        raise UsageError(said, where=where, hint="without the flag, no key is asked for")
    return keys


def _aliases(words: list[str] | tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in words:
        name, mark, model = word.partition("=")
        if not (name and mark and model):
            raise UsageError(f"{word!r} is not NAME=MODEL", where="--alias", hint="--alias gpt-4o=sft/helper")
        if name in found:
            raise UsageError(f"{name} comes twice", where="--alias", hint="leave one out")
        found[name] = model
    return found
