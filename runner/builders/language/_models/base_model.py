"""The model that a training begins with: found, checked and loaded, with its tokenizer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from runner.builders._finetuning._fields.pretrained_fit import too_long
from runner.builders._finetuning.opened_model import compute_anew
from runner.builders.language._models import fast_backend, stored_model, training_stamp
from runner.builders.language._models.opening import Head, configuration, open_tokenizer, open_weights, stored_dtype
from runner.contract import FootprintContext, Processes, TrainContext
from runner.errors import DataError, RunnerError
from runner.training import adapters, finetuning_methods, freed_memory, pretrained, quantised, quiet_libraries
from runner.training.finetuning_specs import Adapters, FinetuningSpec, QLora
from runner.training.tokens import Tokens

BASE = "/model/spec/base_model_name"

#: The pointer of what says how the weights are trained.
METHOD = "/model/spec/finetuning_spec"


@dataclass(frozen=True)
class Base:
    """The model that training begins with, its weights not yet read."""

    #: The folder of the whole model.
    folder: Path
    #: The folder that holds it, another one where it is a stored adapter, and its name: a stored one's has its version.
    source: Path
    name: str
    #: What its configuration says.
    config: dict[str, Any]
    tokenizer: Any


@dataclass
class Trained:
    """A model that is ready to train, and what it came from."""

    model: Any
    tokenizer: Any
    #: The folder of the weights that training began with; where it came from, and its name, as in :class:`Base`.
    folder: Path
    source: Path
    name: str
    #: The dtype that its weights are kept in on disk.
    dtype: torch.dtype
    #: The revision of a Hub name, as the spec gave it.
    revision: str | None = None
    #: The same model before any training, on a device.
    opened: Callable[[str], Any] | None = None
    #: What trains: ``plain``, or ``unsloth``, whose model is not ours to store.
    backend: str = "plain"

    def release(self) -> None:
        """Give the weights' memory back."""
        self.model = None
        freed_memory.give_back()
        freed_memory.take_back()

    def check_tokens(self, *rows: Tokens) -> None:
        """Raise :class:`DataError` where rows have tokens that the model has none of."""
        count = self.model.get_input_embeddings().num_embeddings
        largest = max((some.largest for some in rows), default=0)
        if largest >= count:
            raise DataError(
                f"the rows have {self.tokenizer.convert_ids_to_tokens(largest)!r}, token {largest:,} of the tokenizer, "
                f"and the model has {count:,} embeddings",
                where=f"{BASE}: {self.folder}",
                hint="take the tokenizer that the model was made with, or give the model embeddings for its tokens",
            )

    def gathered(self, processes: Processes) -> Trained:
        """The same with a whole model of transformers' and PEFT's. Where the processes hold parts of it, it is on the
        CPU, in the first alone."""
        if self.opened is None or not (processes.sharded or self.backend == "unsloth"):
            return self
        whole = self.opened("cpu") if processes.first else None
        into = {} if whole is None else dict(whole.named_parameters())
        with torch.no_grad():
            for name, parameter in processes.at_rest(self.model).named_parameters():
                if parameter.requires_grad:
                    found = processes.whole(parameter) if processes.sharded else parameter
                    if name in into:
                        into[name].copy_(found)
        return replace(self, model=whole)

    @property
    def padding(self) -> int:
        """The token that fills up a batch, behind a mask."""
        return int(self.tokenizer.pad_token_id)


def find(spec: Any, context: TrainContext, head: Head = "tokens") -> Base:
    """The base model of a spec and its tokenizer; nothing of its weights is read.

    Raises :class:`DataError` by pointer for a folder that holds no language model, a ``max_length`` beyond its
    positions, and a method that it has no layers for; and what :func:`runner.training.pretrained.resolve` raises.
    """
    with context.processes.first_before():
        folders = folders_of(spec, context)
    base = found(spec, *folders)
    if "auto_map" in base.config:
        context.emit(
            "warning",
            message=f"{', '.join(_code(base.config['auto_map']))} is not run, as no code of a model's is: this one is "
            f"trained as a {base.config['model_type']} model as transformers has them",
            pointer=BASE,
        )
    _try_out(spec, base.folder, head)
    return base


def _code(auto_map: Any) -> list[str]:
    """The files that a configuration names code of: ``{"AutoModel": "repository--module.Class"}``."""
    named = auto_map.values() if isinstance(auto_map, dict) else [auto_map]
    classes = [one for each in named for one in (each if isinstance(each, list) else [each]) if isinstance(one, str)]
    files = dict.fromkeys(f"{one.rpartition('--')[2].partition('.')[0]}.py" for one in classes)
    return list(files) or ["code beside the model"]


def found(spec: Any, folder: Path, source: Path, name: str) -> Base:
    """The base model that a folder holds; the others as :func:`folders_of` gives them. Raises as :func:`find` does."""
    config = configuration(folder, BASE)
    if (fault := too_long(config, spec.max_length)) is not None:
        raise DataError(fault.message, where=fault.pointer, hint=fault.hint)
    tokenizer = open_tokenizer(folder, BASE)
    _check_special_tokens(tokenizer, config, folder)
    return Base(folder, source, name, config, tokenizer)


def _check_special_tokens(tokenizer: Any, config: dict[str, Any], folder: Path) -> None:
    """Raise :class:`DataError` where the tokens that every batch has are none of the model's."""
    count = config.get("vocab_size")
    ids = [token for token in (tokenizer.pad_token_id, tokenizer.eos_token_id) if token is not None]
    if count is not None and max(ids) >= count:
        raise DataError(
            f"the tokenizer has more tokens than the model: {tokenizer.convert_ids_to_tokens(max(ids))!r} is token "
            f"{max(ids):,}, and the model has {count:,} embeddings",
            where=f"{BASE}: {folder}",
            hint="take the tokenizer that the model was made with, or give the model embeddings for its tokens",
        )


def _try_out(spec: Any, folder: Path, head: Head) -> None:
    """Raise :class:`DataError` for a method that the model has no layers for, by a model without weights."""
    import transformers

    auto: Any = (
        transformers.AutoModelForCausalLM if head == "tokens" else transformers.AutoModelForSequenceClassification
    )
    pointer, method = METHOD, spec.finetuning_spec
    try:
        config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        with quiet_libraries.quietly(), torch.device("meta"):
            model = auto.from_config(config, trust_remote_code=False)
    except Exception as error:  # a configuration may be wrong in any way
        told = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DataError(f"config.json describes no model: {told}", where=f"{BASE}: {folder}") from error
    if not isinstance(method, Adapters):
        finetuning_methods.apply(model, method, pointer)
        return
    targets = adapters.config(model, method, pointer).target_modules
    last = model.get_output_embeddings() if head == "tokens" else None
    tied = last is not None and last.weight is model.get_input_embeddings().weight
    named = [name for name in targets if last is not None and model.get_submodule(name) is last]
    if tied and named and spec.save_as == "whole":
        raise DataError(
            f"{named[0]} has the weights of the embeddings, so an adapter beside it cannot be put into them",
            where=f"{pointer}/target_modules",
            hint='"save_as": "adapter" keeps it beside them; or leave it out',
        )


def load(spec: Any, context: TrainContext, base: Base, head: Head = "tokens") -> Trained:
    """The base's weights, with what ``finetuning_spec`` trains thawed or put beside them.

    Raises :class:`DataError` by pointer for a method that the model has no layers for.
    """
    freed_memory.set_apart()
    method = spec.finetuning_spec
    quantization = quantised.config(method, context.device, METHOD, context.emit) if isinstance(method, QLora) else None
    # A new head and new adapters are drawn from torch's generator, which finding the base may have used or not.
    torch.manual_seed(context.seed)

    def tell(sentence: str) -> None:
        context.emit("warning", message=sentence, pointer=BASE)

    def opened(device: str) -> Any:
        model = open_weights(base.folder, device, head, quantization=quantization, where=BASE, tell=tell)
        if quantization is not None:
            quantised.layers(model)
        model.config.pad_token_id = base.tokenizer.pad_token_id
        return thawed(model, method, METHOD, head)

    chosen = fast_backend.choose(spec, context, head)
    if chosen.name == "unsloth":
        dtype = (
            torch.float16 if training_stamp.computed(spec.precision, context.device) == "float16" else torch.bfloat16
        )
        model = fast_backend.load(
            spec, context, base.folder, lambda found: adapters.config(found, method, METHOD), dtype
        )
        adapters.in_float32(model)
    else:
        # Of weights that are divided no device holds all.
        model = opened("cpu" if context.processes.sharded else context.device)
        if spec.gradient_checkpointing:
            compute_anew(model)
    training_stamp.tell(spec, context, base, model, chosen)
    return Trained(
        context.processes.placed(model, context.device),
        base.tokenizer,
        base.folder,
        base.source,
        base.name,
        stored_dtype(base.config),
        # A stored model has versions.
        spec.revision if base.name == spec.base_model_name else None,
        opened,
        chosen.name,
    )


def folders_of(spec: Any, context: TrainContext | FootprintContext) -> tuple[Path, Path, str]:
    """The base's folder as a whole model, where that came from, and its name: a stored model's, or what its name
    resolves to. Raises with the field's pointer."""
    stored = context.stored.get("base_model_name")
    if context.start_from is not None:
        stored = context.start_from
    if stored is not None:
        return stored_model.whole(stored, context.cache), stored, "/".join(stored.parts[-3:])
    try:
        folder = pretrained.resolve(spec.base_model_name, spec.revision, context.cache)
        return folder, folder, spec.base_model_name
    except RunnerError as error:
        # A folder is named by its path: the field that says so comes first.
        error.where = BASE if not error.where else f"{BASE}: {error.where}"
        raise


def thawed(model: Any, method: FinetuningSpec, where: str, head: Head = "tokens") -> Any:
    """The model with only that training which ``method`` says; with adapters it is PEFT's, around the model.

    The new head of a score is trained whatever the method.
    """
    if head == "tokens":
        return finetuning_methods.prepare(model, method, where, task_type="CAUSAL_LM")
    return finetuning_methods.prepare(model, method, where, task_type="SEQ_CLS", beside=["score"])
