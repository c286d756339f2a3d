"""A spec as a configuration of another program: what it can do of it, with the same kind of report.

A spec's fields become *settings* (:func:`settings_of`), which are neither ours nor theirs; a table of the other program
says what each is called there. Our defaults are written out where theirs could be others.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runner.errors import UsageError
from runner.interchange.exporters import export_tables
from runner.interchange.exporters.exported import Exported, Setting
from runner.interchange.report import Entry
from runner.near_names import hint
from runner.spec.checking import LoadedSpec
from runner.spec.pointers import get, join

SPEC = "/model/spec"
#: The kinds that the other programs have too.
KINDS = {
    "axolotl": ("sft", "causal_lm", "dpo", "orpo", "kto", "reward"),
    "llamafactory": ("sft", "causal_lm", "dpo", "orpo", "kto", "reward"),
    "trl": ("sft", "dpo", "orpo", "kto", "reward", "grpo"),
}

#: Those, and the programs that only rent machines: their texts are made of a run, not of a configuration.
NAMES = (*KINDS, "skypilot", "hf-jobs")


def export(loaded: LoadedSpec, target: str, folder: Path | None = None) -> Exported:
    """The other program's configuration. ``folder`` is where it is put, for files that lie beside it.

    Raises :class:`UsageError` for a program that is not known, and for a kind that it has not.
    """
    if target not in KINDS:
        raise UsageError(
            f"there is no export to {target!r}",
            where="--to",
            hint=hint(target, NAMES, ", ".join(NAMES)),
        )
    kind = loaded.kind or ""
    if kind not in KINDS[target]:
        raise UsageError(f"{target} trains no {kind or 'stored model further'}", where=f"{SPEC}/model_type",
                         hint=f"it has {', '.join(KINDS[target])}")  # fmt: skip
    value = loaded.spec.model_dump(mode="json", exclude_none=True)
    settings = settings_of(value, kind)
    table = export_tables.TABLES[target](kind)
    made = Exported(target, kind, {}, command=export_tables.COMMANDS[target](kind))
    told: dict[str, Entry] = {}
    for name, setting in settings.items():
        writer = table.get(name)
        written = writer(setting.value) if writer else None
        for pointer in setting.pointers:
            given = get(loaded.value, pointer)
            if written is None:
                if given is not None and not _same_there(name, setting.value):
                    told[pointer] = Entry(
                        pointer,
                        "no equivalent",
                        given,
                        what=f"{target} has nothing like it",
                        effect=name not in NO_EFFECT,
                    )
                elif given is not None:
                    told[pointer] = Entry(pointer, "no effect", given, what="what is done there anyway")
            elif given == "auto" and name == "batch_size":
                what = f"{target} does not look for the size: {next(iter(written.values()))} is written"
                told[pointer] = Entry(pointer, "changed", given, pointers=tuple(written), what=what)
            elif given is not None:
                told[pointer] = Entry(pointer, "carried", given, pointers=tuple(written))
        if written:
            made.config |= written
    export_tables.data(made, settings, folder)
    _account(made, loaded.value, told)
    return made


#: Settings that change nothing that is learned.
NO_EFFECT = frozenset(["executor", "log", "evaluation_limit", "schema", "name", "hub_private", "gpus"])


def _same_there(name: str, value: Any) -> bool:
    """Whether a setting that has no name there says what is done there anyway."""
    return value in (None, False, "auto", "none", [], {}) or (name == "save_as" and value == "adapter")


def _account(made: Exported, given: dict[str, Any], told: dict[str, Entry]) -> None:
    """One entry for every field of the document, and never none."""
    told |= {entry.key: entry for entry in made.entries}
    made.entries = []
    for pointer, value in _leaves(given):
        entry = told.get(pointer) or next((told[above] for above in _above(pointer) if above in told), None)
        if entry is not None:
            made.entries.append(
                Entry(pointer, entry.outcome, value, None, entry.pointers, entry.what, entry.do, entry.effect)
            )
        elif pointer in ("/$schema", "/spec_version"):
            made.entries.append(Entry(pointer, "no effect", value, what="of the spec itself"))
        else:
            effect = not pointer.startswith(("/run", "/log", "/wandb", "/hub")) and value not in (
                None,
                False,
                "auto",
                "none",
            )
            made.entries.append(
                Entry(pointer, "no equivalent", value, what=f"{made.format} has nothing like it", effect=effect)
            )


def _above(pointer: str) -> list[str]:
    parts = pointer.split("/")
    return ["/".join(parts[:end]) for end in range(len(parts) - 1, 1, -1)]


def _leaves(value: Any, path: tuple[str, ...] = ()) -> list[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        return [one for name, part in value.items() for one in _leaves(part, (*path, name))]
    return [(join(path), value)]


def settings_of(spec: dict[str, Any], kind: str) -> dict[str, Setting]:
    """What a spec says, by neutral names. ``spec`` is whole: with its defaults."""
    found: dict[str, Setting] = {}

    def put(name: str, *pointers: str, value: Any = None) -> None:
        value = get(spec, pointers[0]) if value is None else value
        if value is not None:
            found[name] = Setting(value, pointers)

    put("kind", f"{SPEC}/model_type")
    put("name", "/model/name")
    plain = (
        "revision max_length packing max_grad_norm gradient_checkpointing gradient_accumulation seed max_steps"
        " precision"
        " neftune_noise_alpha loss_on label_smoothing beta loss_type desirable_weight undesirable_weight center_rewards"
        " save_as group_size max_new_tokens temperature top_k top_p clip_range clip_range_high passes mask_cut"
        " scale_rewards"
        " rewards keep"
    )
    for name in plain.split():
        put(name, f"{SPEC}/{name}")
    put("base_model", f"{SPEC}/base_model_name")
    put("template", f"{SPEC}/chat/template")
    for name in ("epochs", "batch_size"):
        put(name, f"/{name}")
    put("eval_steps", f"{SPEC}/evaluation/every")
    for name in ("patience", "min_delta"):
        put(name, f"{SPEC}/early_stopping/{name}")
    tuning = f"{SPEC}/finetuning_spec"
    method = get(spec, f"{tuning}/method")
    put("adapter", f"{tuning}/method")
    for name in (
        "rank",
        "alpha",
        "dropout",
        "target_modules",
        "bnb_4bit_quant_type",
        "bnb_4bit_compute_dtype",
        "num_layers",
    ):
        put(name, f"{tuning}/{name}")
    if method == "qlora":
        put("bits", f"{tuning}/load_in_4bit", value=4 if get(spec, f"{tuning}/load_in_4bit") else 8)
    optimizer = f"{SPEC}/optimizer"
    put("optimizer", f"{optimizer}/optimizer_type")
    for name in ("learning_rate", "weight_decay", "eps", "betas", "lr_decay_gamma"):
        put(name, f"{optimizer}/{name}")
    schedule = f"{SPEC}/schedule"
    warm = get(spec, f"{schedule}/warmup_steps") or get(spec, f"{schedule}/warmup_ratio")
    sort = get(spec, f"{schedule}/schedule_type") or "constant"
    put("scheduler", f"{schedule}/schedule_type", value="constant_with_warmup" if sort == "constant" and warm else sort)
    for name in ("warmup_ratio", "warmup_steps", "final_fraction"):
        put(name, f"{schedule}/{name}")
    for name in ("dataset", "validation_data", "max_samples", "split_think", "validation_split"):
        put(name, f"/data/{name}")
    if get(spec, "/data/validation_data"):
        found.pop("validation_split", None)
    for name in get(spec, "/data/columns") or {}:
        put(f"column.{name}", f"/data/columns/{name}")
    put("wandb_project", "/wandb/project")
    put("wandb_name", "/wandb/experiment_name")
    put("hub_repository", "/hub/repository")
    put("hub_private", "/hub/private")
    held = bool(get(spec, "/data/validation_data")) or (get(spec, "/data/validation_split") or 0) > 0
    if not held:
        for name in ("eval_steps", "patience", "min_delta", "keep"):
            found.pop(name, None)
    return found
