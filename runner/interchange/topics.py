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

from runner.interchange.drafting import Draft
from runner.interchange.held_out import held_out
from runner.interchange.optimizer_topics import optimizer, schedule
from runner.interchange.spec_fields import SPEC
from runner.interchange.weights_topic import tuning


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
