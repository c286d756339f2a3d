"""Tokens per prompt and LLM: a dense network on the prompt's embedding and features and the LLM's embedding.

The length of a response is counted in tokens of the encoder's own tokenizer, without truncation. The network learns
`(log tokens - mean) / deviation`, where the mean is the LLM's own in the training split and the deviation one for
all: only what a prompt adds to an LLM's usual length. Its inputs are the prompt's sentence embedding, the 45 prompt
features and the LLM's embedding (`embedding_spec`), each projected to `input_proj_dim`, and a learned vector per LLM
of `model_id_embedding_dim`. They are joined and go through residual blocks, `x + dropout(leaky(norm(linear(x))))`.
The loss is the mean squared error; the epoch kept is the one that explains most of the held-out variance (`log_r2`).
A prediction is `exp(mean + deviation * output)`, a median kind of estimate: half of the responses are longer, and the
sum of many predictions falls short of the sum of lengths by the metric `total_ratio`; divide by it where a total is
wanted, such as a cost. An LLM that was not in training is predicted from its own (prompt, response) pairs: their mean
log length, its embedding, and a learned vector of zeros.

Use it when lengths depend on what is asked, for the expected cost of a route or a limit on tokens: from several
hundred responses on it explains more than `simple_length_prediction`, which takes a second and needs no encoder.
Whether the prompt helps at all is in the table `baselines`: the mean of each LLM has a `log_r2` of 0.

Source: residual blocks, He et al., "Deep Residual Learning for Image Recognition" (CVPR 2016); layer normalisation,
Ba et al. (2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from runner.builders.routing._llms.embedding_specs import EmbeddingSpec, Frozen
from runner.contract import ModelSpec, Needed, TrainContext, TrainResult, option
from runner.data.comparisons import ComparisonsData
from runner.store.references import Reference
from runner.tasks import length
from runner.tasks.ranking.llm_predictor import LlmPredictor
from runner.training.optimizers import AdamW, OptimizerSpec

if TYPE_CHECKING:
    import numpy as np

    from runner.builders.routing._lengths.length_stored import StoredLength

TASK = length.TASK
REQUIRES = ("torch", "transformers", "tokenizers", "safetensors", "numpy")
#: The gradient's norm is cut off here.
CLIP = 1.0
Size = Annotated[int, Field(ge=1, le=65536)]


class Spec(ModelSpec):
    """Dense network on embeddings, for lengths."""

    references: ClassVar = {"load_embedding_model_from": Needed(folder="llm_embedding")}
    data = ComparisonsData
    row_filters: ClassVar = ("min_model_comparisons",)

    model_type: Literal["dn_embedding_length_prediction"] = option(
        description="Response length in tokens by a dense network on embeddings of the prompt and of the LLM."
    )
    hidden_dims: list[Size] = option(
        factory=lambda: [256, 128, 64],
        min_length=1,
        max_length=32,
        description="Width of every residual block, first to last.",
    )
    dropout: float = option(0.2, ge=0, lt=1, description="Dropout after every block.")
    optimizer: OptimizerSpec = option(
        factory=lambda: AdamW(optimizer_type="adamw"), description="How the weights are trained."
    )
    embedding_model_name: str = option(
        "all-MiniLM-L6-v2",
        min_length=1,
        description="The sentence transformer that embeds prompts and counts tokens: a name or a folder.",
    )
    input_proj_dim: Size = option(64, description="Width that each of the three inputs is projected to.")
    model_id_embedding_dim: int = option(32, ge=1, le=4096, description="Length of the learned vector per LLM.")
    embedding_spec: EmbeddingSpec = option(
        factory=lambda: Frozen(embedding_type="frozen"), description="How the LLMs are embedded."
    )
    load_embedding_model_from: Reference | None = option(
        None, description="A stored model (type/name) whose LLM embedding is taken, instead of training one."
    )
    min_model_comparisons: int = option(
        20, ge=0, description="LLMs with fewer comparisons than this are left out, with their comparisons."
    )
    embedding_model_epochs: int = option(10, ge=0, description="Epochs of the LLM embedding's own training.")
    seed: int = option(42, ge=0, le=2**32 - 1, description="Seed of the training.")


def train(spec: Spec, context: TrainContext) -> TrainResult:
    """Mean squared error of standardised log lengths; the epoch of the best held-out ``log_r2`` is kept."""
    import numpy as np
    import torch

    from runner.builders.routing._lengths.length_stored import StoredLength, fresh_network
    from runner.builders.routing._llms.llm_embedding import FOLDER, obtain
    from runner.builders.routing._prompts.prompt_inputs import TrainingPrompts
    from runner.tasks.length.length_rows import TokenCounter, continued, split_rows
    from runner.tasks.length.measuring import conclude, point_metrics
    from runner.training.loop import Trainee, fit
    from runner.training.optimizers import make

    start = StoredLength.read(context.start_from) if context.start_from else None
    llm_embedding = obtain(spec.embedding_spec, context, epochs=spec.embedding_model_epochs)
    read = TrainingPrompts.of(context, spec.embedding_model_name, start.standardize if start else None)
    counter = TokenCounter.load(read.encoder)
    rows, held, data_scale = split_rows(context.data.train, context.data.validation, counter, context)
    names, scale = context.data.train.models, data_scale
    if start is not None:
        names, scale = continued(data_scale, names, start.scale, start.names)

    torch.manual_seed(context.seed)
    settings = {
        "embedding": read.embeddings.shape[1],
        "features": read.features.shape[1],
        "llm": llm_embedding.width,
        "projection": spec.input_proj_dim,
        "id_size": spec.model_id_embedding_dim,
        "hidden": list(spec.hidden_dims),
        "dropout": spec.dropout,
    }
    network = fresh_network(settings, len(names)).to(context.device)
    if start is not None:
        start.copy_into(network, names)

    def tensor(values: np.ndarray) -> Any:
        return torch.from_numpy(values).to(context.device)

    embeddings, features = tensor(read.embeddings), tensor(read.features)
    vectors = tensor(llm_embedding.vectors[[llm_embedding.index[name] for name in names]])
    prompt, model = tensor(rows.prompt), tensor(rows.model)
    target = tensor(scale.targets(rows).astype(np.float32))

    def output(prompts: Any, models: Any) -> Any:
        asked = network.prompts(embeddings[prompts], features[prompts])
        return network(asked, network.llms(vectors[models], network.model_embedding(models)))

    def loss(batch: Any) -> Any:
        return torch.nn.functional.mse_loss(output(prompt[batch], model[batch]), target[batch])

    held_prompts, held_models = tensor(held.prompt).split(8192), tensor(held.model).split(8192)

    def predict() -> np.ndarray:
        parts = [output(*pair).double().cpu().numpy() for pair in zip(held_prompts, held_models, strict=True)]
        return scale.tokens(np.concatenate(parts), held.model)

    def measure() -> dict[str, float | None]:
        found = point_metrics(predict(), held, data_scale)
        return {name: found[name] for name in ("relative_accuracy", "mae_tokens", "log_r2")}

    task = Trainee(
        module=network,
        optimizer=make(spec.optimizer, network.named_parameters()),
        order=lambda rng: rng.permutation(len(rows)),
        loss=loss,
        measure=measure,
        criterion="log_r2",
        clip_gradient=CLIP,
    )
    done = fit(task, context)
    with torch.no_grad():
        predicted = predict()

    read.save(context.artifact)
    llm_embedding.save(context.artifact / FOLDER, context.artifact / "encoder")
    StoredLength(names, settings, scale, read.standardize, network.state_dict()).write(context.artifact)
    return conclude(context, rows, held, data_scale, predicted, done.epochs, done.best_epoch)


class Predictor(LlmPredictor):
    """The stored network with its own copies of the encoder and of the LLM embedding."""

    embeds_llms: ClassVar[bool] = True

    def __init__(self, stored: StoredLength, directory: Path, device: str) -> None:
        from runner.builders.routing._llms.llm_embedding import FOLDER, LlmEmbedding
        from runner.builders.routing._prompts.prompt_inputs import PromptReader

        self._device, self._directory = device, directory
        self._network = stored.network(device)
        self._llms = LlmEmbedding.load(directory / FOLDER, device)
        self._reader = PromptReader(directory, stored.standardize, device)
        self._scale = stored.scale
        self._index = {name: at for at, name in enumerate(stored.names)}
        #: The learned vectors, float32 ``[len(models), model_id_embedding_dim]``: of zeros for an LLM that was added.
        self._own: np.ndarray = self._network.model_embedding.weight.detach().cpu().numpy()

    @classmethod
    def load(cls, directory: Path, device: str = "cpu") -> Predictor:
        """Read what :func:`train` wrote. Raises :class:`IntegrityError` for anything else."""
        from runner.builders.routing._lengths.length_stored import StoredLength

        return cls(StoredLength.read(directory), directory, device)

    @property
    def models(self) -> Sequence[str]:
        return list(self._index)

    def use_cache(self, cache: Path) -> None:
        """Take embeddings of prompts from the cache folder, and add what is new."""
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
        """Tokens, float64 ``[len(models), len(prompts)]``, at least 1; a row of NaN for an LLM that is not known."""
        import numpy as np
        import torch

        rows = [row for row, name in enumerate(models) if name in self._index]
        tokens = np.full((len(models), len(prompts)), np.nan)
        if not rows or not len(prompts):
            return tokens
        first, place, embeddings = self._reader.read(prompts, histories, batch_size)
        features = self._reader.features(prompts, histories, first)
        at = np.array([self._index[models[row]] for row in rows], np.int64)
        vectors = self._llms.vectors[[self._llms.index[models[row]] for row in rows]]
        sides = (torch.from_numpy(part).to(self._device) for part in (embeddings, features, vectors, self._own[at]))
        tokens[rows] = self._scale.tokens(self._network.table(*sides), at[:, None])[:, place]
        return tokens

    def add_llm(self, name: str, prompts: Sequence[str], responses: Sequence[str]) -> None:
        """Know one more LLM, by its (prompt, response) pairs, at least one. A known name is replaced."""
        import numpy as np

        from runner.tasks.length.length_rows import TokenCounter

        self._llms.add(name, prompts, responses)
        self._scale = self._scale.with_llm(TokenCounter.load(self._directory / "encoder").count(responses))
        self._own = np.concatenate([self._own, np.zeros((1, self._own.shape[1]), np.float32)])
        self._index[name] = len(self._own) - 1
