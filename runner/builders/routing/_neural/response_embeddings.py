"""Both responses of every comparison as an encoder reads them, and how near the predicted vectors are to the real."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from runner.builders.routing._llms.pair_features import NUMERIC, pair_features
from runner.builders.routing._neural.embedding_router import Inputs
from runner.builders.routing._neural.rank_training import ROWS
from runner.builders.routing._neural.response_network import ResponseNetwork
from runner.contract import TrainContext
from runner.data.comparisons import Comparisons
from runner.tasks.ranking.measuring import pairwise_accuracy
from runner.training import sentence_encoder

#: Scalar features of a response.
N_FEATURES = 32


@dataclass(frozen=True)
class Responses:
    """The two sides of a split's comparisons: first all of a's, then all of b's, ``N = 2n`` rows."""

    embeddings: torch.Tensor  # float32 [R, E], of length 1, of distinct responses
    text: torch.Tensor  # int64 [N]: which response
    features: torch.Tensor  # float32 [N, 32], standardised
    prompt: torch.Tensor  # int64 [N]
    llm: torch.Tensor  # int64 [N]
    scale: tuple[np.ndarray, np.ndarray]  # mean and deviation of the features, float32 [32]

    @classmethod
    def of(
        cls,
        context: TrainContext,
        split: Comparisons,
        inputs: Inputs,
        scale: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> Responses:
        """Embed with the encoder of the prompts, through the cache. ``scale`` is the training split's."""
        texts = list(dict.fromkeys((*split.responses_a, *split.responses_b)))
        vectors = sentence_encoder.embed(
            texts, inputs.prompts.encoder, context.cache, context.device, context.emit, context.stop_requested
        )
        place = {text: at for at, text in enumerate(texts)}
        text = np.array([place[one] for one in (*split.responses_a, *split.responses_b)], np.int64)
        prompt = np.concatenate([split.prompt, split.prompt]).astype(np.int64)
        pairs, which = np.unique(np.stack([prompt, text], axis=1), axis=0, return_inverse=True)
        raw = pair_features((*split.prompts, *texts), pairs[:, 0], pairs[:, 1] + len(split.prompts))[which.ravel()]
        mean, deviation = scale or standard(raw)

        def tensor(values: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(values).to(context.device)

        unit = torch.nn.functional.normalize(torch.from_numpy(vectors), dim=1).to(context.device)
        llm = np.concatenate([split.model_a, split.model_b]).astype(np.int64)
        features = ((raw - mean) / deviation).astype(np.float32)
        return cls(unit, tensor(text), tensor(features), tensor(prompt), tensor(llm), (mean, deviation))

    def __len__(self) -> int:
        return len(self.text)

    def read(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What the encoder reads of some rows: embeddings ``[B, E]`` and features ``[B, 32]``."""
        return self.embeddings[self.text[rows]], self.features[rows]


def standard(raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of the numeric features, 0 and 1 of the others: float32 ``[32]`` twice."""
    mean, deviation = np.zeros(raw.shape[1], np.float32), np.ones(raw.shape[1], np.float32)
    if len(raw):
        mean[NUMERIC], spread = raw[:, NUMERIC].mean(axis=0), raw[:, NUMERIC].std(axis=0)
        deviation[NUMERIC] = np.where(spread > 1e-6, spread, 1.0)
    return mean, deviation


def likenesses(
    network: ResponseNetwork, inputs: Inputs, split: Comparisons, held: Responses, mean: torch.Tensor
) -> dict[str, float | None]:
    """How like the vectors of a split's real responses the predicted ones are: mean cosines, of both sides.

    Beside it what the training's mean vector ``[R]`` would have as a prediction, and the accuracy of a scorer that
    sees the real responses. All vectors are taken from ``mean``, which is what they have in common.
    """
    names = ("response_cosine", "accuracy_of_responses")
    if not len(split):
        return dict.fromkeys(names)
    training = network.training
    network.eval()
    cosine, scores = torch.zeros((), dtype=torch.float64), []
    with torch.no_grad():
        for rows in torch.arange(len(held), device=mean.device).split(ROWS):
            pair = inputs.pair(held.prompt[rows], held.llm[rows])
            real = network.encode(*held.read(rows))
            near = torch.nn.functional.cosine_similarity(network.predict(*pair) - mean, real - mean)
            cosine += near.double().sum().cpu()
            scores.append(network.score(*pair[:2], real).double().cpu().numpy())
    network.train(training)
    of_a, of_b = np.split(np.concatenate(scores), 2)
    return {
        "response_cosine": float(cosine) / len(held),
        "accuracy_of_responses": pairwise_accuracy(of_a, of_b, split),
    }


def mean_vector(network: ResponseNetwork, responses: Responses) -> torch.Tensor:
    """The mean vector of a split's real responses, ``[R]``: of as many, evenly spaced, as are encoded at once."""
    training = network.training
    network.eval()
    with torch.no_grad():
        some = np.linspace(0, len(responses) - 1, min(len(responses), ROWS)).astype(np.int64)
        rows = torch.from_numpy(some).to(responses.text.device)
        mean = network.encode(*responses.read(rows)).mean(dim=0)
    network.train(training)
    return mean
