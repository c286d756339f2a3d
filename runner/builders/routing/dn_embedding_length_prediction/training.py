"""Training of a dense network for lengths."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from runner.builders.routing._lengths.length_stored import StoredLength, fresh_network
from runner.builders.routing._llms.llm_embedding import FOLDER, obtain
from runner.builders.routing._llms.llm_map import llm_map
from runner.builders.routing._prompts.prompt_inputs import TrainingPrompts
from runner.builders.routing._prompts.score_spread import spread_prompts, variances
from runner.builders.routing.dn_embedding_length_prediction import Spec
from runner.builders.routing.dn_embedding_length_prediction.predictor import Predictor
from runner.contract import TrainContext, TrainResult
from runner.tasks.length.length_importance import of_lengths
from runner.tasks.length.length_rows import TokenCounter, continued, split_rows
from runner.tasks.length.measuring import conclude, point_metrics
from runner.tasks.length.point_forecasts import forecast
from runner.tasks.ranking.input_importance import trained_importance
from runner.training.loop import fit
from runner.training.optimizers import make
from runner.training.trainee import Trainee

#: The gradient's norm is cut off here.
CLIP = 1.0


def train(spec: Spec, context: TrainContext) -> TrainResult:
    """Mean squared error of standardised log lengths; the epoch of the best held-out ``log_r2`` is kept."""
    start = StoredLength.read(context.start_from) if context.start_from else None
    llm_embedding = obtain(spec.embedding_spec, context, epochs=spec.embedding_model_epochs)
    read = TrainingPrompts.of(
        context, spec.embedding_model_name, start.standardize if start else None, spec.prompt_features
    )
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

    def lengths_of(prompts: np.ndarray) -> np.ndarray:
        """Standardised log lengths of every LLM's responses, ``[LLMs, prompts]``."""
        some = tensor(prompts)
        return network.table(embeddings[some], features[some], vectors, network.model_embedding.weight)

    def measure() -> dict[str, float | None]:
        found = point_metrics(predict(), held, data_scale)
        return {name: found[name] for name in ("relative_accuracy", "mae_tokens", "log_r2")}

    task = Trainee(
        module=network,
        optimizer=make(spec.optimizer, network.named_parameters()),
        order=lambda rng: rng.permutation(len(rows)),
        loss=loss,
        measure=measure,
        section=spec,
        spread=lambda: variances(lengths_of(spread_prompts(context))),
        criterion="log_r2",
        clip_gradient=CLIP,
    )
    done = fit(task, context)
    with torch.no_grad():
        scale, predicted = forecast(scale, predict(), held, context.data.validation.keys, spec.predict)

    read.save(context.artifact)
    llm_embedding.save(context.artifact / FOLDER, context.artifact / "encoder")
    StoredLength(names, settings, scale, read.standardize, network.state_dict()).write(context.artifact)
    result = conclude(context, rows, held, data_scale, predicted, done.epochs, done.best_epoch)
    result.tables |= llm_map(llm_embedding.names, llm_embedding.vectors)
    result.tables |= trained_importance(
        spec.importance_repeats, context, Predictor.load, of_lengths(context.data.validation, held)
    )
    return result
