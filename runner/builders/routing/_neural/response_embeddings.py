"""Both responses of every comparison as embeddings: what a foretold response is held against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from runner.builders.routing._neural.embedding_router import Inputs
from runner.builders.routing._neural.rank_training import ROWS
from runner.builders.routing._neural.response_network import ResponseScorer, likeness
from runner.contract import TrainContext
from runner.data.comparisons import Comparisons
from runner.training import encoder


@dataclass(frozen=True)
class Responses:
    """Distinct responses, and which of them the two sides of a split's comparisons gave."""

    vectors: torch.Tensor  # float32 [R, E], length 1
    a: torch.Tensor  # int64 [n]
    b: torch.Tensor  # int64 [n]

    @classmethod
    def of(cls, context: TrainContext, split: Comparisons, inputs: Inputs) -> Responses:
        """Embed with the encoder of the prompts, through the cache."""
        texts = list(dict.fromkeys((*split.responses_a, *split.responses_b)))
        vectors = encoder.embed(
            texts, inputs.prompts.encoder, context.cache, context.device, context.emit, context.stop_requested
        )
        place = {text: at for at, text in enumerate(texts)}
        a, b = (
            torch.tensor([place[text] for text in side], dtype=torch.int64).to(context.device)
            for side in (split.responses_a, split.responses_b)
        )
        unit = torch.nn.functional.normalize(torch.from_numpy(vectors), dim=1)
        return cls(unit.to(context.device), a, b)

    @property
    def mean(self) -> torch.Tensor:
        """The direction of the mean response, ``[E]``."""
        whole = self.vectors[torch.cat([self.a, self.b])].mean(dim=0)
        return torch.nn.functional.normalize(whole, dim=0)


def likenesses(
    network: ResponseScorer, inputs: Inputs, split: Comparisons, held: Responses, mean: torch.Tensor
) -> dict[str, float | None]:
    """How like the real responses of a split the foretold ones are: mean cosines, of both sides of its comparisons.

    Beside them what the training's mean response ``[E]``, and the prompt itself, would have as foretold responses.
    """
    if not len(split):
        return dict.fromkeys(("response_cosine", "response_cosine_of_mean", "response_cosine_of_prompt"))
    device = held.vectors.device
    prompt = torch.from_numpy(np.concatenate([split.prompt, split.prompt]).astype(np.int64)).to(device)
    llm = torch.from_numpy(np.concatenate([split.model_a, split.model_b]).astype(np.int64)).to(device)
    real = torch.cat([held.a, held.b])
    sums = torch.zeros(3, dtype=torch.float64)
    training = network.training
    network.eval()
    with torch.no_grad():
        for some in torch.arange(len(real), device=device).split(ROWS):
            target = held.vectors[real[some]]
            foretold = network(*inputs.pair(prompt[some], llm[some]))[1]
            own = torch.nn.functional.normalize(inputs.embeddings[prompt[some]], dim=1)
            for number, guess in enumerate((foretold, mean.expand_as(target), own)):
                sums[number] += likeness(guess, target).double().sum().cpu()
    network.train(training)
    cosine, of_mean, of_prompt = (sums / len(real)).tolist()
    return {
        "response_cosine": cosine,
        "response_cosine_of_mean": of_mean,
        "response_cosine_of_prompt": of_prompt,
    }
