"""One learner of one target: made by name, fitted, asked, stored and loaded."""

from __future__ import annotations

import importlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from runner.builders.tabular._learners.parameters import TabularTask, read_parameters
from runner.contract import Checkpoint
from runner.errors import IntegrityError

if TYPE_CHECKING:
    import numpy as np

    from runner.builders.tabular._learners.course import Course, OnEarlyStop, OnProgress, SaveCheckpoint
    from runner.builders.tabular._learners.table import TrainingTable

#: A stored learner's document; its arrays or trees lie beside it.
DOCUMENT = "learner.json"
#: Numbers that are asked about at once: the working memory of an answer is a small multiple of it.
AT_ONCE = 1 << 22

_HOMES = {
    "dummy": ("dummy", "Dummy"),
    "linear": ("linear", "Linear"),
    "xgboost": ("boosted_trees", "Xgboost"),
    "random_forest": ("forest", "Forest"),
    "extra_trees": ("forest", "Forest"),
    "mlp": ("mlp", "Mlp"),
}
#: The learners that there are. ``dummy`` is what the others have to beat.
LEARNERS = tuple(_HOMES)


class Learner(ABC):
    """A model of one target. Numbers are the same for a seed on a CPU, whatever ``threads`` is."""

    #: The parameter that says how long it is trained, if early stopping may end that sooner.
    LENGTH: ClassVar[str | None] = None

    def __init__(
        self, name: str, parameters: Any, task: TabularTask, n_classes: int | None, seed: int, device: str, threads: int
    ) -> None:
        self.name, self.parameters, self.task = name, parameters, task
        self.n_classes = n_classes if task == "classification" else None
        self.seed, self.device, self.threads = seed, device, max(1, threads)
        self.n_features = 0
        self.categorical: tuple[int, ...] = ()
        #: Rounds or epochs that were kept, of a learner that has a :attr:`LENGTH`.
        self.length: int | None = None

    def fit(
        self,
        inputs: np.ndarray,
        targets: np.ndarray,
        *,
        weights: np.ndarray | None = None,
        categorical: Sequence[int] = (),
        validation: tuple[np.ndarray, np.ndarray] | None = None,
        on_progress: OnProgress | None = None,
        stop: Callable[[], bool] | None = None,
        resume: Checkpoint | None = None,
        checkpoint: SaveCheckpoint | None = None,
        on_early_stop: OnEarlyStop | None = None,
    ) -> None:
        """Learn ``targets`` (int64 codes or float64 ``[n]``) from ``inputs`` (float32 ``[n, f]``, NaN for missing).

        ``categorical`` are the columns that hold codes. ``validation``, inputs and targets, is for early stopping
        alone, which ``on_early_stop`` is told of. Between units of work ``stop`` is asked:
        :class:`~runner.errors.Stopped` is raised after ``checkpoint`` was called; a fit with that checkpoint as
        ``resume`` ends as one that was not stopped. Raises :class:`~runner.errors.DataError` where nothing can be
        learned.
        """
        from runner.builders.tabular._learners.course import Course
        from runner.builders.tabular._learners.table import check_table

        table = check_table(inputs, targets, weights, tuple(categorical), validation, self.n_classes)
        self.n_features, self.categorical = table.inputs.shape[1], table.categorical
        self._fit(table, Course.of(on_progress, stop, resume, checkpoint, on_early_stop))

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """Probabilities float64 ``[n, classes]``, or numbers float64 ``[n]``."""
        import numpy as np

        from runner.builders.tabular._learners.table import check_inputs

        inputs = check_inputs(inputs, self.n_features)
        shape = (len(inputs),) if self.n_classes is None else (len(inputs), self.n_classes)
        answers = np.empty(shape)
        size = max(1, AT_ONCE // max(self.n_features, self.n_classes or 1))
        for start in range(0, len(inputs), size):
            answers[start : start + size] = self._predict(inputs[start : start + size])
        return answers

    def settled(self) -> dict[str, Any]:
        """The parameters, with the length that early stopping chose: for a fit to more rows, without validation."""
        params: dict[str, Any] = self.parameters.model_dump(mode="json")
        if self.LENGTH is not None and self.length:
            params[self.LENGTH] = self.length
        return params

    def save(self, folder: Path) -> None:
        """Write the fitted learner: JSON, safetensors, or its library's own format."""
        folder.mkdir(parents=True, exist_ok=True)
        document = {
            "format": 1,
            "learner": self.name,
            "task": self.task,
            "n_classes": self.n_classes,
            "n_features": self.n_features,
            "categorical": list(self.categorical),
            "length": self.length,
            "seed": self.seed,
            "parameters": self.parameters.model_dump(mode="json"),
        }
        self._save(folder)
        (folder / DOCUMENT).write_text(json.dumps(document, indent=1) + "\n", "utf-8")

    @abstractmethod
    def _fit(self, table: TrainingTable, course: Course) -> None: ...

    @abstractmethod
    def _predict(self, inputs: np.ndarray) -> np.ndarray: ...

    @abstractmethod
    def _save(self, folder: Path) -> None: ...

    @abstractmethod
    def _load(self, folder: Path) -> None:
        """Raises ``ValueError`` or ``KeyError`` for files that :meth:`_save` did not write."""


def make_learner(
    name: str,
    params: Mapping[str, Any],
    task: TabularTask,
    n_classes: int | None,
    seed: int = 0,
    device: str = "cpu",
    threads: int = 1,
) -> Learner:
    """A learner that is not fitted. ``params`` are plain values; those left out take their defaults."""
    module, cls = _HOMES[name]
    home = importlib.import_module(f"runner.builders.tabular._learners.{module}")
    learner: Learner = getattr(home, cls)(
        name, read_parameters(name, task, params), task, n_classes, seed, device, threads
    )
    return learner


def load_learner(folder: Path, device: str = "cpu", threads: int = 1) -> Learner:
    """Read what :meth:`Learner.save` wrote. Raises :class:`IntegrityError` for anything else."""
    try:
        document = json.loads((folder / DOCUMENT).read_text("utf-8"))
        learner = make_learner(
            document["learner"],
            document["parameters"],
            document["task"],
            document["n_classes"],
            int(document["seed"]),
            device,
            threads,
        )
        learner.n_features = int(document["n_features"])
        learner.categorical = tuple(int(column) for column in document["categorical"])
        learner.length = document["length"]
        learner._load(folder)
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise IntegrityError(
            f"the stored model cannot be read: {str(error).splitlines()[0] if str(error) else error!r}",
            where=str(folder),
            hint="train it again",
        ) from error
    return learner
