"""Answers, and log-probabilities of what is there, from weights as they were at one moment."""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from typing import Any

from runner.errors import DataError, UsageError
from runner.tasks.generation.options import GenerationOptions
from runner.tinker.ordered_work import APIFuture, Work, WorkQueue
from runner.tinker.row_checks import given_as
from runner.tinker.types import ModelInput, SampledSequence, SampleResponse, SamplingParams

#: Answers that are decoded at a time.
ROWS = 64


class SamplingClient:
    """Made by a service or a training client. It keeps its weights, whatever is trained since."""

    def __init__(self, queue: WorkQueue, learner: Any, snapshot: Any, name: str, seed: int) -> None:
        self._queue, self._learner, self._snapshot = queue, learner, snapshot
        self._name, self._seed, self._calls = name, seed, 0

    def sample(
        self,
        prompt: ModelInput,
        num_samples: int,
        sampling_params: SamplingParams | None = None,
        include_prompt_logprobs: bool = False,
        topk_prompt_logprobs: int = 0,
    ) -> APIFuture[SampleResponse]:
        """Answers to one prompt, each drawn by a seed of its own. Calls that wait together are decoded together.

        Raises :class:`DataError` for a prompt that the model cannot read.
        """
        if num_samples < 1:
            raise UsageError("at least one answer is asked for", where="num_samples")
        params = SamplingParams() if sampling_params is None else sampling_params
        given_as(params, SamplingParams, "sampling_params")
        ids = self._checked(prompt)
        room = self._learner.longest - len(ids)
        self._calls += 1
        options = GenerationOptions(
            max_new_tokens=min(params.max_tokens or room, room),
            temperature=params.temperature,
            top_k=params.top_k if params.top_k > 0 and params.temperature > 0 else None,
            top_p=params.top_p if params.top_p < 1 and params.temperature > 0 else None,
            seed=params.seed % 2**32 if params.seed is not None else _drawn_seed(self._seed, self._calls),
            logprobs=True,
        )
        lines = [self._line(ids, options, params.stop, copy) for copy in range(num_samples)]
        call = f"{self._name}/{self._calls}"
        future: APIFuture[SampleResponse] = APIFuture(self._queue)

        def whole() -> SampleResponse:
            told = self._told(ids, topk_prompt_logprobs) if include_prompt_logprobs or topk_prompt_logprobs else {}
            return SampleResponse(
                sequences=[
                    SampledSequence(
                        tokens=line.made,
                        logprobs=line.log_probs,
                        stop_reason="stop" if line.ended else "length",
                        sequence_id=f"{call}/{at}",
                    )
                    for at, line in enumerate(lines)
                ],
                **told,
            )

        self._queue.put(_Sampling(self, lines, future, whole))
        return future

    async def sample_async(self, *args: Any, **words: Any) -> SampleResponse:
        """The same, waited for."""
        return await self.sample(*args, **words)

    def compute_logprobs(self, prompt: ModelInput) -> APIFuture[list[float | None]]:
        """The log-probability of each token of a prompt, given those before it; the first has none."""
        ids = self._checked(prompt, room=0)

        def work() -> list[float | None]:
            if len(ids) == 1:
                return [None]
            with self._learner.as_of(self._snapshot):
                return [None, *self._learner.log_probs(ids)[0].tolist()]

        return self._queue.submit(work)

    async def compute_logprobs_async(self, prompt: ModelInput) -> list[float | None]:
        """The same, waited for."""
        return await self.compute_logprobs(prompt)

    def get_tokenizer(self) -> Any:
        """The model's, of transformers."""
        return self._learner.trained.tokenizer

    # ---- It was waited for before it was there, once.

    def result(self, timeout: float | None = None) -> SamplingClient:
        """Itself."""
        return self

    async def result_async(self, timeout: float | None = None) -> SamplingClient:
        """Itself."""
        return self

    def __await__(self) -> Generator[Any, None, SamplingClient]:
        return self.result_async().__await__()

    # ---- Inside

    def same_weights(self, other: SamplingClient) -> bool:
        """Whether what both answer can be decoded together."""
        return self._learner is other._learner and self._snapshot is other._snapshot

    def decoding(self) -> Any:
        return self._learner.generator.decoding(ROWS)

    def as_of(self) -> Any:
        """Within it the model has this client's weights."""
        return self._learner.as_of(self._snapshot)

    def watch(self, line: Any) -> None:
        self._learner.generator.watch(line)

    def _line(self, ids: list[int], options: Any, stop: Any, copy: int) -> Any:
        line = self._learner.generator.line(ids, options, copy=copy)
        ends = self._learner.trained.tokenizer.eos_token_id
        # Not those of the chat template: a program says itself what ends an answer.
        line.ends, line.stops = frozenset([] if stop is not None or ends is None else [ends]), ()
        if isinstance(stop, str):
            line.stops = (stop,)
        elif stop and isinstance(stop[0], int):
            line.ends = frozenset(stop)
        elif stop:
            line.stops = tuple(stop)
        return line

    def _checked(self, prompt: ModelInput, room: int = 1) -> list[int]:
        given_as(prompt, ModelInput, "prompt")
        ids, longest = prompt.to_ints(), self._learner.longest
        if not ids:
            raise DataError("the prompt has no token", where="prompt")
        if len(ids) + room > longest:
            raise DataError(
                f"the prompt has {len(ids):,} tokens, and the model reads at most {longest:,}, answer included",
                where="prompt",
            )
        if wrong := [token for token in ids if not 0 <= token < self._learner.vocabulary]:
            raise DataError(
                f"the model has {self._learner.vocabulary:,} tokens, and none is {wrong[0]}", where="prompt"
            )
        return ids

    def _told(self, ids: list[int], top: int) -> dict[str, Any]:
        """Of the prompt's own tokens."""
        if len(ids) == 1:
            found, likeliest = [], []
        else:
            found, likeliest = self._learner.log_probs(ids, top)
            found = found.tolist()
        told: dict[str, Any] = {"prompt_logprobs": [None, *found]}
        return told | ({"topk_prompt_logprobs": [None, *likeliest]} if top else {})


class _Sampling(Work):
    """One call: it is decoded with those behind it in the queue that ask for answers of the same weights."""

    def __init__(self, client: SamplingClient, lines: list[Any], future: APIFuture[SampleResponse], whole: Any) -> None:
        self.client, self.lines, self._future, self._whole = client, lines, future, whole

    def carry_out(self, queue: WorkQueue) -> None:
        under_way = [self]
        try:
            with self.client.as_of():
                decoding = self.client.decoding()
                decoding.join(self.lines)
                while under_way:
                    while (more := queue.next_if(self._fits)) is not None:
                        assert isinstance(more, _Sampling)
                        decoding.join(more.lines)
                        under_way.append(more)
                    for line in decoding.step():
                        self.client.watch(line)
                    for each in [each for each in under_way if all(line.done for line in each.lines)]:
                        under_way.remove(each)
                        each._future.settle(each._whole)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised where the answers are read
            for each in under_way:
                each._future.future().set_exception(error)

    def _fits(self, other: Work) -> bool:
        return isinstance(other, _Sampling) and other.client.same_weights(self.client)


def _drawn_seed(seed: int, call: int) -> int:
    """A seed for a call that names none: the program's next run draws the same."""
    told = hashlib.blake2b(f"{seed}/{call}".encode(), digest_size=4).digest()
    return int.from_bytes(told, "little")
