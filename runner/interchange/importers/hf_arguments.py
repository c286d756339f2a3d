"""The arguments of Hugging Face's ``Trainer``, which TRL, LLaMA-Factory, Unsloth and in part Axolotl have too."""

from __future__ import annotations

from typing import Any

from runner.interchange import rules
from runner.interchange.rules import Dead, Lost, Refused, Rule, Secret, To, each

#: Which names of the optimizer and of the schedule mean what is in :mod:`optimizer_topics`.
LOGGING = "where and how often it tells of itself: a run here has a page, a log and events of its own"
SAVING = "checkpoints are the run's own here: one an epoch or as often as it is measured, kept until it has ended"
MACHINE = "how the machine is used, which changes nothing that is learned"
GENERATION = "answers while it is measured: see model.spec.evaluation"


def reports(value: Any) -> bool:
    """Whether W&B is among those that are told."""
    return any(word.casefold() in ("wandb", "all") for word in rules.listed(value))


def share_or_steps(value: Any) -> int | float:
    """Their steps, of which a value under 1 is a share of the run."""
    return rules.number(value)


def targets(value: Any) -> Any:
    """Modules that get an adapter: all linear ones, or those of these names. Raises ValueError for a pattern."""
    if isinstance(value, str) and value.strip().casefold() in ("all-linear", "all_linear", "all", "auto"):
        return "auto"
    if isinstance(value, str) and any(sign in value for sign in "*^$()\\|"):
        raise ValueError("is a pattern: names of modules are needed here")
    found = rules.listed(value)
    return "auto" if found in (["all-linear"], ["all"], ["auto"]) else found


def precision_word(value: Any) -> Any:
    """A switch of a precision, which may be ``auto`` or ``full``."""
    word = str(value).strip().casefold()
    return "auto" if word == "auto" else True if word == "full" else rules.flag(value)


PRECISION = rules.word(
    {
        "bf16": "bfloat16",
        "fp16": "float16",
        "fp32": "float32",
        "no": "float32",
        "none": "float32",
        "auto": "auto",
        "bfloat16": "bfloat16",
        "float16": "float16",
        "float32": "float32",
        "torch.bfloat16": "bfloat16",
        "torch.float16": "float16",
        "torch.float32": "float32",
        "half": "float16",
        "float": "float32",
        "pure_bf16": "bfloat16",
    }
)
STRATEGY = rules.word({"no": "no", "none": "no", "false": "no", "steps": "steps", "epoch": "epoch", "true": "epoch"})

_OWN: dict[str, Rule] = {
    "output_dir": To("name"),
    "per_device_train_batch_size": To("/batch_size"),
    "per_gpu_train_batch_size": To("/batch_size"),
    "gradient_accumulation_steps": To("/model/spec/gradient_accumulation"),
    "learning_rate": To("learning_rate", rules.number),
    "weight_decay": To("weight_decay", rules.number),
    "adam_beta1": To("beta1", rules.number),
    "adam_beta2": To("beta2", rules.number),
    "adam_epsilon": To("eps", rules.number),
    "max_grad_norm": To("/model/spec/max_grad_norm"),
    "num_train_epochs": To("epochs", rules.number),
    "max_steps": To("max_steps", rules.whole),
    "lr_scheduler_type": To("scheduler", rules.text),
    "warmup_ratio": To("warmup_ratio", rules.number),
    "warmup_steps": To("warmup_steps", rules.number),
    "optim": To("optimizer", rules.text),
    "bf16": To("bf16", precision_word),
    "fp16": To("fp16", precision_word),
    "gradient_checkpointing": To("/model/spec/gradient_checkpointing", rules.flag),
    "activation_checkpointing": To("/model/spec/gradient_checkpointing", rules.flag),
    "label_smoothing_factor": To("/model/spec/label_smoothing", rules.number),
    "neftune_noise_alpha": To("/model/spec/neftune_noise_alpha", rules.number),
    "seed": To("/model/spec/seed", rules.whole),
    "data_seed": Lost("the order of the rows goes by the run's seed", "one seed is for all: model.spec.seed"),
    "eval_strategy": To("eval_strategy", STRATEGY),
    "evaluation_strategy": To("eval_strategy", STRATEGY),
    "eval_steps": To("eval_steps", share_or_steps),
    "load_best_model_at_end": To("keep_best", rules.flag),
    "metric_for_best_model": To("measure", rules.text),
    "greater_is_better": Dead("which way a measure is better is known of every measure here"),
    "report_to": To("=wandb", reports),
    "run_name": To("wandb_name", rules.text),
    "project": To("wandb_project", rules.text),
    "push_to_hub": To("hub", rules.flag),
    "hub_model_id": To("hub_repository", rules.text),
    "hub_private_repo": To("hub_private", rules.flag),
    "hub_token": Secret("HF_TOKEN"),
    "push_to_hub_token": Secret("HF_TOKEN"),
    "per_device_eval_batch_size": Dead(
        "held-out rows are measured in batches of the training's size: the figures are the same"
    ),
    "auto_find_batch_size": Lost(
        "the size is found before the run begins, not after it failed", 'set "batch_size": "auto"', effect=False
    ),
    "resume_from_checkpoint": Lost("a run is resumed by its name", "runner train --resume RUN", effect=False),
    "group_by_length": Lost("rows are drawn in a shuffled order, whatever their length", "", off=(0,)),
    "train_sampling_strategy": Lost("rows are drawn in a shuffled order", "", off=("random",)),
    "optim_args": Lost("an optimizer's further arguments", "see model.spec.optimizer"),
    "lr_scheduler_kwargs.min_lr_rate": To("final_fraction", rules.number),
    "lr_scheduler_kwargs.**": Lost("a schedule's further arguments", "see model.spec.schedule: final_fraction"),
    "lr_scheduler_kwargs": Lost("a schedule's further arguments", "see model.spec.schedule: final_fraction", off=({},)),
    "optim_target_modules": Lost("GaLore and its like are not here", "choose an adapter: finetuning_spec lora"),
    "deepspeed": Lost(
        "DeepSpeed is not used here",
        'several GPUs: run.processes, and run.sharding "full" for what is too large for one',
        effect=False,
    ),
    "deepspeed.**": Lost(
        "DeepSpeed is not used here", 'several GPUs: run.processes, and run.sharding "full"', effect=False
    ),
    "fsdp": Lost("sharding has one switch here", 'run.processes, and run.sharding "full"', effect=False, off=("",)),
    "fsdp_config": Lost(
        "sharding has one switch here", 'run.processes, and run.sharding "full"', effect=False, off=({},)
    ),
    "fsdp_config.**": Lost("sharding has one switch here", 'run.processes, and run.sharding "full"', effect=False),
    "remove_unused_columns": Dead("columns that are not read are left alone here"),
    "label_names": Dead("what is learned of a row goes by the layout"),
    "trust_remote_code": Refused(
        "code of a model's repository is never run here", "choose a model of an architecture that transformers has"
    ),
    "dataloader_drop_last": Lost("the last rows of an epoch are learned too", "", off=(False,)),
    "full_determinism": Dead("a seed gives the same bytes here anyway"),
    "use_cpu": Lost("where it runs is the run's", "set run.gpus to 0", effect=False),
    "no_cuda": Lost("where it runs is the run's", "set run.gpus to 0", effect=False),
    "overwrite_output_dir": Dead("a stored model gets a new version, and none is overwritten"),
    "average_tokens_across_devices": Dead("the loss is the mean by token over all devices here"),
}
TABLE: dict[str, Rule] = (
    _OWN
    | each(
        "logging_strategy logging_steps logging_first_step logging_dir logging_nan_inf_filter log_level"
        " log_level_replica"
        " log_on_each_node disable_tqdm include_num_input_tokens_seen include_tokens_per_second trackio_space_id"
        " trackio_bucket_id trackio_static_space_id debug skip_memory_metrics plot_loss",
        Dead(LOGGING),
    )
    | each(
        "save_strategy save_steps save_total_limit save_safetensors save_on_each_node save_only_model"
        " enable_jit_checkpoint restore_callback_states_from_checkpoint ignore_data_skip hub_strategy hub_always_push"
        " hub_revision",
        Dead(SAVING),
    )
    | each(
        "bf16_full_eval fp16_full_eval tf32 gradient_checkpointing_kwargs gradient_checkpointing_kwargs.**"
        " activation_checkpointing_kwargs activation_checkpointing_kwargs.** torch_compile torch_compile_backend"
        " torch_compile_mode use_liger_kernel liger_kernel_config liger_kernel_config.** use_cache"
        " torch_empty_cache_steps accelerator_config"
        " accelerator_config.** parallelism_config parallelism_config.** dataloader_num_workers"
        " dataloader_pin_memory dataloader_persistent_workers"
        " dataloader_prefetch_factor dataloader_multiprocessing_context dataloader_in_order length_column_name"
        " ddp_find_unused_parameters ddp_bucket_cap_mb ddp_broadcast_buffers ddp_static_graph ddp_backend ddp_timeout"
        " local_rank eval_accumulation_steps eval_do_concat_batches eval_use_gather_object batch_eval_metrics"
        " use_reentrant_gc low_cpu_mem_usage cache_dir",
        Dead(MACHINE),
    )
    | each(
        "prediction_loss_only eval_delay eval_on_start include_for_metrics do_train do_eval do_predict sortish_sampler"
        " predict_with_generate generation_max_length generation_num_beams generation_config",
        Dead("when and how held-out rows are measured, which changes no weight"),
    )
)

DEFAULTS: dict[str, Any] = {
    "epochs": 3,
    "learning_rate": 5e-5,
    "scheduler": "linear",
    "weight_decay": 0.0,
    "/batch_size": 8,
    "/model/spec/gradient_accumulation": 1,
    "val_share": 0,
    "eval_strategy": "no",
    "keep_best": False,
    "seed": 42,
}


def peft_targets(base: Any) -> list[str]:
    """The modules that PEFT itself takes for a base model, by its name, where none are named."""
    name = str(base).casefold()
    if "gpt2" in name or "gpt-2" in name:
        return ["c_attn"]
    if any(word in name for word in ("falcon", "bloom", "neox", "pythia")):
        return ["query_key_value"]
    return ["q_proj", "v_proj"]
