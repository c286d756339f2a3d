"""Training of a transformer on an embedding of the LLMs."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from runner.builders.routing._fields.prompt_features import chosen
from runner.builders.routing._llms import llm_embedding
from runner.builders.routing._llms.llm_map import llm_map
from runner.builders.routing._neural.embedding_router import Stored
from runner.builders.routing._neural.interaction import Interaction
from runner.builders.routing._neural.rank_losses import decided_rows
from runner.builders.routing._neural.residual import BaseModel
from runner.builders.routing._neural.transformer_router import ENCODER, save
from runner.builders.routing._neural.transformer_training import PromptPairs, TransformerScorer, ranking_task
from runner.builders.routing._prompts.prompted import Standardizer, prompt_features
from runner.builders.routing._prompts.prompted_result import conclude
from runner.builders.routing.transformer_embedding import Spec
from runner.builders.routing.transformer_embedding.predictor import Predictor
from runner.contract import TrainContext, TrainResult
from runner.tasks.ranking.input_importance import of_ranking, trained_importance
from runner.training import sentence_encoder as sentence_encoder
from runner.training.loop import fit
from runner.training.optimizer_state import read_optimizer
from runner.training.optimizers import make
from runner.training.precision import usable
from runner.training.pretrained import resolve
from runner.training.text_encoder import TrainableEncoder
from runner.training.trainee import save_optimizer


def train(spec: Spec, context: TrainContext) -> TrainResult:
    """Rank the decided comparisons; gradients are clipped at norm 1; the epoch of the best accuracy is kept."""
    split = context.data.train
    decided = decided_rows(split)
    start = Stored(context.start_from) if context.start_from else None
    torch.manual_seed(context.seed)
    # Before anything that takes long: what the model cannot do is told at once.
    if context.start_from is not None:
        encoder = TrainableEncoder.stored(context.start_from / ENCODER, context.device, context.emit)
    else:
        encoder = TrainableEncoder.load(
            resolve(spec.transformer_model_name),
            spec.finetuning_spec,
            context.device,
            spec.max_length,
            emit=context.emit,
        )
    encoder.precision = usable(spec.precision, context.device, "/model/spec/precision", context.emit)
    embeddings = _untrained(spec, context)
    llms = llm_embedding.obtain(spec.embedding_spec, context, epochs=spec.embedding_model_epochs)
    base = BaseModel.of(context)
    names = start.standardize.names if start else chosen(spec.prompt_features)
    raw = prompt_features(split, names)
    standardize = start.standardize if start else Standardizer.fit(raw[np.unique(split.prompt)], names)

    shape: dict[str, Any] = {
        "hidden": spec.hidden_dims,
        "dropout": spec.dropout,
        "bounded": spec.ranking_loss_type == "margin_ranking",
        "projection": start.shape.get("projection") if start else spec.proj_dim,
    }
    network = Interaction((encoder.width, raw.shape[1], llms.width), **shape, residual=base is not None)
    if start is not None:
        start.load_into(network)
    module = TransformerScorer(encoder, network).to(context.device)
    pairs = PromptPairs(
        module,
        encoder.tokenize(split.prompts),
        standardize(raw),
        llms.vectors,
        context.device,
        base.table(context.data, context.emit) if base else None,
        context.stop_requested,
    )
    task = ranking_task(
        context,
        pairs,
        make(spec.optimizer, module.named_parameters(), faster={"interaction.": spec.scoring_head_lr_multiplier}),
        decided,
        loss=spec.ranking_loss_type,
        balanced=spec.balance_model_samples,
        section=spec,
        start=read_optimizer(context.start_from) if context.start_from else None,
    )
    done = fit(task, context)
    pairs.forget()
    result, temperature = conclude(context, pairs.score, done.epochs, done.best_epoch, embeddings=embeddings)
    save(context.artifact, module, shape, standardize, llms, base, temperature)
    save_optimizer(context.artifact, done)
    result.tables |= llm_map(llms.names, llms.vectors)
    result.tables |= trained_importance(
        spec.importance_repeats, context, Predictor.load, of_ranking(context.data.validation)
    )
    return result


def _untrained(spec: Spec, context: TrainContext) -> np.ndarray | None:
    """The prompts' embeddings by the transformer as it was, float32 ``[P, E]``, for the baselines.

    None where it would have to be loaded whole that is trained in few bits, or where a stored model is continued.
    """
    if context.start_from is not None or spec.finetuning_spec.method == "qlora":
        return None
    folder = resolve(spec.transformer_model_name)
    return sentence_encoder.embed(
        context.data.train.prompts, folder, context.cache, context.device, context.emit, context.stop_requested
    )
