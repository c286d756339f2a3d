"""A language model with an adapter that is trained step by step."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from runner.builders.language._answering.generator import Generator
from runner.builders.language._learning.chunked_log_probs import last_layer, odds, odds_of, passed_over
from runner.builders.language._learning.likelihood_loss import by_tokens
from runner.builders.language._models import stored_model
from runner.builders.language._models.base_model import Trained, thawed
from runner.builders.language._models.opening import configuration, open_folder, stored_dtype
from runner.builders.language._stepping.adapter_targets import adapter_targets
from runner.builders.language._stepping.stepped_losses import FUNCTIONS
from runner.chat.renderer import ChatRenderer
from runner.contract.step_losses import LOSSES, StepRow
from runner.errors import IntegrityError, RunFailed, UsageError
from runner.training import optimizers
from runner.training.finetuning_specs import Lora
from runner.training.optimizer_state import OptimizerState, read_optimizer
from runner.training.pretrained import resolve

#: Tokens, padding included, that are computed at a time.
TOKENS = 16_384
#: What adapters are scaled by, times 1 / rank.
ALPHA = 32
#: What is kept beside the optimizer's state.
STEPS = "steps.json"

#: Trained weights by name.
Snapshot = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Learned:
    """What a pass over rows came to."""

    #: Of each row's targets, float32 of their shape, before the step.
    log_probs: list[np.ndarray]
    metrics: dict[str, float] = field(default_factory=dict)


class StepLearner:
    """Adds up gradients and takes steps. Not for several threads at a time.

    Nothing is dropped out: what is learned from is what is foretold.
    """

    def __init__(self, trained: Trained, renderer: ChatRenderer | None, step: int = 0) -> None:
        self.trained, self.step = trained, step
        self.generator = Generator(trained.model, trained.tokenizer, renderer)
        self._parameters = {name: each for name, each in trained.model.named_parameters() if each.requires_grad}
        section = optimizers.AdamW(optimizer_type="adamw")
        self._optimizer = optimizers.make(section, self._parameters.items())

    @classmethod
    def begin(
        cls,
        name: str,
        cache: Path,
        *,
        rank: int,
        seed: int,
        attention: bool = True,
        feed_forward: bool = True,
        unembedding: bool = True,
        device: str = "cpu",
    ) -> Self:
        """A new adapter beside a model: a Hub name, a folder, or the folder of a stored model.

        Raises :class:`DataError` for what holds no language model, and for one that has no layer to train.
        """
        source = Path(name) if (Path(name) / stored_model.DOCUMENT).is_file() else None
        folder = resolve(name, cache=cache) if source is None else stored_model.whole(source, cache)
        source = source or folder
        known = name if source == folder and not _is_stored(folder) else "/".join(source.parts[-3:])
        config = configuration(folder, name)
        model, tokenizer = open_folder(folder, device, where=name)
        targets = adapter_targets(
            model, attention=attention, feed_forward=feed_forward, unembedding=unembedding, where=name
        )
        method = Lora(method="lora", rank=rank, alpha=ALPHA, dropout=0.0, target_modules=targets)
        # The caller's own generator is left alone.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = thawed(model, method, name).eval()
        chat = stored_model.read(source).get("chat") if _is_stored(source) else None
        if chat is not None:
            renderer: ChatRenderer | None = ChatRenderer.from_document(tokenizer, chat)
        else:
            renderer = ChatRenderer.of(tokenizer) if tokenizer.chat_template else None
        return cls(Trained(model, tokenizer, folder, source, known, stored_dtype(config)), renderer)

    @classmethod
    def resumed(cls, folder: Path, cache: Path, store: Path, *, optimizer: bool, device: str = "cpu") -> Self:
        """What :meth:`save` wrote; a base that is a stored model is in ``store``. Without ``optimizer`` the weights
        alone: the moments, and the count of steps, begin anew. Raises :class:`UsageError` for a folder that has no
        optimizer's state."""
        document = stored_model.read(folder)
        base = stored_model.base_of(folder, cache, store)
        with torch.random.fork_rng(devices=[]):
            model, tokenizer = stored_model.load(folder, device, cache, base=base, trainable=True)
        source = store / document["base"]["name"]
        trained = Trained(
            model.eval(), tokenizer, base, source if _is_stored(source) else base, document["base"]["name"],
            stored_dtype(configuration(base, str(folder))),
        )  # fmt: skip
        chat = document.get("chat")
        made = cls(trained, ChatRenderer.from_document(tokenizer, chat) if chat else None)
        if optimizer:
            state = read_optimizer(folder)
            if state is None:
                raise UsageError(
                    "has weights, and no optimizer's state",
                    where=str(folder),
                    hint="what save_state wrote has both; or begin from the weights alone",
                )
            state.put_into(made._optimizer)
            made.step = _steps(folder)
        return made

    # ---- What it is

    @property
    def rank(self) -> int:
        """Of its adapters."""
        return int(self.trained.model.peft_config["default"].r)

    @property
    def alpha(self) -> int:
        """What they are scaled by, times 1 / rank."""
        return int(self.trained.model.peft_config["default"].lora_alpha)

    @property
    def targets(self) -> list[str]:
        """The layers that have one."""
        return sorted(self.trained.model.peft_config["default"].target_modules)

    @property
    def longest(self) -> int:
        """Tokens of a row, at most."""
        return self.generator.longest

    @property
    def vocabulary(self) -> int:
        """How many tokens the model has."""
        return int(self.trained.model.get_input_embeddings().num_embeddings)

    # ---- Learning

    def learn(self, rows: Sequence[StepRow], loss: str, config: Mapping[str, float], *, gradient: bool) -> Learned:
        """The loss of rows, a sum over their targets; with ``gradient``, its gradient is added to what there is."""
        function = FUNCTIONS[loss]
        settings: dict[str, Any] = {**LOSSES[loss].config, **config}
        found: list[Any] = [None] * len(rows)
        total = torch.zeros((), dtype=torch.float64)
        with torch.set_grad_enabled(gradient):
            for some in by_tokens(np.array([len(row.tokens) for row in rows]), TOKENS):
                picked = [rows[at] for at in some]
                each = self._log_probs(picked)
                device = each[0].device
                given = {
                    name: torch.cat([_tensor(row.given[name], device).flatten() for row in picked])
                    for name in LOSSES[loss].inputs
                }
                value = function(torch.cat([one.flatten() for one in each]), given, settings)
                if gradient:
                    value.backward()
                total += value.detach().double().cpu()
                for at, one in zip(some, each, strict=True):
                    found[at] = one.detach().cpu().numpy()
        return Learned(found, {"loss:sum": float(total)} | _gap(rows, found))

    def learn_custom(
        self, rows: Sequence[StepRow], function: Callable[[list[torch.Tensor]], tuple[torch.Tensor, Mapping[str, Any]]]
    ) -> Learned:
        """The same of a loss that ``function`` makes of the rows' log-probabilities, all at once."""
        with torch.enable_grad():
            each = self._log_probs(rows)
            for one in each:
                one.retain_grad()
            made = function(each)
            loss, metrics = made if isinstance(made, tuple) and len(made) == 2 else (None, {})
            if not isinstance(loss, torch.Tensor) or loss.numel() != 1 or not loss.requires_grad:
                raise UsageError(
                    "the loss is no number that depends on the log-probabilities",
                    where="forward_backward_custom",
                    hint="return a torch scalar made of the tensors that the function is given, and a dict of metrics",
                )
            loss.backward()
        # What a second pass with these weights would have minimised.
        surrogate = sum(float((one.grad * one.detach()).sum()) for one in each if one.grad is not None)
        told = {str(name): float(value) for name, value in dict(metrics or {}).items()}
        told |= {"loss:sum": float(loss.detach()), "surrogate_loss:sum": surrogate}
        return Learned([one.detach().cpu().numpy() for one in each], told)

    def take_step(
        self, *, rate: float, betas: tuple[float, float], eps: float, weight_decay: float, clip: float
    ) -> dict[str, float]:
        """A step of AdamW down the gradient that was added up, which is gone then. ``clip`` 0 cuts nothing.

        Raises :class:`UsageError` where there is no gradient, and :class:`RunFailed` for one that is no number: it is
        dropped, and the weights stay.
        """
        gradients = [each.grad for each in self._parameters.values() if each.grad is not None]
        if not gradients:
            raise UsageError(
                "there is no gradient to step down", where="optim_step", hint="forward_backward comes first"
            )
        norm = torch.nn.utils.get_total_norm(gradients)
        if not torch.isfinite(norm):
            self._optimizer.zero_grad()
            raise RunFailed(
                f"the gradient of step {self.step + 1} is not finite: it is dropped, and the weights are as they were",
                where="optim_step",
                hint="look at the losses and at their inputs; lower learning_rate",
            )
        if clip > 0:
            torch.nn.utils.clip_grads_with_norm_(list(self._parameters.values()), clip, norm)
        for part in self._optimizer.parts:
            for group in part.param_groups:
                group.update(lr=rate, betas=betas, eps=eps, weight_decay=weight_decay)
        self._optimizer.step()
        self._optimizer.zero_grad()
        self.step += 1
        return {"unclipped_grad_l2:mean": float(norm)}

    def log_probs(self, tokens: Sequence[int], top: int = 0) -> tuple[np.ndarray, list[list[tuple[int, float]]]]:
        """Of each token but the first, float32 ``[T - 1]``; and the ``top`` likeliest tokens at each place."""
        with torch.inference_mode():
            if not top:
                (found,) = self._log_probs([StepRow(list(tokens[:-1]), list(tokens[1:]), {})])
                return found.cpu().numpy(), []
            ids = torch.tensor([list(tokens)], device=self.trained.model.device)
            whole = torch.log_softmax(self.trained.model(input_ids=ids, use_cache=False).logits[0, :-1].float(), -1)
            best = whole.topk(min(top, whole.shape[1]), dim=-1)
            likeliest = [
                list(zip(ids_, values, strict=True))
                for ids_, values in zip(best.indices.tolist(), best.values.tolist(), strict=True)
            ]
            return whole.gather(1, ids[0, 1:].unsqueeze(1)).squeeze(1).cpu().numpy(), likeliest

    def _log_probs(self, rows: Sequence[StepRow]) -> list[torch.Tensor]:
        """Of each row's targets, float32 of their shape. The token at a place foretells the target there."""
        model = self.trained.model
        width, padding, device = max(len(row.tokens) for row in rows), self.trained.padding, model.device
        ids = torch.tensor([row.tokens + [padding] * (width - len(row.tokens)) for row in rows], device=device)
        mask = torch.tensor([[1] * len(row.tokens) + [0] * (width - len(row.tokens)) for row in rows], device=device)
        targets = [torch.tensor(row.targets, device=device) for row in rows]
        head = last_layer(model)
        with passed_over(head):
            out = model(input_ids=ids, attention_mask=mask, use_cache=False).logits
        # A place that foretells several targets is there several times.
        places = torch.cat(
            [out[at, : len(row.tokens)].repeat_interleave(_each(row), dim=0) for at, row in enumerate(rows)]
        )
        wanted = torch.cat([target.flatten() for target in targets])
        found = odds(places, wanted, uniform=False) if head is None else odds_of(head, places, wanted, uniform=False)
        parts = found[0].split([target.numel() for target in targets])
        return [part.view(target.shape) for part, target in zip(parts, targets, strict=True)]

    # ---- Weights

    def snapshot(self) -> Snapshot:
        """A copy of what is trained, as it is now."""
        return {name: each.detach().clone() for name, each in self._parameters.items()}

    @contextmanager
    def as_of(self, snapshot: Snapshot | None) -> Iterator[None]:
        """Within it the model is what it was then; the gradient, and what is trained, are as before behind it."""
        if snapshot is None:
            yield
            return
        now = {name: each.data for name, each in self._parameters.items()}
        try:
            for name, each in self._parameters.items():
                each.data = snapshot[name]
            yield
        finally:
            for name, each in self._parameters.items():
                each.data = now[name]

    def save(self, folder: Path, *, optimizer: bool) -> None:
        """Write the adapter into an empty folder, as PEFT and a store have it; with ``optimizer``, its state too."""
        renderer = self.generator.renderer
        chat = {} if renderer is None else {"chat": renderer.as_document()}
        stored_model.write_folder(self.trained, folder, {"max_length": self.longest} | chat, "adapter")
        if optimizer:
            OptimizerState.of(self._optimizer).save(folder)
            (folder / STEPS).write_text(json.dumps({"format": 1, "step": self.step}) + "\n", "utf-8")


def _each(row: StepRow) -> int:
    """Targets of a place."""
    return len(row.targets[0]) if isinstance(row.targets[0], list) else 1


def _tensor(values: Any, device: torch.device) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32, device=device)


def _gap(rows: Sequence[StepRow], found: Sequence[np.ndarray]) -> dict[str, float]:
    """How far the log-probabilities are from those that the tokens were drawn with, where they are known."""
    away = [
        np.abs(one - np.array(row.given["logprobs"], np.float32))[np.array(row.given["advantages"]) != 0]
        for row, one in zip(rows, found, strict=True)
        if "logprobs" in row.given and "advantages" in row.given
    ]
    whole = np.concatenate(away) if away else np.array([])
    return {"logprob_gap:mean": float(whole.mean()), "logprob_gap:max": float(whole.max())} if whole.size else {}


def _is_stored(folder: Path) -> bool:
    return (folder / stored_model.DOCUMENT).is_file()


def _steps(folder: Path) -> int:
    try:
        return int(json.loads((folder / STEPS).read_text("utf-8"))["step"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"does not say how many steps were taken: {error}", where=str(folder / STEPS)) from error
