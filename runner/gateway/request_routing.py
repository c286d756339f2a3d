"""From a request to who answers it: what it needs, what the router reads of it, and what was before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runner.data.prompt_rows import Row
from runner.gateway import backend_choice
from runner.gateway.asked_words import asked
from runner.gateway.backend_choice import Before, Candidate, Policy
from runner.gateway.request_needs import Needs
from runner.gateway.scoring import Scorer
from runner.serving.completions import Refusal, Request
from runner.tasks.ranking.backend_sections import Backend

#: What an LLM does not do that lacks something.
WORDS = {"tools": "call tools", "images": "look at pictures", "length": "have room for so long a prompt"}


@dataclass(frozen=True)
class Decision:
    """Who is asked, in which order, and why."""

    order: tuple[str, ...]
    why: str
    row: Row
    candidates: Mapping[str, Candidate] = field(default_factory=dict)
    policy: Policy | None = None

    @property
    def llm(self) -> str:
        return self.order[0]


@dataclass(frozen=True)
class Decider:
    """A router, its rule, and the LLMs that it may choose."""

    scorer: Scorer
    backends: Mapping[str, Backend]
    #: Tags of a harness beside those that are known.
    tags: tuple[str, ...] = ()
    #: Who is asked first where the router fails.
    strongest: str = ""

    async def decide(self, policy: Policy, request: Request, needs: Needs, before: Before | None) -> Decision:
        """Choose. Raises :class:`Refusal` where no LLM has what the request needs, and what scoring raises."""
        row = self.row(request)
        self.need(list(self.backends), needs)
        scored = await self.scorer.scores(row)
        names, temperature = self.scorer.names, self.scorer.temperature
        candidates = backend_choice.candidates_of(
            self.backends, names, scored, temperature, needs, before, request.settings.max_tokens
        )
        scores = dict(zip(names, scored.scores.tolist(), strict=True))
        chosen = backend_choice.choose(policy, candidates, scores, temperature, needs, before)
        assert chosen is not None
        return Decision(chosen.order, chosen.why, row, candidates, policy)

    def without_router(self, request: Request, needs: Needs) -> Decision:
        """The order where the router cannot read the request: the strongest, then the dearer ones."""
        able = [name for name, backend in self.backends.items() if needs.lacking(backend) is None]
        able.sort(key=lambda name: (name != self.strongest, -self.backends[name].price.output))
        return Decision(tuple(able), "router-failed", self.row(request))

    def row(self, request: Request) -> Row:
        """What the router reads."""
        return asked(conversation(request), self.tags)

    def need(self, llms: Sequence[str], needs: Needs) -> None:
        """Raise :class:`Refusal` where none of the LLMs has what a request needs."""
        lacking = {name: needs.lacking(self.backends[name]) for name in llms}
        if None in lacking.values():
            return
        told = [WORDS[each] for each in dict.fromkeys(lacking.values()) if each is not None]
        param = "tools" if "tools" in lacking.values() else "messages"
        code = "context_length_exceeded" if set(lacking.values()) == {"length"} else "unsupported_field"
        who = f"{llms[0]} does" if len(llms) == 1 else f"{', '.join(llms)} do"
        said = [f'"{each}": true' for each in ("tools", "images") if each in lacking.values()]
        hint = f"; for one that does, the file of backends says {' or '.join(said)}" if said else ""
        raise Refusal(400, f"{who} not {' or '.join(told)}{hint}", param=param, code=code)


def conversation(request: Request) -> Sequence[Mapping[str, Any]]:
    """The messages of a request; a text is what a user says."""
    return request.messages or ({"role": "user", "content": request.prompt},)
