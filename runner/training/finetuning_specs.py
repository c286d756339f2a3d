"""How a pretrained transformer is fine-tuned, as a spec says it: ``finetuning_spec``, told apart by ``method``."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from runner.contract import Section, departs, invalid, option

ModuleName = Annotated[str, Field(min_length=1, max_length=256)]
TargetModules = Literal["auto"] | Annotated[list[ModuleName], Field(min_length=1, max_length=1024)]

_TARGETS = (
    'The linear layers that get an adapter, by the end of their names ("query", "q_proj"); auto takes every linear '
    "layer of the transformer's layers."
)


class Lora(Section):
    """Low-rank adapters beside frozen weights (Hu et al., 2021)."""

    method: Literal["lora"] = option(
        description="LoRA: the pretrained weights stay, a low-rank adapter beside each linear layer is trained."
    )
    rank: int = option(16, ge=1, le=4096, description="Rank of the adapters.")
    alpha: int = option(32, ge=1, description="Scale of the adapters: what they add is times alpha / rank.")
    dropout: float = option(0.05, ge=0, lt=1, description="Dropout of what goes into an adapter, in training.")
    target_modules: TargetModules = option("auto", description=_TARGETS)


class Dora(Section):
    """LoRA with the length of each column of a weight trained beside its direction (Liu et al., 2024)."""

    method: Literal["dora"] = option(
        description="DoRA: as lora, with the length of each output's weights trained beside their direction; nearer to "
        "full fine-tuning, and slower."
    )
    rank: int = option(16, ge=1, le=4096, description="Rank of the adapters.")
    alpha: int = option(32, ge=1, description="Scale of the adapters: what they add is times alpha / rank.")
    dropout: float = option(0.05, ge=0, lt=1, description="Dropout of what goes into an adapter, in training.")
    target_modules: TargetModules = option("auto", description=_TARGETS)


class RsLora(Section):
    """LoRA whose scale goes with the root of the rank (Kalajdzievski, 2023)."""

    method: Literal["rslora"] = option(
        description="rsLoRA: as lora, with adapters times alpha / sqrt(rank), so that a high rank learns as fast."
    )
    rank: int = option(16, ge=1, le=4096, description="Rank of the adapters.")
    alpha: int = option(32, ge=1, description="Scale of the adapters: what they add is times alpha / sqrt(rank).")
    dropout: float = option(0.05, ge=0, lt=1, description="Dropout of what goes into an adapter, in training.")
    target_modules: TargetModules = option("auto", description=_TARGETS)


class Ia3(Section):
    """A learned factor for each key, value and hidden unit (Liu et al., 2022)."""

    method: Literal["ia3"] = option(
        description="IA3: the pretrained weights stay, keys, values and hidden units get a factor each."
    )
    target_modules: TargetModules = option(
        "auto",
        description="The linear layers whose outputs get factors, by the end of their names; auto takes those of keys "
        "and values, and the second of the feed-forward network, whose inputs get them.",
    )


class QLora(Section):
    """LoRA beside quantised weights (Dettmers et al., 2023)."""

    method: Literal["qlora"] = option(
        description="QLoRA: as lora, with the frozen linear layers quantised by bitsandbytes to save memory."
    )
    rank: int = option(16, ge=1, le=4096, description="Rank of the adapters.")
    alpha: int = option(32, ge=1, description="Scale of the adapters: what they add is times alpha / rank.")
    dropout: float = option(0.05, ge=0, lt=1, description="Dropout of what goes into an adapter, in training.")
    target_modules: TargetModules = option("auto", description=_TARGETS)
    load_in_4bit: bool = option(
        True,
        older={"bits": {4: True, 8: False}},
        description="Whether frozen linear layers have 4 bits a weight, rather than 8.",
    )
    bnb_4bit_compute_dtype: Literal["float16", "bfloat16", "float32"] = option(
        "float16",
        description="What 4-bit layers multiply in while training; scores are always computed in float32. A CPU takes "
        "float32 for float16, and says so in a warning: it has no float16 arithmetic worth the name.",
    )
    bnb_4bit_quant_type: Literal["nf4", "fp4"] = option(
        "nf4", description="The 16 values of a 4-bit weight: quantiles of a normal distribution, or 4-bit floats."
    )

    @model_validator(mode="after")
    def _of_four_bits(self) -> Self:
        for name in ("bnb_4bit_compute_dtype", "bnb_4bit_quant_type"):
            # A default that a document spells out says nothing else than the document without it.
            if not self.load_in_4bit and departs(self, name):
                raise invalid((name,), "void", "layers of 8 bits have none: leave it out, or load in 4 bits")
        return self


class LastLayers(Section):
    """The last layers alone."""

    method: Literal["last_layers"] = option(
        description="The last layers of the transformer are trained, with the normalisation behind them; all before "
        "them stays."
    )
    num_layers: int = option(
        2, ge=1, le=10_000, older=("num_unfrozen_layers",), description="How many layers are trained, from the last."
    )


class BitFit(Section):
    """The biases alone (Ben Zaken et al., 2021)."""

    method: Literal["bitfit"] = option(description="BitFit: the bias vectors are trained, all else stays.")


class Full(Section):
    """Everything."""

    method: Literal["full"] = option(description="Every weight of the transformer is trained.")


FinetuningSpec = Annotated[
    Lora | QLora | Dora | RsLora | Ia3 | LastLayers | BitFit | Full, Field(discriminator="method")
]
#: The methods that put adapters beside frozen weights.
Adapters = Lora | QLora | Dora | RsLora | Ia3
