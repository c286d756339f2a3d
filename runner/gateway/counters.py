"""What a gateway counts: the same numbers for ``/metrics`` and for its page."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from runner.gateway.answer_costs import Account

MOMENTS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Counters:
    """Numbers since the gateway began. Labels are LLMs of the file of backends and words of this program alone, so that
    no client can make new ones."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()

        def of(kind: type, name: str, told: str, labels: tuple[str, ...] = (), **more: object):  # type: ignore[no-untyped-def]
            return kind(f"runner_gateway_{name}", told, labels, registry=self.registry, **more)

        self.requests = of(
            Counter, "requests", "Requests by who answered, why, and how it ended.", ("model", "why", "outcome")
        )
        self.failovers = of(
            Counter, "failovers", "Backends that did not answer, by what they did.", ("model", "reason")
        )
        self.unanswered = of(Counter, "unanswered", "Requests that no backend answered.")
        self.tokens = of(Counter, "tokens", "Tokens.", ("model", "kind"))
        self.cost = of(Counter, "cost", "What answers cost, in the currency of the prices.", ("model",))
        self.saved = of(Gauge, "saved", "What was saved against always asking the strongest LLM.")
        self.estimated = of(
            Counter, "estimated_usage", "Answers whose tokens were counted by their characters.", ("model",)
        )
        self.shadow = of(Counter, "shadow_choices", "What the router would have chosen, in shadow.", ("model",))
        self.decision = of(Histogram, "decision_seconds", "Seconds to choose.", buckets=MOMENTS)
        self.first_piece = of(
            Histogram, "first_piece_seconds", "Seconds to the first piece.", ("model",), buckets=MOMENTS
        )
        self.in_flight = of(Gauge, "in_flight", "Requests that are being answered.")
        self.log_lost = of(Counter, "log_lost", "Lines of the log that could not be written.")
        self.undecided = of(Counter, "router_failures", "Requests that the router could not read.")

    def answered(self, llm: str, why: str, outcome: str, account: Account) -> None:
        """Count an answer."""
        self.requests.labels(llm, why, outcome).inc()
        self.tokens.labels(llm, "prompt").inc(account.prompt_tokens - account.cached_tokens)
        self.tokens.labels(llm, "cached").inc(account.cached_tokens)
        self.tokens.labels(llm, "completion").inc(account.completion_tokens)
        self.cost.labels(llm).inc(account.cost)
        self.saved.inc(account.saved)
        if account.estimated:
            self.estimated.labels(llm).inc()

    def values(self, metric: str) -> Iterator[tuple[dict[str, str], float]]:
        """The samples of one name, such as ``requests_total``, with their labels."""
        wanted = f"runner_gateway_{metric}"
        for family in self.registry.collect():
            for sample in family.samples:
                if sample.name == wanted:
                    yield dict(sample.labels), float(sample.value)
