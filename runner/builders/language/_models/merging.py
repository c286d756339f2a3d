"""An adapter put into its base, so that the model stands alone; and whether it answers as before."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter

from runner.builders.language._models import model_card, stored_model
from runner.builders.language._models.opening import Head, open_weights, stored_dtype
from runner.chat.messages import Conversation, Message
from runner.chat.renderer import ChatRenderer
from runner.contract import Table, Task
from runner.errors import ConflictError, EnvironmentProblem, RunFailed
from runner.training import quantised
from runner.training.finetuning_specs import FinetuningSpec, QLora
from runner.training.quiet_libraries import quiet_adapters, quietly

#: What both are asked. They differ in length and script, so that many tokens and positions have a part.
ASKED = (
    "Hi",
    "What is the capital of France?",
    "Write a Python function that adds two numbers.",
    "Zähle drei Flüsse auf.",
    "1 + 2 * 3 = ?",
    "Tell me a story about a lighthouse, a storm, and a cat that would not come inside.",
)
#: How far float32 may be from itself, as a share of the greatest logit: sums come in another order.
SAME = 1e-3
COLUMNS = ("compared_with", "largest_difference", "mean_difference", "greatest_logit", "same_first_token")


def merge(
    folder: Path,
    target: Path,
    spec: Any,
    *,
    dtype: str | None,
    cache: Path,
    head: Head,
    say: Callable[[str], None] = lambda text: None,
) -> Table:
    """Write the adapter in ``folder`` and its base as one model into ``target``, in ``dtype`` or its base's own.

    The table has a row for the adapter beside its base, and, where that was quantised in training, one for that: how
    far the logits of the merged model are from theirs. ``spec`` is the kind's own. Raises :class:`ConflictError` for a
    model that is whole already, :class:`RunFailed` for weights that the dtype does not hold, and for float32 logits
    that do not agree.
    """
    document = stored_model.read(folder)
    if document["form"] == "whole":
        raise ConflictError(
            "is a whole model: it stands alone already", hint="`runner models export` writes its folder"
        )
    base = stored_model.base_of(folder, cache)
    kept = getattr(torch, dtype) if dtype else stored_dtype(json.loads((base / "config.json").read_text("utf-8")))
    peft, tokenizer = stored_model.load(folder, "cpu", cache, head, base)
    ids = _asked(tokenizer, document.get("chat"))
    before = [("the adapter beside its base", _logits(peft, ids))]
    with quietly():
        whole = stored_model.put_together(peft, safe_merge=True).to(kept)
        if not all(tensor.isfinite().all() for tensor in whole.parameters()):
            raise RunFailed(f"the merged weights do not fit into {kept}", hint="--dtype bfloat16, or float32")
        stored_model.tell_ends(whole, tokenizer, document.get("chat"))
        whole.save_pretrained(target, safe_serialization=True)
        tokenizer.save_pretrained(target)
    told = {name: value for name, value in document.items() if name != "base"} | {"form": "whole"}
    (target / stored_model.DOCUMENT).write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")
    del whole, peft
    method = TypeAdapter(FinetuningSpec).validate_python(spec.finetuning_spec.model_dump())
    if isinstance(method, QLora):
        try:
            before.append(("the adapter beside its quantised base", _quantised(folder, base, method, head, ids)))
        except EnvironmentProblem as error:
            say(f"not compared with the quantised base: {error.message}")
    after = _logits(stored_model.load(target, "cpu", cache, head)[0], ids)
    rows = [[name, *_difference(logits, after)] for name, logits in before]
    if kept is torch.float32 and rows[0][1] > SAME * max(rows[0][3], 1.0):
        raise RunFailed(
            f"the merged model answers otherwise than the adapter: a logit differs by {rows[0][1]:.3g}",
            hint="it was not stored",
        )
    note = f"Logits of the last token of {len(ids)} prompts, all computed in float32; the merged weights are kept in "
    dtype_name = str(kept).removeprefix("torch.")
    return Table("merge", f"Merged, in {dtype_name}", COLUMNS, rows, note=f"{note}{dtype_name}.")


def merged_with_card(
    folder: Path, target: Path, spec: Any, task: Task, metrics: Mapping[str, Any], **words: Any
) -> Table:
    """:func:`merge`, and the card of what came of it."""
    table = merge(folder, target, spec, **words)
    base = stored_model.read(folder)["base"]["name"]
    model_card.write(target, spec.model_copy(update={"save_as": "whole"}), base, task, metrics)
    return table


def _asked(tokenizer: Any, chat: Mapping[str, Any] | None) -> list[list[int]]:
    if chat is None:
        return [list(tokenizer(text)["input_ids"]) for text in ASKED]
    renderer = ChatRenderer.from_document(tokenizer, chat)
    return [renderer.prompt(Conversation((Message("user", text),))) for text in ASKED]


def _logits(model: Any, asked: list[list[int]]) -> torch.Tensor:
    """float32 ``[prompts, V]``, or ``[prompts, 1]`` of a score."""
    found = []
    with torch.inference_mode():
        for ids in asked:
            logits = model(input_ids=torch.tensor([ids])).logits.float()
            found.append(logits[0] if logits.ndim == 2 else logits[0, -1])
    return torch.stack(found)


def _quantised(folder: Path, base: Path, method: QLora, head: Head, ids: list[list[int]]) -> torch.Tensor:
    from peft import PeftModel

    config = quantised.config(method, "cpu", "/model/spec/finetuning_spec", lambda *_, **__: None)
    plain = open_weights(base, "cpu", head, quantization=config)
    quantised.layers(plain)
    with quiet_adapters():
        opened = PeftModel.from_pretrained(plain, folder)
    return _logits(opened.eval(), ids)


def _difference(before: torch.Tensor, after: torch.Tensor) -> list[Any]:
    gap = (before - after).abs()
    same = float((before.argmax(-1) == after.argmax(-1)).float().mean()) if before.shape[-1] > 1 else None
    return [float(gap.max()), float(gap.mean()), float(before.abs().max()), same]
