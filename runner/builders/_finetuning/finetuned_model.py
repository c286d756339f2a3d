"""The folder of a fine-tuned model: what transformers and PEFT load as it stands, and what else we know of it.

Beside the model's own files lies ``finetuned_model.json``: its form (``whole``, or ``adapter`` with the base that it is
beside), and what the kind keeps. Weights are float32.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch

from runner.builders._finetuning.adapter_files import ADAPTER, base_facts, found_base, name_base
from runner.builders._finetuning.heads import Head, open_with_head
from runner.errors import DataError, IntegrityError
from runner.store.files import sha256_file
from runner.training import freed_memory
from runner.training.quiet_libraries import quiet_adapters, quietly

DOCUMENT = "finetuned_model.json"
#: How the files of a tokenizer or a processor end.
BESIDE = (".json", ".jinja", ".txt", ".model")


class Beside(Protocol):
    """What lies beside the weights: a tokenizer, an image processor."""

    def save_pretrained(self, folder: Path) -> Any: ...


def read(folder: Path) -> dict[str, Any]:
    """The document. Raises :class:`IntegrityError` where it is none of ours."""
    try:
        document = json.loads((folder / DOCUMENT).read_text("utf-8"))
        if document["form"] not in ("whole", "adapter"):
            raise ValueError(f"form {document['form']!r}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"not a fine-tuned model: {error}", where=str(folder / DOCUMENT)) from error
    return dict(document)


def write(trained: Any, folder: Path, document: Mapping[str, Any], save_as: str, *beside: Beside) -> None:
    """Write model, document and what lies beside the weights into an empty folder.

    ``trained`` is an :class:`~runner.builders._finetuning.opened_model.OpenedModel`. ``save_as`` is ``whole``, which
    puts adapters into the weights, or ``adapter``. The weights are of no use after this. ``document`` is JSON-able, and
    has what the kind needs to make its :class:`Head` again.
    """
    # What steps had is free, and merging needs the weights once more.
    freed_memory.give_back()
    peft = hasattr(trained.model, "peft_config")
    form = "adapter" if peft and save_as == "adapter" else "whole"
    found: dict[str, Any] = {"format": 1, "form": form, **document}
    with quietly(), quiet_adapters():
        if form == "adapter":
            trained.model.save_pretrained(folder, safe_serialization=True, save_embedding_layers=False)
            name_base(folder, trained)
            found["base"] = base_facts(trained)
        else:
            model = merged(trained) if peft else trained.model
            # Code that lay beside the base is not beside this one, and is not needed.
            getattr(model.config, "__dict__", {}).pop("auto_map", None)
            model.save_pretrained(folder, safe_serialization=True)
        for each in beside:
            each.save_pretrained(folder)
    text = json.dumps(found, indent=1, ensure_ascii=False)
    (folder / DOCUMENT).write_text(text + "\n", "utf-8")


def merged(trained: Any) -> Any:
    """The base model with the adapters in its weights, as a plain model. Quantised weights are read anew, whole."""
    if not getattr(trained.model.get_base_model(), "is_quantized", False):
        return put_together(trained.model)
    from peft import PeftModel

    with tempfile.TemporaryDirectory() as scratch:
        trained.model.save_pretrained(scratch, safe_serialization=True)
        plain = open_with_head(trained.folder, trained.head, "cpu", 0)
        return put_together(PeftModel.from_pretrained(plain, scratch))


def put_together(model: Any) -> Any:
    """A model of PEFT with its adapters in its weights and its head in its place, as a plain model."""
    from peft.utils import ModulesToSaveWrapper

    plain = model.get_base_model()
    for name, module in list(plain.named_modules()):
        # PEFT's own merging knows heads of a single layer.
        if isinstance(module, ModulesToSaveWrapper):
            plain.set_submodule(name, module.modules_to_save[module.active_adapters[0]])
    return model.merge_and_unload()


def load(
    folder: Path,
    head: Head,
    device: str = "cpu",
    cache: Path | None = None,
    *,
    base: Path | None = None,
    store: Path | None = None,
) -> Any:
    """A stored model, ready to answer: an adapter beside its base.

    ``base`` is the base's folder where the adapter was trained beside it just now, and is not in the store yet;
    ``store`` is where stored models are, where the adapter is none of them. Raises :class:`IntegrityError` for weights
    that are not all there.
    """
    document = read(folder)
    if document["form"] == "whole":
        try:
            return open_with_head(folder, head, device, 0, drawn="none")
        except DataError as error:
            raise IntegrityError(error.message, where=error.where) from error
    with quiet_adapters():
        from peft import PeftModel
    plain = open_with_head(base or _base_of(folder, document, cache, store), head, device, 0)
    with quiet_adapters():
        return PeftModel.from_pretrained(plain, folder).to(device).eval()


def base_folder(folder: Path, cache: Path) -> Path:
    """The folder of a stored model's configuration: its own, or that of the model that its adapter is beside."""
    while (folder / ADAPTER).exists() and not (folder / "config.json").exists():
        folder = found_base(folder, read(folder)["base"], cache)
    return folder


def _base_of(folder: Path, document: dict[str, Any], cache: Path | None, store: Path | None) -> Path:
    from runner.workspace import Workspace

    found = found_base(folder, document["base"], cache, store)
    return whole(found, cache or Workspace.current().cache)


def whole(folder: Path, cache: Path) -> Path:
    """The folder of a stored model as a whole one: itself, or its adapter put into its base, made once in the cache."""
    if not (folder / ADAPTER).exists() or (folder / "config.json").exists():
        return folder
    parts = [sha256_file(folder / name) for name in ("adapter_model.safetensors", ADAPTER, DOCUMENT)]
    made = cache / "models" / f"merged-{hashlib.sha256(''.join(parts).encode()).hexdigest()[:32]}"
    if not (made / "config.json").exists():
        document = read(folder)
        made.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".", dir=made.parent) as scratch, quietly():
            target = Path(scratch) / "model"
            model = load(folder, stored_head(document), "cpu", cache)
            put_together(model).to(torch.float32).save_pretrained(target, safe_serialization=True)
            for path in _beside(folder):
                if not (target / path.name).exists():
                    shutil.copyfile(path, target / path.name)
            text = json.dumps(document | {"form": "whole"}, indent=1, ensure_ascii=False)
            (target / DOCUMENT).write_text(text + "\n", "utf-8")
            try:
                target.rename(made)
            except OSError:
                if not (made / "config.json").exists():
                    raise
    return made


def _beside(folder: Path) -> list[Path]:
    """A stored adapter's tokenizer or processor."""
    own = (ADAPTER, DOCUMENT, "manifest.json")
    return [path for path in folder.iterdir() if path.suffix in BESIDE and path.name not in own]


def head_document(head: Head) -> dict[str, Any]:
    """What a document keeps of a head, under ``head``: :func:`stored_head` makes it of that."""
    found = {"auto": head.auto, "table": head.table, "task_type": head.task_type, "settings": dict(head.settings)}
    return found | ({"spare": list(head.spare)} if head.spare else {})


def stored_head(document: Mapping[str, Any]) -> Head:
    """The head of a stored model, of its document."""
    own = dict(document["head"])
    settings = dict(own["settings"])
    if "id2label" in settings:
        # JSON's names are texts.
        settings["id2label"] = {int(key): value for key, value in settings["id2label"].items()}
    return Head(own["auto"], own["table"], own["task_type"], settings=settings, spare=tuple(own.get("spare", ())))


def add(folder: Path, more: Mapping[str, Any]) -> None:
    """Put what was found after the training, such as a threshold, into a model's document."""
    text = json.dumps(read(folder) | dict(more), indent=1, ensure_ascii=False)
    (folder / DOCUMENT).write_text(text + "\n", "utf-8")
