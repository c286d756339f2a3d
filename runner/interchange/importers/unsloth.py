"""Unsloth: ``unsloth train`` with its YAML, ``unsloth-cli.py``, and the arguments that a script of it is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.interchange import rules
from runner.interchange.drafting import Draft
from runner.interchange.format import Chosen, Format
from runner.interchange.importers import hf_arguments
from runner.interchange.importers import trl as trl_format
from runner.interchange.importers.data_names import named
from runner.interchange.leaves import Leaves
from runner.interchange.rules import Dead, Lost, Refused, Rule, Secret, Table, To, each

SEVEN = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


CODE = "no code of the script is run: rows are read as they lie there"
COLUMNS = "runner data check shows what is read of them; name their columns in data.columns"
#: What a script does to rows before they are learned.
ROWS: dict[str, Rule] = {
    "rows.map": Lost(CODE, COLUMNS),
    "rows.filter": Lost(CODE, "write the rows that are left into a file, and name that"),
    "rows.select": Lost(CODE, "set data.max_samples, or write the rows that are left into a file"),
    "rows.shuffle": Dead("rows are drawn in another order every epoch"),
    "rows.train_test_split": Lost("which rows are held out is told by the spec", "set data.validation_split"),
    "rows.rename_column": Lost(CODE, COLUMNS),
    "rows.rename_columns": Lost(CODE, COLUMNS),
    "rows.remove_columns": Dead("columns that are not named are not read"),
    "rows.concatenate_datasets": Lost("a spec has one data set", "put their files into one folder, and name that"),
    "rows.interleave_datasets": Lost("a spec has one data set", "put their files into one folder, and name that"),
    "rows.standardize_sharegpt": Dead("turns are found by either form's names"),
    "rows.standardize_data_formats": Dead("turns are found by either form's names"),
    "rows.to_sharegpt": Lost(CODE, COLUMNS),
    "rows.apply_chat_template": Lost(CODE, "a template is named in model.spec.chat.template"),
}


def _script(leaves: Leaves) -> bool:
    return leaves.has("model") and (
        leaves.has("peft") or leaves.has("args") or leaves.has("trainer") or leaves.has("model.max_seq_length")
    )


def kind(leaves: Leaves) -> Chosen:
    given = str(leaves.get("(trainer)", ""))
    if given in trl_format.TRAINERS:
        return Chosen(trl_format.TRAINERS[given])
    if leaves.get("data.format_type") == "raw" or leaves.get("format_type") == "raw" or leaves.get("raw_text_file"):
        return Chosen("causal_lm")
    return Chosen("sft")


def checkpointing(value: Any) -> bool:
    return str(value).casefold() == "unsloth" or rules.flag(value)


def _raw(value: Any) -> str:
    return rules.text(value)


def table(kind: str) -> Table:
    missing = Lost("there is no such part here", "leave it out, or keep to their program for it")
    shared: dict[str, Rule] = {
        "max_seq_length": To("/model/spec/max_length", rules.whole),
        "max_length": To("/model/spec/max_length", rules.whole),
        "load_in_4bit": To("bits4", rules.flag),
        "load_in_8bit": To("bits8", rules.flag),
        "full_finetuning": To("adapter", lambda value: "full" if rules.flag(value) else None),
        "learning_rate": To("learning_rate", rules.number),
        "weight_decay": To("weight_decay", rules.number),
        "warmup_steps": To("warmup_steps", rules.number),
        "warmup_ratio": To("warmup_ratio", rules.number),
        "max_steps": To("max_steps", rules.whole),
        "num_epochs": To("epochs", rules.number),
        "batch_size": To("/batch_size", rules.whole),
        "random_seed": To("/model/spec/seed", rules.whole),
        "random_state": Dead("the seed of the adapter's first weights: the run's seed is for all here"),
        "lora_r": To("rank", rules.whole),
        "r": To("rank", rules.whole),
        "lora_alpha": To("alpha", rules.number),
        "lora_dropout": To("dropout", rules.number),
        "target_modules": To("targets", hf_arguments.targets),
        "use_rslora": To("rslora", rules.flag),
        "use_dora": To("dora", rules.flag),
        "bias": Lost("biases are not trained beside an adapter", "", off=("none",)),
        "loftq_config": missing,
        "loftq_config.**": missing,
        "use_loftq": missing,
        "modules_to_save": missing,
        "layers_to_transform": missing,
        "layers_pattern": missing,
        "init_lora_weights": missing,
        "rank_pattern.**": missing,
        "task_type": Dead("the task is the kind's"),
        "inference_mode": Dead("told by the command"),
        "use_gradient_checkpointing": To("/model/spec/gradient_checkpointing", checkpointing),
        "gradient_checkpointing": To("/model/spec/gradient_checkpointing", checkpointing),
        "packing": To("/model/spec/packing", lambda value: "packed" if rules.flag(value) else "none"),
        "train_on_completions": To("loss_on", lambda value: "assistant" if rules.flag(value) else "all"),
        "finetune_vision_layers": Dead("pictures are not read in this training"),
        "finetune_language_layers": Lost("the language model is what is trained", "", off=(True,)),
        "finetune_attention_modules": Lost("modules are named", "see finetuning_spec.target_modules", off=(True,)),
        "finetune_mlp_modules": Lost("modules are named", "see finetuning_spec.target_modules", off=(True,)),
        "vision_all_linear": Dead("pictures are not read in this training"),
        "token": Secret("HF_TOKEN"),
        "hf_token": Secret("HF_TOKEN"),
        "hub_token": Secret("HF_TOKEN"),
        "wandb_token": Secret("WANDB_API_KEY"),
        "trust_remote_code": Refused(
            "code of a model's repository is never run here", "choose a model of an architecture that transformers has"
        ),
        "enable_wandb": To("=wandb", rules.flag),
        "wandb_project": To("wandb_project", rules.text),
        "dtype": To("=precision", hf_arguments.PRECISION),
        "device_map": Dead(hf_arguments.MACHINE),
        "fast_inference": Dead(hf_arguments.MACHINE),
        "gpu_memory_utilization": Dead(hf_arguments.MACHINE),
        "max_lora_rank": Dead(hf_arguments.MACHINE),
        "attn_implementation": Dead(hf_arguments.MACHINE),
        "use_exact_model_name": Dead(hf_arguments.MACHINE),
        "fix_tokenizer": Dead(hf_arguments.MACHINE),
        "rope_scaling": missing,
        "enable_tensorboard": Dead(hf_arguments.LOGGING),
        "tensorboard_dir": Dead(hf_arguments.LOGGING),
        "save_steps": Dead(hf_arguments.SAVING),
        "adapter_file": Dead(hf_arguments.SAVING),
        "save_path": Dead(hf_arguments.SAVING),
        "save_model": Dead("a model that was trained is always stored here"),
        "save_method": To("merged", rules.word({"merged_16bit": True, "merged_4bit": True, "lora": False})),
        "save_gguf": Lost("a stored model is exported by a command", "runner models export", effect=False),
        "quantization": Lost("a stored model is exported by a command", "runner models export", effect=False),
        "push_model": To("hub", rules.flag),
        "push_gguf": Lost("a stored model is exported by a command", "runner models export", effect=False),
        "hub_path": To("hub_repository", rules.text),
        "format_type": Dead("rows are read by their columns: runner data check shows them"),
        "raw_text_file": Dead("told with the data"),
        "chunk_size": To("/model/spec/max_length", rules.whole),
        "stride": Lost("pieces of a text do not overlap here", "", off=(0,)),
        "training_mode": Dead("told by the data"),
        "training_type": To("adapter", rules.word({"lora": "lora", "full": "full"})),
        "embedding_learning_rate": missing,
        "chat_template": To("template", rules.text),
        "instruction_part": Dead("which turns are learned is told by their roles here"),
        "response_part": Dead("which turns are learned is told by their roles here"),
        "only": To("loss_on", lambda value: "assistant"),
        "formatting_func": Lost(CODE, COLUMNS),
        "callbacks": Lost("no code of the script is run", "see early_stopping and the run's events"),
        "compute_metrics": Lost("no code of the script is run", "each task has its measures", effect=False),
        "mapping.**": Lost("names of a turn's fields", "set data.columns.role and data.columns.content"),
        "map_eos_token": Dead("the template's own end is learned"),
        "bnb_4bit_quant_type": To("quant_type", rules.text),
        "bnb_4bit_compute_dtype": To("compute_dtype", hf_arguments.PRECISION),
        "bnb_4bit_use_double_quant": Lost(
            "a second quantisation, of the first's constants, saves memory alone", "", effect=False
        ),
    }
    trl_rules = {name: rule for name, rule in trl_format.table(kind).items() if name not in shared}
    flags = {
        **trl_rules,
        **shared,
        "model": To("/model/spec/base_model_name", rules.text),
        "model_name": To("/model/spec/base_model_name", rules.text),
        "dataset": Dead("told with the data"),
        "local_dataset": Dead("told with the data"),
        "config": Dead("read"),
    }
    found: dict[str, Rule] = flags | ROWS
    for prefix in (
        "data",
        "training",
        "lora",
        "logging",
        "peft",
        "args",
        "trainer",
        "model",
        "dataset",
        "template",
        "responses",
        "bits",
        "saved",
    ):
        found |= {f"{prefix}.{name}": rule for name, rule in flags.items() if "." not in name or name.endswith(".**")}
    found["model.pretrained_model_name_or_path"] = flags["model"]
    found |= each(
        "dataset.path dataset.name dataset.split dataset.data_files dataset.tokenizer", Dead("told with the data")
    )
    found |= {"args.chat_template": flags["chat_template"], "model.revision": To("/model/spec/revision", rules.text)}
    return found


def defaults(kind: str, leaves: Leaves) -> Mapping[str, Any]:
    """Of a script those of Unsloth's functions and TRL's configuration; else those of its two command lines."""
    peft = "full" if rules.is_off(leaves.get("model.full_finetuning", False)) is False else "lora"
    if _script(leaves):
        trl_ones = trl_format.defaults(kind, leaves)
        found = {
            name: value
            for name, value in trl_ones.items()
            if name not in ("adapter", "targets", "rank", "alpha", "dropout", "precision")
        }
        return found | {
            "adapter": peft if leaves.has("peft") or peft == "full" else "full",
            "rank": 16,
            "alpha": 16,
            "dropout": 0.0,
            "targets": SEVEN,
            "bits4": True,
            "/model/spec/gradient_checkpointing": True,
            "precision": None if any(leaves.has(f"args.{name}") for name in ("bf16", "fp16")) else "auto",
            "/model/spec/max_length": leaves.get("model.max_seq_length", 2048),
        }
    shared = {
        "adapter": "lora",
        "/model/spec/max_length": 2048,
        "learning_rate": 2e-4,
        "weight_decay": 0.01,
        "warmup_steps": 5,
        "/batch_size": 2,
        "/model/spec/gradient_accumulation": 4,
        "scheduler": "linear",
        "optimizer": "adamw_8bit",
        "dropout": 0.0,
        "alpha": 16,
        "targets": SEVEN,
        "/model/spec/gradient_checkpointing": True,
        "precision": "auto",
        "/model/spec/seed": 3407,
        "val_share": 0,
        "keep_best": False,
        "loss_on": "all" if kind == "sft" else None,
        "merged": True,
    }
    if leaves.has("model_name"):
        return shared | {"rank": 16, "max_steps": 400, "bits4": None}
    return shared | {"rank": 64, "epochs": 3, "bits4": True, "merged": False}


def prepare(draft: Draft) -> None:
    leaves = draft.leaves
    for key in ("data.dataset", "dataset", "dataset.path", "raw_text_file"):
        leaf = leaves.leaf(key)
        if leaf is None or not isinstance(leaf.value, str):
            continue
        files = leaves.get("dataset.data_files")
        path = (
            files
            if key == "dataset.path" and isinstance(files, str) and leaf.value in ("json", "csv", "parquet")
            else leaf.value
        )
        found = named(path, draft.cwd, leaves.get("dataset.split"), leaves.get("dataset.name"))
        draft.put("/data/dataset", found.name)
        draft.say(
            leaf, "changed" if found.what else "carried", found.what, pointers=("/data/dataset",), effect=found.effect
        )
        for other in ("dataset.split", "dataset.name", "dataset.data_files"):
            if one := leaves.leaf(other):
                draft.say(one, "carried", pointers=("/data/dataset",))
        break
    for key in ("data.local_dataset", "local_dataset"):
        leaf = leaves.leaf(key)
        if leaf is None or rules.is_off(leaf.value) or draft.get("/data/dataset"):
            continue
        names = rules.listed(leaf.value)
        draft.put("/data/dataset", names[0])
        several = len(names) > 1
        draft.say(
            leaf,
            "changed" if several else "carried",
            "a spec has one data set: the first is taken" if several else "",
            pointers=("/data/dataset",),
            effect=several,
        )
    for key in ("trainer.dataset_text_field", "args.dataset_text_field"):
        leaf = leaves.leaf(key)
        if leaf is not None and (leaves.has("rows.map") or leaves.has("rows.apply_chat_template")):
            draft.say(leaf, "no equivalent", "code of the script makes that column", COLUMNS, effect=True)
    for leaf in leaves:
        if leaf.key.startswith("dataset.") and not draft.said(leaf) and "#" in leaf.key:
            draft.say(
                leaf,
                "no equivalent",
                "a second data set of the script: the first is taken",
                "set data.validation_data to it if it is measured on",
                effect=True,
            )


def finish(draft: Draft) -> None:
    trl_format.text_field(draft)
    loss = draft.value("loss_on")
    if loss is not None and draft.has_field("/model/spec/loss_on") and draft.kind == "sft":
        draft.put("/model/spec/loss_on", loss)
        draft.carried("loss_on", "/model/spec/loss_on")
    elif draft.given("loss_on"):
        draft.void("loss_on", f"has none in a training of {draft.kind}")
    trl_format.beta(draft)
    trl_format.drawing(draft)
    trl_format.rewards(draft)
    trl_format.weights(draft)


def fits(leaves: Leaves) -> int:
    if leaves.source.endswith(".py"):
        return 10
    top = set(leaves.top())
    if "training" in top and top <= {"model", "data", "training", "lora", "logging"}:
        return 3 + len(top)
    return 0


FORMAT = Format(
    "unsloth",
    "Unsloth",
    kind,
    table,
    fits,
    defaults,
    prepare,
    finish,
    about=(
        "`unsloth train --config x.yaml`, `unsloth-cli.py`, or a script's text: literal arguments alone are read, "
        "and nothing of it is run."
    ),
    kinds=("sft", "dpo", "grpo"),
)
