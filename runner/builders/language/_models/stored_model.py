"""A trained language model's folder: what transformers and PEFT load as it stands, and what else we know of it.

Beside the model's own files lies ``language_model.json``: its form (``whole``, or ``adapter`` with the base that it is
beside), the chat template, and the greatest length that it was trained at.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from runner.builders._finetuning.adapter_files import ADAPTER, base_facts, found_base, name_base
from runner.builders.language._models.opening import Head, open_folder, open_tokenizer, open_weights
from runner.chat.renderer import ChatRenderer
from runner.contract import TrainContext
from runner.errors import IntegrityError, RunFailed
from runner.store.files import sha256_file
from runner.workspace import Workspace

DOCUMENT = "language_model.json"
#: Rows of every weight that are compared with the base's.
ROWS = 64


def read(folder: Path) -> dict[str, Any]:
    """The document. Raises :class:`IntegrityError` where it is none of ours."""
    try:
        document = json.loads((folder / DOCUMENT).read_text("utf-8"))
        if document["form"] not in ("whole", "adapter"):
            raise ValueError(f"form {document['form']!r}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"not a trained language model: {error}", where=str(folder / DOCUMENT)) from error
    return dict(document)


def write(trained: Any, context: TrainContext, document: dict[str, Any], save_as: str) -> None:
    """Write what was trained as the run's artifact. Of several processes the first writes, and all wait for it."""

    def tell(sentence: str) -> None:
        context.emit("warning", message=sentence, pointer="/model/spec/save_as")

    whole = trained.gathered(context.processes)
    if context.processes.first:
        write_folder(whole, context.artifact, document, save_as, tell)
    context.processes.bring(context.artifact)


def reopened(context: TrainContext, base: Path, head: Head = "tokens") -> tuple[Any, Any]:
    """The run's artifact as :func:`load` gives it, divided as the training was, which began with ``base``."""
    processes = context.processes
    device = "cpu" if processes.sharded else context.device
    model, tokenizer = load(context.artifact, device, context.cache, head, base)
    return processes.placed(model, context.device), tokenizer


def write_folder(
    trained: Any,
    folder: Path,
    document: dict[str, Any],
    save_as: str,
    tell: Callable[[str], None] = lambda sentence: None,
) -> None:
    """Write model, tokenizer and document into an empty folder.

    ``trained`` is a :class:`~runner.builders.language._models.base_model.Trained`. ``save_as`` is ``whole``, which puts
    adapters into the weights, or ``adapter``. The weights are kept in the dtype of the base, and of no use after this;
    ``tell`` is given what is lost by that dtype.
    """
    from runner.training import freed_memory
    from runner.training.quiet_libraries import quietly

    # What steps had is free, and merging needs the weights once more.
    freed_memory.give_back()
    model, peft = trained.model, hasattr(trained.model, "peft_config")
    tell_ends(model, trained.tokenizer, document.get("chat"))
    with quietly():
        if peft and save_as == "adapter":
            model.save_pretrained(folder, safe_serialization=True, save_embedding_layers=False)
            name_base(folder, trained)
            document = document | {"base": base_facts(trained)}
        else:
            whole_model = merged(trained) if peft else model
            first = _first_rows(whole_model.state_dict()) if trained.dtype != torch.float32 else {}
            # The model itself, for what is written says its dtype.
            whole_model = whole_model.to(trained.dtype)
            if (sentence := _check_kept(first, whole_model.state_dict(), trained)) is not None:
                tell(sentence)
            # Code that lay beside the base is not beside this one, and is not needed.
            getattr(whole_model.config, "__dict__", {}).pop("auto_map", None)
            whole_model.save_pretrained(folder, safe_serialization=True)
        trained.tokenizer.save_pretrained(folder)
    form = "adapter" if peft and save_as == "adapter" else "whole"
    text = json.dumps({"format": 1, "form": form} | document, indent=1, ensure_ascii=False)
    (folder / DOCUMENT).write_text(text + "\n", "utf-8")


def tell_ends(model: Any, tokenizer: Any, chat: dict[str, Any] | None) -> None:
    """Have transformers ask the model as it was trained: by the template of the training, up to any end of a turn."""
    if chat is None:
        return
    if chat["template"] != "tokenizer":
        tokenizer.chat_template = chat["source"]
    own = getattr(model, "generation_config", None)
    if own is not None and (ends := ChatRenderer.from_document(tokenizer, chat).stop_ids):
        own.eos_token_id = list(ends) if len(ends) > 1 else ends[0]


def _first_rows(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor[:ROWS].detach().clone() for name, tensor in state.items() if tensor.ndim}


def _check_kept(first: dict[str, torch.Tensor], state: dict[str, torch.Tensor], trained: Any) -> str | None:
    """What to tell where the dtype that weights are stored in has no room for most of what was learned.

    ``first`` are the first rows as they were trained, ``state`` the weights as they are stored. Raises
    :class:`RunFailed` for weights that the dtype cannot hold.
    """
    kept = str(trained.dtype).removeprefix("torch.")
    if wide := next((name for name, tensor in state.items() if not torch.isfinite(tensor).all()), None):
        raise RunFailed(
            f"{wide} has values that {kept}, the dtype of the base, has no room for",
            where="/model/spec/optimizer",
            hint="lower learning_rate, or take a base of bfloat16 or float32",
        )
    share = _share_kept(first, state, trained.folder) if first else 1.0
    if share >= 0.5:
        return None
    return (
        f"{max(share, 0):.0%} of what was learned is left in the stored weights: {kept}, the dtype of the base, has no "
        'room for changes so small. A greater learning_rate or more steps make greater ones; "save_as": "adapter" '
        "keeps adapters as they are"
    )


def _share_kept(first: dict[str, torch.Tensor], state: dict[str, torch.Tensor], folder: Path) -> float:
    """How much of the way from the base's weights to the trained ones the stored ones go: 1 is all of it.

    Told by the first rows of every weight.
    """
    from safetensors import safe_open

    way = gone = 0.0
    with contextlib.ExitStack() as opened:
        for path in folder.glob("*.safetensors"):
            file = opened.enter_context(safe_open(path, framework="pt"))
            # A base whose weights have other names than its model's cannot be compared.
            for name in first.keys() & set(file.keys()):
                base, new, stored = (
                    part.float().cpu() for part in (file.get_slice(name)[:ROWS], first[name], state[name][:ROWS])
                )
                way += float(((new - base) ** 2).sum())
                gone += float(((new - base) * (stored - base)).sum())
    return gone / way if way else 1.0


def merged(trained: Any) -> Any:
    """The base model with the adapters in its weights, as a plain model. Quantised weights are read anew, whole."""
    quantised = getattr(trained.model.get_base_model(), "is_quantized", False)
    if not quantised:
        return put_together(trained.model)
    from runner.training.quiet_libraries import quiet_adapters

    with quiet_adapters():
        from peft import PeftModel
    with tempfile.TemporaryDirectory() as scratch:
        trained.model.save_pretrained(scratch, safe_serialization=True)
        head: Head = "score" if hasattr(trained.model.get_base_model(), "score") else "tokens"
        plain = open_weights(trained.folder, "cpu", head)
        with quiet_adapters():
            return put_together(PeftModel.from_pretrained(plain, scratch))


def put_together(model: Any, **words: Any) -> Any:
    """A model of PEFT with its adapters in its weights, as a plain model. ``words`` are those of PEFT's merging.

    An adapter of an unembedding that shares the embeddings' weights goes into weights of its own: the embeddings stay.
    """
    plain = model.get_base_model()
    head = getattr(plain.get_output_embeddings(), "base_layer", None)
    if head is not None and head.weight is plain.get_input_embeddings().weight:
        head.weight = torch.nn.Parameter(head.weight.detach().clone(), requires_grad=False)
        plain.config.tie_word_embeddings = False
    return model.merge_and_unload(**words)


def base_of(folder: Path, cache: Path | None, store: Path | None = None) -> Path:
    """The folder of a stored adapter's base, a whole model's, found by its name and checked by its hashes.

    ``store`` is where stored models are, where the adapter is not one of them.
    Raises :class:`IntegrityError` for a base of other bytes, and what resolving a name raises.
    """
    found = found_base(folder, read(folder)["base"], cache, store)
    return whole(found, cache or Workspace.current().cache) if (found / DOCUMENT).exists() else found


def whole(folder: Path, cache: Path) -> Path:
    """The folder of a stored model as a whole one: itself, or its adapter put into its base, made once in the cache."""
    if read(folder)["form"] == "whole":
        return folder
    parts = [sha256_file(folder / name) for name in ("adapter_model.safetensors", ADAPTER, DOCUMENT)]
    made = cache / "models" / f"merged-{hashlib.sha256(''.join(parts).encode()).hexdigest()[:32]}"
    if not (made / "config.json").exists():
        made.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".", dir=made.parent) as scratch:
            target = Path(scratch) / "model"
            model, tokenizer = load(folder, "cpu", cache)
            put_together(model).to(torch.float32).save_pretrained(target, safe_serialization=True)
            tokenizer.save_pretrained(target)
            shutil.copyfile(folder / DOCUMENT, target / DOCUMENT)
            try:
                target.rename(made)
            except OSError:
                if not (made / "config.json").exists():
                    raise
    return made


def load(
    folder: Path,
    device: str = "cpu",
    cache: Path | None = None,
    head: Head = "tokens",
    base: Path | None = None,
    *,
    trainable: bool = False,
) -> tuple[Any, Any]:
    """Model and tokenizer of a stored model, ready to answer: an adapter beside its base.

    ``base`` is the base's folder where the adapter was trained beside it just now, and is not in the store yet.
    ``trainable``: an adapter's own weights are to be trained on.
    """
    document = read(folder)
    if document["form"] == "whole":
        return open_folder(folder, device, head, str(folder))
    from runner.training.quiet_libraries import quiet_adapters

    with quiet_adapters():
        from peft import PeftModel
    tokenizer = open_tokenizer(folder, str(folder))
    plain = open_weights(base or base_of(folder, cache), device, head)
    plain.config.pad_token_id = tokenizer.pad_token_id
    with quiet_adapters():
        return PeftModel.from_pretrained(plain, folder, is_trainable=trainable).to(device).eval(), tokenizer
