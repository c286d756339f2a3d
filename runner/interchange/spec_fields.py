"""Which field of a spec each setting that is taken of a configuration ends in."""

from __future__ import annotations

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
