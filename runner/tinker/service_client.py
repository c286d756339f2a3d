"""Where a loop begins: models to train and to ask, here, and the runs that come of it."""

from __future__ import annotations

import asyncio
import atexit
import sys
import warnings
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, get_args

from pydantic import ValidationError

from runner import registry
from runner.errors import DataError, UsageError
from runner.inference.opening import choose_device
from runner.spec.envelope import WandbSection
from runner.store.model_lookup import listing, open_verified
from runner.store.names import name_fault
from runner.tinker.ordered_work import WorkQueue
from runner.tinker.run_record import RunRecord
from runner.tinker.sampling_client import SamplingClient
from runner.tinker.saved_weights import folder_of
from runner.tinker.training_client import TrainingClient, opened_sampler
from runner.tinker.types import GetServerCapabilitiesResponse, SupportedModel
from runner.training import made_models
from runner.workspace import Workspace, absolute, current_folder

Status = Literal["success", "errored", "interrupted"]
#: What a base that was not trained here is opened by; what it is stored as, with a chat template and without.
PLAIN, TALKS = "causal_lm", "sft"
#: Seed of a client that is given none.
SEED = 0
MOST = 2**32 - 1


class ServiceClient:
    """Makes training and sampling clients, all on this machine. Every training client is a run.

    Args:
        user_metadata, project_id, display_name: written down with the runs. ``display_name`` is also what their models
            are stored as, where ``name`` says nothing.
        base_url, api_key: of a service elsewhere: not used, which ``base_url`` is warned of.
        name: what the models are stored as. Default: ``step_by_step``.
        wandb: follow the runs on Weights & Biases: the ``wandb`` section of a spec, such as ``{"project": "loops"}``.
        root: where ``runs/`` and ``models/`` are; without it, the workspace of the command line.
        device: ``cpu``, ``cuda`` or ``auto``.

    The runs end with :meth:`close`, with a ``with`` block, or with the program: well, and their models are stored; or
    as the error says that ended it.
    """

    def __init__(
        self,
        user_metadata: Mapping[str, Any] | None = None,
        project_id: str | None = None,
        display_name: str | None = None,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        name: str | None = None,
        wandb: Mapping[str, Any] | None = None,
        root: Path | str | None = None,
        device: str = "cpu",
    ) -> None:
        if base_url is not None:
            warnings.warn(f"everything is computed here: {base_url} is not asked", UserWarning, stacklevel=2)
        self._workspace = Workspace.current() if root is None else Workspace.below(absolute(root, current_folder()))
        self._name = name or display_name or "step_by_step"
        if fault := name_fault(self._name):
            raise UsageError(f"the name {fault}", where="name", hint="name it otherwise")
        known = {"project_id": project_id, "display_name": display_name}
        self._metadata = dict(user_metadata or {}) | {key: value for key, value in known.items() if value is not None}
        self._wandb = _section(wandb)
        registry.require(PLAIN)
        self._device = choose_device(registry.load(PLAIN).REQUIRES, device)
        self._queue = WorkQueue()
        self._clients: list[TrainingClient] = []
        self._at_the_end = partial(_ended, self._clients)
        atexit.register(self._at_the_end)

    # ---- Training

    def create_lora_training_client(
        self,
        base_model: str,
        rank: int = 32,
        seed: int | None = None,
        train_mlp: bool = True,
        train_attn: bool = True,
        train_unembed: bool = True,
        user_metadata: Mapping[str, Any] | None = None,
    ) -> TrainingClient:
        """A new adapter of LoRA beside a model: a Hub name, a folder, or a stored model, ``sft/tutor``.

        Its scale is 32 / rank, and it has no dropout.
        """
        if type(rank) is not int or rank < 1:
            raise UsageError(f"is {rank!r}: an adapter has a rank of at least 1", where="rank")
        if seed is not None and not (type(seed) is int and 0 <= seed <= MOST):
            raise UsageError(f"is {seed!r}: a seed is a whole number from 0 to {MOST:,}", where="seed")
        source, references = self._base(base_model)
        learner = self._learner().begin(
            source,
            self._workspace.cache,
            rank=rank,
            seed=SEED if seed is None else seed,
            attention=train_attn,
            feed_forward=train_mlp,
            unembedding=train_unembed,
            device=self._device,
        )
        return self._client(learner, SEED if seed is None else seed, user_metadata, references)

    def create_training_client_from_state(
        self, path: str, base_model: str | None = None, user_metadata: Mapping[str, Any] | None = None
    ) -> TrainingClient:
        """A training that goes on from saved weights, with an optimizer that begins anew."""
        return self._resumed(path, base_model, user_metadata, optimizer=False)

    def create_training_client_from_state_with_optimizer(
        self, path: str, base_model: str | None = None, user_metadata: Mapping[str, Any] | None = None
    ) -> TrainingClient:
        """The same with the optimizer's state: the next steps are bit for bit those of the training that saved it."""
        return self._resumed(path, base_model, user_metadata, optimizer=True)

    # ---- Asking

    def create_sampling_client(self, model_path: str | None = None, base_model: str | None = None) -> SamplingClient:
        """One for weights that a sampler's were saved as (``model_path``), or for a model as it is (``base_model``)."""
        if (model_path is None) == (base_model is None):
            raise UsageError("one of model_path and base_model says which weights answer", where="model_path")
        if model_path is not None:
            folder = folder_of(self._workspace, model_path, "sampler_weights")
            return opened_sampler(self._queue, self._learner(), folder, self._workspace, model_path, SEED, self._device)
        assert base_model is not None
        source, _ = self._base(base_model)
        # A new adapter adds nothing.
        learner = self._learner().begin(source, self._workspace.cache, rank=1, seed=SEED, device=self._device)
        return SamplingClient(self._queue, learner, None, base_model, SEED)

    def get_server_capabilities(self) -> GetServerCapabilitiesResponse:
        """Models that are here without a network: those that come with the program, and stored ones."""
        names = [name for name in (made_models.TINY, *made_models.GGUF) if made_models.can_make(name)]
        for model in listing(self._workspace.store, []):
            if registry.find(model.model_type) and registry.task(model.model_type).name == "generation":
                names.append(model.reference)
        return GetServerCapabilitiesResponse(supported_models=[SupportedModel(model_name=name) for name in names])

    # ---- Its end

    def close(self, status: Status = "success", error: BaseException | None = None) -> list[str]:
        """End all runs; with ``success`` their models are stored. The references of these."""
        if status not in get_args(Status):
            raise UsageError(f"there is no status {status!r}", where="status", hint=", ".join(get_args(Status)))
        atexit.unregister(self._at_the_end)
        clients, stored = list(self._clients), list[str]()
        self._clients.clear()
        for client in clients:
            if (model := client.close(status, error)) is not None:
                stored.append(model)
        return stored

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(_status(error), error)

    # ---- Twins

    async def create_lora_training_client_async(self, *args: Any, **words: Any) -> TrainingClient:
        return await asyncio.to_thread(self.create_lora_training_client, *args, **words)

    async def create_training_client_from_state_async(self, *args: Any, **words: Any) -> TrainingClient:
        return await asyncio.to_thread(self.create_training_client_from_state, *args, **words)

    async def create_training_client_from_state_with_optimizer_async(self, *args: Any, **words: Any) -> TrainingClient:
        return await asyncio.to_thread(self.create_training_client_from_state_with_optimizer, *args, **words)

    async def create_sampling_client_async(self, *args: Any, **words: Any) -> SamplingClient:
        return await asyncio.to_thread(self.create_sampling_client, *args, **words)

    async def get_server_capabilities_async(self) -> GetServerCapabilitiesResponse:
        return self.get_server_capabilities()

    # ---- Inside

    def _learner(self) -> Any:
        builder: Any = registry.load(PLAIN)
        return builder.StepLearner

    def _base(self, name: str) -> tuple[str, dict[str, str]]:
        """What a base is opened from, and the stored models that it is."""
        if not isinstance(name, str) or not name.strip():
            raise UsageError(f"is {name!r}", where="base_model", hint="a Hub name, a folder, or a stored model")
        kind, _, rest = name.partition("/")
        if rest and registry.find(kind) is not None:
            model, _ = open_verified(self._workspace.store, name, self._workspace.cache)
            return str(model.path.absolute()), {"base_model_name": model.reference}
        path = absolute(name, current_folder())
        return (str(path), {}) if path.is_dir() else (name, {})

    def _resumed(
        self, path: str, base_model: str | None, metadata: Mapping[str, Any] | None, *, optimizer: bool
    ) -> TrainingClient:
        folder = folder_of(self._workspace, path, "weights")
        learner = self._learner().resumed(
            folder, self._workspace.cache, self._workspace.store, optimizer=optimizer, device=self._device
        )
        base = learner.trained.name
        if base_model is not None and base_model not in (base, base.rpartition("/v")[0]):
            raise DataError(f"the weights are beside {base}, and not {base_model}", where=path)
        kind = base.partition("/")[0]
        references = {"base_model_name": base} if registry.find(kind) is not None else {}
        return self._client(learner, SEED, {"from": path} | dict(metadata or {}), references)

    def _client(
        self, learner: Any, seed: int, metadata: Mapping[str, Any] | None, references: dict[str, str]
    ) -> TrainingClient:
        kind = PLAIN if learner.generator.renderer is None else TALKS
        section = registry.load(kind).Spec.model_validate(
            {
                "model_type": kind,
                "base_model_name": learner.trained.name,
                "max_length": max(8, learner.longest),
                "finetuning_spec": {
                    "method": "lora", "rank": learner.rank, "alpha": learner.alpha, "dropout": 0.0,
                    "target_modules": learner.targets,
                },
                "save_as": "adapter",
                "seed": seed,
            }
        )  # fmt: skip
        record = RunRecord(
            self._workspace, self._name, section.model_dump(mode="json"), self._wandb, seed, self._device,
            self._metadata | dict(metadata or {}), references,
        )  # fmt: skip
        client = TrainingClient(self._queue, learner, record, self._workspace, seed)
        self._clients.append(client)
        return client


def _section(wandb: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if wandb is None:
        return None
    try:
        return WandbSection.model_validate(dict(wandb)).model_dump(mode="json")
    except ValidationError as error:
        # What is there and unknown says more than what is missing for it.
        fault = min(error.errors(), key=lambda each: each["type"] == "missing")
        place = "/".join(map(str, fault["loc"]))
        raise UsageError(f"{place}: {fault['msg']}", where="wandb", hint='{"project": "loops"}') from None


def _status(error: BaseException | None) -> Status:
    if error is None:
        return "success"
    return "interrupted" if isinstance(error, KeyboardInterrupt) else "errored"


def _ended(clients: list[TrainingClient]) -> None:
    """At the end of a program that closed nothing."""
    # What the interpreter has told of, if that is what ended it.
    error = getattr(sys, "last_value", None)
    for client in clients:
        try:
            client.close(_status(error), error)
        except Exception as refused:  # noqa: BLE001 - nobody is left to raise it to
            print(f"{client.run_id}: {refused}", file=sys.stderr)
