"""Where a training loop is: its counts, the best so far, and both as a checkpoint holds them.

A checkpoint holds what trains of the module, the optimizer, both as they were at the best measurement so far, and every
generator's state. Parameters that are frozen are neither copied nor saved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from runner.contract import Processes, TrainContext
from runner.errors import ConflictError
from runner.store.tensors import as_torch
from runner.training.early_stopping import Waiting
from runner.training.optimizer_state import OptimizerState
from runner.training.speed import Speed
from runner.training.trainee import Trainee
from runner.training.training_length import Length

if TYPE_CHECKING:
    import torch


@dataclass
class Best:
    """The best measurement so far: what trains of the module, and the optimizer after it."""

    module: dict[str, torch.Tensor] = field(default_factory=dict)
    optimizer: OptimizerState = field(default_factory=OptimizerState)


def _begun() -> dict[str, Any]:
    return {"epoch": 1, "batch": 0, "loss_sum": 0.0, "rows": 0, "best_epoch": 0, "best": None, "history": []}


@dataclass
class LoopState:
    """Where the training of ``task`` is."""

    task: Trainee
    context: TrainContext
    length: Length
    scaler: torch.amp.GradScaler
    #: The epoch, the batch in it and the sums of its losses; the best value, its epoch and step; what was measured.
    counts: dict[str, Any] = field(default_factory=_begun)
    best: Best = field(default_factory=Best)
    waiting: Waiting = field(default_factory=Waiting)

    def __post_init__(self) -> None:
        self.speed = Speed(self.context.device)

    def go_on(self) -> None:
        """Go on from the newest checkpoint, or from the optimizer that the task starts with.

        Raises :class:`ConflictError` where other tasks would be asked than before.
        """
        import torch

        checkpoint = self.context.checkpoints.latest()
        if not self.context.processes.first:
            # What is drawn for rows of this process is no other's.
            torch.manual_seed(self.context.seed + self.context.processes.rank)
        if checkpoint is None:
            if self.task.measured_by is not None:
                self.counts["measured_by"] = self.task.measured_by
            if self.task.start_optimizer is not None:
                self.task.start_optimizer.put_into(self.task.optimizer)
            return
        self.counts = dict(checkpoint.state)
        if self.counts.get("measured_by") != self.task.measured_by:
            raise ConflictError(
                "the tasks or their rows are not what they were when the run began, so figures cannot be compared",
                where=f"{self.task.where}/evaluation/tasks",
                hint="put them back, or train anew without --resume",
            )
        if self.task.at_once is not None:
            # What was found: the sums are then in the same order as without the stop.
            self.task.at_once.count = self.counts.get("at_once", self.task.at_once.count)
        self._restore(checkpoint.tensors)
        for row in self.counts["history"]:
            self.waiting.see(self.task.goodness(row), self.task.min_delta)
        self.scaler.load_state_dict(self.counts.pop("loss_scale", None) or self.scaler.state_dict())
        self.context.emit("resumed", step=checkpoint.step, epoch=self.counts["epoch"], batch=self.counts["batch"])

    @property
    def step(self) -> int:
        """How many steps are done."""
        return self.length.step(self.counts)

    def over(self) -> bool:
        """Whether all steps are done and measured, or too many measurements were no improvement."""
        # An epoch that is learned is not over before it is measured, or the next is begun.
        ended = self.counts["batch"] < self.length.batches and self.length.done(self.counts)
        return ended or self.waiting.over(self.task.early_stopping)

    def keep_best(self) -> None:
        """Copy what the task wants kept of now."""
        if self.task.keeps_best and self.best.module:
            # Into what is there: two copies would take twice the memory.
            for name, tensor in self._learnt().items():
                self.best.module[name].copy_(tensor.detach())
        elif self.task.keeps_best:
            self.best.module = {name: tensor.detach().clone() for name, tensor in self._learnt().items()}
        if self.task.keeps_optimizer:
            self.best.optimizer = OptimizerState.of(self.task.optimizer)

    def take_best(self) -> None:
        """Put the best weights into the module, where they were kept."""
        if self.best.module:
            self._put(self.best.module)

    @property
    def size(self) -> int:
        """Bytes of a checkpoint, about: the weights that train, as many of the best, and two numbers each of Adam's."""
        return 4 * sum(tensor.numel() * tensor.element_size() for tensor in self._learnt().values())

    def save(self) -> None:
        self.context.checkpoints.save(self.step, *self._snapshot())

    def stop_if_asked(self) -> None:
        """Raises :class:`~runner.errors.Stopped`, after saving, where the run was asked to stop."""
        self.context.stop_here(self.step, *self._snapshot())

    def _learnt(self) -> dict[str, torch.Tensor]:
        """What training changes: parameters that are not frozen, and buffers."""
        module = self.context.processes.at_rest(self.task.module)
        trained = {name: parameter for name, parameter in module.named_parameters() if parameter.requires_grad}
        return trained | dict(module.named_buffers())

    def _put(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """The inverse of :meth:`_learnt`. Raises ``KeyError`` where the tensors are another module's."""
        import torch

        with torch.no_grad():
            for name, tensor in self._learnt().items():
                tensor.copy_(tensors[name])

    def _snapshot(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Tensors and state of a checkpoint."""

        optimizer, optimizer_state = self.task.optimizer.state(copies=False)
        tensors: dict[str, Any] = {f"model/{name}": tensor for name, tensor in self._learnt().items()}
        tensors |= {f"best/{name}": tensor for name, tensor in self.best.module.items()}
        tensors |= {f"best_{name}": tensor for name, tensor in self.best.optimizer.tensors.items()}
        tensors |= optimizer
        if self.task.left is not None:
            tensors |= {f"left/{name}": tensor for name, tensor in self.task.left.tensors().items()}
        tensors = {name: self.context.processes.whole(tensor) for name, tensor in tensors.items()}
        tensors |= _generators(self.context.processes)
        scale = {"loss_scale": self.scaler.state_dict()} if self.task.loss_scaling else {}
        kept = {"optimizer": optimizer_state, "best_optimizer": dict(self.best.optimizer.state)}
        return tensors, self.counts | kept | scale

    def _restore(self, tensors: Mapping[str, Any]) -> None:

        def part(prefix: str) -> dict[str, torch.Tensor]:
            return {
                name.removeprefix(prefix): as_torch(value) for name, value in tensors.items() if name.startswith(prefix)
            }

        def divided(prefix: str) -> dict[str, torch.Tensor]:
            """Tensors of the module, as this process holds them."""
            learnt = self._learnt()
            return {name: self.context.processes.part(tensor, learnt[name]) for name, tensor in part(prefix).items()}

        self._put(divided("model/"))
        self.task.optimizer.load_state(tensors, self.counts.pop("optimizer"), part=self.context.processes.part)
        if self.task.left is not None:
            self.task.left.put(part("left/"))
        _put_generators(part("generator/"), self.context.processes)
        kept = {f"optimizer/{name}": value for name, value in part("best_optimizer/").items()}
        self.best = Best(divided("best/"), OptimizerState(kept, self.counts.pop("best_optimizer")))


def _generators(processes: Processes) -> dict[str, torch.Tensor]:
    """The states of torch's generators: of the first process ``generator/cpu``, of the second ``generator/cpu/1``."""
    import torch

    own = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        own["cuda"] = torch.cuda.get_rng_state()
    return {
        f"generator/{device}" + (f"/{rank}" if rank else ""): state
        for device, states in own.items()
        for rank, state in enumerate(processes.gathered(states))
    }


def _put_generators(states: Mapping[str, torch.Tensor], processes: Processes) -> None:
    """The inverse. A process that there was none of before keeps its own."""
    import torch

    suffix = f"/{processes.rank}" if processes.rank else ""
    if (own := states.get(f"cpu{suffix}")) is not None:
        torch.set_rng_state(own)
    if (own := states.get(f"cuda{suffix}")) is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(own)
