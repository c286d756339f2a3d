"""A score per prompt and LLM: the prompt's embedding and features and a learned vector per LLM, through a dense net.

The sentence embedding of the prompt, its 45 features (numeric ones standardised on the training split) and a vector
that is learned for each LLM are joined, and go through Linear, LeakyReLU(0.1) and dropout 0.2 for each entry of
`hidden_dims`. A last layer and tanh make a score in [-1, 1]. The loss is the margin ranking loss of the decided
comparisons, `max(0, 0.1 - (s_winner - s_loser))`; the epoch of the best validation accuracy is kept.

Use it when the LLMs are few and fixed and each has many comparisons. It knows an LLM by its wins alone: `dn_embedding`
knows it by its answers, and so can score one that it was not trained on.

Source: dense layers on sentence embeddings (Reimers and Gurevych, 2019) with a ranking loss.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from runner.contract import ModelSpec, TrainContext, TrainResult, option
from runner.data.comparisons import ComparisonsData
from runner.errors import IntegrityError
from runner.store.tensors import read_tensors, write_tensors
from runner.tasks import ranking
from runner.tasks.ranking.llm_predictor import LlmPredictor
from runner.training.optimizers import AdamW, OptimizerSpec, make

if TYPE_CHECKING:
    import numpy as np

    from runner.builders.routing._neural.prompt_networks import DenseScorer

TASK = ranking.TASK
REQUIRES = ("torch", "transformers", "safetensors", "numpy")
#: Margin of the ranking loss: the winner should lead by this much, on a scale of -1 to 1.
MARGIN = 0.1
Size = Annotated[int, Field(ge=1, le=65536)]


class Spec(ModelSpec):
    """Dense network."""

    data = ComparisonsData
    reads: ClassVar = frozenset({"prompts"})

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
    import torch

    from runner.builders.routing._neural.prompt_networks import DenseScorer
    from runner.builders.routing._neural.rank_losses import decided_rows
    from runner.builders.routing._neural.rank_training import Scorer, fit_and_conclude, ranking_task
    from runner.builders.routing._prompts.prompt_inputs import TrainingPrompts

    split = context.data.train
    decided = decided_rows(split)
    start = _Stored.read(context.start_from) if context.start_from else None
    known = TrainingPrompts.of(context, spec.embedding_model_name, start.standardize if start else None)
    prompts = torch.cat([torch.from_numpy(part) for part in (known.embeddings, known.features)], dim=1)
    prompts = prompts.to(context.device)

    names = tuple(dict.fromkeys((*split.models, *(start.names if start else ()))))
    torch.manual_seed(context.seed)
    network = DenseScorer(prompts.shape[1], len(names), spec.model_id_embedding_dim, spec.hidden_dims)
    if start is not None:
        start.copy_into(network, names)
    network.to(context.device)

    scorer = Scorer(network, lambda which, llms: network(prompts[which], llms), context.device)
    optimizer = make(spec.optimizer, network.named_parameters())
    task = ranking_task(context, scorer, optimizer, decided, loss="margin_ranking", balanced=False)
    if task.start_optimizer is not None and start is not None and start.names != names:
        # Its moments are of rows that stand for other LLMs now.
        task.start_optimizer = task.start_optimizer.without("model_embedding.weight")
    result, temperature = fit_and_conclude(context, task, scorer)

    document = {
        "format": 1,
        "models": list(names),
        "temperature": temperature,
        "hidden_dims": spec.hidden_dims,
        "model_id_embedding_dim": spec.model_id_embedding_dim,
        "feature_mean": known.standardize.mean.tolist(),
        "feature_std": known.standardize.std.tolist(),
    }
    (context.artifact / "model.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
    write_tensors(context.artifact / "network.safetensors", network.state_dict())
    known.save(context.artifact)
    return result


class Predictor(LlmPredictor):
    """The stored network with its own copy of the encoder."""

    def __init__(self, stored: _Stored, directory: Path, device: str) -> None:
        from runner.builders.routing._prompts.prompt_inputs import PromptReader

        self._stored, self._network, self._device = stored, stored.network(device), device
        self._reader = PromptReader(directory, stored.standardize, device)

    @classmethod
    def load(cls, directory: Path, device: str = "cpu") -> Predictor:
        """Read what :func:`train` wrote. Raises :class:`IntegrityError` for anything else."""
        return cls(_Stored.read(directory), directory, device)

    @property
    def models(self) -> Sequence[str]:
        return self._stored.names

    def use_cache(self, cache: Path) -> None:
        """Take prompts' embeddings from the cache folder where it has them."""
        self._reader.use_cache(cache)

    def score_llms(
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

        from runner.builders.routing._neural.score_matrix import score_prompts

        first, place, embeddings = self._reader.read(prompts, histories, batch_size)
        features = self._reader.features(prompts, histories, first)
        known = [row for row, name in enumerate(models) if name in self._stored.index]
        scores = np.full((len(models), len(first)), np.nan)
        with torch.inference_mode():
            llms = self._network.llm_side()[[self._stored.index[models[row]] for row in known]]
        scores[known] = score_prompts(self._network, embeddings, features, llms)
        return scores[:, place]


class _Stored:
    """What an artifact says, but for the encoder."""

    def __init__(self, directory: Path, document: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
        from runner.builders.routing._prompts.prompted import Standardizer

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

        from runner.builders.routing._neural.prompt_networks import DenseScorer

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
