"""What goes in and out: prompts, rows with what is learned of them, settings, answers.

Names and shapes are those of the public Tinker API: a loop that was written for it runs with the import changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from numbers import Real
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from runner.errors import UsageError

StopReason = Literal["length", "stop"]
LossFnType = Literal["cross_entropy", "importance_sampling", "ppo", "cispo", "dro"]


class _Type(BaseModel):
    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    def __init__(self, /, **given: Any) -> None:
        """Raises :class:`UsageError` by the name of what is wrong, the first of several."""
        try:
            super().__init__(**given)
        except ValidationError as error:
            wrong = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, (type(self).__name__, *wrong["loc"])))
            told = str(wrong.get("ctx", {}).get("error", wrong["msg"]))
            raise UsageError(told[:1].lower() + told[1:], where=place) from None


class EncodedTextChunk(_Type):
    """Token ids."""

    tokens: list[int]
    type: Literal["encoded_text"] = "encoded_text"

    @property
    def length(self) -> int:
        return len(self.tokens)


#: There is no other here: texts alone.
ModelInputChunk = EncodedTextChunk


class ModelInput(_Type):
    """What a model reads: chunks, one after the other."""

    chunks: list[EncodedTextChunk] = Field(default_factory=list)

    @classmethod
    def from_ints(cls, tokens: Any) -> Self:
        """Of token ids: a list, or an array."""
        return cls(chunks=[EncodedTextChunk(tokens=_token_ids(tokens))])

    @classmethod
    def empty(cls) -> Self:
        return cls()

    def to_ints(self) -> list[int]:
        """All token ids."""
        return [token for chunk in self.chunks for token in chunk.tokens]

    def append(self, chunk: EncodedTextChunk) -> Self:
        """Another one with a chunk more; this one stays."""
        return type(self)(chunks=[*self.chunks, chunk])

    def append_int(self, token: int) -> Self:
        """Another one with a token more; this one stays."""
        return self.append(EncodedTextChunk(tokens=_token_ids([token])))

    @property
    def length(self) -> int:
        """How many tokens."""
        return sum(chunk.length for chunk in self.chunks)


class TensorData(_Type):
    """Numbers of one type and shape."""

    data: list[int] | list[float]
    dtype: Literal["float32", "int64"] = "float32"
    #: None: a list of numbers.
    shape: list[int] | None = None

    @classmethod
    def from_torch(cls, tensor: Any) -> Self:
        return cls.from_numpy(tensor.detach().cpu().numpy())

    @classmethod
    def from_numpy(cls, array: Any) -> Self:
        whole = array.dtype.kind in "iub"
        flat = array.reshape(-1).tolist()
        data = [int(value) for value in flat] if whole else [float(value) for value in flat]
        return cls(data=data, dtype="int64" if whole else "float32", shape=list(array.shape))

    def to_numpy(self) -> Any:
        import numpy as np

        array = np.array(self.data, dtype=self.dtype)
        return array if self.shape is None else array.reshape(self.shape)

    def to_torch(self) -> Any:
        import torch

        return torch.from_numpy(self.to_numpy())

    def tolist(self) -> list[Any]:
        """As a list, of lists where it has two dimensions."""
        found: list[Any] = self.to_numpy().tolist()
        return found

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        return iter(self.tolist())

    def __len__(self) -> int:
        return len(self.data) if self.shape is None else self.shape[0]


class Datum(_Type):
    """A row, and what is learned of it: ``target_tokens`` and what the loss takes beside them, each as long as the row.

    Lists, numpy arrays and torch tensors become :class:`TensorData`; ``target_tokens`` are int64, all else float32.
    """

    model_input: ModelInput
    loss_fn_inputs: dict[str, TensorData]

    @field_validator("loss_fn_inputs", mode="before")
    @classmethod
    def _coerced(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        return {name: value if isinstance(value, TensorData) else _tensor(name, value) for name, value in given.items()}


class AdamParams(_Type):
    """How a step is taken. A schedule is the loop's own: the rate is given with every step."""

    learning_rate: float = Field(1e-4, ge=0, allow_inf_nan=False)
    beta1: float = Field(0.9, ge=0, lt=1)
    beta2: float = Field(0.95, ge=0, lt=1)
    eps: float = Field(1e-12, ge=0, allow_inf_nan=False)
    weight_decay: float = Field(0.0, ge=0, allow_inf_nan=False)
    #: The greatest norm of the gradient; 0 cuts nothing.
    grad_clip_norm: float = Field(0.0, ge=0, allow_inf_nan=False)


class SamplingParams(_Type):
    """How answers are drawn."""

    #: None: as long as the model reads.
    max_tokens: int | None = Field(None, ge=1)
    #: None: another one for every call.
    seed: int | None = Field(None, ge=0)
    #: A text, texts, or token ids; None is the model's own end, an empty list none.
    stop: str | list[str] | list[int] | None = None
    #: 0: the likeliest token.
    temperature: float = Field(1.0, ge=0)
    #: -1: all.
    top_k: int = -1
    top_p: float = Field(1.0, gt=0, le=1)

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.top_k == 0 or self.top_k < -1:
            raise ValueError("top_k is how many tokens are drawn from, or -1 for all")
        return self


class SampledSequence(_Type):
    """One answer."""

    #: With the one that ended it.
    tokens: list[int]
    #: Of each token, under the model, whatever the temperature.
    logprobs: list[float]
    stop_reason: StopReason
    sequence_id: str


class SampleResponse(_Type):
    """The answers to one prompt."""

    sequences: list[SampledSequence]
    #: Of each token of the prompt, the first None; where they were asked for.
    prompt_logprobs: list[float | None] | None = None
    #: The likeliest tokens at each place of the prompt, the first None.
    topk_prompt_logprobs: list[list[tuple[int, float]] | None] | None = None


class ForwardBackwardOutput(_Type):
    """What a pass over rows came to."""

    loss_fn_output_type: str
    #: ``{"logprobs": ...}`` for each row, in order.
    loss_fn_outputs: list[dict[str, TensorData]]
    #: ``loss:sum``; of what was drawn by another model, ``logprob_gap:mean`` and ``logprob_gap:max`` beside it.
    metrics: dict[str, float]


class OptimStepResponse(_Type):
    """``unclipped_grad_l2:mean`` is the gradient's norm before it was cut."""

    metrics: dict[str, float] | None = None


class SaveWeightsResponse(_Type):
    """Where it is: ``tinker://RUN:train:0/weights/NAME``."""

    path: str


class ModelData(_Type):
    """What is trained."""

    model_name: str
    lora_rank: int
    is_lora: bool = True


class GetInfoResponse(_Type):
    """What a training client says of itself."""

    model_data: ModelData
    #: The run's id.
    model_id: str
    #: Steps that were taken.
    step: int


class SupportedModel(_Type):
    """A model that is here without a network."""

    model_name: str
    max_context_length: int | None = None
    trainable: bool = True
    sampleable: bool = True


class GetServerCapabilitiesResponse(_Type):
    """What there is to train. Any Hub name and any folder is taken beside these."""

    supported_models: list[SupportedModel]


def _token_ids(values: Any) -> list[int]:
    """Raises :class:`UsageError` for what is no list of whole numbers."""
    found: list[Any] = values.tolist() if hasattr(values, "tolist") else list(values)
    for each in found:
        # A number that is cut is another token.
        if not isinstance(each, Real) or each % 1 != 0:
            raise UsageError(
                f"a token is a whole number, and not {each!r}", where="tokens", hint="the tokenizer makes them of text"
            )
    return [int(each) for each in found]


def _tensor(name: str, value: Any) -> TensorData:
    import numpy as np

    array = np.asarray(value.detach().cpu().numpy() if hasattr(value, "detach") else value)
    if name == "target_tokens" and array.dtype.kind not in "iu":
        _token_ids(array.reshape(-1))
    return TensorData.from_numpy(array.astype(np.int64 if name == "target_tokens" else np.float32))
