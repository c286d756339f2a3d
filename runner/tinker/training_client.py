"""One adapter that is trained: gradients, steps, weights in and out. Requests are done in the order they are made."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

from runner.contract.step_losses import LOSSES
from runner.errors import RunnerError, UsageError
from runner.tinker.ordered_work import APIFuture, WorkQueue
from runner.tinker.row_checks import checked_loss, checked_rows, given_as
from runner.tinker.run_record import RunRecord
from runner.tinker.sampling_client import SamplingClient
from runner.tinker.saved_weights import Sort, check_name, folder_of, write_weights
from runner.tinker.types import (
    AdamParams,
    Datum,
    ForwardBackwardOutput,
    GetInfoResponse,
    ModelData,
    OptimStepResponse,
    SaveWeightsResponse,
    TensorData,
)
from runner.workspace import Workspace

#: What a loss of the caller's own is given: the rows, and the log-probabilities of each one's targets.
CustomLoss = Callable[[list[Datum], list[Any]], tuple[Any, Mapping[str, Any]]]


class TrainingClient:
    """Made by a service client. What is asked of it waits in a queue, and is there as a future.

    A request that is wrong is refused at once, before it is in the queue; an error within one is raised by its future.
    Either leaves the client as it was, for the next request.
    """

    def __init__(self, queue: WorkQueue, learner: Any, record: RunRecord, workspace: Workspace, seed: int) -> None:
        self._queue, self._learner, self._record = queue, learner, record
        self._workspace, self._seed = workspace, seed
        self._samplers = 0
        #: Of the passes since the last step: sums, by name.
        self._since: dict[str, float] = {}
        self._tokens = self._trained_tokens = 0
        self._closed = False

    # ---- Learning

    def forward(
        self, data: Sequence[Datum], loss_fn: str, loss_fn_config: Mapping[str, Any] | None = None
    ) -> APIFuture[ForwardBackwardOutput]:
        """The loss, and the log-probability of every target, without a gradient."""
        return self._pass(data, loss_fn, loss_fn_config, gradient=False)

    def forward_backward(
        self, data: Sequence[Datum], loss_fn: str, loss_fn_config: Mapping[str, Any] | None = None
    ) -> APIFuture[ForwardBackwardOutput]:
        """The same, and its gradient added to what there is. A loss is a sum over all targets, never a mean.

        ``loss_fn`` is cross_entropy, importance_sampling, ppo, cispo or dro. Raises :class:`UsageError` for another,
        for a setting that it has not and for no rows, and :class:`~runner.errors.DataError` by its number for a row
        that is not as the loss needs it.
        """
        return self._pass(data, loss_fn, loss_fn_config, gradient=True)

    def forward_backward_custom(self, data: Sequence[Datum], loss_fn: CustomLoss) -> APIFuture[ForwardBackwardOutput]:
        """The same of a loss of your own: ``loss_fn(data, log_probs)`` gives a torch scalar and metrics.

        It is called in another thread, and may not wait for requests of this client.
        """
        if not callable(loss_fn):
            raise UsageError(
                "is no function", where="loss_fn", hint="loss_fn(data, log_probs) gives a loss and metrics"
            )
        rows = self._rows(data, None, "forward_backward_custom")

        def work() -> ForwardBackwardOutput:
            found = self._learner.learn_custom(rows, lambda log_probs: loss_fn(list(data), log_probs))
            return self._output(found, rows, "custom", gradient=True)

        return self._submit(work)

    def optim_step(self, adam_params: AdamParams) -> APIFuture[OptimStepResponse]:
        """A step of AdamW down the gradient that was added up since the last one."""
        given_as(adam_params, AdamParams, "adam_params")

        def work() -> OptimStepResponse:
            p = adam_params
            metrics = self._learner.take_step(
                rate=p.learning_rate, betas=(p.beta1, p.beta2), eps=p.eps, weight_decay=p.weight_decay,
                clip=p.grad_clip_norm,
            )  # fmt: skip
            self._tell_step(metrics["unclipped_grad_l2:mean"], p.learning_rate)
            return OptimStepResponse(metrics=metrics)

        return self._submit(work)

    # ---- Weights

    def save_state(
        self,
        name: str,
        ttl_seconds: int | None = None,
        overwrite: bool = False,
        user_metadata: Mapping[str, Any] | None = None,
    ) -> APIFuture[SaveWeightsResponse]:
        """Weights and optimizer, for a training that goes on from here. ``ttl_seconds`` is written down, no more.

        Its future raises :class:`~runner.errors.ConflictError` for a name that is taken, unless ``overwrite``.
        """
        return self._save("weights", name, ttl_seconds, overwrite, user_metadata)

    def save_weights_for_sampler(
        self,
        name: str,
        ttl_seconds: int | None = None,
        overwrite: bool = False,
        user_metadata: Mapping[str, Any] | None = None,
    ) -> APIFuture[SaveWeightsResponse]:
        """The adapter alone, for answers."""
        return self._save("sampler_weights", name, ttl_seconds, overwrite, user_metadata)

    def save_weights_external(self, name: str, overwrite: bool = False) -> APIFuture[SaveWeightsResponse]:
        """The adapter alone, as PEFT loads it."""
        return self._save("external_weights", name, None, overwrite, None)

    def save_weights_and_get_sampling_client(self, name: str | None = None, kind: str = "snapshot") -> SamplingClient:
        """A client that answers with the weights as they are once all requests before this one are done.

        Without a name nothing is written to the disk.
        """
        if kind not in ("snapshot", "inflight"):
            raise UsageError(f"there is no kind {kind!r}", where="kind", hint="snapshot, or inflight")
        if name is not None:
            self.save_weights_for_sampler(name).result()
        snapshot = self._submit(self._learner.snapshot).result()
        self._samplers += 1
        seed = self._seed * 1_000_003 + self._samplers
        return SamplingClient(self._queue, self._learner, snapshot, f"{self._record.run.id}/{self._samplers}", seed)

    def create_sampling_client(self, model_path: str) -> SamplingClient:
        """One for weights that were saved."""
        folder = folder_of(self._workspace, model_path, "sampler_weights")
        return opened_sampler(self._queue, type(self._learner), folder, self._workspace, model_path, self._seed)

    def load_state(self, path: str) -> APIFuture[None]:
        """Take saved weights, of an adapter of the same shape; the optimizer begins anew."""
        return self._load(path, optimizer=False)

    def load_state_with_optimizer(self, path: str) -> APIFuture[None]:
        """The same with the optimizer's state: the next steps are those of the training that saved it."""
        return self._load(path, optimizer=True)

    # ---- Itself

    def get_info(self) -> GetInfoResponse:
        """The base's name, the adapter's rank, the run, and how many steps were taken."""
        data = ModelData(model_name=self._learner.trained.name, lora_rank=self._learner.rank)
        return GetInfoResponse(model_data=data, model_id=self._record.run.id, step=self._learner.step)

    def get_tokenizer(self) -> Any:
        """The model's, of transformers."""
        return self._learner.trained.tokenizer

    @property
    def run_id(self) -> str:
        """The run's, as ``runner runs show`` takes it."""
        return self._record.run.id

    def result(self, timeout: float | None = None) -> TrainingClient:
        """Itself."""
        return self

    async def result_async(self, timeout: float | None = None) -> TrainingClient:
        """Itself."""
        return self

    def __await__(self) -> Generator[Any, None, TrainingClient]:
        return self.result_async().__await__()

    def close(self, status: str = "success", error: BaseException | None = None) -> str | None:
        """End the run: with ``success`` its weights are stored, and their reference is what comes back."""
        if self._closed:
            return None
        self._queue.drain()
        self._closed = True
        if status != "success":
            self._record.fail(error, status)
            return None
        try:
            model = self._record.finish(lambda folder: self._learner.save(folder, optimizer=False), self._learner.step)
        except RunnerError as refused:
            self._record.fail(refused, "errored")
            raise
        return None if model is None else model.reference

    # ---- Twins: the first await is that it is in the queue, the second that it is done

    async def forward_async(self, *args: Any, **words: Any) -> APIFuture[ForwardBackwardOutput]:
        return self.forward(*args, **words)

    async def forward_backward_async(self, *args: Any, **words: Any) -> APIFuture[ForwardBackwardOutput]:
        return self.forward_backward(*args, **words)

    async def forward_backward_custom_async(self, *args: Any, **words: Any) -> APIFuture[ForwardBackwardOutput]:
        return self.forward_backward_custom(*args, **words)

    async def optim_step_async(self, adam_params: AdamParams) -> APIFuture[OptimStepResponse]:
        return self.optim_step(adam_params)

    async def save_state_async(self, *args: Any, **words: Any) -> APIFuture[SaveWeightsResponse]:
        return self.save_state(*args, **words)

    async def save_weights_for_sampler_async(self, *args: Any, **words: Any) -> APIFuture[SaveWeightsResponse]:
        return self.save_weights_for_sampler(*args, **words)

    async def save_weights_external_async(self, *args: Any, **words: Any) -> APIFuture[SaveWeightsResponse]:
        return self.save_weights_external(*args, **words)

    async def save_weights_and_get_sampling_client_async(self, *args: Any, **words: Any) -> SamplingClient:
        import asyncio

        # It waits for the queue.
        return await asyncio.to_thread(self.save_weights_and_get_sampling_client, *args, **words)

    async def create_sampling_client_async(self, model_path: str) -> SamplingClient:
        return self.create_sampling_client(model_path)

    async def load_state_async(self, path: str) -> APIFuture[None]:
        return self.load_state(path)

    async def load_state_with_optimizer_async(self, path: str) -> APIFuture[None]:
        return self.load_state_with_optimizer(path)

    async def get_info_async(self) -> GetInfoResponse:
        return self.get_info()

    # ---- Inside

    def _submit(self, work: Callable[[], Any]) -> APIFuture[Any]:
        if self._closed:
            raise UsageError("the run is over", where=self.run_id, hint="create another training client")
        return self._queue.submit(work)

    def _rows(self, data: Sequence[Datum], loss: str | None, where: str) -> list[Any]:
        return checked_rows(
            data,
            LOSSES[loss] if loss is not None else None,
            longest=self._learner.longest,
            vocabulary=self._learner.vocabulary,
            where=where,
        )

    def _pass(
        self, data: Sequence[Datum], loss_fn: str, loss_fn_config: Mapping[str, Any] | None, *, gradient: bool
    ) -> APIFuture[ForwardBackwardOutput]:
        config = checked_loss(loss_fn, loss_fn_config)
        rows = self._rows(data, loss_fn, "forward_backward" if gradient else "forward")

        def work() -> ForwardBackwardOutput:
            found = self._learner.learn(rows, loss_fn, config, gradient=gradient)
            return self._output(found, rows, loss_fn, gradient=gradient)

        return self._submit(work)

    def _output(self, found: Any, rows: list[Any], loss_fn: str, *, gradient: bool) -> ForwardBackwardOutput:
        if gradient:
            self._count(found.metrics, rows)
        outputs = [{"logprobs": TensorData.from_numpy(each)} for each in found.log_probs]
        return ForwardBackwardOutput(loss_fn_output_type=loss_fn, loss_fn_outputs=outputs, metrics=found.metrics)

    def _count(self, metrics: Mapping[str, float], rows: list[Any]) -> None:
        """Add a pass to what the next step tells of."""
        counting = [row.given.get("weights") or row.given.get("advantages") for row in rows]
        trained = sum(
            sum(1 for value in _flat(values) if value) if values is not None else len(row.tokens)
            for row, values in zip(rows, counting, strict=True)
        )
        mass = sum(sum(_flat(row.given["weights"])) for row in rows if "weights" in row.given)
        self._tokens += sum(len(row.tokens) for row in rows)
        self._trained_tokens += trained
        for name, value in {"loss_sum": metrics["loss:sum"], "mass": mass, "targets": trained}.items():
            self._since[name] = self._since.get(name, 0.0) + value
        if "logprob_gap:mean" in metrics:
            self._since["gap"] = self._since.get("gap", 0.0) + metrics["logprob_gap:mean"] * trained

    def _tell_step(self, norm: float, rate: float) -> None:
        since, self._since = self._since, {}
        whole = since.get("mass") or since.get("targets") or 1
        metrics = {"loss": since.get("loss_sum", 0.0) / whole, "loss_sum": since.get("loss_sum", 0.0)}
        metrics |= {"gradient_norm": norm, "learning_rate": rate}
        if "gap" in since and since["targets"]:
            metrics["logprob_gap"] = since["gap"] / since["targets"]
        self._record.emit(
            "step",
            step=self._learner.step,
            tokens=self._tokens,
            trained_tokens=self._trained_tokens,
            metrics=metrics,
        )

    def _save(
        self, sort: Sort, name: str, ttl: int | None, overwrite: bool, metadata: Mapping[str, Any] | None
    ) -> APIFuture[SaveWeightsResponse]:
        check_name(name)

        def work() -> SaveWeightsResponse:
            facts = {"step": self._learner.step, "ttl_seconds": ttl, "user_metadata": dict(metadata or {})}
            path = write_weights(
                self._record.run.path,
                sort,
                name,
                lambda folder: self._learner.save(folder, optimizer=sort == "weights"),
                overwrite=overwrite,
                facts=facts,
            )
            if sort == "weights":
                self._record.emit("checkpoint", step=self._learner.step)
            return SaveWeightsResponse(path=path)

        return self._submit(work)

    def _load(self, path: str, *, optimizer: bool) -> APIFuture[None]:
        folder = folder_of(self._workspace, path, "weights")

        def work() -> None:
            found = type(self._learner).resumed(
                folder, self._workspace.cache, self._workspace.store, optimizer=optimizer,
                device=str(self._learner.trained.model.device),
            )  # fmt: skip
            if (found.trained.name, found.rank, found.targets) != (
                self._learner.trained.name, self._learner.rank, self._learner.targets,
            ):  # fmt: skip
                raise UsageError(
                    "the weights are those of another base, or of an adapter of another shape",
                    where=path,
                    hint="create_training_client_from_state makes a client of their own",
                )
            self._learner = found

        return self._submit(work)


def opened_sampler(
    queue: WorkQueue, learner: type[Any], folder: Any, workspace: Workspace, name: str, seed: int, device: str = "cpu"
) -> SamplingClient:
    """A client for a folder of saved weights."""
    opened = queue.submit(
        lambda: learner.resumed(folder, workspace.cache, workspace.store, optimizer=False, device=device)
    ).result()
    return SamplingClient(queue, opened, None, name, seed)


def _flat(values: Any) -> list[float]:
    return [each for some in values for each in some] if values and isinstance(values[0], list) else list(values)
