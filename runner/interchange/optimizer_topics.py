"""Optimizers and learning-rate schedules of other programs, by their words, as ours."""

from __future__ import annotations

import math
from typing import Any

from runner.interchange.drafting import Draft
from runner.interchange.spec_fields import OPTIMIZER, SCHEDULE

ADAMW = [
    "adamw_torch",
    "adamw_torch_fused",
    "adamw_torch_xla",
    "adamw_torch_npu_fused",
    "adamw_hf",
    "adamw_apex_fused",
    "adamw",
    "adamw_fused",
]
EIGHT_BITS = [
    "adamw_8bit",
    "adamw_bnb_8bit",
    "paged_adamw_8bit",
    "adamw_torch_8bit",
    "adamw_torch_4bit",
    "ademamix_8bit",
    "adam_8bit",
    "paged_adam",
    "adamw_anyprecision",
]
PAGED = ["paged_adamw", "paged_adamw_32bit"]


def optimizer(draft: Draft) -> None:
    """The optimizer, by its family: where the state is kept, and in how many bits, is not the same."""
    parts = ("learning_rate", "weight_decay", "beta1", "beta2", "eps")
    if not draft.has_field(OPTIMIZER):
        for name in ("optimizer", *parts):
            draft.lost(name, f"{draft.kind} has no optimizer of its own section", "see the fields of its learner")
        return
    word = str(draft.value("optimizer", "adamw")).casefold().removeprefix("optimizernames.")
    if word == "muon":
        family, what, effect = "muon", "", False
    elif word == "adam":
        family, what, effect = "adam", "", False
    elif word in ADAMW:
        family, what, effect = (
            "adamw",
            "" if word == "adamw" or word.startswith("adamw_torch") else "PyTorch's AdamW",
            False,
        )
    elif word in PAGED:
        family, what, effect = "adamw", "AdamW whose state stays on the device: the same step", False
    elif word in EIGHT_BITS:
        family, what, effect = (
            "adamw",
            "AdamW with a state of 32 bits: the same step but for rounding, and more memory",
            False,
        )
    else:
        family, what, effect = "adamw", f"there is no {word} here: AdamW takes its place", True
    draft.put(OPTIMIZER, {"optimizer_type": family})
    do = "choose a learning rate that fits AdamW" if effect else ""
    draft.carried("optimizer", f"{OPTIMIZER}/optimizer_type", what, do, effect=effect)
    for name in ("learning_rate", "weight_decay", "eps"):
        if draft.value(name) is not None:
            draft.put(f"{OPTIMIZER}/{name}", draft.value(name))
            draft.carried(name, f"{OPTIMIZER}/{name}")
    if (
        draft.given("beta1")
        or draft.given("beta2")
        or draft.value("beta2", 0.999) != 0.999
        or draft.value("beta1", 0.9) != 0.9
    ):
        draft.put(f"{OPTIMIZER}/betas", [draft.value("beta1", 0.9), draft.value("beta2", 0.999)])
        for name in ("beta1", "beta2"):
            draft.carried(name, f"{OPTIMIZER}/betas")


#: Their schedules: ours, the share that is left at the end, what differs (and whether it has an effect).
SCHEDULES: dict[str, tuple[str, float, str]] = {
    "linear": ("linear", 0.0, ""),
    "cosine": ("cosine", 0.0, ""),
    "constant": ("constant", 0.0, ""),
    "constant_with_warmup": ("constant", 0.0, ""),
    "cosine_with_min_lr": ("cosine", 0.0, ""),
    "cosine_warmup_with_min_lr": ("cosine", 0.0, ""),
    "polynomial": ("linear", 0.0, "a polynomial of the first degree is a straight line; of another it is none"),
    "cosine_with_restarts": ("cosine", 0.0, "there are no restarts here: one cosine over the run"),
    "rex": ("cosine", 0.0, "there is no REX here: a cosine takes its place"),
    "one_cycle": ("cosine", 0.0, "there is no one-cycle schedule here: a cosine takes its place"),
    "inverse_sqrt": ("linear", 0.0, "there is no inverse square root here: a straight line takes its place"),
    "reduce_lr_on_plateau": ("constant", 0.0, "the rate does not go by the measurements here: it stays"),
    "warmup_stable_decay": ("linear", 0.0, "there is no stable part here: a straight line takes its place"),
}


def schedule(draft: Draft) -> None:
    """The learning rate's way over the run. A constant one of their Trainer has no warm-up, whatever is given."""
    names = ("scheduler", "warmup_ratio", "warmup_steps", "final_fraction")
    if not draft.has_field(SCHEDULE):
        for name in names:
            draft.lost(name, f"{draft.kind} has no schedule")
        return
    word = str(draft.value("scheduler", "linear")).casefold().removeprefix("schedulertype.")
    sort, _, what = SCHEDULES.get(word, ("linear", 0.0, f"there is no {word} here: a straight line takes its place"))
    made: dict[str, Any] = {"schedule_type": sort}
    ratio, steps = draft.value("warmup_ratio"), draft.value("warmup_steps")
    if isinstance(steps, float) and 0 < steps < 1:
        ratio, steps = steps, None
        ratio_name = "warmup_steps"
    else:
        ratio_name = "warmup_ratio"
    warm = word != "constant"
    if warm and steps:
        made["warmup_steps"] = math.ceil(steps)
    elif (
        warm
        and ratio is not None
        and not (steps == 0 and not draft.given("warmup_ratio") and draft.given("warmup_steps"))
    ):
        made["warmup_ratio"] = ratio
    if draft.value("final_fraction") is not None and sort != "constant":
        made["final_fraction"] = draft.value("final_fraction")
    draft.put(SCHEDULE, made)
    draft.carried("scheduler", f"{SCHEDULE}/schedule_type", what, effect=bool(what))
    if not warm:
        draft.void("warmup_ratio", "a constant rate has no warm-up there")
        draft.void("warmup_steps", "a constant rate has no warm-up there")
    elif "warmup_steps" in made:
        draft.carried("warmup_steps", f"{SCHEDULE}/warmup_steps")
        draft.void("warmup_ratio", "the steps of the warm-up are given, and go before it")
    elif ratio_name == "warmup_steps":
        draft.carried("warmup_steps", f"{SCHEDULE}/warmup_ratio", "a share of the run's steps")
        draft.void("warmup_ratio", "the warm-up is given otherwise, and that goes before it")
    else:
        draft.void("warmup_steps", "no step of warm-up by number")
        if "warmup_ratio" in made:
            draft.carried("warmup_ratio", f"{SCHEDULE}/warmup_ratio")
        else:
            draft.void("warmup_ratio", "no step of warm-up is asked for")
    if "final_fraction" in made:
        draft.carried("final_fraction", f"{SCHEDULE}/final_fraction")
    else:
        draft.void("final_fraction", "a constant rate has no end")
