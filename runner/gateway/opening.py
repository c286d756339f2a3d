"""From the words of ``runner serve --router`` to a gateway: read, checked, opened."""

from __future__ import annotations

from dataclasses import dataclass

from runner.errors import DataError, RunnerError, UsageError
from runner.gateway.answer_costs import against
from runner.gateway.asked_words import TAG
from runner.gateway.backend_choice import read_calibration, settle
from runner.gateway.backends_file import LoadedBackends, load_backends
from runner.gateway.counters import Counters
from runner.gateway.gateway_completer import Gateway
from runner.gateway.gateway_options import GatewayWords
from runner.gateway.http_client import HttpClient
from runner.gateway.remote_completer import RemoteCompleter
from runner.gateway.request_log import RequestLog
from runner.gateway.request_routing import Decider
from runner.gateway.scoring import llms_of, open_router, open_scorer
from runner.generation.model_opening import base_folder, is_stored
from runner.inference.opening import find_model
from runner.serving.completions import Completer
from runner.serving.opened_models import Limits, open_models
from runner.serving.own_memory import OwnMemory
from runner.workspace import Workspace


@dataclass(frozen=True)
class OpenedGateway:
    """A gateway, and what is to be said of it."""

    gateway: Gateway
    told: list[str]
    warnings: list[str]


def open_gateway(
    workspace: Workspace,
    words: GatewayWords,
    *,
    limits: Limits,
    device: str = "cpu",
    memory: OwnMemory | None = None,
) -> OpenedGateway:
    """Open the router, its backends and the log; ``memory`` as :func:`open_models` has it.

    Raises :class:`~runner.errors.SpecError` for backends that are none, :class:`UsageError` for words that do not go
    together, and what opening stored models raises.
    """
    for tag in words.harness_tags:
        if TAG.fullmatch(tag) is None:
            raise UsageError(f"{tag!r} is no name of a tag", where="--harness-tag", hint="such as system-reminder")
    opened = open_router(workspace, words.router, device)
    router = opened.reference
    loaded = load_backends(words.backends, llms_of(opened), router)
    if words.present is not None and words.present not in loaded.backends:
        there = ", ".join(loaded.backends)
        raise UsageError(f"no backend answers for {words.present!r}", where="--present", hint=f"there are: {there}")
    strongest = against(loaded.backends, words.against, words.rule.strong)
    policy = settle(
        workspace, router, words.rule, loaded, lengths=words.lengths,
        calibrate_on=read_calibration(words.calibrate_on), margin=words.switch_margin, device=device,
    )  # fmt: skip
    memory = memory or OwnMemory()
    scorer = open_scorer(workspace, opened, list(loaded.backends), words.lengths, device, memory)
    client = HttpClient()
    completers, told, warnings = _completers(workspace, loaded, client, limits, device, memory)
    counters = Counters()
    log = None
    if words.log is not None:
        log = RequestLog(
            words.log, texts=words.log_texts, keys=loaded.keys.values(), lost=lambda count: counters.log_lost.inc(count)
        )
    decider = Decider(scorer, loaded.backends, words.harness_tags, strongest)
    gateway = Gateway(
        decider, policy, completers, strongest=strongest, counters=counters, log=log, present=words.present,
        also_closed=client.aclose, left_out=loaded.left_out,
    )  # fmt: skip
    said = "answers come from " + words.present + ", and the router chooses silently" if words.present else "chooses"
    told = [*told, f"router: {router} {said}, for {', '.join(loaded.backends)}"]
    warnings = [*scorer.router.opened.warnings, *scorer.router.warnings, *warnings]
    if not any(
        backend.price.input or backend.price.output or backend.price.call for backend in loaded.backends.values()
    ):
        warnings.append("no backend has a price, so that cost decides nothing and nothing is saved")
    return OpenedGateway(gateway, told, warnings)


def _completers(
    workspace: Workspace,
    loaded: LoadedBackends,
    client: HttpClient,
    limits: Limits,
    device: str,
    memory: OwnMemory,
) -> tuple[dict[str, Completer], list[str], list[str]]:
    """Who answers for each LLM: endpoints share a client, stored models are opened once each."""
    found: dict[str, Completer] = {}
    stored: dict[str, str] = {}
    for llm, backend in loaded.backends.items():
        if backend.stored is not None:
            stored[llm] = backend.stored
        else:
            found[llm] = RemoteCompleter(llm, backend, loaded.headers(llm), client)
    told = [f"{llm}: {loaded.backends[llm].model or llm} of an endpoint" for llm in found]
    if not stored:
        return found, told, []
    for llm, reference in stored.items():
        try:
            _need(workspace, reference)
        except RunnerError as error:
            # The file is what can be mended: what is wrong there is a name.
            error.where = f"{loaded.source}: {loaded.pointer(llm)}"
            raise
    references = list(dict.fromkeys(stored.values()))
    aliases = {llm: reference for llm, reference in stored.items() if llm != reference}
    opened = open_models(workspace, references, aliases=aliases, limits=limits, device=device, memory=memory)
    chat = {served.name for served in opened.language.served() if "chat" in served.does}
    for llm, reference in stored.items():
        if llm not in chat:
            raise DataError(
                f"{reference} does not answer conversations", where=f"{loaded.source}: {loaded.pointer(llm)}",
                hint="a backend is a language model that was trained on conversations",
            )  # fmt: skip
        found[llm] = opened.language
    return found, [*told, *(f"{llm}: {reference}" for llm, reference in stored.items())], opened.warnings


def _need(workspace: Workspace, reference: str) -> None:
    """Raise :class:`~runner.errors.NotFoundError` for a model that is not there."""
    if is_stored(reference):
        find_model(workspace, reference)
    else:
        base_folder(workspace, reference)
