"""What ``/metrics`` tells, as Prometheus reads it."""

from __future__ import annotations

import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

#: The content type of what :meth:`Measurements.text` gives.
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
#: Borders of the histograms, in seconds.
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


class Measurements:
    """Counters of one server. ``waiting`` counts the answers that are under way or in line, ``now`` is a clock."""

    def __init__(self, waiting: Callable[[], int], now: Callable[[], float] = time.perf_counter) -> None:
        self.now = now
        self._registry = CollectorRegistry()
        #: Those of completers that count on their own.
        self.others: list[CollectorRegistry] = []
        registry = self._registry
        self._requests = Counter(
            "runner_requests",
            "Requests that are over, by their status.",
            ["endpoint", "model", "status"],
            registry=registry,
        )
        self._tokens = Counter(
            "runner_tokens", "Tokens of prompts and of answers.", ["model", "kind"], registry=registry
        )
        self._first = Histogram(
            "runner_first_piece_seconds", "From a request to the first of its answer.", ["model"], buckets=SECONDS,
            registry=registry,
        )  # fmt: skip
        self._whole = Histogram(
            "runner_request_seconds",
            "From a request to its end.",
            ["endpoint", "model"],
            buckets=SECONDS,
            registry=registry,
        )
        self.running = Gauge("runner_requests_running", "Requests that are not over.", registry=registry)
        self._ready = Gauge("runner_ready", "1: the server is ready, and takes requests.", registry=registry)
        Gauge("runner_answers_unfinished", "Answers under way, and in line.", registry=registry).set_function(waiting)

    def text(self, ready: bool) -> bytes:
        """All of it."""
        self._ready.set(int(ready))
        return b"".join(generate_latest(registry) for registry in (self._registry, *self.others))

    def first(self, model: str, begun: float) -> None:
        """The first piece of an answer is there."""
        self._first.labels(model).observe(self.now() - begun)

    def over(self, endpoint: str, model: str, status: int, begun: float) -> None:
        """A request has ended; ``model`` is one that is served, or empty."""
        self._requests.labels(endpoint, model, str(status)).inc()
        self._whole.labels(endpoint, model).observe(self.now() - begun)

    def tokens(self, model: str, prompt: int, made: int) -> None:
        """What an answer came to."""
        self._tokens.labels(model, "prompt").inc(prompt)
        self._tokens.labels(model, "completion").inc(made)
