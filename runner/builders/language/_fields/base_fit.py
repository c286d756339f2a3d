"""Whether a spec fits its base model, by the files that lie beside the weights: told before a run is made, in no time.

The worker asks the model itself, and knows more. What is refused here, that refuses too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from runner.builders._finetuning._fields import pretrained_fit
from runner.builders._finetuning._fields.pretrained_fit import METHOD, document
from runner.builders.language._fields.chat_fields import FORMATS
from runner.errors import Fault
from runner.training.finetuning_specs import Adapters, BitFit

#: Models whose weights are called in their files as their layers are, so that the files tell which layers there are.
PLAINLY_NAMED = frozenset({
    "gemma", "gemma2", "gpt2", "gpt_neox", "llama", "mistral", "olmo", "olmo2", "opt", "phi", "phi3", "qwen2", "qwen3",
    "smollm3", "stablelm", "starcoder2",
})  # fmt: skip
#: Longest head of a safetensors file that is read: names, shapes and places of the weights.
LONGEST_HEAD = 64 * 2**20


def misfits(spec: Any, folder: Path, *, stored: bool = False) -> Iterator[Fault]:
    """What of a language model's spec cannot be done with the base in a folder. One that holds none says nothing.
    ``stored`` says that it is the model that the training goes on from, which has what its kind needs."""
    config, method = document(folder / "config.json"), spec.finetuning_spec
    if not stored and (named := other_model(config)) is not None:
        yield Fault(
            f"is no causal language model: config.json says {named}",
            "/model/spec/base_model_name",
            hint="name a model that goes on with texts, such as HuggingFaceTB/SmolLM2-135M-Instruct",
        )
        return
    yield from pretrained_fit.misfits(spec, folder)
    if config.get("model_type") in PLAINLY_NAMED and (names := _weights(folder)):
        yield from _of_layers(method, names, tied=bool(config.get("tie_word_embeddings", True)))
    if getattr(spec, "chat", None) is not None and spec.chat.template == "tokenizer" and not _has_template(folder):
        yield Fault(
            "the base model's tokenizer has no chat template",
            "/model/spec/chat/template",
            hint=f"name a format: {', '.join(FORMATS)}; or the path of a Jinja template. It is kept with the model",
        )


def other_model(config: dict[str, Any]) -> str | None:
    """What a configuration says that its model is, where that is none that goes on with texts."""
    architectures = config.get("architectures")
    named = " ".join(map(str, architectures)) if isinstance(architectures, list) else ""
    return named if named and "CausalLM" not in named and "LMHead" not in named else None


def _of_layers(method: Any, names: dict[str, int], *, tied: bool) -> Iterator[Fault]:
    """What a method trains that is none of the weights: names, each with how many dimensions it has."""
    if isinstance(method, BitFit) and not any(name.endswith(".bias") for name in names):
        hint = "choose lora or last_layers"
        yield Fault("bitfit trains biases, and the model has none", f"{METHOD}/method", hint=hint)
    if not isinstance(method, Adapters) or method.target_modules == "auto":
        return
    modules = [name.removesuffix(".weight") for name, axes in names.items() if axes == 2 and name.endswith(".weight")]
    # A head that is the embeddings once more has no weights of its own in the file.
    modules += ["lm_head"] if tied else []
    unmatched = [end for end in method.target_modules if not _matched(end, modules)]
    if unmatched:
        there = sorted({name.rpartition(".")[2] for name in modules if not _embeds(name)} - {"lm_head"})
        yield Fault(
            f"no linear layer of the model is called {', '.join(unmatched)}",
            f"{METHOD}/target_modules",
            hint=f"there are {', '.join(there)}",
        )


def _matched(end: str, modules: Iterable[str]) -> bool:
    # A file may leave out what all names of the model begin with.
    return any(f".{name}".endswith(f".{end}") or f".{end}".endswith(f".{name}") for name in modules)


def _embeds(module: str) -> bool:
    return module.rpartition(".")[2] in ("wte", "wpe") or "embed" in module.rpartition(".")[2]


def _has_template(folder: Path) -> bool:
    """Whether the tokenizer's files hold a chat template; of a folder without a tokenizer it is not known."""
    config = folder / "tokenizer_config.json"
    if not config.exists():
        return True
    files = ("chat_template.jinja", "chat_template.json", "additional_chat_templates")
    return bool(document(config).get("chat_template")) or any((folder / name).exists() for name in files)


def _weights(folder: Path) -> dict[str, int]:
    """The names of the weights in a folder's safetensors files, each with how many dimensions it has."""
    found: dict[str, int] = {}
    for path in sorted(folder.glob("*.safetensors")):
        try:
            with path.open("rb") as file:
                size = int.from_bytes(file.read(8), "little")
                head = json.loads(file.read(size)) if size <= LONGEST_HEAD else {}
            found |= {name: len(entry["shape"]) for name, entry in head.items() if name != "__metadata__"}
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            # The worker says what is wrong with it.
            return {}
    return found
