"""What settings are called in the programs that a spec is exported to."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runner.interchange.exporters.exported import Exported, Setting, Writer, Written, key
from runner.interchange.report import Entry

HUB = "hub:"
#: Names of data that is no file.
PACKAGED = ("sample",)


def _precision(value: str) -> Written:
    if value == "auto":
        return {"bf16": True}
    return {"bf16": value == "bfloat16", "fp16": value == "float16"}


def _steps(value: int) -> Written:
    return {"eval_strategy": "steps", "eval_steps": value, "save_strategy": "steps", "save_steps": value}


def _keep(value: str) -> Written:
    return {"load_best_model_at_end": value == "best"}


def _betas(value: list[float]) -> Written:
    return {"adam_beta1": value[0], "adam_beta2": value[1]}


def _optimizer(name: str) -> Writer:
    """AdamW and Muon; Adam itself they have not."""
    words = {"adamw": "adamw_torch", "muon": "muon"}
    return lambda value: {name: words[value]} if value in words else None


def _base(name: str) -> Writer:
    """A base model that is not one of those that come with Runner alone."""
    return lambda value: None if str(value).startswith("runner/") else {name: value}


def _size(name: str, alone: int) -> Writer:
    return lambda value: {name: alone if value == "auto" else value}


def _warmup(value: Any) -> Written:
    return {"warmup_steps": value}


def _trainer(**own: Writer) -> dict[str, Writer]:
    """What all have that end in Hugging Face's Trainer."""
    shared: dict[str, Writer] = {
        "name": key("output_dir", lambda value: f"outputs/{value}"),
        "base_model": _base("model_name_or_path"),
        "revision": key("model_revision"),
        "epochs": key("num_train_epochs"),
        "batch_size": _size("per_device_train_batch_size", 8),
        "gradient_accumulation": key("gradient_accumulation_steps"),
        "gradient_checkpointing": key("gradient_checkpointing"),
        "max_grad_norm": key("max_grad_norm"),
        "max_steps": key("max_steps"),
        "seed": key("seed"),
        "precision": _precision,
        "learning_rate": key("learning_rate"),
        "weight_decay": key("weight_decay"),
        "eps": key("adam_epsilon"),
        "betas": _betas,
        "optimizer": _optimizer("optim"),
        "scheduler": key("lr_scheduler_type"),
        "warmup_ratio": key("warmup_ratio"),
        "warmup_steps": _warmup,
        "neftune_noise_alpha": key("neftune_noise_alpha"),
        "eval_steps": _steps,
        "keep": _keep,
        "wandb_name": key("run_name"),
        "wandb_project": lambda value: {"report_to": "wandb", "project": value},
        "hub_repository": lambda value: {"push_to_hub": True, "hub_model_id": value},
        "hub_private": key("hub_private_repo"),
    }
    return shared | own


def trl(kind: str) -> dict[str, Writer]:
    def adapter(value: str) -> Written:
        if value in ("full",):
            return {"use_peft": False}
        forms = {"lora": {}, "qlora": {}, "dora": {"use_dora": True}, "rslora": {"use_rslora": True}}
        return {"use_peft": True} | forms[value] if value in forms else None

    def loss_on(value: Any) -> Written:
        return (
            {"assistant_only_loss": True}
            if value == "assistant"
            else {"completion_only_loss": False}
            if value == "all"
            else None
        )

    own: dict[str, Writer] = _trainer(
        # The command says it.
        kind=lambda value: {},
        adapter=adapter,
        rank=key("lora_r"),
        alpha=key("lora_alpha"),
        dropout=key("lora_dropout"),
        target_modules=key("lora_target_modules", lambda value: "all-linear" if value == "auto" else value),
        bits=lambda value: {f"load_in_{value}bit": True},
        bnb_4bit_quant_type=key("bnb_4bit_quant_type"),
        max_length=key("max_length"),
        template=lambda value: {"chat_template_path": value} if str(value).endswith(".jinja") else None,
        # TRL's configurations take no project and no ratio apart: the ratio is their warmup_steps below 1.
        warmup_ratio=_warmup,
    )
    if kind == "sft":
        own |= {"packing": key("packing", lambda value: value == "packed"), "loss_on": loss_on}
    if kind in ("dpo", "orpo", "kto", "grpo"):
        own["beta"] = key("beta")
    if kind in ("dpo", "kto", "grpo"):
        own["loss_type"] = key("loss_type", lambda value: [value] if kind == "dpo" else value)
    if kind == "dpo":
        own["label_smoothing"] = key("label_smoothing")
    if kind == "kto":
        own |= {"desirable_weight": key("desirable_weight"), "undesirable_weight": key("undesirable_weight")}
    if kind == "reward":
        own["center_rewards"] = key("center_rewards_coefficient")
    if kind == "grpo":
        own |= {
            "group_size": key("num_generations"),
            "max_new_tokens": key("max_completion_length"),
            "temperature": key("temperature"),
            "top_k": key("top_k"),
            "top_p": key("top_p"),
            "clip_range": key("epsilon"),
            "clip_range_high": key("epsilon_high"),
            "passes": key("num_iterations"),
            "mask_cut": key("mask_truncated_completions"),
            "scale_rewards": key("scale_rewards"),
        }
        own.pop("max_length")
    return own


def llamafactory(kind: str) -> dict[str, Writer]:
    stage = {"causal_lm": "pt", "reward": "rm", "orpo": "dpo"}.get(kind, kind)

    def adapter(value: str) -> Written:
        forms: dict[str, dict[str, Any]] = {
            "full": {"finetuning_type": "full"},
            "lora": {"finetuning_type": "lora"},
            "qlora": {"finetuning_type": "lora"},
            "dora": {"finetuning_type": "lora", "use_dora": True},
            "rslora": {"finetuning_type": "lora", "use_rslora": True},
            "last_layers": {"finetuning_type": "freeze"},
        }
        return forms.get(value)

    def loss_on(value: Any) -> Written:
        forms = {
            "assistant": {"train_on_prompt": False},
            "all": {"train_on_prompt": True},
            "last_assistant": {"mask_history": True},
        }
        return forms.get(value) if isinstance(value, str) else None

    own = _trainer(
        kind=lambda value: {"stage": stage, "do_train": True} | ({"pref_loss": "orpo"} if kind == "orpo" else {}),
        adapter=adapter,
        rank=key("lora_rank"),
        alpha=key("lora_alpha"),
        dropout=key("lora_dropout"),
        target_modules=key("lora_target", lambda value: "all" if value == "auto" else ",".join(value)),
        num_layers=key("freeze_trainable_layers"),
        bits=key("quantization_bit"),
        bnb_4bit_quant_type=key("quantization_type"),
        max_length=key("cutoff_len"),
        gradient_checkpointing=key("disable_gradient_checkpointing", lambda value: not value),
        packing=lambda value: {"packing": value == "packed"} | ({"neat_packing": True} if value == "packed" else {}),
        max_samples=key("max_samples"),
        validation_split=key("val_size"),
        template=lambda value: (
            {"template": {"llama": "llama2", "tokenizer": None, "chatml": "chatml"}.get(value, value)}
            if value in ("llama", "chatml", "alpaca", "vicuna", "zephyr", "mistral")
            else None
        ),
        patience=key("early_stopping_steps"),
        beta=key("pref_beta"),
        loss_type=lambda value: (
            {"pref_loss": value} if kind == "dpo" and value in ("sigmoid", "hinge", "ipo") else None
        ),
        desirable_weight=key("kto_chosen_weight"),
        undesirable_weight=key("kto_rejected_weight"),
        optimizer=lambda value: {"use_muon": True} if value == "muon" else _optimizer("optim")(value),
    )
    if kind == "sft":
        own["loss_on"] = loss_on
    if kind == "dpo":
        own["label_smoothing"] = key("dpo_label_smoothing")
    return own


def axolotl(kind: str) -> dict[str, Writer]:
    def adapter(value: str) -> Written:
        forms: dict[str, dict[str, Any]] = {
            "full": {},
            "lora": {"adapter": "lora"},
            "qlora": {"adapter": "qlora"},
            "dora": {"adapter": "lora", "peft_use_dora": True},
            "rslora": {"adapter": "lora", "peft_use_rslora": True},
        }
        return forms.get(value)

    def precision(value: str) -> Written:
        return {"bf16": "auto"} if value == "auto" else {"bf16": value == "bfloat16", "fp16": value == "float16"}

    def selected(value: Any) -> Written:
        return {"train_on_inputs": value == "all"} if value in ("assistant", "all") else None

    own = _trainer(
        kind=lambda value: (
            {"rl": kind} if kind in ("dpo", "orpo", "kto") else {"reward_model": True} if kind == "reward" else {}
        ),
        base_model=_base("base_model"),
        revision=key("revision_of_model"),
        epochs=key("num_epochs"),
        batch_size=_size("micro_batch_size", 1),
        optimizer=_optimizer("optimizer"),
        scheduler=key("lr_scheduler"),
        final_fraction=key("cosine_min_lr_ratio"),
        precision=precision,
        adapter=adapter,
        rank=key("lora_r"),
        alpha=key("lora_alpha"),
        dropout=key("lora_dropout"),
        target_modules=lambda value: (
            {"lora_target_linear": True} if value == "auto" else {"lora_target_modules": value}
        ),
        bits=lambda value: {f"load_in_{value}bit": True},
        max_length=key("sequence_len"),
        # Without such an attention packed rows would see each other there.
        packing=lambda value: (
            {"sample_packing": True, "flash_attention": True} if value == "packed" else {"sample_packing": False}
        ),
        validation_split=key("val_set_size"),
        template=key(
            "chat_template", lambda value: {"tokenizer": "tokenizer_default", "llama": "llama2"}.get(value, value)
        ),
        eval_steps=lambda value: {"eval_strategy": "steps", "eval_steps": value, "save_steps": value},
        patience=key("early_stopping_patience"),
        wandb_project=key("wandb_project"),
        wandb_name=key("wandb_name"),
        hub_repository=key("hub_model_id"),
        beta=key("orpo_alpha" if kind == "orpo" else "rl_beta"),
        desirable_weight=key("kto_desirable_weight"),
        undesirable_weight=key("kto_undesirable_weight"),
        center_rewards=key("center_rewards_coefficient"),
        save_as=lambda value: {"merge_lora": True} if value == "whole" else None,
    )
    own.pop("hub_private")
    if kind == "sft":
        own["loss_on"] = selected
    if kind == "dpo":
        own |= {"label_smoothing": key("dpo_label_smoothing"), "loss_type": lambda value: {"dpo_loss_type": [value]}}
    return own


TABLES: dict[str, Callable[[str], dict[str, Writer]]] = {"trl": trl, "llamafactory": llamafactory, "axolotl": axolotl}
COMMANDS: dict[str, Callable[[str], str]] = {
    "trl": lambda kind: f"trl {kind} --config FILE",
    "llamafactory": lambda kind: "llamafactory-cli train FILE",
    "axolotl": lambda kind: "axolotl train FILE",
}
FORMS = {
    "sft": "chat_template",
    "causal_lm": "completion",
    "dpo": "chat_template.default",
    "orpo": "chat_template.argilla",
    "kto": "chat_template.argilla",
    "reward": "bradley_terry.chat_template",
}


def data(made: Exported, settings: dict[str, Setting], folder: Path | None) -> None:
    """The data sets, each in the other program's way."""
    {"trl": _trl_data, "llamafactory": _llamafactory_data, "axolotl": _axolotl_data}[made.format](
        made, settings, folder
    )


def _say(made: Exported, settings: dict[str, Setting], name: str, keys: tuple[str, ...]) -> None:
    for pointer in settings[name].pointers:
        if name in ("dataset", "validation_data") and str(settings[name].value) in PACKAGED:
            what = "data that comes with Runner alone"
            made.entries.append(Entry(pointer, "no equivalent", settings[name].value, what=what, effect=True))
            continue
        made.entries.append(Entry(pointer, "carried", settings[name].value, pointers=keys))


def _value(settings: dict[str, Setting], name: str) -> Any:
    return settings[name].value if name in settings else None


def _file_type(path: str) -> str:
    stem = path.removesuffix(".gz")
    return "csv" if stem.endswith(".csv") else "parquet" if stem.endswith(".parquet") else "json"


def _trl_data(made: Exported, settings: dict[str, Setting], folder: Path | None) -> None:
    name = str(_value(settings, "dataset"))
    if name.startswith(HUB):
        owner, _, rest = name.removeprefix(HUB).partition("/")
        repository, _, files = rest.partition("/")
        one = {"path": f"{owner}/{repository}", "split": "train"} | ({"data_files": files} if files else {})
    else:
        one = {"path": _file_type(name), "data_files": name, "split": "train"}
    made.config["datasets"] = [one]
    if (share := _value(settings, "validation_split")) is not None:
        if share:
            made.config["test_split_size"] = share
            made.config.setdefault("eval_strategy", "epoch")
            made.config.setdefault("save_strategy", "epoch")
        _say(made, settings, "validation_split", ("test_split_size",))
    _say(made, settings, "dataset", ("datasets",))


def _axolotl_data(made: Exported, settings: dict[str, Setting], folder: Path | None) -> None:
    fields = {
        "messages": "field_messages",
        "tools": "field_tools",
        "role": "message_property_mappings.role",
        "content": "message_property_mappings.content",
        "text": "field",
        "chosen": "field_chosen",
        "rejected": "field_rejected",
        "system": "field_system",
    }

    def one(name: str) -> dict[str, Any]:
        if name.startswith(HUB):
            owner, _, rest = name.removeprefix(HUB).partition("/")
            repository, _, files = rest.partition("/")
            made_one: dict[str, Any] = {"path": f"{owner}/{repository}", "split": "train"}
            if files:
                made_one |= {"data_files": files}
        else:
            made_one = {"path": name, "ds_type": _file_type(name)}
        return made_one | {"type": FORMS[made.kind]}

    first = one(str(_value(settings, "dataset")))
    for role, field in fields.items():
        column = _value(settings, f"column.{role}")
        if column is None:
            continue
        head, _, tail = field.partition(".")
        if tail:
            first.setdefault(head, {})[tail] = column
        else:
            first[head] = column
        _say(made, settings, f"column.{role}", (f"datasets[0].{field}",))
    made.config["datasets"] = [first]
    _say(made, settings, "dataset", ("datasets",))
    if _value(settings, "validation_data") or _value(settings, "validation_split"):
        made.config.setdefault("eval_strategy", "epoch")
        made.config.setdefault("save_strategy", made.config["eval_strategy"])
    if _value(settings, "validation_data"):
        made.config["test_datasets"] = [one(str(_value(settings, "validation_data")))]
        _say(made, settings, "validation_data", ("test_datasets",))
    if _value(settings, "split_think") and made.kind == "sft":
        first["split_thinking"] = True
        _say(made, settings, "split_think", ("datasets[0].split_thinking",))


def _llamafactory_data(made: Exported, settings: dict[str, Setting], folder: Path | None) -> None:
    columns = {
        "messages": "messages",
        "prompt": "prompt",
        "input": "query",
        "completion": "response",
        "history": "history",
        "system": "system",
        "tools": "tools",
        "chosen": "chosen",
        "rejected": "rejected",
        "label": "kto_tag",
        "text": "prompt",
    }
    info: dict[str, Any] = {}

    def one(name: str, label: str) -> None:
        if name.startswith(HUB):
            owner, _, rest = name.removeprefix(HUB).partition("/")
            about: dict[str, Any] = {"hf_hub_url": f"{owner}/{rest.partition('/')[0]}"}
        else:
            about = {"file_name": os.path.relpath(name, folder) if folder else name}
        named = {
            theirs: str(_value(settings, f"column.{ours}"))
            for ours, theirs in columns.items()
            if _value(settings, f"column.{ours}")
        }
        if made.kind in ("dpo", "orpo", "reward"):
            about["ranking"] = True
        if "messages" in named:
            about["formatting"] = "sharegpt"
            tags = {
                f"{part}_tag": str(_value(settings, f"column.{part}"))
                for part in ("role", "content")
                if _value(settings, f"column.{part}")
            }
            about["tags"] = {
                "role_tag": "role",
                "content_tag": "content",
                "user_tag": "user",
                "assistant_tag": "assistant",
            } | tags
        if named:
            about["columns"] = named
        info[label] = about

    stem = Path(str(_value(settings, "dataset")).removeprefix(HUB)).name.partition(".")[0]
    one(str(_value(settings, "dataset")), stem)
    made.config |= {"dataset": stem, "dataset_dir": str(folder or ".")}
    _say(made, settings, "dataset", ("dataset", "dataset_dir"))
    for ours in [*columns, "role", "content"]:
        if f"column.{ours}" in settings:
            _say(made, settings, f"column.{ours}", ("dataset_info.json",))
    if _value(settings, "validation_data"):
        one(str(_value(settings, "validation_data")), f"{stem}_validation")
        made.config["eval_dataset"] = f"{stem}_validation"
        _say(made, settings, "validation_data", ("eval_dataset",))
    if _value(settings, "validation_data") or _value(settings, "validation_split"):
        made.config.setdefault("eval_strategy", "epoch")
        made.config.setdefault("save_strategy", "epoch")
    made.files["dataset_info.json"] = info
