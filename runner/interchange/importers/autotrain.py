"""AutoTrain and aitraining, which is made of it: ``autotrain llm --train ...``, and the YAML of ``--config``.

The two have the same names. They differ in defaults: AutoTrain quantises to 4 bits and keeps the adapter, where
aitraining quantises nothing and merges it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from runner.interchange import rules
from runner.interchange.drafting import Draft
from runner.interchange.format import Chosen, Format
from runner.interchange.importers import hf_arguments
from runner.interchange.importers.data_names import named, second_split
from runner.interchange.leaves import Leaves
from runner.interchange.rules import Dead, Decides, Lost, Refused, Rule, Secret, Table, To, each, only

TASKS = {
    "llm": "sft",
    "lm_training": "sft",
    "text_classification": "text_classification",
    "text_binary_classification": "text_classification",
    "text_multi_class_classification": "text_classification",
    "text_regression": "text_regression",
    "text_single_column_regression": "text_regression",
    "token_classification": "token_classification",
    "text_token_classification": "token_classification",
    "seq2seq": "seq2seq",
    "extractive_qa": "extractive_qa",
    "ext_qa": "extractive_qa",
    "extractive_question_answering": "extractive_qa",
    "text_extractive_question_answering": "extractive_qa",
    "image_classification": "image_classification",
    "image_binary_classification": "image_classification",
    "image_multi_class_classification": "image_classification",
    "image_regression": "image_regression",
    "image_single_column_regression": "image_regression",
    "image_scoring": "image_regression",
    "object_detection": "object_detection",
    "image_object_detection": "object_detection",
    "st": "sentence_embedding",
    "sentence_transformers": "sentence_embedding",
    "vlm": "vision_language",
    "tabular": "tabular_classification",
    "tabular_regression": "tabular_regression",
    "tabular_classification": "tabular_classification",
}
TRAINERS = {
    "default": "causal_lm",
    "generic": "causal_lm",
    "sft": "sft",
    "dpo": "dpo",
    "orpo": "orpo",
    "reward": "reward",
    "ppo": "ppo",
    "grpo": "grpo",
    "distillation": "distillation",
}
LANGUAGE = "causal_lm sft dpo orpo reward ppo grpo distillation"
#: Parsed there, and read by no training.
UNREAD = "read by no training there"


def _said(leaves: Leaves, name: str) -> Any:
    """A setting of the training, wherever the layout has it: a flag, or under `params` or `data.column_mapping`."""
    for key in (f"params.{name}", f"data.column_mapping.{name}", name, f"data.{name}"):
        if leaves.get(key) is not None:
            return leaves.get(key)
    return None


def task(leaves: Leaves) -> tuple[str, str]:
    """The task, in our spelling, and what comes after a colon or a dash: its trainer."""
    raw = leaves.get("task")
    if (
        isinstance(raw, str)
        and raw.casefold() in ("classification", "regression")
        and leaves.get("(trainer)") == "tabular"
    ):
        return f"tabular_{raw.casefold()}", ""
    word = str(leaves.get("(trainer)") or raw or "llm").casefold()
    word, _, sort = word.partition(":")
    word = word.replace("-", "_")
    if word.startswith("llm_"):
        return "llm", word.removeprefix("llm_")
    return word, sort


def kind(leaves: Leaves) -> Chosen:
    word, sort = task(leaves)
    if word in ("llm", "lm_training"):
        given = str(_said(leaves, "trainer") or sort or "default").casefold()
        if rules.is_off(_said(leaves, "use_distillation")) is False and given == "sft":
            return Chosen("distillation", "sft with use_distillation is the kind distillation")
        return Chosen(
            TRAINERS.get(given, "sft"), "" if given in TRAINERS else f"there is no trainer {given}: sft is taken"
        )
    if word in ("tabular",) and str(_said(leaves, "task") or "").casefold() == "regression":
        return Chosen("tabular_regression")
    if word in TASKS:
        return Chosen(TASKS[word])
    return Chosen("sft", f"there is no task {word}: sft is taken")


def _columns(kind: str) -> dict[str, str]:
    """Their names of columns, and our fields for them."""
    prompt, answer = "/data/columns/prompt", "/data/columns/completion"
    return {
        "causal_lm": {"text_column": "/data/columns/text"},
        "dpo": {
            "text_column": "/data/columns/chosen",
            "rejected_text_column": "/data/columns/rejected",
            "prompt_text_column": prompt,
        },
        "orpo": {
            "text_column": "/data/columns/chosen",
            "rejected_text_column": "/data/columns/rejected",
            "prompt_text_column": prompt,
        },
        "reward": {
            "text_column": "/data/columns/chosen",
            "rejected_text_column": "/data/columns/rejected",
            "prompt_text_column": prompt,
        },
        "ppo": {"text_column": prompt, "prompt_text_column": prompt},
        "grpo": {"text_column": prompt, "prompt_text_column": prompt},
        "text_classification": {"text_column": "/data/text_columns", "target_column": "/data/target_columns"},
        "text_regression": {"text_column": "/data/text_columns", "target_column": "/data/target_columns"},
        "token_classification": {"tokens_column": "/data/columns/tokens", "tags_column": "/data/columns/tags"},
        "seq2seq": {"text_column": "/data/columns/source", "target_column": "/data/columns/target"},
        "extractive_qa": {
            "text_column": "/data/columns/context",
            "question_column": "/data/columns/question",
            "answer_column": "/data/columns/answers",
        },
        "image_classification": {"image_column": "/data/columns/image", "target_column": "/data/columns/label"},
        "image_regression": {"image_column": "/data/columns/image", "target_column": "/data/columns/target"},
        "object_detection": {"image_column": "/data/columns/image", "objects_column": "/data/columns/boxes"},
        "vision_language": {"image_column": "/data/columns/image", "text_column": answer, "prompt_text_column": prompt},
        "sentence_embedding": {
            "sentence1_column": "/data/columns/anchor",
            "sentence2_column": "/data/columns/positive",
            "sentence3_column": "/data/columns/negative",
        },
    }.get(kind, {})


def table(kind: str) -> Table:
    own = (
        _shared(kind)
        | _language()
        | _logging()
        | {name: To(pointer, rules.text) for name, pointer in _columns(kind).items()}
    )
    if kind in ("sft", "distillation"):
        own["text_column"] = To("sft_text", rules.text)
    if kind.startswith("tabular"):
        own |= _tabular()
    if kind == "sentence_embedding":
        own["target_column"] = To("st_target", rules.text)
    found: dict[str, Rule] = dict(own)
    for prefix in ("params.", "data.column_mapping.", "data."):
        found |= {f"{prefix}{name}": rule for name, rule in own.items()}
    return found | {
        "task": To("task_word", rules.text) if kind.startswith("tabular") else Decides(),
        "base_model": own["model"],
        "backend": Lost("where it runs is the run's: run.executor", "", effect=False, off=("local", "default")),
        "hub.username": To("hub_owner", rules.text),
        "hub.token": Secret("HF_TOKEN"),
        "hub.push_to_hub": To("hub", rules.flag),
        "data.path": Dead("told with the data"),
        "data.column_mapping": Dead("no column is named: they are found by their names"),
        "params": Dead("empty"),
        "hub": Dead("nothing is pushed"),
        "data.columns": Lost("columns stand under data.column_mapping there", "set data.columns"),
        "env.**": Lost(
            "an environment variable", "set it where the run begins; run.env names those that it gets", effect=False
        ),
    }


def _shared(kind: str) -> dict[str, Rule]:
    model: Rule = To("/model/spec/base_model_name", rules.text)
    if kind.startswith("tabular"):
        model = To("learner", rules.text)
    return {
        "model": model,
        "project_name": To("name", rules.text),
        "data_path": Dead("told with the data"),
        "train_split": Dead("told with the data"),
        "valid_split": Dead("told with the data"),
        "trainer": Decides(),
        "max_samples": To("/data/max_samples", rules.whole),
        "lr": To("learning_rate", rules.number),
        "epochs": To("epochs", rules.number),
        "batch_size": To("/batch_size", rules.whole),
        "warmup_ratio": To("warmup_ratio", rules.number),
        "gradient_accumulation": To("/model/spec/gradient_accumulation", rules.whole),
        "optimizer": To("optimizer", rules.text),
        "scheduler": To("scheduler", rules.text),
        "weight_decay": To("weight_decay", rules.number),
        "max_grad_norm": To("/model/spec/max_grad_norm", rules.number),
        "seed": To("/model/spec/seed", rules.whole),
        "auto_find_batch_size": Lost(
            "the size is found before the run begins, not after it failed", 'set "batch_size": "auto"', effect=False
        ),
        "mixed_precision": To("=precision", hf_arguments.PRECISION),
        "eval_strategy": To("eval_strategy", hf_arguments.STRATEGY),
        "evaluation_strategy": To("eval_strategy", hf_arguments.STRATEGY),
        "early_stopping_patience": To("patience", rules.whole),
        "early_stopping_threshold": To("min_delta", rules.number),
        "max_seq_length": To("/model/spec/max_length", rules.whole),
        "max_target_length": To("/model/spec/max_target_length", rules.whole),
        "max_doc_stride": To("/model/spec/doc_stride", rules.whole),
        "image_square_size": To("/model/spec/image_size", rules.whole),
        "quantization": To(
            "=bits", rules.word({"int4": 4, "int8": 8, "none": None, "null": None, "": None, "4": 4, "8": 8})
        ),
        "peft": To("use_adapter", rules.flag),
        "use_peft": To("use_adapter", rules.flag),
        "lora_r": To("rank", rules.whole),
        "lora_alpha": To("alpha", rules.number),
        "lora_dropout": To("dropout", rules.number),
        "target_modules": To("targets", hf_arguments.targets),
        "merge_adapter": To("merged", rules.flag),
        "no_merge_adapter": To("merged", rules.negated),
        "disable_gradient_checkpointing": To("/model/spec/gradient_checkpointing", rules.negated),
        "push_to_hub": To("hub", rules.flag),
        "username": To("hub_owner", rules.text),
        "repo_id": To("hub_repository", rules.text),
        "hub_private": To("hub_private", rules.flag),
        "token": Secret("HF_TOKEN"),
        "wandb_token": Secret("WANDB_API_KEY"),
        "log": To("=wandb", hf_arguments.reports),
        "id_column": Lost("rows need no names here", "", effect=False),
        "label_column": To("/data/target_columns", rules.text),
        "target_column": To("/data/target_columns", rules.text),
    }


def _language() -> dict[str, Rule]:
    sweep = Lost(
        "a search over settings is no part of a spec", "runner compare trains several specs on one split", effect=False
    )
    env = Refused(
        "code that is imported by its name: none is",
        "write the reward as a file of your own: rewards, reward_type function",
    )
    missing = Lost("there is no such part here", "leave it out, or keep to their program for it")
    return (
        each(
            "use_sweep sweep_backend sweep_n_trials sweep_metric sweep_direction sweep_params wandb_sweep"
            " wandb_sweep_project wandb_sweep_entity wandb_sweep_id",
            sweep,
        )
        | {
            "chat_template": To("template", rules.text),
            "block_size": only("block", LANGUAGE, lambda value: value),
            "model_max_length": only("model_max_length", LANGUAGE, rules.whole),
            "padding": Dead("rows are padded where their attention does not see it: nothing that is learned changes"),
            "packing": To("/model/spec/packing", lambda value: "packed" if rules.flag(value) else "none"),
            "add_eos_token": Dead("the token that ends an answer is always learned here"),
            "response_only_loss": To("response_only", rules.flag),
            "dpo_beta": only("/model/spec/beta", "dpo orpo", rules.number),
            "model_ref": Lost("the model that is compared with is the base", "", effect=True),
            "max_prompt_length": Dead(UNREAD),
            "max_completion_length": only("completion_length", "orpo grpo ppo", rules.whole),
            "use_flash_attention_2": Dead(hf_arguments.MACHINE),
            "attn_implementation": Dead(hf_arguments.MACHINE),
            "unsloth": Dead(hf_arguments.MACHINE),
            "ddp_timeout": Dead(hf_arguments.MACHINE),
            "distributed_backend": Lost(
                "several GPUs have two fields", 'run.processes, and run.sharding "full"', effect=False
            ),
            "resume_from_checkpoint": Lost("a run is resumed by its name", "runner train --resume RUN", effect=False),
            "auto_convert_dataset": Dead(
                "rows are read by their columns, whatever the form: runner data check shows them"
            ),
            "use_sharegpt_mapping": Dead("rows are read by their columns, whatever the form"),
            "sharegpt_mapping_enabled": Dead(UNREAD),
            "suggested_chat_template": Dead(UNREAD),
            "runtime_mapping.**": Lost("names of a turn's fields", "set data.columns.role and data.columns.content"),
            "runtime_mapping": Lost("names of a turn's fields", "set data.columns.role and data.columns.content"),
            "column_mapping": Lost("columns of rows that are converted", "set data.columns", off=({},)),
            "column_mapping.user_col": To("/data/columns/prompt", rules.text),
            "column_mapping.instruction_col": To("/data/columns/prompt", rules.text),
            "column_mapping.input_col": To("/data/columns/input", rules.text),
            "column_mapping.assistant_col": To("/data/columns/completion", rules.text),
            "column_mapping.output_col": To("/data/columns/completion", rules.text),
            "column_mapping.system_col": To("/data/columns/system", rules.text),
            "map_eos_token": Dead("without their CUDA package it is not applied"),
            "conversation_extension": Lost("rows are not joined into longer conversations", "", off=(1,)),
            "apply_chat_template": Lost(
                "conversations always become text by a chat template",
                "train plain texts as the kind causal_lm",
                off=(True, "true"),
            ),
            "save_processed_data": Dead(hf_arguments.SAVING),
            "prompt_text_column": only("sft_prompt", "sft distillation", rules.text),
            "rejected_text_column": Dead("has none in a training of this sort"),
            "image_column": Lost("pictures are read by the kind vision_language", "set model_type to vision_language"),
            "use_distillation": Decides("it makes this a distillation"),
            "teacher_model": only("teacher", "distillation", rules.text),
            "teacher_prompt_template": only("/model/spec/teacher_template", "distillation", rules.text),
            "student_prompt_template": only("/model/spec/student_template", "distillation", rules.text),
            "distill_temperature": only("/model/spec/temperature", "distillation", rules.number),
            "distill_alpha": only("/model/spec/alpha", "distillation", rules.number),
            "distill_max_teacher_length": Lost("teacher and student read one length", "set model.spec.max_length"),
            "rl_gamma": only("/model/spec/gamma", "ppo", rules.number),
            "rl_gae_lambda": only("/model/spec/gae_lambda", "ppo", rules.number),
            "rl_kl_coef": only("kl", "ppo grpo", rules.number),
            "rl_value_loss_coef": only("/model/spec/value_coefficient", "ppo", rules.number),
            "rl_clip_range": only("/model/spec/clip_range", "ppo grpo", rules.number),
            "rl_value_clip_range": only("/model/spec/value_clip_range", "ppo", rules.number),
            "rl_num_ppo_epochs": only("/model/spec/passes", "ppo", rules.whole),
            "rl_mini_batch_size": Lost(
                "a step learns from the whole batch", "see batch_size and gradient_accumulation"
            ),
            "rl_max_new_tokens": only("/model/spec/max_new_tokens", "ppo grpo", rules.whole),
            "rl_top_k": only("/model/spec/top_k", "ppo grpo", rules.whole),
            "rl_top_p": only("/model/spec/top_p", "ppo grpo", rules.number),
            "rl_temperature": only("/model/spec/temperature", "ppo grpo", rules.number),
            "rl_num_generations": only("/model/spec/group_size", "grpo", rules.whole),
            "rl_loss_type": only("/model/spec/loss_type", "grpo", rules.text),
            "rl_mask_truncated_completions": only("/model/spec/mask_cut", "grpo", rules.flag),
            "rl_reward_model_path": only("reward_model", "ppo", rules.text),
            "rl_env_module": env,
            "rl_env_class": env,
            "rl_env_config": env,
            "rl_env_config.**": env,
            "rl_env_type": missing,
            "rl_reward_weights": missing,
            "rl_multi_objective": Dead(UNREAD),
            "rl_reward_fn": Dead(UNREAD),
            "rl_chunk_size": Dead(UNREAD),
            "rl_optimize_device_cache": Dead(UNREAD),
            "post_trial_script": Refused("a command of the shell: none is run"),
            "forward_backward_custom_fn": Refused("code in a configuration: none is run"),
            "custom_loss": missing,
            "custom_loss_weights": missing,
            "custom_metrics": missing,
            "use_forward_backward": missing,
            "forward_backward_loss_fn": missing,
            "gradient_accumulation_steps": Dead(UNREAD),
            "manual_optimizer_control": missing,
            "optimizer_step_frequency": missing,
            "manual_checkpoint_control": missing,
            "chat_format": Dead(UNREAD),
            "token_weights": Dead(UNREAD),
            "grad_clip_value": Dead(UNREAD),
            "load_state_from": Dead(UNREAD),
            "eval_dataset_path": Dead(UNREAD),
            "eval_benchmark": Dead(UNREAD),
            "eval_batch_size": Dead(UNREAD),
            "sample_top_k": Dead(UNREAD),
            "sample_top_p": Dead(UNREAD),
            "train_on_inputs": Dead(UNREAD),
        }
        | each(
            "use_vllm vllm_mode vllm_gpu_memory_utilization vllm_server_url vllm_tensor_parallel_size vllm_server_gpus",
            Dead("answers come from the model itself here, and from no vLLM"),
        )
        | each(
            "use_enhanced_eval eval_metrics eval_save_predictions sample_every_n_steps sample_prompts"
            " sample_temperature"
            " save_state_every_n_steps inference_prompts inference_max_tokens inference_temperature inference_top_p"
            " inference_top_k inference_output",
            Dead(
                "what is measured or asked of the model, which changes no weight: model.spec.evaluation, runner infer"
            ),
        )
    )


def _logging() -> dict[str, Rule]:
    return (
        each("logging_steps wandb_visualizer no_wandb_visualizer wandb_run_id", Dead(hf_arguments.LOGGING))
        | each("save_total_limit save_strategy save_steps", Dead(hf_arguments.SAVING))
        | each(
            "train deploy inference interactive preview_trainer help_trainer",
            Dead("what the command does, and no setting"),
        )
    )


def _tabular() -> dict[str, Rule]:
    return {
        "task": Decides(),
        "target_columns": To("/data/target_columns", _one_or_more),
        "id_column": To("/data/id_column", rules.text),
        "categorical_columns": To("/data/categorical_columns", rules.listed),
        "numerical_columns": To("/data/numerical_columns", rules.listed),
        "num_trials": To("trials", rules.whole),
        "time_limit": To("time_limit", rules.number),
        "numerical_imputer": To("/model/spec/imputation", rules.text),
        "categorical_imputer": Lost(
            "a category that is missing is a category of its own here", "", off=("most_frequent",)
        ),
        "numeric_scaler": To("/model/spec/scaling", rules.text),
        "target_column": To("/data/target_columns", rules.text),
    }


def _one_or_more(value: Any) -> Any:
    found = rules.listed(value)
    return found[0] if len(found) == 1 else found


def _defaults(reference: bool) -> Callable[[str, Leaves], Mapping[str, Any]]:
    def defaults(kind: str, leaves: Leaves) -> Mapping[str, Any]:
        found: dict[str, Any] = {
            "epochs": 3,
            "learning_rate": 5e-5,
            "/batch_size": 8,
            "warmup_ratio": 0.1,
            "scheduler": "linear",
            "/model/spec/gradient_accumulation": 1,
            "optimizer": "adamw_torch",
            "weight_decay": 0.0,
            "/model/spec/max_grad_norm": 1.0,
            "wandb": True if reference and not kind.startswith("tabular") else None,
            "precision": "float32",
            "patience": 5,
            "min_delta": 0.01,
            "keep_best": True,
            "rank": 16,
            "alpha": 32,
            "dropout": 0.05,
            "targets": "auto",
            "merged": reference,
            "wandb_project": "aitraining" if reference else "autotrain",
        }
        if kind in LANGUAGE.split():
            found |= {
                "epochs": 1,
                "learning_rate": 3e-5,
                "/batch_size": 2,
                "/model/spec/gradient_accumulation": 4,
                "/model/spec/gradient_checkpointing": True,
                "/model/spec/max_length": 1024,
                "patience": None,
                "min_delta": None,
                "precision": "float32" if kind == "causal_lm" or not reference else "bfloat16",
            }
            if kind in ("ppo", "grpo"):
                found |= {
                    "/model/spec/max_new_tokens": 128,
                    "/model/spec/temperature": 1.0,
                    "/model/spec/group_size": 4,
                    "/model/spec/loss_type": "grpo",
                    "kl": 0.1,
                    "/model/spec/passes": 4 if kind == "ppo" else None,
                }
            if not reference:
                found["bits"] = 4
        lengths = {
            "text_classification": 128,
            "text_regression": 128,
            "token_classification": 128,
            "seq2seq": 128,
            "extractive_qa": 128,
            "sentence_embedding": 128,
        }
        if kind in lengths:
            found["/model/spec/max_length"] = lengths[kind]
        if kind == "sentence_embedding":
            found["learning_rate"] = 3e-5
        if kind == "token_classification":
            found["/model/spec/labelled"] = "all"
        if kind == "extractive_qa":
            found["/model/spec/doc_stride"] = 64
        if kind in ("seq2seq", "vision_language"):
            found["/batch_size"] = 2
        if kind == "vision_language":
            found |= {
                "/model/spec/gradient_accumulation": 4,
                "patience": None,
                "/model/spec/gradient_checkpointing": True,
            }
        if kind == "object_detection":
            found["/model/spec/image_size"] = 600
        if kind.startswith("tabular"):
            found = {"trials": 10, "time_limit": 600, "/data/target_columns": "target"}
        if "patience" in found and found["patience"] is None:
            found.pop("patience")
        return found

    return defaults


def prepare(draft: Draft) -> None:
    """The data: a folder with a split's file, or a set of the Hub, and its second split."""
    leaves = draft.leaves
    leaf = leaves.leaf("data.path") or leaves.leaf("data_path")
    train = leaves.leaf("data.train_split") or leaves.leaf("train_split")
    valid = leaves.leaf("data.valid_split") or leaves.leaf("valid_split")
    if leaf is not None and leaf.value is not None:
        split = str(train.value) if train is not None and train.value is not None else "train"
        found = named(str(leaf.value), draft.cwd, split)
        draft.put("/data/dataset", found.name)
        draft.say(
            leaf, "changed" if found.what else "carried", found.what, pointers=("/data/dataset",), effect=found.effect
        )
        if train is not None:
            draft.say(train, "carried", pointers=("/data/dataset",))
        if valid is not None and not rules.is_off(valid.value):
            other = second_split(str(leaf.value), draft.cwd, str(valid.value))
            if other is None:
                draft.say(
                    valid,
                    "no equivalent",
                    f"{leaf.value} has no split {str(valid.value)!r}: their program stops there",
                    "name the rows that are measured on: data.validation_data",
                    effect=True,
                )
            else:
                draft.take("val_data", other.name, None)
                draft.say(
                    valid,
                    "changed" if other.what else "carried",
                    other.what,
                    pointers=("/data/validation_data",),
                    effect=other.effect,
                )
        elif valid is not None:
            draft.say(valid, "no effect", "no split is named")
        if valid is None or rules.is_off(valid.value):
            local = not found.name.startswith("hub:")
            families = draft.kind not in LANGUAGE.split() and draft.kind != "vision_language"
            draft.take("val_share", 0.2 if local and families else 0, None)
    elif draft.kind != "grpo":
        draft.take("val_share", 0, None)


def finish(draft: Draft) -> None:
    _blocks(draft)
    _rows(draft)
    _repository(draft)
    if draft.value("response_only") is not None:
        if draft.kind == "sft":
            draft.put("/model/spec/loss_on", "assistant" if draft.value("response_only") else "all")
            draft.carried("response_only", "/model/spec/loss_on")
        else:
            draft.void("response_only", f"has none in a training of {draft.kind}")
    if draft.value("completion_length") is not None:
        if draft.kind == "orpo":
            draft.lost(
                "completion_length",
                "a row is cut as a whole here",
                "set model.spec.max_length to prompt and answer together",
            )
        else:
            draft.put("/model/spec/max_new_tokens", draft.value("completion_length"))
            draft.carried("completion_length", "/model/spec/max_new_tokens")
    if draft.value("kl") is not None:
        pointer = "/model/spec/kl_coefficient" if draft.kind == "ppo" else "/model/spec/beta"
        draft.put(pointer, draft.value("kl"))
        draft.carried("kl", pointer)
    if draft.kind == "distillation" and draft.value("teacher"):
        draft.put("/model/spec/teacher", {"teacher_type": "model", "model_name": draft.value("teacher")})
        draft.carried("teacher", "/model/spec/teacher/model_name")
    if draft.value("reward_model"):
        draft.put("/model/spec/rewards", {"model": {"reward_type": "model", "model_name": draft.value("reward_model")}})
        draft.carried(
            "reward_model",
            "/model/spec/rewards/model/model_name",
            "a reward model that is stored here, by its name",
            "train it as the kind reward, and name it",
            effect=True,
        )
    if draft.kind.startswith("tabular"):
        _learner(draft)
    if draft.kind == "sentence_embedding":
        _pairs(draft)


def _blocks(draft: Draft) -> None:
    """Their length is the least of two; a list of lengths stands for 1024 there."""
    block, most = draft.value("block"), draft.value("model_max_length")
    try:
        number = rules.whole(block) if block is not None else None
    except ValueError:
        number = 1024
    if number is None or number <= 0:
        draft.void("block", "a length of -1 is 1024 there")
        number = 1024
    if most is not None and most != 2048 and most < number:
        number = most
        draft.carried("model_max_length", "/model/spec/max_length")
        draft.void("block", f"model_max_length is less: {most}")
    else:
        draft.void("model_max_length", "the block's length is less")
        draft.carried(
            "block",
            "/model/spec/max_length",
            ""
            if isinstance(block, int) or (draft.given("block") and str(block).isdigit())
            else "a list of lengths counts as 1024 there",
        )
    if draft.kind in LANGUAGE.split() and (draft.given("block") or draft.given("model_max_length")):
        draft.put("/model/spec/max_length", number)


def _rows(draft: Draft) -> None:
    """What column sft's rows are in: a conversation's turns by most names, a whole text by the name `text`."""
    column = draft.value("sft_text")
    if column is not None:
        turns = str(column) in ("messages", "conversations", "conversation", "chat", "dialogue")
        role = "completion" if draft.value("sft_prompt") else "messages" if turns else "text"
        draft.put(f"/data/columns/{role}", column)
        draft.carried(
            "sft_text",
            f"/data/columns/{role}",
            "" if turns or role == "completion" else "a column of whole texts: 'Human: ... Assistant: ...'",
        )
    if draft.value("sft_prompt") is not None:
        draft.put("/data/columns/prompt", draft.value("sft_prompt"))
        draft.carried("sft_prompt", "/data/columns/prompt")


def _repository(draft: Draft) -> None:
    owner = draft.value("hub_owner")
    if owner is None:
        return
    if not draft.value("hub"):
        draft.void("hub_owner", "nothing is pushed")
        return
    if draft.value("hub_repository") is None:
        name = str(draft.value("name", "model")).rstrip("/").rpartition("/")[2]
        if str(owner).startswith("${"):
            draft.lost("hub_owner", "a name out of the environment", "write it into hub.repository", effect=False)
            return
        draft.put("/hub/repository", f"{owner}/{name}")
        draft.take("hub_repository", f"{owner}/{name}", None)
        draft.carried("hub_owner", "/hub/repository")
    else:
        draft.void("hub_owner", "the repository is named whole")


LEARNERS = {
    "xgboost": "xgboost",
    "random_forest": "random_forest",
    "extra_trees": "extra_trees",
    "decision_tree": "random_forest",
    "logistic_regression": "linear",
    "linear_regression": "linear",
    "ridge": "linear",
    "lasso": "linear",
}


def _learner(draft: Draft) -> None:
    """A search over one learner there: here a search with that one candidate."""
    word = str(draft.value("learner", "xgboost")).casefold()
    ours = LEARNERS.get(word)
    made: dict[str, Any] = {"learner_type": "auto", "candidates": [ours or "xgboost"]}
    for name in ("trials", "time_limit"):
        if draft.value(name) is not None:
            made[name] = draft.value(name)
    draft.put("/model/spec/learner", made)
    if ours is None:
        draft.carried(
            "learner",
            "/model/spec/learner/candidates",
            f"there is no {word} here: xgboost takes its place",
            effect=True,
        )
    else:
        same = ours == word or word in ("logistic_regression", "linear_regression")
        draft.carried(
            "learner",
            "/model/spec/learner/candidates",
            "" if same else f"{ours} takes the place of {word}",
            effect=not same,
        )
    draft.carried("trials", "/model/spec/learner/trials")
    draft.carried("time_limit", "/model/spec/learner/time_limit")
    if draft.value("task_word") is not None:
        draft.carried("task_word", "/model/spec/model_type")


def _pairs(draft: Draft) -> None:
    sort = str(_said(draft.leaves, "trainer") or task(draft.leaves)[1] or "pair_score")
    form = {"qa": "pair"}.get(sort, sort)
    draft.put("/data/form", form)
    if form == "pair_score":
        draft.put("/model/spec/loss", {"loss_type": "cosent"})
    if draft.value("st_target") is not None:
        pointer = "/data/columns/label" if form == "pair_class" else "/data/columns/score"
        draft.put(pointer, draft.value("st_target"))
        draft.carried("st_target", pointer)


#: Settings that aitraining has and AutoTrain has not.
REFERENCE_ONLY = [
    "response_only_loss",
    "save_strategy",
    "save_steps",
    "auto_convert_dataset",
    "use_distillation",
    "teacher_model",
    "use_sweep",
    "use_enhanced_eval",
    "rl_gamma",
    "rl_kl_coef",
    "rl_num_generations",
    "wandb_visualizer",
    "max_samples",
    "packing",
    "attn_implementation",
    "save_processed_data",
    "custom_loss",
    "repo_id",
    "hub_private",
]


def _layout(leaves: Leaves) -> int:
    top = set(leaves.top())
    if "base_model" not in top and not {"task", "project_name"} <= top:
        return 0
    if "task" not in top:
        return 0
    return 3 + len(top & {"project_name", "backend", "log", "hub", "params"})


def fits_reference(leaves: Leaves) -> int:
    """As AutoTrain; one more with a setting that only aitraining has, and where both fit it goes before."""
    score = _layout(leaves)
    return score and score + any(_said(leaves, name) is not None for name in REFERENCE_ONLY)


AUTOTRAIN = Format(
    "autotrain",
    "AutoTrain Advanced",
    kind,
    table,
    _layout,
    _defaults(False),
    prepare,
    finish,
    about=(
        "`autotrain TASK --train ...` and the YAML of `--config`. aitraining's YAML looks the same: `--from` says "
        "which."
    ),
    kinds=("sft", "dpo", "text_classification", "tabular_classification", "sentence_embedding"),
)
REFERENCE = Format(
    "aitraining",
    "aitraining",
    kind,
    table,
    fits_reference,
    _defaults(True),
    prepare,
    finish,
    about="`aitraining TASK --train ...` and the YAML of `--config`.",
    kinds=(
        "sft",
        "causal_lm",
        "dpo",
        "orpo",
        "reward",
        "ppo",
        "grpo",
        "distillation",
        "text_classification",
        "token_classification",
        "seq2seq",
        "extractive_qa",
        "image_classification",
        "image_regression",
        "object_detection",
        "vision_language",
        "sentence_embedding",
        "tabular_classification",
    ),
)
