"""Which weights of a model are trained, as other programs say it: full, an adapter, one beside quantised weights."""

from __future__ import annotations

from runner.interchange.drafting import Draft
from runner.interchange.spec_fields import SPEC, TUNING


def tuning(draft: Draft) -> None:
    """Which weights are trained: full, an adapter, one beside quantised weights."""
    names = [
        "adapter",
        "use_adapter",
        "bits4",
        "bits8",
        "bits",
        "rank",
        "alpha",
        "dropout",
        "targets",
        "all_linear",
        "dora",
        "rslora",
        "quant_type",
        "compute_dtype",
        "last_layers",
        "merged",
    ]
    if not draft.has_field(TUNING):
        for name in names:
            draft.lost(
                name,
                f"{draft.kind} has no choice of the weights that are trained",
                effect=draft.value(name) not in (False, None),
            )
        return
    adapter = draft.value("adapter") or ("lora" if draft.value("use_adapter") else "full")
    bits = draft.value("bits") or (4 if draft.value("bits4") else 8 if draft.value("bits8") else None)
    if adapter == "last_layers":
        draft.put(TUNING, {"method": "last_layers"})
        draft.carried("adapter", f"{TUNING}/method")
        if draft.value("last_layers"):
            draft.put(f"{TUNING}/num_layers", draft.value("last_layers"))
            draft.carried("last_layers", f"{TUNING}/num_layers")
        _unused(draft, names, "only the last layers are trained", {"adapter", "last_layers"})
        return
    if adapter in ("full", "none"):
        draft.put(TUNING, {"method": "full"})
        draft.carried("adapter" if draft.given("adapter") else "use_adapter", f"{TUNING}/method")
        for name in ("bits", "bits4", "bits8"):
            if draft.value(name):
                draft.lost(
                    name,
                    "quantised weights cannot be trained whole, and there is no adapter",
                    "choose an adapter: finetuning_spec qlora",
                )
        _unused(draft, names, "no adapter is trained", {"adapter", "use_adapter", "bits", "bits4", "bits8"})
        for name in ("bits", "bits4", "bits8"):
            if not draft.value(name):
                draft.void(name, "no weight is quantised here either")
        return
    _adapter(draft, adapter, bits)


def _unused(draft: Draft, names: list[str], why: str, but: set[str]) -> None:
    for name in names:
        if name not in but:
            draft.void(name, f"{why}, there and here")


def _adapter(draft: Draft, adapter: str, bits: int | None) -> None:
    method = adapter
    if adapter in ("lora", "qlora"):
        method = (
            "qlora"
            if bits or adapter == "qlora"
            else "dora"
            if draft.value("dora")
            else "rslora"
            if draft.value("rslora")
            else "lora"
        )
    draft.put(TUNING, {"method": method})
    for name in ("adapter", "use_adapter"):
        draft.carried(
            name,
            f"{TUNING}/method",
            ""
            if method == adapter or name == "use_adapter"
            else f"with the weights' quantisation or the adapter's form this is {method}",
        )
    for name, form in (("dora", "dora"), ("rslora", "rslora")):
        if not draft.value(name):
            draft.void(name, "the usual adapter, here too")
        elif method == form:
            draft.carried(name, f"{TUNING}/method")
        else:
            draft.lost(name, f"{method} has no {name} here", f"choose one: finetuning_spec {form}, or {method}")
    if method == "qlora":
        if draft.value("compute_dtype") is None and (
            draft.value("precision") in ("bfloat16", "auto") or draft.value("bf16")
        ):
            draft.take("compute_dtype", "bfloat16", None)
        four = bits != 8
        draft.put(f"{TUNING}/load_in_4bit", four)
        for name in ("bits", "bits4", "bits8"):
            if draft.value(name):
                draft.carried(name, f"{TUNING}/load_in_4bit")
            else:
                draft.void(name, "the other width is asked for" if bits else "not asked for")
        if not any(draft.given(name) for name in ("bits", "bits4", "bits8")):
            draft.carried("bits", f"{TUNING}/load_in_4bit")
        for name, field in (("quant_type", "bnb_4bit_quant_type"), ("compute_dtype", "bnb_4bit_compute_dtype")):
            if draft.value(name) and four:
                draft.put(f"{TUNING}/{field}", draft.value(name))
                draft.carried(name, f"{TUNING}/{field}")
            else:
                draft.void(name, "weights of 8 bits have none")
    else:
        for name in ("bits", "bits4", "bits8", "quant_type", "compute_dtype"):
            draft.void(name, "no weight is quantised")
    if method != "ia3":
        _shape(draft)
    else:
        for name in ("rank", "alpha", "dropout"):
            draft.void(name, "IA3 has none")
    _targets(draft)
    draft.void("last_layers", "an adapter is trained, and no layer of the model")
    if draft.taken.get("merged") is not None and draft.has_field(f"{SPEC}/save_as"):
        draft.put(f"{SPEC}/save_as", "whole" if draft.value("merged") else "adapter")
        draft.carried("merged", f"{SPEC}/save_as")
    elif draft.given("merged"):
        draft.lost("merged", f"{draft.kind} is stored whole", effect=False)


def _shape(draft: Draft) -> None:
    for name in ("rank", "alpha", "dropout"):
        value = draft.value(name)
        if value is None:
            continue
        if name == "alpha" and isinstance(value, float):
            whole = max(1, round(value))
            draft.put(f"{TUNING}/{name}", whole)
            draft.carried(name, f"{TUNING}/{name}", f"a whole number is needed: {whole}", effect=True)
            continue
        draft.put(f"{TUNING}/{name}", value)
        draft.carried(name, f"{TUNING}/{name}")


def _targets(draft: Draft) -> None:
    targets, pointer = draft.value("targets"), f"{TUNING}/target_modules"
    if draft.value("all_linear") or targets in ("auto", ["auto"]):
        draft.put(pointer, "auto")
        for name in ("targets", "all_linear"):
            if draft.value(name) and (name == "all_linear" or targets in ("auto", ["auto"])):
                draft.carried(name, pointer)
            else:
                draft.void(name, "every linear layer has an adapter")
    elif isinstance(targets, list) and targets:
        draft.put(pointer, targets)
        draft.carried("targets", pointer)
        draft.void("all_linear", "the layers are named")
    else:
        draft.void("all_linear", "not asked for")
