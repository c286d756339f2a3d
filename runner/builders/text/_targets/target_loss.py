"""How likely a model finds targets: the loss that it learns by, and what is measured on held-out rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from runner.builders._finetuning.batched_rows import forward_batches, measured_batches
from runner.builders.text._targets.target_tokens import NOT_LEARNED, TargetTokens
from runner.statistics.loss_intervals import mean_of_counted
from runner.statistics.paired_bootstrap import Resampled


@dataclass(frozen=True)
class Foretold:
    """Targets as a model foretells them, float64 ``[n]`` each: negative log-likelihood (nats), tokens, right ones."""

    loss: np.ndarray
    tokens: np.ndarray
    hits: np.ndarray

    def metrics(self) -> dict[str, float | None]:
        """``loss`` (nats a token), ``perplexity``, ``token_accuracy``; None where nothing counts."""
        count = float(self.tokens.sum())
        if not count:
            return {"loss": None, "perplexity": None, "token_accuracy": None}
        loss = float(self.loss.sum()) / count
        perplexity = math.exp(loss) if loss < 700 else None
        return {"loss": loss, "perplexity": perplexity, "token_accuracy": float(self.hits.sum()) / count}

    def redrawn(self, groups: np.ndarray, seed: int) -> Resampled | None:
        """The loss over sources drawn anew with all their targets; None where nothing counts. ``groups``: int64
        ``[n]``."""
        return mean_of_counted(self.loss, self.tokens, groups, seed)


def batch_of(
    sources: Sequence[np.ndarray], labels: Sequence[np.ndarray], begins: Callable[[torch.Tensor], torch.Tensor],
    padding: int,
) -> dict[str, torch.Tensor]:  # fmt: skip
    """What the model's ``forward`` takes. ``begins`` makes of labels ``[B, T]`` what the decoder reads."""
    ids = padded(sources, padding)
    return {
        "input_ids": ids,
        "attention_mask": padded([np.ones(len(each), np.int64) for each in sources], 0),
        "decoder_input_ids": begins(padded(labels, NOT_LEARNED)),
    }


def padded(rows: Sequence[np.ndarray], fill: int) -> torch.Tensor:
    """Rows of different lengths as one tensor, int64 ``[B, L]``, filled up on the right."""
    found = np.full((len(rows), max(map(len, rows))), fill, np.int64)
    for at, row in enumerate(rows):
        found[at, : len(row)] = row
    return torch.from_numpy(found)


def decoder_inputs(model: Any) -> Callable[[torch.Tensor], torch.Tensor]:
    """What the decoder of a model reads where labels are to come out: they are one place later, behind its start."""
    plain = model.get_base_model() if hasattr(model, "get_base_model") else model
    own: Callable[..., torch.Tensor] | None = getattr(plain, "prepare_decoder_input_ids_from_labels", None)
    padding = int(plain.config.pad_token_id)
    start = padding if (told := start_token(plain)) is None else told

    def shifted(labels: torch.Tensor) -> torch.Tensor:
        if own is not None:
            return own(labels=labels)
        moved = torch.cat([torch.full_like(labels[:, :1], start), labels[:, :-1]], dim=1)
        return moved.masked_fill(moved == NOT_LEARNED, padding)

    return shifted


def start_token(model: Any) -> int | None:
    """The token that the decoder begins with; None for a model that does not say."""
    for config in (getattr(model, "generation_config", None), model.config, getattr(model.config, "decoder", None)):
        found = getattr(config, "decoder_start_token_id", None)
        if found is not None:
            return int(found)
    return None


def summed_loss(logits: torch.Tensor, labels: torch.Tensor, smoothing: float = 0.0) -> torch.Tensor:
    """The sum of a batch's losses, float32 ``[]``, of logits ``[B, T, V]`` and labels ``[B, T]``.

    With ``smoothing`` ``e`` a token's loss is ``(1 - e)`` of its own and ``e`` of the mean over the vocabulary (Szegedy
    et al., 2016).
    """
    return torch.nn.functional.cross_entropy(
        logits.float().flatten(0, 1), labels.to(logits.device).flatten(), ignore_index=NOT_LEARNED, reduction="sum",
        label_smoothing=smoothing,
    )  # fmt: skip


def token_losses(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The loss of every token, float32 ``[B, T]``, 0 where nothing is learned; of ``[B, T, V]`` and ``[B, T]``."""
    return torch.nn.functional.cross_entropy(logits.transpose(1, 2), labels, ignore_index=NOT_LEARNED, reduction="none")


def foretold(
    model: Any, rows: TargetTokens, device: str, stop_requested: Callable[[], bool] = lambda: False
) -> Foretold:
    """Every target of a side, in float32 and without dropout. Raises :class:`Stopped` when asked to stop."""
    begins, padding = decoder_inputs(model), int(model.config.pad_token_id)

    def batch(chosen: np.ndarray) -> Mapping[str, Any]:
        return batch_of(_sources(rows, chosen), [rows.labels[at] for at in chosen], begins, padding)

    loss, tokens, hits = found = np.zeros((3, len(rows)))
    batches = measured_batches(rows.lengths) if len(rows) else []
    for chosen, outputs in forward_batches(model, batches, batch, device, stop_requested):
        labels = padded([rows.labels[at] for at in chosen], NOT_LEARNED).to(outputs.logits.device)
        logits = outputs.logits.float()
        each = token_losses(logits, labels)
        known = labels != NOT_LEARNED
        loss[chosen] = each.double().sum(dim=1).cpu().numpy()
        tokens[chosen] = known.sum(dim=1).cpu().numpy()
        hits[chosen] = ((logits.argmax(dim=-1) == labels) & known).sum(dim=1).cpu().numpy()
    return Foretold(*found)


def by_frequency(train: TargetTokens, held: TargetTokens, vocabulary: int) -> Foretold:
    """What knowing how often each token comes in the targets of training foretells, each counted once more."""
    counts = np.ones(vocabulary)
    for labels in train.labels:
        np.add.at(counts, labels[labels != NOT_LEARNED], 1)
    nats, likeliest = -np.log(counts / counts.sum()), int(counts.argmax())
    known = [labels[labels != NOT_LEARNED] for labels in held.labels]
    return Foretold(
        np.array([float(nats[each].sum()) for each in known]),
        np.array([float(len(each)) for each in known]),
        np.array([float((each == likeliest).sum()) for each in known]),
    )


def _sources(rows: TargetTokens, chosen: np.ndarray) -> list[np.ndarray]:
    return [rows.sources[at] for at in rows.owners[chosen]]
