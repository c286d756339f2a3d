"""Train a language model step by step, in a loop that you write: gradients, steps, answers and weights, here.

    import runner.tinker as tinker

    service = tinker.ServiceClient()
    training = service.create_lora_training_client(base_model="runner/tiny-llama", rank=8)
    training.forward_backward(data, "cross_entropy")
    training.optim_step(tinker.AdamParams(learning_rate=1e-3)).result()

The names are those of the public Tinker API, so that a loop that was written for it runs with the import changed. Every
training is a run: ``runner runs show``, ``runner infer``. Errors are the classes of :mod:`runner.errors`.
"""

from __future__ import annotations

from runner.contract.environments import Environment, StepResult
from runner.errors import ConflictError, NotFoundError, RunnerError, UsageError
from runner.tinker import types
from runner.tinker.ordered_work import APIFuture
from runner.tinker.sampling_client import SamplingClient
from runner.tinker.service_client import ServiceClient
from runner.tinker.training_client import TrainingClient
from runner.tinker.types import (
    AdamParams,
    Datum,
    EncodedTextChunk,
    ForwardBackwardOutput,
    LossFnType,
    ModelInput,
    ModelInputChunk,
    OptimStepResponse,
    SampledSequence,
    SampleResponse,
    SamplingParams,
    SaveWeightsResponse,
    StopReason,
    TensorData,
)

#: Under the names that loops catch them by.
TinkerError = APIError = RequestFailedError = RunnerError
BadRequestError = UsageError

__all__ = [
    "APIError",
    "APIFuture",
    "AdamParams",
    "BadRequestError",
    "ConflictError",
    "Datum",
    "EncodedTextChunk",
    "Environment",
    "ForwardBackwardOutput",
    "LossFnType",
    "ModelInput",
    "ModelInputChunk",
    "NotFoundError",
    "OptimStepResponse",
    "RequestFailedError",
    "SampleResponse",
    "SampledSequence",
    "SamplingClient",
    "SamplingParams",
    "SaveWeightsResponse",
    "ServiceClient",
    "StepResult",
    "StopReason",
    "TensorData",
    "TinkerError",
    "TrainingClient",
    "types",
]
