"""What a student learns: the divergence from its teacher, and the losses of the data."""

from __future__ import annotations

from typing import Any

from runner.builders.language._distilling.on_policy import Sampler
from runner.builders.language._distilling.taught_lines import TaughtLines
from runner.builders.language._distilling.teacher import Teacher
from runner.builders.language._distilling.vocabularies import Shared
from runner.builders.language._learning import packing_check
from runner.builders.language._learning.composed_losses import Composition, OfTokens, Term, composed_parts
from runner.builders.language._learning.compute_context import Machine
from runner.builders.language._learning.divergences import divergence
from runner.builders.language._learning.frozen_models import Beside, Frozen
from runner.builders.language._learning.language_trainee import Parts
from runner.builders.language._learning.likelihood_loss import Judged, judge
from runner.builders.language._learning.loss_terms import composition
from runner.builders.language._learning.training_objectives import reference_of
from runner.builders.language._models.base_model import Trained
from runner.builders.language._rows.examples import Examples
from runner.builders.language._rows.token_rows import TokenRows
from runner.contract import Table, TrainContext

FIGURES = ("loss", "perplexity", "token_accuracy")


def teachers_term(taught: Any, shared: int) -> Term:
    """``alpha * temperature^2`` times the divergence over the tokens that both models give odds of."""
    beta = 0.5 if taught.beta is None else taught.beta

    def of(known: OfTokens) -> Any:
        own, other = known.logits[:, :shared], known.beside[0][:, :shared]
        return divergence(own, other, taught.divergence, taught.temperature, beta)

    return Term(taught.alpha * taught.temperature**2, of, of_data=False)


def taught_composition(spec: Any, model: Any, reference: Frozen | None, teacher: Beside, shared: int) -> Composition:
    """The divergence from a teacher over ``shared`` tokens, and ``1 - alpha`` of what the spec says of the data."""
    taught = spec.taught()
    term = teachers_term(taught, shared)
    return composition(spec.losses, model, reference, share=1 - taught.alpha, taught=(teacher, term))


class LogitDistillation:
    """Learning the odds that a teacher gives."""

    def __init__(
        self,
        spec: Any,
        context: TrainContext,
        teacher: Teacher,
        shared: Shared,
        rows: tuple[TokenRows | None, TokenRows | None],
        held: TokenRows,
        sampler: Sampler | None,
    ) -> None:
        """``rows`` are what the teacher reads of the learned and the held-out rows, where it reads others than the
        student; ``held`` are the student's held-out rows."""
        self._spec, self._context = spec, context
        self._teacher, self._shared, self._sampler = teacher, shared, sampler
        self._rows, self._held = rows[0], held if rows[1] is None else rows[1]
        self._frozen: Frozen | None = None
        self._reference: Frozen | None = None
        self._judged: Judged | None = None

    def ready(self, trained: Trained) -> None:
        context = self._context
        model = self._teacher.opened(context.device, context.seed)
        if self._spec.packing == "packed":
            packing_check.check(model, self._held, trained.padding, context.device)
        self._judged = judge(
            model, self._held, trained.padding, context.device, context.stop_requested, context.processes
        )
        self._frozen = Frozen(model)
        self._reference = reference_of(self._spec.losses, trained, context)

    def parts(self, machine: Machine, examples: Examples) -> Parts:
        assert self._frozen is not None
        made = taught_composition(self._spec, machine.model, self._reference, self._frozen, self._shared.count)
        lines = TaughtLines(examples, len(made.models), taught=self._rows, sampler=self._sampler)
        return composed_parts(machine, lines, made)

    def tables(self) -> list[Table]:
        """What the teacher makes of the held-out rows."""
        metrics = self._judged.metrics() if self._judged is not None else {}
        if metrics.get("loss") is None:
            return []
        row = [self._teacher.name, *(metrics[name] for name in FIGURES)]
        title = "The teacher, on the same rows"
        return [Table("teacher", title, ["model", *FIGURES], [row], decimals=dict.fromkeys(FIGURES, 3))]

    def release(self) -> None:
        self._frozen = self._reference = None
