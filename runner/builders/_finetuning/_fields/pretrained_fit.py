"""Whether a spec fits its base model, by the base's configuration alone: told before a run is made, in no time.

The worker asks the model itself, and knows more. What is refused here, that refuses too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from runner.errors import Fault
from runner.training.finetuning_specs import LastLayers

#: Those that know how far tokens are apart, and not where they stand: a number of positions says nothing.
WITHOUT_END = ("t5", "mt5", "umt5", "longt5", "switch_transformers")
METHOD = "/model/spec/finetuning_spec"
#: Those that count a text's positions from behind the padding's.
BEHIND_PADDING = ("roberta", "xlm-roberta", "camembert", "mpnet", "longformer")


def misfits(spec: Any, folder: Path) -> Iterator[Fault]:
    """What of a spec cannot be done with the base in a folder. One that holds none says nothing."""
    config = document(folder / "config.json")
    if (length := getattr(spec, "max_length", None)) is not None and (fault := too_long(config, length)) is not None:
        yield fault
    layers = config.get("num_hidden_layers") or config.get("n_layer")
    method = spec.finetuning_spec
    if isinstance(method, LastLayers) and isinstance(layers, int) and method.num_layers > layers:
        yield Fault(
            f"{method.num_layers} layers are to be trained, and the model has {layers}",
            f"{METHOD}/num_layers",
            hint=f"at most {layers}, or the method full",
        )


def positions(config: Mapping[str, Any]) -> int | None:
    """The tokens that a model has positions for; None where its configuration does not say, or they have no end."""
    if config.get("model_type") in WITHOUT_END:
        return None
    found = config.get("max_position_embeddings") or config.get("n_positions")
    if not isinstance(found, int):
        return None
    padding = config.get("pad_token_id")
    behind = config.get("model_type") in BEHIND_PADDING and isinstance(padding, int)
    return found - padding - 1 if behind and isinstance(padding, int) else found


def too_long(config: Mapping[str, Any], max_length: int) -> Fault | None:
    """What is wrong with rows of ``max_length`` tokens; None where the model reads so many."""
    longest = positions(config)
    if not longest or max_length <= longest:
        return None
    return Fault(f"the model reads at most {longest} tokens", "/model/spec/max_length", hint=f"at most {longest}")


def document(path: Path) -> dict[str, Any]:
    """A JSON file's object; an empty one where there is none that can be read."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
