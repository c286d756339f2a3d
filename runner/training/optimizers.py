"""Optimizers as a spec names them: ``adam``, ``adamw`` and ``muon``, with a decay per epoch and an exact resume."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from runner.contract import Section, option

if TYPE_CHECKING:
    import torch

Rate = Annotated[float, Field(ge=0.0, lt=1.0)]


class Adam(Section):
    """``torch.optim.Adam`` (Kingma and Ba, 2015)."""

    optimizer_type: Literal["adam"] = option(description="Adam: adaptive moments, L2 penalty in the gradient.")
    learning_rate: float = option(1e-3, gt=0, description="Step size of the first epoch.")
    betas: tuple[Rate, Rate] = option(
        (0.9, 0.999), description="Decay rates of the running means of the gradient and of its square."
    )
    eps: float = option(1e-8, gt=0, description="Added to the denominator for numerical stability.")
    weight_decay: float = option(0.0, ge=0, description="L2 penalty, added to the gradient.")
    lr_decay_gamma: float | None = option(
        None, gt=0, le=1, description="Factor on the learning rate after every epoch; null keeps it."
    )


class AdamW(Section):
    """``torch.optim.AdamW`` (Loshchilov and Hutter, 2019)."""

    optimizer_type: Literal["adamw"] = option(description="AdamW: Adam with decoupled weight decay.")
    learning_rate: float = option(1e-3, gt=0, description="Step size of the first epoch.")
    betas: tuple[Rate, Rate] = option(
        (0.9, 0.999), description="Decay rates of the running means of the gradient and of its square."
    )
    eps: float = option(1e-8, gt=0, description="Added to the denominator for numerical stability.")
    weight_decay: float = option(0.01, ge=0, description="Weights shrink by learning_rate * weight_decay a step.")
    lr_decay_gamma: float | None = option(
        None, gt=0, le=1, description="Factor on the learning rate after every epoch; null keeps it."
    )


class Muon(Section):
    """``torch.optim.Muon`` (Jordan et al., 2024) for the matrices, AdamW for everything else."""

    optimizer_type: Literal["muon"] = option(
        description="Muon: orthogonalised momentum for the 2-D weights; embeddings, biases and norms go to AdamW."
    )
    learning_rate: float = option(0.02, gt=0, description="Step size of the first epoch, for the 2-D weights.")
    momentum: Rate = option(0.95, description="Decay rate of the momentum of the 2-D weights.")
    nesterov: bool = option(True, description="Whether the momentum looks ahead, as Nesterov's does.")
    adamw_lr: float = option(3e-4, gt=0, description="Step size of the first epoch, for what AdamW trains.")
    betas: tuple[Rate, Rate] = option((0.9, 0.999), description="AdamW's decay rates, for what AdamW trains.")
    eps: float = option(1e-8, gt=0, description="AdamW's numerical stability term, for what AdamW trains.")
    weight_decay: float = option(0.01, ge=0, description="Decoupled weight decay, of Muon and of AdamW.")
    lr_decay_gamma: float | None = option(
        None, gt=0, le=1, description="Factor on both learning rates after every epoch; null keeps them."
    )


OptimizerSpec = Annotated[Adam | AdamW | Muon, Field(discriminator="optimizer_type")]


class Optimizer:
    """One or two torch optimizers behind one ``step``, whose state goes into safetensors and JSON and back."""

    def __init__(self, parts: list[torch.optim.Optimizer], names: dict[torch.Tensor, str], gamma: float | None):
        self.parts = parts
        self._names = names
        self._gamma = gamma
        #: The learning rates as they are before the schedule, by part and group.
        self._rates = [[group["lr"] for group in part.param_groups] for part in parts]

    @property
    def learning_rate(self) -> float:
        """The step size of the last step: of the matrices, under Muon."""
        return float(self.parts[0].param_groups[0]["lr"])

    def zero_grad(self) -> None:
        for part in self.parts:
            part.zero_grad(set_to_none=True)

    def step(self) -> None:
        for part in self.parts:
            part.step()

    def follow(self, factor: float) -> None:
        """Take the next steps at ``factor`` times every learning rate; what :meth:`state` gives stays as it is."""
        for part, rates in zip(self.parts, self._rates, strict=True):
            for group, rate in zip(part.param_groups, rates, strict=True):
                group["lr"] = rate * factor

    def end_epoch(self) -> None:
        """Multiply every learning rate by ``lr_decay_gamma``: ``torch.optim.lr_scheduler.ExponentialLR``."""
        gamma = 1.0 if self._gamma is None else self._gamma
        self._rates = [[rate * gamma for rate in rates] for rates in self._rates]
        self.follow(1.0)

    def state(
        self, prefix: str = "optimizer", *, copies: bool = True
    ) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """What a checkpoint needs: copies of the tensors, named ``{prefix}/{parameter}/{slot}``, and JSON.

        Without ``copies`` the tensors change with the next step. The learning rates are those before a schedule, which
        is a function of the step and leaves nothing to keep.
        """
        import torch

        taken = torch.Tensor.clone if copies else torch.Tensor.detach
        tensors = {
            f"{prefix}/{self._names[parameter]}/{slot}": taken(value.detach()).contiguous()
            for part in self.parts
            for parameter, slots in part.state.items()
            for slot, value in slots.items()
        }
        return tensors, {"learning_rates": [list(rates) for rates in self._rates]}

    def load_state(
        self,
        tensors: Mapping[str, Any],
        state: Mapping[str, Any],
        prefix: str = "optimizer",
        part: Callable[[Any, Any], Any] = lambda tensor, like: tensor,
    ) -> None:
        """Take back what :meth:`state` gave (torch or numpy tensors; others than the prefix's are ignored).

        ``part`` gives of a whole tensor what this process holds of it, as it holds the parameter.
        The next steps are bit for bit those of the optimizer that was saved. Raises ``KeyError`` for a slot of a
        parameter that this optimizer does not have.
        """
        import torch

        by_name = {name: (each, p) for each in self.parts for p, name in self._of(each)}
        for key, value in tensors.items():
            if not key.startswith(f"{prefix}/"):
                continue
            name, _, slot = key.removeprefix(f"{prefix}/").rpartition("/")
            owner, parameter = by_name[name]
            tensor = part(torch.as_tensor(value), parameter).clone()
            # Adam counts its steps on the CPU, unless it is fused; the moments live where the parameter does.
            here = slot == "step" and not owner.defaults.get("fused")
            owner.state[parameter][slot] = tensor if here else tensor.to(parameter.device)
        rates = state["learning_rates"]
        if [len(each) for each in rates] != [len(each) for each in self._rates]:
            raise ValueError(f"learning rates of other groups of parameters: {rates}")
        self._rates = [list(each) for each in rates]
        self.follow(1.0)

    def named_parameters(self) -> dict[str, torch.Tensor]:
        """What it trains, by name."""
        return {name: p for part in self.parts for p, name in self._of(part)}

    def _of(self, part: torch.optim.Optimizer) -> list[tuple[torch.Tensor, str]]:
        return [(p, self._names[p]) for group in part.param_groups for p in group["params"]]


def make(
    spec: Adam | AdamW | Muon,
    named_parameters: Iterable[tuple[str, torch.nn.Parameter]],
    embeddings: Collection[str] = (),
    faster: Mapping[str, float] | None = None,
    fused: bool = False,
) -> Optimizer:
    """The optimizer that ``spec`` describes over ``model.named_parameters()``; frozen parameters are left out.

    Under ``muon`` a 2-D weight goes to Muon unless it is a table of embeddings: named in ``embeddings``, or with
    ``embed`` in its name. The rest, and all of it under ``adam`` and ``adamw``, goes to one Adam or AdamW. ``faster``
    has factors on the learning rate, by the beginning of parameters' names. ``fused``: Adam and AdamW read the weights
    once a step, in a fifth of the time where they are many; last digits differ from the other way.
    """
    import torch

    named = {name: p for name, p in named_parameters if p.requires_grad}
    parts: list[torch.optim.Optimizer] = []
    if isinstance(spec, Adam):
        parts.append(
            torch.optim.Adam(
                named.values(), spec.learning_rate, spec.betas, spec.eps, spec.weight_decay, fused=fused or None
            )
        )
    elif isinstance(spec, AdamW):
        parts.append(
            torch.optim.AdamW(
                named.values(), spec.learning_rate, spec.betas, spec.eps, spec.weight_decay, fused=fused or None
            )
        )
    else:
        matrices = [p for n, p in named.items() if p.ndim == 2 and n not in embeddings and "embed" not in n.lower()]
        chosen = {id(p) for p in matrices}
        rest = [p for p in named.values() if id(p) not in chosen]
        if matrices:
            parts.append(
                torch.optim.Muon(
                    matrices,
                    lr=spec.learning_rate,
                    weight_decay=spec.weight_decay,
                    momentum=spec.momentum,
                    nesterov=spec.nesterov,
                )
            )
        if rest:
            parts.append(
                torch.optim.AdamW(rest, spec.adamw_lr, spec.betas, spec.eps, spec.weight_decay, fused=fused or None)
            )
    names: dict[torch.Tensor, str] = {p: name for name, p in named.items()}
    for beginning, factor in (faster or {}).items():
        if factor != 1:
            for part in parts:
                _quicken(part, {p for p, name in names.items() if name.startswith(beginning)}, factor)
    return Optimizer(parts, names, spec.lr_decay_gamma)


def _quicken(optimizer: torch.optim.Optimizer, parameters: set[torch.Tensor], factor: float) -> None:
    """Give some of an optimizer's parameters a learning rate of their own, in a group beside the others."""
    for group in list(optimizer.param_groups):
        some = [p for p in group["params"] if p in parameters]
        rest = [p for p in group["params"] if p not in parameters]
        if some and rest:
            group["params"] = rest
            optimizer.add_param_group({**group, "params": some, "lr": group["lr"] * factor})
        elif some:
            group["lr"] *= factor
