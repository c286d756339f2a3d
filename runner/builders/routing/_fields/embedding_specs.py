"""How the LLMs are embedded: ``embedding_spec`` of the routers that score an LLM by what it answers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from runner.contract import Section, option
from runner.training.finetuning_specs import FinetuningSpec, Lora
from runner.training.optimizers import AdamW, OptimizerSpec

Size = Annotated[int, Field(ge=1, le=65536)]
_ENCODER = (
    "The sentence transformer that embeds prompts and responses: a name or a folder. Its weights stay as they are."
)
_OPTIMIZER = "How the embedding's weights are trained."
_MARGIN = "How much nearer the positive should be than the negative: a distance on the unit sphere."
_REGULARIZATION = "Weight of the divergence of a batch's vectors from a standard normal distribution, in the loss."
_IDENTITY = (
    "Share of the triplets whose positive is another pair of the same LLM. In the others it is a pair of another LLM "
    "with the same outcome, and the negative one with the opposite outcome."
)


class Frozen(Section):
    """Dense layers on a frozen sentence transformer, trained on triplets."""

    embedding_type: Literal["frozen"] = option(
        description="Dense layers on a frozen sentence transformer's [prompt; response], trained on triplets."
    )
    encoder_model_name: str = option("all-MiniLM-L6-v2", min_length=1, pretrained=True, description=_ENCODER)
    hidden_dims: list[Size] = option(
        factory=lambda: [256, 128],
        min_length=1,
        max_length=32,
        description="Width of every dense layer, first to last; the last is the length of an LLM's vector.",
    )
    triplet_margin: float = option(0.2, ge=0, le=2, description=_MARGIN)
    regularization_weight: float = option(0.01, ge=0, description=_REGULARIZATION)
    identity_positive_ratio: float = option(0.8, ge=0, le=1, description=_IDENTITY)
    optimizer: OptimizerSpec = option(factory=lambda: AdamW(optimizer_type="adamw"), description=_OPTIMIZER)


class Finetunable(Section):
    """A fine-tuned transformer and a projection, trained on triplets."""

    embedding_type: Literal["finetunable"] = option(
        description="A transformer that is fine-tuned, and a projection of [prompt; response], trained on triplets."
    )
    transformer_model_name: str = option(
        "sentence-transformers/all-MiniLM-L12-v2",
        min_length=1,
        pretrained=True,
        description="The transformer that is fine-tuned: a name or a folder.",
    )
    finetuning_spec: FinetuningSpec = option(
        factory=lambda: Lora(method="lora"), description="Which of the transformer's weights are trained, and how."
    )
    projection_dim: Size = option(128, description="Length of an LLM's vector.")
    max_length: int = option(256, ge=2, le=65536, description="Tokens of a prompt, and of a response, that are read.")
    triplet_margin: float = option(0.2, ge=0, le=2, description=_MARGIN)
    regularization_weight: float = option(0.01, ge=0, description=_REGULARIZATION)
    identity_positive_ratio: float = option(0.8, ge=0, le=1, description=_IDENTITY)
    optimizer: OptimizerSpec = option(
        factory=lambda: AdamW(optimizer_type="adamw", learning_rate=1e-4), description=_OPTIMIZER
    )


class Attention(Section):
    """A set encoder over an LLM's pairs, trained by contrast."""

    embedding_type: Literal["attention"] = option(
        description="A set encoder: every (prompt, response) pair is encoded, attention pools a set of them into one "
        "vector, and sets of one LLM are drawn together by a supervised contrastive loss."
    )
    encoder_model_name: str = option("all-MiniLM-L6-v2", min_length=1, pretrained=True, description=_ENCODER)
    h_emb: Size = option(256, description="Width that [prompt; response; difference; product] is projected to.")
    h_scalar: Size = option(64, description="Width that the 32 scalar features of a pair are projected to.")
    h_pair: Size = option(256, description="Width of a pair's vector: a multiple of num_attention_heads.")
    d_out: Size = option(128, description="Length of an LLM's vector.")
    pair_mlp_layers: int = option(2, ge=1, le=64, description="Layers between the projections and a pair's vector.")
    num_attention_heads: int = option(4, ge=1, le=1024, description="Heads that pool a set of pairs.")
    dropout: float = option(0.1, ge=0, lt=1, description="Dropout in the layers of a pair.")
    temperature: float = option(0.07, gt=0, description="Temperature of the contrastive loss.")
    pairs_per_model: int = option(32, ge=1, le=65536, description="Pairs in a set.")
    models_per_batch: int = option(
        16, ge=2, le=65536, description="LLMs in a batch; all of them where there are fewer."
    )
    embeddings_per_model: int = option(4, ge=2, le=65536, description="Sets of each LLM in a batch.")
    optimizer: OptimizerSpec = option(factory=lambda: AdamW(optimizer_type="adamw"), description=_OPTIMIZER)

    @field_validator("num_attention_heads")
    @classmethod
    def _divides(cls, heads: int, info: ValidationInfo) -> int:
        width = info.data.get("h_pair")
        if width is not None and width % heads:
            raise PydanticCustomError(
                "heads_divide",
                "should divide h_pair, which is {width}: every head gets an equal share of it",
                {"width": width},
            )
        return heads


EmbeddingSpec = Annotated[Frozen | Finetunable | Attention, Field(discriminator="embedding_type")]


def pretrained_name(spec: Frozen | Finetunable | Attention) -> str:
    """The name or folder of the pretrained model that an embedding starts from."""
    return spec.transformer_model_name if isinstance(spec, Finetunable) else spec.encoder_model_name
