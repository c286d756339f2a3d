"""SFT-Play (Xyne-Play): its YAML, of which a run's file lies over the base that it includes.

Some documented keys are read by none of its scripts; the report says of them that they had no effect there either.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.interchange import rules
from runner.interchange.drafting import Draft
from runner.interchange.format import Chosen, Format
from runner.interchange.importers import hf_arguments
from runner.interchange.importers.data_names import named
from runner.interchange.leaves import Leaves
from runner.interchange.rules import Dead, Decides, Lost, Refused, Rule, Table, To, each

DEAD = "none of its scripts reads it"


def _auto(number: int, read: Any) -> Any:
    return lambda value: number if str(value).casefold() == "auto" else read(value)


def kind(leaves: Leaves) -> Chosen:
    mode = str(leaves.get("task_mode", "sft")).casefold()
    if str(leaves.get("model.type", "causal")).casefold() == "seq2seq":
        return Chosen("seq2seq")
    if mode == "cpt":
        return Chosen("causal_lm")
    if mode == "cpt_mixed":
        return Chosen("causal_lm", "a mixture of plain texts and conversations: plain texts are taken")
    return Chosen("sft")


def table(kind: str) -> Table:
    own: dict[str, Rule] = {
        "seed": To("/model/spec/seed", rules.whole),
        "run_name": Dead(f"{DEAD}: the run's name in TensorBoard is a constant"),
        "mode": Dead(f"{DEAD}: they look for task_mode"),
        "task_mode": Decides(),
        "model.type": Decides(),
        "model.name": To("/model/spec/base_model_name", rules.text),
        "model.local_dir": Dead("where a model is downloaded to: the Hub's cache has it here"),
        "model.revision": To("/model/spec/revision", rules.text),
        "model.trust_remote_code": Refused(
            "code of a model's repository is never run here", "choose a model of an architecture that transformers has"
        ),
        "model.max_seq_len": To("/model/spec/max_length", rules.whole),
        "block_size": To("/model/spec/max_length", rules.whole) if kind == "causal_lm" else Dead("has none in sft"),
        "pack_factor": Dead("how much is tokenised at a time"),
        "tuning.mode": To("adapter", rules.word({"qlora": "qlora", "lora": "lora", "full": "full"})),
        "tuning.backend": Lost(
            "what computes is PyTorch, with bitsandbytes for quantised weights", "", effect=False, off=("bnb",)
        ),
        "tuning.lora.r": To("rank", rules.whole),
        "tuning.lora.alpha": To("alpha", rules.number),
        "tuning.lora.dropout": To("dropout", rules.number),
        "tuning.lora.target_modules": To("targets", _targets),
        "train.epochs": To("epochs", rules.number),
        "train.lr": To("learning_rate", rules.number),
        "train.learning_rate": Dead(
            f"{DEAD} but the distributed one: a run of train.py learns at train.lr, or at 2e-4"
        ),
        "train.weight_decay": To("weight_decay", rules.number),
        "train.warmup_ratio": To("warmup_ratio", rules.number),
        "train.batch_size": To("/batch_size", _auto(1, rules.whole), ""),
        "train.grad_accum": To("/model/spec/gradient_accumulation", _auto(16, rules.whole), ""),
        "train.fp16": To("half", rules.flag),
        "train.bf16": Dead(f"{DEAD} but for a stamp: its models are float16"),
        "train.evaluation_strategy": To("eval_strategy", hf_arguments.STRATEGY),
        "train.eval_strategy": To("eval_strategy", hf_arguments.STRATEGY),
        "train.eval_steps": To("eval_steps", rules.number),
        "train.load_best_model_at_end": To("keep_best", rules.flag),
        "train.metric_for_best_model": To("measure", rules.text),
        "train.greater_is_better": Dead("which way a measure is better is known of every measure here"),
        "train.output_dir": To("name", rules.text),
        "train.steps": Dead(DEAD),
        "train.resume_from_checkpoint": Lost("a run is resumed by its name", "runner train --resume RUN", effect=False),
        "train.deepspeed": Lost("DeepSpeed is not used here", 'run.processes, and run.sharding "full"', effect=False),
        "data.train_path": Dead("told with the data"),
        "data.val_path": Dead("told with the data"),
        "data.test_path": Lost(
            "a test set is measured by a command of its own", "runner infer, or runner evaluate", effect=False
        ),
        "data.raw_path": Lost(
            "raw files are read by runner data convert, or as they are", "see data.dataset", effect=False
        ),
        "data.format": Dead(DEAD),
        "data.cache_dir": Dead(DEAD),
        "data.template_path": To("prompt_template", rules.text),
        "datasets[*].name": Dead("a name alone"),
        "datasets[*].path": Dead("told with the data"),
        "datasets[*].type": Dead("told with the data"),
        "datasets[*].weight": Lost(
            "a spec has one data set, and no mixture", "write the rows into one file in that ratio"
        ),
        "datasets": Dead("empty"),
        "include": Dead("told below: its settings are read with these"),
        "trust_remote_code": Refused("code of a model's repository is never run here"),
    }
    split = {f"data.split.{name}_ratio": To(f"split_{name}", rules.number) for name in ("train", "val", "test")}
    return (
        own
        | split
        | each(
            "train.lr_scheduler_type train.optim train.gradient_checkpointing train.logging_steps logging.backend"
            " logging.log_interval logging.**",
            Dead(DEAD),
        )
        | each("train.save_strategy train.save_steps train.save_total_limit", Dead(hf_arguments.SAVING))
        | each(
            "train.dataloader_num_workers train.num_workers train.pin_memory train.dataloader_pin_memory"
            " train.target_tokens_per_device_step"
            " train.autoscale_alpha train.ddp_bucket_cap_mb train.per_device_eval_batch_size train.final_eval"
            " train.generation_max_new_tokens train.generation_num_beams",
            Dead(hf_arguments.MACHINE),
        )
        | each(
            "gen.max_new_tokens gen.temperature gen.top_p",
            Dead("how answers are drawn, which changes no weight: runner infer, runner chat"),
        )
    )


def _targets(value: Any) -> Any:
    return (
        ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
        if str(value) == "auto"
        else hf_arguments.targets(value)
    )


def defaults(kind: str, leaves: Leaves) -> Mapping[str, Any]:
    return {
        "adapter": "qlora",
        "rank": 32,
        "alpha": 64,
        "dropout": 0.05,
        "targets": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
        "epochs": 3,
        "learning_rate": 2e-4,
        "weight_decay": 0.01,
        "warmup_ratio": 0.06,
        "scheduler": "linear",
        "/batch_size": 1,
        "/model/spec/gradient_accumulation": 16,
        "/model/spec/max_length": 512,
        "keep_best": True,
        "merged": False,
        "val_share": 0,
        "/model/spec/seed": 42,
        "precision": "float16",
    }


def prepare(draft: Draft) -> None:
    leaves = draft.leaves
    train, val = leaves.leaf("data.train_path"), leaves.leaf("data.val_path")
    first = leaves.leaf("datasets[0].path")
    if draft.kind == "causal_lm" and first is not None:
        draft.put("/data/dataset", str(first.value))
        draft.say(first, "carried", pointers=("/data/dataset",))
    elif train is not None and train.value:
        draft.put("/data/dataset", named(str(train.value), draft.cwd).name)
        draft.say(train, "carried", pointers=("/data/dataset",))
        if val is not None and val.value:
            draft.take("val_data", str(val.value), None)
            draft.say(val, "carried", pointers=("/data/validation_data",))
    raw = leaves.leaf("data.raw_path")
    if raw is not None and raw.value and draft.get("/data/dataset") is None:
        draft.put("/data/dataset", str(raw.value))
        draft.say(
            raw, "carried", "rows are read as they are: runner data check shows them", pointers=("/data/dataset",)
        )
    if leaves.included is not None:
        include = leaves.leaf("include")
        where = (
            "the working directory"
            if (draft.cwd / str(include.value if include else "")).is_file()
            else "the folder of the file"
        )
        if include is not None:
            draft.say(
                include,
                "carried",
                f"read from {where}, as {leaves.included.name}; what it includes itself is not read, there and here",
            )
    for leaf in leaves:
        if leaf.key.startswith("datasets[") and not leaf.key.startswith("datasets[0]") and draft.kind == "causal_lm":
            draft.say(
                leaf,
                "no equivalent",
                "a spec has one data set; of several the first is taken",
                "write the rows into one file",
                effect=True,
            )


def finish(draft: Draft) -> None:
    if draft.value("half"):
        draft.put("/model/spec/precision", "float16")
        draft.carried("half", "/model/spec/precision")
    else:
        draft.void("half", "its models are float16 all the same")
    shares = {name: draft.value(f"split_{name}") for name in ("train", "val", "test")}
    if draft.leaves.get("data.train_path"):
        for name in shares:
            draft.void(f"split_{name}", "the files of the split are named: it is made already")
    elif shares["val"] is not None:
        draft.take("val_share", shares["val"], None)
        draft.carried("split_val", "/data/validation_split")
        draft.void("split_train", "what is not held out is trained on")
        if shares["test"]:
            why = f"a test part is not held out: {shares['test']:g} of the rows are trained on"
            draft.lost("split_test", why, "keep them in a file of their own: runner data split")
        else:
            draft.void("split_test", "no test part is held out")
    template = draft.value("prompt_template")
    if template is not None:
        draft.lost(
            "prompt_template",
            "a template of two fields, prompt and answer, and none of a conversation",
            "its ChatML is the format chatml: model.spec.chat.template",
        )
        if draft.has_field("/model/spec/chat/template"):
            draft.put("/model/spec/chat/template", "chatml")
            draft.carried(
                "prompt_template",
                "/model/spec/chat/template",
                "a template of two fields there, which is ChatML as it comes: the format chatml",
                "write a .jinja file of a conversation if yours is another",
                effect=str(template).rpartition("/")[2] != "default.jinja",
            )
    for name, was in (("/batch_size", "train.batch_size"), ("/model/spec/gradient_accumulation", "train.grad_accum")):
        leaf = draft.leaves.leaf(was)
        if leaf is not None and str(leaf.value).casefold() == "auto":
            draft.say(
                leaf,
                "changed",
                f"auto is {draft.get(name) or draft.value(name)} there, but for large GPUs",
                "set it to what your GPU takes",
                pointers=(name,),
                effect=was.endswith("grad_accum"),
            )


def fits(leaves: Leaves) -> int:
    score = sum(
        leaves.has(key)
        for key in (
            "tuning",
            "tuning.mode",
            "tuning.lora",
            "train.epochs",
            "model.name",
            "train.batch_size",
            "include",
            "task_mode",
            "data.train_path",
            "model.max_seq_len",
            "train.grad_accum",
        )
    )
    return (
        score
        if leaves.has("tuning") or leaves.has("include") or (leaves.has("model.name") and leaves.has("train"))
        else 0
    )


FORMAT = Format(
    "sft-play",
    "SFT-Play",
    kind,
    table,
    fits,
    defaults,
    prepare,
    finish,
    about="`--config configs/run.yaml`, over the file that it includes.",
    kinds=("sft", "causal_lm"),
)
