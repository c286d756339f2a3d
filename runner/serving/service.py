"""What one server has and does, whatever is asked: its models by name, its requests, and how it starts and ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from runner import near_names
from runner.serving.bodies import Bounds
from runner.serving.completions import Completer, Finder, Refusal, Served
from runner.serving.keys_and_rate_limits import Keys, Rate
from runner.serving.measurements import Measurements
from runner.serving.row_models import RowModel

#: Seconds that a look at every completer may take, of which one may be an endpoint elsewhere.
LOOK = 5.0


@dataclass(frozen=True)
class Rules:
    """What a server takes."""

    keys: Keys = field(default_factory=Keys)
    rate: Rate = field(default_factory=lambda: Rate(None))
    bounds: Bounds = field(default_factory=Bounds)
    #: Fields that clients may send though nothing goes by them.
    passed_over: frozenset[str] = frozenset()
    #: The hosts that a request may name; None: any. Without it a page of another site, whose name leads here all of a
    #: sudden, could ask what only this machine may.
    hosts: frozenset[str] | None = None


class Service:
    """Models, and the requests that are under way."""

    def __init__(
        self,
        completers: Sequence[Completer] = (),
        rows: Sequence[RowModel] = (),
        rules: Rules | None = None,
        on_ready: Callable[[], None] | None = None,
    ) -> None:
        self.completers = list(completers)
        self.rows = {model.name: model for model in rows}
        self.rules = rules or Rules()
        self.measurements = Measurements(self._unfinished)
        self._on_ready = on_ready
        #: What ended the start, and who wants to know of it.
        self.failure: Exception | None = None
        self.on_failed: Callable[[], None] = lambda: None
        self._warming: asyncio.Task[None] | None = None
        self._visits: set[Visit] = set()
        #: Whether nothing new is taken any more.
        self.draining = False

    # ---- Models

    def served(self) -> list[Served]:
        """Every model by its name, what can be asked of it put together."""
        found: dict[str, Served] = {}
        for served in [*(one for each in self.completers for one in each.served()), *self._row_models()]:
            known = found.get(served.name)
            found[served.name] = served if known is None else _both(known, served)
        return list(found.values())

    def find(self, name: str, does: str | None = None) -> Served:
        """The model that a request names. Raises :class:`Refusal` for one that is not there, or cannot do that."""
        models = {served.name: served for served in self.served()}
        for finder in self.completers if name not in models else ():
            found = finder.find(name) if isinstance(finder, Finder) else None
            if found is not None:
                name = found.name
        if name not in models:
            known = near_names.hint(name, models, f"the models are {', '.join(models)}")
            raise Refusal(404, f"there is no model {name!r}: {known}", param="model", code="model_not_found")
        if does is not None and does not in models[name].does:
            fit = [other for other, served in models.items() if does in served.does]
            raise Refusal(
                400,
                f"{name} does not do {does}, but {', '.join(sorted(models[name].does))}; "
                + (f"these do: {', '.join(fit)}" if fit else "no model here does"),
                param="model",
                code="wrong_model",
            )
        return models[name]

    def completer(self, name: str) -> Completer:
        """Who answers for a model of :meth:`find`."""
        return next(each for each in self.completers if any(served.name == name for served in each.served()))

    def _row_models(self) -> list[Served]:
        return [model.served() for model in self.rows.values()]

    # ---- Requests

    def enter(self, endpoint: str, *, asks: bool = True) -> Visit:
        """A request has come. Raises :class:`Refusal` for one that ``asks`` a model where nothing new is taken."""
        if self.draining and asks:
            raise Refusal(503, "the server is going and takes nothing new", code="shutting_down", retry_after=1)
        visit = Visit(self, endpoint)
        self._visits.add(visit)
        self.measurements.running.set(len(self._visits))
        return visit

    def leave(self, visit: Visit) -> None:
        """It is over."""
        self._visits.discard(visit)
        self.measurements.running.set(len(self._visits))

    @property
    def running(self) -> int:
        """Requests that are not over."""
        return len(self._visits)

    def _unfinished(self) -> int:
        return sum(getattr(each, "unfinished", 0) for each in self.completers)

    # ---- From the start to the end

    async def start(self) -> None:
        """Try every model in the background: until that is done, the server is not ready."""
        self._warming = asyncio.create_task(self._warm())

    async def _warm(self) -> None:
        try:
            for model in self.rows.values():
                await model.warm()
            await self._look()
        except Refusal:
            # It may be well later: whoever asks for the health looks again.
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the server ends with it
            self.failure = error
            self.on_failed()

    async def _look(self) -> None:
        """Ask every completer whether it can answer. Raises :class:`Refusal` where one cannot."""
        for completer in self.completers:
            await completer.ready()
        if self._on_ready is not None:
            told, self._on_ready = self._on_ready, None
            told()

    async def state(self) -> tuple[bool, str]:
        """Whether it is ready, and in a word or a sentence why not."""
        if self.draining:
            return False, "draining"
        if self._warming is None or not self._warming.done():
            return False, "starting"
        try:
            async with asyncio.timeout(LOOK):
                await self._look()
        except TimeoutError:
            return False, f"a model did not answer within {LOOK:g} s"
        except Refusal as refusal:
            return False, refusal.message
        except Exception as error:  # noqa: BLE001 - whatever it is, the server is not well
            return False, f"a model failed: {type(error).__name__}"
        return True, "ready"

    def drain(self) -> None:
        """Take nothing new."""
        self.draining = True

    async def close(self) -> None:
        """Give up all that is not over."""
        self.draining = True
        if self._warming is not None:
            self._warming.cancel()
        for completer in self.completers:
            await completer.close()


class Visit:
    """One request, from its coming to the last byte of its answer."""

    def __init__(self, service: Service, endpoint: str) -> None:
        self._service, self._endpoint = service, endpoint
        self.begun = service.measurements.now()
        self.model, self.status = "", 500
        self._first = self._over = False

    def first(self) -> None:
        """The first of its answer is there."""
        if not self._first:
            self._first = True
            self._service.measurements.first(self.model, self.begun)

    def end(self) -> None:
        """It is over, however it was. Called again, nothing."""
        if not self._over:
            self._over = True
            self._service.measurements.over(self._endpoint, self.model, self.status, self.begun)
            self._service.leave(self)


def _both(one: Served, other: Served) -> Served:
    """A model of two sides: its texts and its rows."""
    return replace(one, does=one.does | other.does)
