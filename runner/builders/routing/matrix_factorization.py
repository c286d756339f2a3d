"""A score per prompt and LLM as a product of two vectors, the prompt's projected embedding and a learned one per LLM.

The score of LLM M on prompt q is `w2 · (v_M * (W1 v_q + b))`: `v_q` is the prompt's sentence embedding, `v_M` a learned
vector of unit length, `*` the product by components. Training raises the likelihood of the decided comparisons under
Bradley-Terry, `P(A beats B) = sigmoid(score_A - score_B)`, with Gaussian noise on `v_q`. The paper has a strong and a
weak LLM; here there may be any number, and the scores of all of them on all prompts are one matrix product.

Use it when there are few comparisons, or when scoring must be as cheap as it gets. It is linear in the prompt: a router
with hidden layers, such as `dn_embedding`, can learn more from more data, and only that one scores LLMs it was not
trained on.

Source: Ong et al. (2024), RouteLLM: Learning to Route LLMs with Preference Data, and the code published with it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from runner.contract import ModelSpec, TrainContext, TrainResult, option
from runner.data.comparisons import ComparisonsData
from runner.errors import DataError, IntegrityError
from runner.store.tensors import read_tensors, write_tensors
from runner.tasks import ranking
from runner.tasks.ranking.llm_predictor import LlmPredictor
from runner.training.optimizers import Adam, OptimizerSpec, make

if TYPE_CHECKING:
    import numpy as np

    from runner.builders.routing._neural.factors import Factors

TASK = ranking.TASK
REQUIRES = ("torch", "transformers", "safetensors", "numpy")


class Spec(ModelSpec):
    """Matrix factorization."""

    data = ComparisonsData
    reads: ClassVar = frozenset({"prompts"})
    row_filters: ClassVar = ("min_model_comparisons",)

    model_type: Literal["matrix_factorization"] = option(
        description="The product of a prompt's projected embedding and a learned vector per LLM (RouteLLM)."
    )
    embedding_model_name: str = option(
        "all-MiniLM-L6-v2",
        min_length=1,
        description="The sentence transformer that embeds prompts: a name or a folder.",
    )
    embedding_dim: int = option(128, ge=1, le=65536, description="Length of the learned vector per LLM.")
    text_projection: bool = option(
        True,
        description="Whether a prompt's embedding is projected to embedding_dim; if not, the two must be equally long.",
    )
    noise: float = option(
        0.1,
        ge=0,
        description="Deviation of the Gaussian noise on each component of a prompt's embedding while training.",
    )
    optimizer: OptimizerSpec = option(
        factory=lambda: Adam(optimizer_type="adam"), description="How the weights are trained."
    )
    balance_model_samples: bool = option(True, description="Whether comparisons of rare LLMs are drawn more often.")
    min_model_comparisons: int = option(
        20, ge=1, description="LLMs in fewer comparisons than this are dropped, with their comparisons."
    )


def train(spec: Spec, context: TrainContext) -> TrainResult:
    """Bradley-Terry loss on decided comparisons; the epoch of the best validation accuracy is kept."""
    import torch

    from runner.builders.routing._neural.factors import Factors
    from runner.builders.routing._neural.rank_losses import decided_rows
    from runner.builders.routing._neural.rank_training import Scorer, continued, fit_and_conclude, ranking_task
    from runner.builders.routing._prompts.prompt_inputs import TrainingPrompts

    split = context.data.train
    decided = decided_rows(split)
    start = _Stored.read(context.start_from) if context.start_from else None
    known = TrainingPrompts.of(context, spec.embedding_model_name)
    prompts = torch.from_numpy(known.embeddings).to(context.device)
    width = prompts.shape[1]
    if not spec.text_projection and spec.embedding_dim != width:
        raise DataError(
            f"without a projection LLM vectors are as long as prompt embeddings: {width}, not {spec.embedding_dim}",
            where="/model/spec/embedding_dim",
            hint=f"set embedding_dim to {width}, or text_projection to true",
        )

    names = tuple(dict.fromkeys((*split.models, *(start.names if start else ()))))
    torch.manual_seed(context.seed)
    network = Factors(width, len(names), spec.embedding_dim, spec.text_projection, spec.noise)
    if start is not None:
        both = [(row, start.names.index(name)) for row, name in enumerate(names) if name in set(start.names)]
        rows = {"model_embedding.weight": ([new for new, _ in both], [old for _, old in both])}
        network.load_state_dict(continued(network.state_dict(), start.tensors, rows))
    network.to(context.device)
    optimizer = make(spec.optimizer, network.named_parameters())

    scorer = Scorer(network, lambda which, llms: network(prompts[which], llms), context.device)
    task = ranking_task(context, scorer, optimizer, decided, loss="bradley_terry", balanced=spec.balance_model_samples)
    if task.start_optimizer is not None and start is not None and start.names != names:
        # Its moments are of rows that stand for other LLMs now.
        task.start_optimizer = task.start_optimizer.without("model_embedding.weight")
    result, temperature = fit_and_conclude(context, task, scorer)

    document = {"format": 1, "models": list(names), "temperature": temperature, "noise": spec.noise}
    (context.artifact / "model.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
    write_tensors(context.artifact / "network.safetensors", network.state_dict())
    known.save(context.artifact)
    return result


class Predictor(LlmPredictor):
    """The stored factors with their own copy of the encoder."""

    def __init__(self, directory: Path, stored: _Stored, device: str) -> None:
        from runner.builders.routing._prompts.prompt_inputs import PromptReader

        self._stored, self._device = stored, device
        self._network = stored.network().to(device).eval()
        self._reader = PromptReader(directory, None, device)

    @classmethod
    def load(cls, directory: Path, device: str = "cpu") -> Predictor:
        """Read what :func:`train` wrote. Raises :class:`IntegrityError` for anything else."""
        return cls(directory, _Stored.read(directory), device)

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
        """float64 ``[len(models), len(prompts)]``, log odds; a row of NaN for an LLM unseen in training."""
        import numpy as np
        import torch

        _, place, vectors = self._reader.read(prompts, histories, batch_size)
        index = {name: number for number, name in enumerate(self._stored.names)}
        known = [row for row, name in enumerate(models) if name in index]
        scores = np.full((len(models), len(vectors)), np.nan)
        with torch.inference_mode():
            llms = self._network.llm_side()[[index[models[row]] for row in known]]
            table = llms @ self._network.prompt_side(torch.from_numpy(vectors).to(self._device)).T
        scores[known] = table.double().cpu().numpy()
        return scores[:, place]


class _Stored:
    """What an artifact says, but for the encoder."""

    def __init__(self, document: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
        self.names = tuple(document["models"])
        self.noise = float(document["noise"])
        self.tensors = tensors

    @classmethod
    def read(cls, directory: Path) -> _Stored:
        try:
            document = json.loads((directory / "model.json").read_text("utf-8"))
            return cls(document, read_tensors(directory / "network.safetensors"))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IntegrityError(
                f"the stored model cannot be read: {error}", where=str(directory), hint="train it again"
            ) from error

    def network(self) -> Factors:
        import torch

        from runner.builders.routing._neural.factors import Factors

        size = self.tensors["model_embedding.weight"].shape[1]
        projection = self.tensors.get("projection.weight")
        width = size if projection is None else projection.shape[1]
        network = Factors(width, len(self.names), size, projection is not None, self.noise)
        network.load_state_dict({name: torch.from_numpy(value) for name, value in self.tensors.items()})
        return network
