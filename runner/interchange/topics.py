"""The parts of a spec that need several settings at once, laid down from what was taken of a configuration.

Topics' settings, by name: ``name``; ``adapter``, ``use_adapter``, ``bits4``, ``bits8``, ``bits``, ``rank``, ``alpha``,
``dropout``, ``targets``, ``all_linear``, ``dora``, ``rslora``, ``quant_type``, ``compute_dtype``, ``last_layers``,
``merged``; ``optimizer``, ``learning_rate``, ``weight_decay``, ``beta1``, ``beta2``, ``eps``; ``scheduler``,
``warmup_ratio``, ``warmup_steps``, ``final_fraction``; ``bf16``, ``fp16``, ``precision``; ``epochs``, ``max_steps``;
``val_share``, ``val_data``, ``eval_strategy``, ``eval_steps``, ``evals_per_epoch``, ``keep_best``, ``measure``,
``patience``, ``min_delta``;
``wandb``, ``wandb_project``, ``wandb_name``; ``hub``, ``hub_repository``, ``hub_private``; ``template``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from runner.interchange.drafting import Draft
from runner.interchange.held_out import held_out

SPEC = "/model/spec"
TUNING = f"{SPEC}/finetuning_spec"
OPTIMIZER = f"{SPEC}/optimizer"
SCHEDULE = f"{SPEC}/schedule"

#: Which field of a spec each of them ends in, for the documents.
FIELDS = {
    "name": "/model/name", "adapter": f"{TUNING}/method", "use_adapter": f"{TUNING}/method",
    "bits": f"{TUNING}/load_in_4bit", "bits4": f"{TUNING}/load_in_4bit", "bits8": f"{TUNING}/load_in_4bit",
    "rank": f"{TUNING}/rank", "alpha": f"{TUNING}/alpha", "dropout": f"{TUNING}/dropout",
    "targets": f"{TUNING}/target_modules", "all_linear": f"{TUNING}/target_modules", "dora": f"{TUNING}/method",
    "rslora": f"{TUNING}/method", "quant_type": f"{TUNING}/bnb_4bit_quant_type",
    "compute_dtype": f"{TUNING}/bnb_4bit_compute_dtype", "last_layers": f"{TUNING}/num_layers",
    "merged": f"{SPEC}/save_as", "optimizer": f"{OPTIMIZER}/optimizer_type",
    "learning_rate": f"{OPTIMIZER}/learning_rate", "weight_decay": f"{OPTIMIZER}/weight_decay",
    "beta1": f"{OPTIMIZER}/betas", "beta2": f"{OPTIMIZER}/betas",
    "betas": f"{OPTIMIZER}/betas", "eps": f"{OPTIMIZER}/eps",
    "scheduler": f"{SCHEDULE}/schedule_type", "warmup_ratio": f"{SCHEDULE}/warmup_ratio",
    "warmup_steps": f"{SCHEDULE}/warmup_steps", "final_fraction": f"{SCHEDULE}/final_fraction",
    "bf16": f"{SPEC}/precision", "fp16": f"{SPEC}/precision", "precision": f"{SPEC}/precision", "epochs": "/epochs",
    "max_steps": f"{SPEC}/max_steps", "val_share": "/data/validation_split", "val_data": "/data/validation_data",
    "eval_strategy": f"{SPEC}/evaluation/every", "eval_steps": f"{SPEC}/evaluation/every",
    "evals_per_epoch": f"{SPEC}/evaluation/every", "keep_best": f"{SPEC}/keep",
    "processes": "/run/processes", "processes_each": "/run/processes", "machines": "/run/engine/nodes",
    "launched_precision": f"{SPEC}/precision",
    "measure": f"{SPEC}/evaluation/measure", "patience": f"{SPEC}/early_stopping/patience",
    "min_delta": f"{SPEC}/early_stopping/min_delta", "wandb": "/wandb/project", "wandb_project": "/wandb/project",
    "wandb_name": "/wandb/experiment_name", "hub": "/hub/repository", "hub_repository": "/hub/repository",
    "hub_owner": "/hub/repository", "hub_private": "/hub/private", "template": f"{SPEC}/chat/template",
    "batch": "/batch_size", "accumulation": f"{SPEC}/gradient_accumulation", "loss_on": f"{SPEC}/loss_on",
    "response_only": f"{SPEC}/loss_on", "train_on_prompt": f"{SPEC}/loss_on", "mask_history": f"{SPEC}/loss_on",
    "beta": f"{SPEC}/beta", "group": f"{SPEC}/group_size", "new_tokens": f"{SPEC}/max_new_tokens",
    "completion_length": f"{SPEC}/max_new_tokens", "temperature": f"{SPEC}/temperature", "top_p": f"{SPEC}/top_p",
    "top_k": f"{SPEC}/top_k", "reward_funcs": f"{SPEC}/rewards", "reward_weights": f"{SPEC}/rewards",
    "reward_model": f"{SPEC}/rewards", "teacher": f"{SPEC}/teacher", "teacher_revision": f"{SPEC}/teacher",
    "lmbda": f"{SPEC}/on_policy/share", "kl": f"{SPEC}/kl_coefficient", "block": f"{SPEC}/max_length",
    "model_max_length": f"{SPEC}/max_length", "neat_packing": f"{SPEC}/packing", "pref_loss": f"{SPEC}/loss_type",
    "sft_text": "/data/columns", "sft_prompt": "/data/columns/prompt", "text_field": "/data/columns/text",
    "st_target": "/data/columns/score", "learner": f"{SPEC}/learner", "trials": f"{SPEC}/learner/trials",
    "time_limit": f"{SPEC}/learner/time_limit", "half": f"{SPEC}/precision", "prompt_template": f"{SPEC}/chat/template",
    "split_shares": "/data/validation_split", "split_type": "/data/validation_split",
    "split_val": "/data/validation_split",
    "split_column": "/data/split_column", "encoder": f"{SPEC}/base_model_name",
    "early": f"{SPEC}/early_stopping/patience",
    "task_word": f"{SPEC}/model_type",
}  # fmt: skip

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


def lay(draft: Draft) -> None:
    """Everything that was taken, into the spec, with what became of each."""
    for topic in TOPICS:
        topic(draft)


def model_name(draft: Draft) -> None:
    """What the model is called: by the folder or project that theirs goes to."""
    given = draft.value("name")
    base = str(draft.value(f"{SPEC}/base_model_name") or "")
    stem = re.split(r"[/\\]", base.rstrip("/"))[-1]
    raw = str(given) if given else f"{stem}-{draft.kind}" if stem else draft.kind
    name = re.split(r"[/\\]", raw.rstrip("/\\"))[-1]
    name = re.sub(r"[\x00-\x1f]", "", name).lstrip(" .-").replace("..", ".")[:128] or draft.kind
    draft.put("/model/name", name)
    if given and draft.given("name"):
        where = "" if raw == name else "the model is stored by this name in the workspace, and in no folder of yours"
        draft.carried("name", "/model/name", where)


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


def precision(draft: Draft) -> None:
    """What is computed with. Their bf16 and fp16 are two switches, ours is a word."""
    pointer = f"{SPEC}/precision"
    names = ("precision", "bf16", "fp16")
    if not draft.has_field(pointer):
        for name in names:
            draft.lost(name, f"{draft.kind} has no precision to choose", effect=False)
        return
    word = draft.value("precision")
    if word is None and ("bf16" in draft.taken or "fp16" in draft.taken):
        bf16, fp16 = draft.value("bf16"), draft.value("fp16")
        if fp16 == "auto" or bf16 == "auto":
            word = "float16" if fp16 is True else "auto"
        elif fp16 and not (draft.given("bf16") and bf16):
            word = "float16"
        else:
            word = "bfloat16" if bf16 else "float32"
    if word is None:
        return
    draft.put(pointer, word)
    source = "precision" if draft.value("precision") is not None else "bf16" if word in ("bfloat16", "auto") else "fp16"
    for name in names:
        taken = draft.taken.get(name)
        if taken is None:
            continue
        if name == source or (word == "float32" and draft.given(name)):
            draft.carried(name, pointer)
        else:
            draft.void(name, f"the other word goes before it: {word}")
    if not any(draft.given(name) for name in names):
        draft.carried(source if source in draft.taken else next(name for name in names if name in draft.taken), pointer)


def length(draft: Draft) -> None:
    """Epochs, or steps, whichever ends the run there."""
    epochs, steps = draft.value("epochs"), draft.value("max_steps")
    steps = steps if steps and steps > 0 else None
    if steps and draft.has_field(f"{SPEC}/max_steps"):
        draft.put(f"{SPEC}/max_steps", steps)
        draft.carried("max_steps", f"{SPEC}/max_steps")
        if draft.given("epochs"):
            draft.void("epochs", "the steps end the run; the data are gone over until then")
        draft.put("/epochs", 100_000)
        draft.notes.append("max_steps ends the run there, whatever the epochs: `epochs` is therefore large")
        return
    draft.void("max_steps", "not asked for: the epochs end the run")
    if draft.value("max_steps") and steps and draft.given("max_steps"):
        draft.lost("max_steps", f"{draft.kind} is not trained by steps", "give epochs")
    if epochs is None:
        return
    if isinstance(epochs, float) and not epochs.is_integer():
        whole = max(1, math.ceil(epochs))
        draft.put("/epochs", whole)
        draft.carried(
            "epochs",
            "/epochs",
            f"whole epochs alone are counted here: {whole}",
            "end within one by model.spec.max_steps",
            effect=True,
        )
        return
    draft.put("/epochs", int(epochs))
    draft.carried("epochs", "/epochs")


def tracking(draft: Draft) -> None:
    """Weights & Biases, where it is asked for; every run has a page and a log of its own besides."""
    project = draft.value("wandb_project")
    on = draft.value("wandb", bool(project))
    if not on:
        draft.void("wandb", "every run has a page of its own, and no other service is told")
        draft.void("wandb_project", "W&B is not asked for")
        draft.void("wandb_name", "W&B is not asked for")
        return
    draft.put("/wandb/project", str(project or "runner").replace("/", "-"))
    draft.carried("wandb", "/wandb/project")
    draft.carried("wandb_project", "/wandb/project")
    if draft.value("wandb_name"):
        draft.put("/wandb/experiment_name", str(draft.value("wandb_name"))[:128])
        draft.carried("wandb_name", "/wandb/experiment_name")


def hub(draft: Draft) -> None:
    """The repository that the model goes to."""
    repository = draft.value("hub_repository")
    if not draft.value("hub", False):
        draft.void("hub", "nothing is pushed")
        for name in ("hub_repository", "hub_private"):
            draft.void(name, "nothing is pushed")
        return
    if not repository or "/" not in str(repository) or "${" in str(repository):
        draft.lost("hub", "whose repository it is, is not said", "set hub.repository to OWNER/NAME", effect=False)
        draft.lost("hub_repository", "is no OWNER/NAME", "set hub.repository", effect=False)
        draft.void("hub_private", "no repository is named")
        return
    draft.put("/hub/repository", str(repository))
    draft.carried("hub_repository", "/hub/repository")
    draft.carried("hub", "/hub/repository")
    if draft.value("hub_private") is not None:
        draft.put("/hub/private", bool(draft.value("hub_private")))
        draft.carried("hub_private", "/hub/private")


#: Chat formats that both have; others come with a model's tokenizer.
TEMPLATES = {name: name for name in ["tokenizer", "chatml", "alpaca", "llama", "vicuna", "zephyr", "mistral"]} | {
    "tokenizer_default": "tokenizer",
    "default": "tokenizer",
    "llama2": "llama",
    "auto": "tokenizer",
}


def template(draft: Draft) -> None:
    """How conversations become text. A name that is not ours stands for a family whose tokenizer has it."""
    name, pointer = draft.value("template"), f"{SPEC}/chat/template"
    if name is None:
        return
    if not draft.has_field(pointer):
        draft.void("template", f"{draft.kind} reads no conversations")
        return
    word = str(name)
    fallback = word.removeprefix("tokenizer_default_fallback_")
    if word.endswith(".jinja"):
        draft.put(pointer, word)
        draft.carried("template", pointer)
    elif fallback.casefold() in TEMPLATES:
        draft.put(pointer, TEMPLATES[fallback.casefold()])
        draft.carried("template", pointer)
    else:
        draft.put(pointer, "tokenizer")
        what = f"the template of the base model's own tokenizer, which for a model of the {word} family is {word}'s"
        draft.carried(
            "template",
            pointer,
            what,
            "name a format or a .jinja file if the tokenizer has none: docs/language_models.md",
        )


TOPICS: tuple[Callable[[Draft], None], ...] = (
    model_name,
    tuning,
    optimizer,
    schedule,
    precision,
    length,
    held_out,
    tracking,
    hub,
    template,
)
