"""A score per prompt and LLM: the prompt's embedding and features and a learned vector per LLM, through a dense net."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from runner.contract import ModelSpec, TrainContext, TrainResult, option
from runner.data.comparisons import ComparisonsData
from runner.errors import DataError, IntegrityError
from runner.store.tensors import read_tensors, write_tensors
from runner.training.optimizers import AdamW, OptimizerSpec, make

if TYPE_CHECKING:
    import numpy as np

    from runner.builders.routing._networks import DenseScorer
    from runner.training.encoder import Encoder

REQUIRES = ("torch", "transformers", "safetensors", "numpy")
#: Margin of the ranking loss: the winner should lead by this much, on a scale of -1 to 1.
MARGIN = 0.1
Size = Annotated[int, Field(ge=1, le=65536)]


class Spec(ModelSpec):
    """Dense network."""

    data = ComparisonsData

    model_type: Literal["dense_network"] = option(
        description="A dense network on the prompt's embedding and features and a learned vector per LLM."
    )
    embedding_model_name: str = option(
        "all-MiniLM-L6-v2",
        min_length=1,
        description="The sentence transformer that embeds prompts: a name or a folder.",
    )
    hidden_dims: list[Size] = option(
        factory=lambda: [256, 128, 64], max_length=32, description="Width of every hidden layer, first to last."
    )
    model_id_embedding_dim: int = option(32, ge=1, le=4096, description="Length of the learned vector per LLM.")
    optimizer: OptimizerSpec = option(
        factory=lambda: AdamW(optimizer_type="adamw"), description="How the weights are trained."
    )


def train(spec: Spec, context: TrainContext) -> TrainResult:
    """Margin ranking loss (margin 0.1) on decided comparisons; the epoch of the best validation accuracy is kept."""
    import numpy as np
    import torch

    from runner.builders.routing._evaluation import pairwise_accuracy
    from runner.builders.routing._prompted import Standardizer, conclude, prompt_features, score_rows
    from runner.builders.routing._ranking import winners
    from runner.training import encoder
    from runner.training.loop import Task, fit
    from runner.training.pretrained import resolve

    split, validation = context.data.train, context.data.validation
    decided = np.flatnonzero(split.decided)
    if not len(decided):
        raise DataError("the training split has no comparison with a winner", where="/data/dataset")

    start = _Stored.read(context.start_from) if context.start_from else None
    encoder_folder = context.start_from / "encoder" if context.start_from else resolve(spec.embedding_model_name)
    embeddings = encoder.embed(
        split.prompts, encoder_folder, context.cache, context.device, context.emit, context.stop_requested
    )
    raw = prompt_features(split)
    standardize = start.standardize if start else Standardizer.fit(raw[np.unique(split.prompt)])
    prompts = torch.from_numpy(np.hstack([embeddings, standardize(raw)])).to(context.device)

    names = split.models if start is None else (*split.models, *(n for n in start.names if n not in set(split.models)))
    torch.manual_seed(context.seed)
    network = _network(spec, prompts.shape[1], len(names)).to(context.device)
    if start is not None:
        start.copy_into(network, names)

    prompt, winner, loser = winners(split, decided, context.device)

    def loss(rows: Any) -> Any:
        pairs = prompts[prompt[rows]]
        scores = network(torch.cat([pairs, pairs]), torch.cat([winner[rows], loser[rows]]))
        lead = scores[: len(rows)] - scores[len(rows) :]
        return torch.relu(MARGIN - lead).mean()

    def score(which: np.ndarray, models: np.ndarray) -> np.ndarray:
        return _score(network, prompts, which, models)

    def measure() -> dict[str, float | None]:
        return {"accuracy": pairwise_accuracy(*score_rows(score, validation), validation)}

    task = Task(
        module=network,
        optimizer=make(spec.optimizer, network.named_parameters()),
        order=lambda rng: rng.permutation(len(decided)),
        loss=loss,
        measure=measure,
    )
    done = fit(task, context)
    result, temperature = conclude(context, score, done.epochs, done.best_epoch)

    document = {
        "format": 1,
        "models": list(names),
        "temperature": temperature,
        "hidden_dims": spec.hidden_dims,
        "model_id_embedding_dim": spec.model_id_embedding_dim,
        "feature_mean": standardize.mean.tolist(),
        "feature_std": standardize.std.tolist(),
    }
    (context.artifact / "model.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
    write_tensors(context.artifact / "network.safetensors", network.state_dict())
    encoder.copy(encoder_folder, context.artifact / "encoder")
    return result


class Predictor:
    """The stored network with its own copy of the encoder."""

    def __init__(self, stored: _Stored, directory: Path, device: str) -> None:
        self._stored, self._network, self._device = stored, stored.network(device), device
        self._directory = directory
        # Loaded when the first prompt comes: whoever only asks which LLMs are known does not wait for it.
        self._encoder: Encoder | None = None

    @classmethod
    def load(cls, directory: Path, device: str = "cpu") -> Predictor:
        """Read what :func:`train` wrote. Raises :class:`IntegrityError` for anything else."""
        return cls(_Stored.read(directory), directory, device)

    @property
    def models(self) -> Sequence[str]:
        return self._stored.names

    def predict(
        self,
        prompts: Sequence[str],
        models: Sequence[str],
        batch_size: int = 128,
        *,
        histories: Sequence[Sequence[str]] | None = None,
        tags: Any = None,
    ) -> np.ndarray:
        """float64 ``[len(models), len(prompts)]`` in [-1, 1]; a row of NaN for an LLM unseen in training."""
        import numpy as np
        import torch

        from runner.builders.routing._features import features
        from runner.builders.routing._prompted import distinct_prompts
        from runner.training.encoder import Encoder

        self._encoder = self._encoder or Encoder.load(self._directory / "encoder", self._device)
        first, place = distinct_prompts(prompts, histories)
        texts = [prompts[at] for at in first]
        earlier = [() if histories is None else histories[at] for at in first]
        vectors = np.hstack(
            [self._encoder.encode(texts, batch_size), self._stored.standardize(features(texts, earlier))]
        )
        table = torch.from_numpy(vectors).to(self._device)
        scores = np.full((len(models), len(texts)), np.nan)
        for row, name in enumerate(models):
            if name in self._stored.index:
                which = np.full(len(texts), self._stored.index[name])
                scores[row] = _score(self._network, table, np.arange(len(texts)), which, batch_size)
        return scores[:, place]


class _Stored:
    """What an artifact says, but for the encoder."""

    def __init__(self, directory: Path, document: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
        from runner.builders.routing._prompted import Standardizer

        self.names = tuple(document["models"])
        self.index = {name: number for number, name in enumerate(self.names)}
        self.standardize = Standardizer(document["feature_mean"], document["feature_std"])
        self._document, self._tensors, self._directory = document, tensors, directory

    @classmethod
    def read(cls, directory: Path) -> _Stored:
        try:
            document = json.loads((directory / "model.json").read_text("utf-8"))
            return cls(directory, document, read_tensors(directory / "network.safetensors"))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IntegrityError(
                f"the stored model cannot be read: {error}", where=str(directory), hint="train it again"
            ) from error

    def network(self, device: str) -> DenseScorer:
        import torch

        from runner.builders.routing._networks import DenseScorer

        size = self._document["model_id_embedding_dim"]
        first = self._tensors["layers.0.weight"].shape[1]
        network = DenseScorer(first - size, len(self.names), size, self._document["hidden_dims"])
        network.load_state_dict({name: torch.from_numpy(value) for name, value in self._tensors.items()})
        return network.to(device).eval()

    def copy_into(self, network: DenseScorer, names: Sequence[str]) -> None:
        """Continue from the stored weights; an LLM that they do not know keeps its fresh vector."""
        import torch

        tensors = {name: torch.from_numpy(value) for name, value in self._tensors.items()}
        table = network.model_embedding.weight.detach().clone()
        for row, name in enumerate(names):
            if name in self.index:
                table[row] = tensors["model_embedding.weight"][self.index[name]]
        network.load_state_dict(tensors | {"model_embedding.weight": table})


def _network(spec: Spec, prompt_size: int, n_models: int) -> DenseScorer:
    from runner.builders.routing._networks import DenseScorer

    return DenseScorer(prompt_size, n_models, spec.model_id_embedding_dim, spec.hidden_dims)


def _score(
    network: DenseScorer, prompts: Any, which: np.ndarray, models: np.ndarray, batch_size: int = 8192
) -> np.ndarray:
    """Scores of (prompt index, LLM index) pairs, float64 ``[n]``, without dropout."""
    import numpy as np
    import torch

    training = network.training
    network.eval()
    scores = []
    with torch.no_grad():
        for start in range(0, len(which), batch_size):
            rows = torch.from_numpy(which[start : start + batch_size].astype(np.int64)).to(prompts.device)
            ids = torch.from_numpy(models[start : start + batch_size].astype(np.int64)).to(prompts.device)
            scores.append(network(prompts[rows], ids).double().cpu().numpy())
    network.train(training)
    return np.concatenate(scores) if scores else np.zeros(0)
