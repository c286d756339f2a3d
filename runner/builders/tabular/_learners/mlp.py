"""A small network on a table's columns, trained by the shared loop: best epoch kept, resumable to the bit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from runner.builders.tabular._learners import mlp_network
from runner.builders.tabular._learners.column_encoding import Encoding
from runner.builders.tabular._learners.course import Course
from runner.builders.tabular._learners.learner import Learner
from runner.builders.tabular._learners.losses import metric_name, row_losses, score, softmax
from runner.builders.tabular._learners.mlp_network import NetworkInputs
from runner.builders.tabular._learners.parameters import MlpParameters
from runner.builders.tabular._learners.table import TrainingTable
from runner.contract import Checkpoint, LoadedData, TrainContext
from runner.store.tensors import read_tensors, write_tensors
from runner.training.loop import fit
from runner.training.optimizers import make
from runner.training.trainee import Trainee

if TYPE_CHECKING:
    import torch

ARRAYS = "mlp.safetensors"


class Mlp(Learner):
    """Dense layers. Cross-entropy for classes, squared error on targets of mean 0 and deviation 1 for numbers.

    Training takes one thread of the CPU, whatever ``threads`` is: the layers are small, and sums keep their order.
    ``length`` is the best epoch.
    """

    LENGTH: ClassVar[str | None] = "epochs"
    parameters: MlpParameters
    _inputs: NetworkInputs
    _weights: dict[str, np.ndarray]
    _center: float = 0.0
    _spread: float = 1.0

    def _fit(self, table: TrainingTable, course: Course) -> None:
        import torch

        self._inputs = NetworkInputs.of(table)
        if self.n_classes is None:
            self._center = float(table.targets.mean())
            self._spread = float(table.targets.std()) or 1.0
        cuda = [0] if self.device.startswith("cuda") else []
        with _one_thread(), torch.random.fork_rng(devices=cuda):
            torch.manual_seed(self.seed)
            chosen = self.parameters
            module = mlp_network.build(
                self._inputs, chosen.hidden_dims, self.n_classes or 1, chosen.dropout, chosen.embedding_dim
            )
            if self.n_classes is not None:
                self._start_from_shares(module, table, self.n_classes)
            module.to(self.device)
            result = fit(self._task(table, module), _context(self, len(table), course))
            self._weights = {name: value.detach().cpu().numpy() for name, value in module.state_dict().items()}
        self.length = result.best_epoch

    @staticmethod
    def _start_from_shares(module: Any, table: TrainingTable, n_classes: int) -> None:
        """Let the network begin with the classes' shares, as the standardised targets let it begin with the mean."""
        import torch

        weights = None if table.weights is None else table.weights / table.weights.mean()
        counts = np.bincount(table.targets, weights, n_classes) + 0.5
        with torch.no_grad():
            module.output.bias += torch.from_numpy(np.log(counts / counts.sum())).float()

    def _task(self, table: TrainingTable, module: Any) -> Trainee:
        import torch

        numbers, codes = (torch.from_numpy(part).to(self.device) for part in self._inputs.transform(table.inputs))
        if self.n_classes is None:
            scaled = (table.targets - self._center) / self._spread
            targets = torch.from_numpy(scaled.astype(np.float32)).to(self.device)
        else:
            targets = torch.from_numpy(table.targets).to(self.device)
        weights = None
        if table.weights is not None:
            mean_one = table.weights / table.weights.mean()
            weights = torch.from_numpy(mean_one.astype(np.float32)).to(self.device)

        def loss(rows: torch.Tensor) -> torch.Tensor:
            answers = module(numbers[rows], codes[rows])
            if self.n_classes is None:
                each = (answers[:, 0] - targets[rows]) ** 2
            else:
                each = torch.nn.functional.cross_entropy(answers, targets[rows], reduction="none")
            return each.mean() if weights is None else (each * weights[rows]).mean()

        held = None
        if table.validation is not None:
            held = [torch.from_numpy(part).to(self.device) for part in self._inputs.transform(table.validation[0])]

        def measure() -> dict[str, float | None]:
            if held is None or table.validation is None:
                return {}
            losses = row_losses(table.validation[1], self._answers(module(*held).double().cpu().numpy()))
            value = float(score(losses, self.n_classes is not None))
            return {f"validation_{metric_name(self.n_classes is not None)}": value, "criterion": -value}

        embeddings = [name for name, _ in module.named_parameters() if name.startswith("embeddings.")]
        return Trainee(
            module=module,
            optimizer=make(self.parameters.optimizer, module.named_parameters(), embeddings),
            order=lambda generator: generator.permutation(len(table)),
            loss=loss,
            measure=measure,
            criterion="criterion",
            section=self.parameters,
            where="/model/spec/learner",
        )

    def _answers(self, outputs: np.ndarray) -> np.ndarray:
        return outputs[:, 0] * self._spread + self._center if self.n_classes is None else softmax(outputs)

    def _predict(self, inputs: np.ndarray) -> np.ndarray:
        return self._answers(mlp_network.outputs(self._weights, *self._inputs.transform(inputs)))

    def _save(self, folder: Path) -> None:
        arrays = Encoding(self._inputs.scaling, self._inputs.categories).tensors()
        arrays |= {f"network/{name}": value for name, value in self._weights.items()}
        write_tensors(folder / ARRAYS, arrays | {"target": np.array([self._center, self._spread])})

    def _load(self, folder: Path) -> None:
        arrays = read_tensors(folder / ARRAYS)
        encoding = Encoding.read(arrays, self.n_features)
        self._inputs = NetworkInputs(encoding.scaling, encoding.one_hot, self.categorical)
        self._weights = {
            name.removeprefix("network/"): value for name, value in arrays.items() if name.startswith("network/")
        }
        self._center, self._spread = (float(value) for value in arrays["target"])
        # One row of nothing shows whether the layers fit together.
        answer = self._predict(np.full((1, self.n_features), np.nan, np.float32))
        if answer.shape != ((1,) if self.n_classes is None else (1, self.n_classes)):
            raise ValueError(f"a network with answers of shape {answer.shape}")


@contextmanager
def _one_thread() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@dataclass(frozen=True)
class _Checkpoints:
    """The course's checkpoints, as the loop wants them."""

    course: Course

    def save(self, step: int, tensors: Mapping[str, Any], state: dict[str, Any]) -> None:
        self.course.checkpoint(tensors, state | {"done": step})

    def latest(self) -> Checkpoint | None:
        # A search, or a kind, may have saved before the first epoch.
        return self.course.resume if self.course.resume is not None and self.course.resume.tensors else None

    def stage(self, name: str) -> _Checkpoints:
        return self


@dataclass(frozen=True)
class _Told:
    """The loop's events, of which an epoch's end is progress, and an early end is told."""

    course: Course
    hidden: tuple[str, ...] = field(default=("criterion",))

    def __call__(self, event: str, **fields: Any) -> None:
        if event == "epoch":
            metrics = {name: value for name, value in fields["metrics"].items() if name not in self.hidden}
            self.course.on_progress(fields["epoch"], fields["epochs"], "epochs", metrics)
        elif event == "stopped_early":
            self.course.on_early_stop(fields)


def _context(learner: Mlp, rows: int, course: Course) -> TrainContext:
    """What the loop needs to know, and nothing of the run's files."""
    return TrainContext(
        data=LoadedData(None, None, "", {}),
        epochs=learner.parameters.epochs,
        batch_size=learner.parameters.batch_size or min(1024, max(16, rows // 30)),
        seed=learner.seed,
        device=learner.device,
        print_every=1,
        emit=_Told(course),
        checkpoints=_Checkpoints(course),
        stop_requested=course.stop,
        artifact=Path(),
        start_from=None,
        cache=Path(),
    )
