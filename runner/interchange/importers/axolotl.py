"""Axolotl: its YAML, and ``axolotl train x.yaml --learning-rate 1e-4``."""

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
from runner.interchange.rules import Dead, Decides, Lost, Refused, Rule, Secret, Table, To, each, only

RL = {"dpo": "dpo", "ipo": "dpo", "orpo": "orpo", "kto": "kto", "grpo": "grpo", "gdpo": "grpo", "simpo": "dpo"}
#: The forms of rows that say how they become conversations; others are a user's own.
FORMS = [
    "alpaca",
    "sharegpt",
    "chat_template",
    "completion",
    "input_output",
    "alpaca_chat",
    "alpaca_w_system.load",
    "chatml.intel",
    "chatml.ultra",
    "chatml.argilla",
    "chatml.icr",
    "llama3.intel",
    "llama3.ultra",
    "llama3.argilla",
    "llama3.icr",
    "bradley_terry.chat_template",
    "pretrain",
    "oasst",
    "load_llama2_chat",
    "context_qa",
    "gpteacher",
    "reflection",
    "user_defined.default",
]


def kind(leaves: Leaves) -> Chosen:
    rl = str(leaves.get("rl", "")).casefold()
    if rl in RL:
        note = f"{rl} is not a loss here: DPO's own stands in its place" if rl == "simpo" else ""
        return Chosen(RL[rl], note)
    if str(leaves.get("processor_type", "")).casefold() == "autoprocessor":
        return Chosen("vision_language", "a processor is asked for: rows with pictures, the kind vision_language")
    if leaves.get("reward_model") in (True, "true"):
        return Chosen("reward")
    forms = [str(leaf.value) for leaf in leaves if leaf.pattern == "datasets[*].type"]
    if leaves.has("pretraining_dataset") or (forms and all(form in ("completion", "pretrain") for form in forms)):
        return Chosen("causal_lm")
    return Chosen("sft")


def chat_template(value: Any) -> str:
    return rules.text(value)


def table(kind: str) -> Table:
    own: dict[str, Rule] = {
        "base_model": To("/model/spec/base_model_name", rules.text),
        "base_model_config": Dead("the model's own configuration is beside its weights"),
        "revision_of_model": To("/model/spec/revision", rules.text),
        "rl": Decides(),
        "reward_model": Decides(),
        "adapter": To(
            "=adapter", rules.word({"lora": "lora", "qlora": "qlora", "null": "full", "none": "full", "": "full"})
        ),
        "load_in_8bit": To("bits8", rules.flag),
        "load_in_4bit": To("bits4", rules.flag),
        "lora_r": To("rank", rules.whole),
        "lora_alpha": To("alpha", rules.number),
        "lora_dropout": To("dropout", rules.number),
        "lora_target_modules": To("targets", hf_arguments.targets),
        "peft_use_dora": To("dora", rules.flag),
        "peft_use_rslora": To("rslora", rules.flag),
        "lora_target_linear": To("all_linear", rules.flag),
        "merge_lora": To("merged", rules.flag),
        "sequence_len": To("/model/spec/max_length", rules.whole),
        "sample_packing": To("/model/spec/packing", lambda value: "packed" if rules.flag(value) else "none"),
        "train_on_inputs": only(
            "/model/spec/loss_on", "sft", lambda value: "all" if rules.flag(value) else "assistant"
        ),
        "chat_template": To("template", rules.text),
        "chat_template_jinja": Lost(
            "a template in the file itself", "put it into a .jinja file, and name that: model.spec.chat.template"
        ),
        "val_set_size": To("val_share", rules.number),
        "micro_batch_size": To("/batch_size"),
        "gradient_accumulation_steps": To("/model/spec/gradient_accumulation"),
        "batch_size": Lost("the step's size is batch_size times gradient_accumulation here", "set both"),
        "num_epochs": To("epochs", rules.number),
        "optimizer": To("optimizer", rules.text),
        "lr_scheduler": To("scheduler", rules.text),
        "cosine_min_lr_ratio": To("final_fraction", rules.number),
        "rl_beta": only("/model/spec/beta", "dpo orpo kto grpo", rules.number),
        "dpo_beta": only("/model/spec/beta", "dpo", rules.number),
        "orpo_alpha": only("/model/spec/beta", "orpo", rules.number),
        "trl.beta": only("/model/spec/beta", "grpo dpo kto orpo", rules.number),
        "dpo_label_smoothing": only("/model/spec/label_smoothing", "dpo", rules.number),
        "dpo_loss_type": only("/model/spec/loss_type", "dpo", trl_format.loss_type("dpo")),
        "kto_desirable_weight": only("/model/spec/desirable_weight", "kto", rules.number),
        "kto_undesirable_weight": only("/model/spec/undesirable_weight", "kto", rules.number),
        "center_rewards_coefficient": only("/model/spec/center_rewards", "reward", rules.number),
        "early_stopping_patience": To("patience", rules.whole),
        "wandb_project": To("wandb_project", rules.text),
        "wandb_name": To("wandb_name", rules.text),
        "wandb_run_id": Dead(hf_arguments.LOGGING),
        "use_wandb": To("=wandb", rules.flag),
        "wandb_mode": To("=wandb", lambda value: str(value) not in ("disabled", "offline")),
        "hub_model_id": To("hub_repository", rules.text),
        "comet_api_key": Secret("COMET_API_KEY"),
        "hf_use_auth_token": Secret("HF_TOKEN"),
        "hub_token": Secret("HF_TOKEN"),
        "hf_token": Secret("HF_TOKEN"),
        "wandb_api_key": Secret("WANDB_API_KEY"),
        "trust_remote_code": Refused(
            "code of a model's repository is never run here", "choose a model of an architecture that transformers has"
        ),
        "datasets[*].trust_remote_code": Refused("code of a data set's repository is never run here", "use its files"),
        "plugins": Refused("a plugin is code that is imported by its name: none is"),
        "trainer_cls": Refused("a class that is imported by its name: none is"),
        "trl.reward_funcs": only("reward_funcs", "grpo", rules.listed),
        "trl.reward_weights": only("reward_weights", "grpo", rules.listed),
        "trl.num_generations": only("group", "grpo", rules.whole),
        "trl.max_completion_length": only("new_tokens", "grpo", rules.whole),
        "trl.temperature": only("temperature", "grpo", rules.number),
        "trl.top_p": only("top_p", "grpo", rules.number),
        "trl.top_k": only("top_k", "grpo", rules.number),
        "trl.loss_type": only("/model/spec/loss_type", "grpo", rules.text),
        "trl.epsilon": only("/model/spec/clip_range", "grpo", rules.number),
        "trl.epsilon_high": only("/model/spec/clip_range_high", "grpo", rules.number),
        "trl.num_iterations": only("/model/spec/passes", "grpo", rules.whole),
        "trl.scale_rewards": only("/model/spec/scale_rewards", "grpo", trl_format.scale_rewards),
        "trl.mask_truncated_completions": only("/model/spec/mask_cut", "grpo", rules.flag),
        "trl.rollout_func": Refused("a function that is imported by its name: none is"),
        "float16": To("fp16", hf_arguments.precision_word),
        "bfloat16": To("bf16", hf_arguments.precision_word),
        "env.**": Lost(
            "an environment variable", "set it where the run begins; run.env names those that it gets", effect=False
        ),
    }
    return (
        own
        | _data()
        | _others()
        | {name: rule for name, rule in hf_arguments.TABLE.items() if name not in own and name in SHARED}
    )


#: The arguments of the Trainer that Axolotl has by the same name.
SHARED = frozenset(
    [
        "output_dir",
        "learning_rate",
        "weight_decay",
        "adam_beta1",
        "adam_beta2",
        "adam_epsilon",
        "max_grad_norm",
        "max_steps",
        "warmup_ratio",
        "warmup_steps",
        "bf16",
        "fp16",
        "tf32",
        "gradient_checkpointing",
        "gradient_checkpointing_kwargs",
        "gradient_checkpointing_kwargs.**",
        "neftune_noise_alpha",
        "seed",
        "eval_strategy",
        "evaluation_strategy",
        "eval_steps",
        "load_best_model_at_end",
        "metric_for_best_model",
        "greater_is_better",
        "logging_steps",
        "save_strategy",
        "save_steps",
        "save_total_limit",
        "save_safetensors",
        "save_only_model",
        "hub_strategy",
        "hub_revision",
        "resume_from_checkpoint",
        "group_by_length",
        "auto_find_batch_size",
        "deepspeed",
        "deepspeed.**",
        "fsdp",
        "fsdp_config",
        "fsdp_config.**",
        "torch_compile",
        "torch_compile_backend",
        "torch_compile_mode",
        "ddp_timeout",
        "ddp_bucket_cap_mb",
        "ddp_broadcast_buffers",
        "ddp_find_unused_parameters",
        "local_rank",
        "dataloader_pin_memory",
        "dataloader_num_workers",
        "dataloader_prefetch_factor",
        "dataloader_drop_last",
        "accelerator_config",
        "accelerator_config.**",
        "remove_unused_columns",
        "torch_empty_cache_steps",
        "optim_args",
        "optim_target_modules",
        "lr_scheduler_kwargs",
        "lr_scheduler_kwargs.**",
        "lr_scheduler_kwargs.min_lr_rate",
        "low_cpu_mem_usage",
    ]
)


def _data() -> dict[str, Rule]:
    columns = {
        "field_messages": "messages",
        "field_tools": "tools",
        "field_system": "system",
        "field_instruction": "prompt",
        "field_input": "input",
        "field_output": "completion",
        "field": "text",
        "message_field_role": "role",
        "message_field_content": "content",
        "message_property_mappings.role": "role",
        "message_property_mappings.content": "content",
        "field_chosen": "chosen",
        "field_rejected": "rejected",
        "field_thinking": "reasoning",
        "field_prompt": "prompt",
        "field_completion": "completion",
        "field_label": "label",
    }
    found: dict[str, Rule] = {}
    for prefix in ("datasets[*].", "datasets[*].type.", "pretraining_dataset[*]."):
        found |= {f"{prefix}{name}": To(f"/data/columns/{role}", rules.text) for name, role in columns.items()}
    found["pretraining_dataset[*].text_column"] = To("/data/columns/text", rules.text)
    template = Lost(
        "rows become text by the chat template here, and by no template of their own",
        "set model.spec.chat.template to a .jinja file",
    )
    return (
        found
        | {
            "datasets[*].type.format": template,
            "datasets[*].type.no_input_format": template,
            "datasets[*].type.prompt_format": template,
            "datasets[*].type.chosen_format": template,
            "datasets[*].type.rejected_format": template,
            "datasets[*].type.completion_format": template,
            "datasets[*].type.system_format": template,
            "datasets[*].type.system_prompt": Lost(
                "a system prompt for all rows", "put it into the rows, or into the template"
            ),
            "datasets[*].chat_template": To("template", rules.text),
            "datasets[*].chat_template_jinja": Lost(
                "a template in the file itself", "put it into a .jinja file: model.spec.chat.template"
            ),
            "datasets[*].conversation": Lost(
                "FastChat's name of a conversation's form", "set model.spec.chat.template"
            ),
            "datasets[*].ds_type": Dead("what a file holds is known by its name"),
            "datasets[*].roles_to_train": only("/model/spec/loss_on", "sft", _roles),
            "datasets[*].train_on_eos": Lost(
                "the token that ends a turn is learned with the turn", "", off=("turn", "true")
            ),
            "datasets[*].train_on_eot": Lost(
                "the token that ends a turn is learned with the turn", "", off=("turn", "true")
            ),
            "datasets[*].roles.**": Lost("words for roles", "set data.role_words"),
            "datasets[*].drop_system_message": Lost("the system's turn stays", "take it out of the rows", off=(False,)),
            "datasets[*].message_field_training": Lost(
                "a turn's weight has a name of its own here",
                "call the field `weight` in the rows: docs/language_models.md",
            ),
            "datasets[*].message_field_training_detail": Lost("weights within a turn", "give weights by turn"),
            "datasets[*].split_thinking": To("/data/split_think", rules.flag),
            "datasets[*].message_property_mappings": Lost(
                "the names of a turn's fields", "set data.columns", off=({},)
            ),
            "datasets[*].field_human": Lost("the human's turn has no field of its own", "set data.columns"),
            "datasets[*].field_model": Lost("the model's turn has no field of its own", "set data.columns"),
            "datasets[*].shards": Lost("a part of the data set", "set data.max_samples"),
            "datasets[*].shards_idx": Lost("a part of the data set", "set data.max_samples"),
            "datasets[*].preprocess_shards": Dead(hf_arguments.MACHINE),
            "datasets[*].input_transform": Refused("code that is imported by its name: none is"),
            "datasets[*].input_format": Lost("rows are read by their columns", "see runner data check"),
            "datasets[*].revision": Lost(
                "a data set of the Hub is read as it is now", "download that revision, and name its files"
            ),
            "datasets[*].temperature": Lost("distillation's temperature", "see the kind distillation"),
            "datasets[*].logprobs_field": Lost(
                "a teacher's odds in the rows", "see the kind distillation: teacher_type odds"
            ),
            "datasets[*].template_thinking_key": Dead("told by the template"),
            "pretraining_dataset[*].skip": Lost("rows at the beginning are read too"),
            "pretraining_dataset[*].type": Dead("plain texts"),
            "pretraining_dataset[*].trust_remote_code": Refused("code of a data set's repository is never run here"),
            "test_datasets[*].**": Dead("rows to measure on are read as the others are"),
            "shuffle_merged_datasets": Dead("rows are drawn in a shuffled order, by the seed"),
            "shuffle_before_merging_datasets": Dead("rows are drawn in a shuffled order, by the seed"),
            "dataset_exact_deduplication": Dead(
                "runner data check tells of equal rows; equal rows are on one side of the split"
            ),
            "default_system_message": Lost(
                "a system prompt for all rows", "put it into the rows, or into the template"
            ),
            "message_property_mappings.**": Lost(
                "the names of a turn's fields", "set data.columns.role and data.columns.content"
            ),
        }
        | each(
            "dataset_prepared_path dataset_processes dataset_num_proc dataset_shard_num dataset_shard_idx"
            " skip_prepare_dataset num_dataset_shards_to_save dataset_keep_in_memory push_dataset_to_hub streaming"
            " streaming_multipack_buffer_size",
            Dead(hf_arguments.MACHINE),
        )
    )


def _roles(value: Any) -> Any:
    roles = [role.casefold() for role in rules.listed(value)]
    ours = {"gpt": "assistant", "human": "user", "bot": "assistant", "model": "assistant"}
    named_ = sorted({ours.get(role, role) for role in roles})
    if named_ == ["assistant"]:
        return "assistant"
    if "all" in named_:
        return "all"
    return {role: 1.0 for role in named_ if role in ("assistant", "user", "system", "tool")} or "assistant"


def _others() -> dict[str, Rule]:
    machine = (
        "model_type type_of_model tokenizer_type tokenizer_config tokenizer_use_fast tokenizer_legacy"
        " tokenizer_use_mistral_common tokenizer_save_jinja_files processor_type processor_kwargs processor_kwargs.**"
        " experimental_skip_move_to_device use_kernels is_falcon_derived_model is_llama_derived_model"
        " is_mistral_derived_model is_qwen_derived_model flash_attention flash_attn_cross_entropy flash_attn_fuse_mlp"
        " flash_attn_rms_norm flash_attn_fuse_qkv xformers_attention sdp_attention flex_attention"
        " flex_attn_compile_kwargs"
        " eager_attention sage_attention s2_attention attn_implementation lora_mlp_kernel lora_qkv_kernel lora_o_kernel"
        " lora_embedding_kernel chunked_cross_entropy chunked_cross_entropy_num_chunks tiled_mlp tiled_mlp_num_shards"
        " tiled_mlp_use_original_mlp unsloth_cross_entropy_loss unsloth_lora_mlp unsloth_lora_qkv unsloth_lora_o"
        " liger_rope liger_rms_norm liger_layer_norm liger_glu_activation liger_swiglu liger_cross_entropy"
        " liger_fused_linear_cross_entropy cut_cross_entropy pad_to_sequence_len pad_to_multiple_of"
        " sample_packing_group_size"
        " sample_packing_bin_size sample_packing_sequentially sample_packing_mp_start_method eval_sample_packing"
        " multipack_real_batches batch_flattening pretrain_multipack_buffer_size pretrain_multipack_attn"
        " pretraining_sample_concatenation sample_packing_eff_est total_num_tokens total_supervised_tokens device"
        " device_map world_size ddp max_memory gpu_memory_limit gc_steps gc_collect_steps activation_offloading"
        " layer_offloading selective_checkpointing selective_checkpointing.** activation_offloading deepcompile"
        " fsdp_version"
        " fsdp_final_state_dict_type dp_shard_size dp_replicate_size sequence_parallel_degree context_parallel_size"
        " heads_k_stride ring_attn_func tensor_parallel_size torch_compile_options lora_on_cpu"
        " qlora_sharded_model_loading"
        " eval_batch_size is_preprocess preprocess_iterable axolotl_config_path strict use_ray ray_run_name"
        " ray_num_workers resources_per_worker resources_per_worker.** vllm vllm.** capabilities env_capabilities"
        " dpo_use_liger_kernel dpo_padding_free precompute_ref_log_probs peft_autocast_adapter_dtype merge_method"
        " low_cpu_mem_usage dpo_use_logits_to_keep xformers_attention float32 large_head_attention flash_attn_d512"
        " sdpa_varlen fused_attn_kernel experts_implementation gemma4_hybrid_attn_impl ple_cpu_offload flash_optimum"
    )
    logging = (
        "wandb_entity wandb_watch wandb_log_model use_tensorboard use_mlflow mlflow_tracking_uri mlflow_experiment_name"
        " mlflow_run_name hf_mlflow_log_artifacts use_comet comet_workspace comet_project_name comet_experiment_key"
        " comet_mode comet_online comet_experiment_config comet_experiment_config.** use_trackio trackio_space_id"
        " trackio_project_name"
        " trackio_run_name use_otel_metrics otel_metrics_host otel_metrics_port profiler_steps profiler_steps_start"
        " include_tokens_per_second include_tkps gradio_title gradio_share gradio_server_name gradio_server_port"
        " gradio_max_new_tokens gradio_temperature debug"
    )
    effects = (
        "resize_token_embeddings_to_32x mean_resizing_embeddings shrink_embeddings reinit_weights"
        " embeddings_skip_upcast"
        " ebft ebft.** qat qat.** quantization quantization.** process_reward_model num_labels dpo_use_weighting"
        " dpo_loss_weights dpo_norm_loss rpo_alpha simpo_gamma cpo_alpha lora_target_parameters lora_modules_to_save"
        " lora_rank_pattern lora_rank_pattern.** lora_alpha_pattern lora_alpha_pattern.** peft_layers_to_transform"
        " peft_layers_pattern"
        " lora_fan_in_fan_out peft peft.** peft_layer_replication peft_init_lora_weights peft_trainable_token_indices"
        " peft_ensure_weight_tying gptq loraplus_lr_ratio loraplus_lr_embedding lora_model_dir relora relora_steps"
        " relora_warmup_steps relora_anneal_steps"
        " relora_prune_ratio relora_prune_method relora_cpu_offload lisa_n_layers lisa_step_interval"
        " lisa_layers_attribute"
        " unfrozen_parameters freeze_mm_modules embedding_lr embedding_lr_scale torchdistx_path lr_quadratic_warmup"
        " cosine_constant_lr_ratio lr_div_factor lr_groups lr_groups.** adam_epsilon2 adam_beta3 dion_lr dion_momentum"
        " dion_rank_fraction dion_rank_multiple_of qgalore_proj_quant qgalore_proj_bits qgalore_proj_group_size"
        " qgalore_cos_threshold qgalore_gamma_proj qgalore_queue_size qgalore_rank qgalore_update_proj_gap"
        " qgalore_scale qgalore_proj_type"
        " jagged_restart_steps jagged_restart_warmup_steps jagged_restart_anneal_steps curriculum_sampling use_pose"
        " pose_split_on_token_ids pose_max_context_len pose_num_chunks fp8 fp8_config fp8_config.**"
        " fp8_enable_fsdp_float8_all_gather rope_scaling rope_scaling.** noisy_embedding_alpha"
        " overrides_of_model_config"
        " overrides_of_model_config.** overrides_of_model_kwargs overrides_of_model_kwargs.** model_quantization_config"
        " model_quantization_config_kwargs model_quantization_config_kwargs.** use_onebitllms bnb_config_kwargs.**"
        " bnb_config_kwargs"
        " cls_model_config added_tokens_overrides added_tokens_overrides.** tokens special_tokens special_tokens.**"
        " eot_tokens"
        " fix_untrained_tokens chat_template_kwargs chat_template_kwargs.** use_eaft eaft_alpha eaft_k scaling_softmax"
        " scaling_softmax_factor scaling_softmax_bias quantize_moe_experts llama4_linearized_experts fp32_norms"
        " fp32_norm_classes max_packed_sequence_len image_size image_resize_algorithm role_boundaries"
        " loss_watchdog_threshold loss_watchdog_patience mixture_of_depths"
    )
    return (
        each(machine, Dead(hf_arguments.MACHINE))
        | each(logging, Dead(hf_arguments.LOGGING))
        | each(effects, Lost("there is no such part here", "leave it out, or keep to their program for it"))
        | {
            "special_tokens.pad_token": Dead("padding is seen by no token and is never learned"),
            "trl.**": Lost("the trainer of that kind here has no such part"),
            "trl.use_vllm": Dead(trl_format.VLLM),
            "trl.vllm_mode": Dead(trl_format.VLLM),
            "trl.vllm_server_host": Dead(trl_format.VLLM),
            "trl.vllm_server_port": Dead(trl_format.VLLM),
            "trl.vllm_server_timeout": Dead(trl_format.VLLM),
            "trl.log_completions": Dead(hf_arguments.LOGGING),
            "trl.sync_ref_model": Lost("the model that is compared with stays as it began", "", off=(False,)),
            "trl.use_liger_loss": Dead(hf_arguments.MACHINE),
            "evals_per_epoch": To("evals_per_epoch", rules.whole),
            "saves_per_epoch": Dead(hf_arguments.SAVING),
            "save_first_step": Dead(hf_arguments.SAVING),
            "auto_resume_from_checkpoints": Dead(hf_arguments.SAVING),
            "dynamic_checkpoint.**": Dead(hf_arguments.SAVING),
            "eval_table_size": Dead(hf_arguments.GENERATION),
            "eval_max_new_tokens": Dead(hf_arguments.GENERATION),
            "eval_sequence_len": Dead(hf_arguments.GENERATION),
            "do_causal_lm_eval": Dead(hf_arguments.GENERATION),
            "eval_causal_lm_metrics": Dead(hf_arguments.GENERATION),
            "do_bench_eval": Dead(hf_arguments.GENERATION),
            "bench_dataset": Dead(hf_arguments.GENERATION),
            "bench_split": Dead(hf_arguments.GENERATION),
            "generate_samples": Dead(hf_arguments.GENERATION),
            "num_generation_samples": Dead(hf_arguments.GENERATION),
            "generation_max_new_tokens": Dead(hf_arguments.GENERATION),
            "generation_temperature": Dead(hf_arguments.GENERATION),
            "generation_top_p": Dead(hf_arguments.GENERATION),
            "generation_top_k": Dead(hf_arguments.GENERATION),
            "generation_prompt_ratio": Dead(hf_arguments.GENERATION),
            "generation_do_sample": Dead(hf_arguments.GENERATION),
            "dpo_generate_during_eval": Dead(hf_arguments.GENERATION),
            "min_sample_len": Lost("short rows are learned too", "take them out of the data", effect=True),
            "max_prompt_len": Lost("a row is cut as a whole here", "set model.spec.max_length"),
            "excess_length_strategy": Lost("a row that is too long is cut here, not left out", "", off=("truncate",)),
        }
    )


def defaults(kind: str, leaves: Leaves) -> Mapping[str, Any]:
    packed = rules.is_off(leaves.get("sample_packing", False))
    found = {
        "/batch_size": 1,
        "/model/spec/gradient_accumulation": 1,
        "epochs": 1,
        "optimizer": "adamw_torch_fused",
        "scheduler": "cosine",
        "weight_decay": 0.0,
        "/model/spec/max_length": 512,
        "val_share": 0,
        "keep_best": kind in ("sft", "causal_lm") and _keeps_best(leaves),
        "dropout": 0.0,
        "/model/spec/packing": "none" if packed else None,
        "rank": 8,
        "alpha": 8,
        "warmup_ratio": 0.03,
        "adapter": "full",
        "merged": False,
        "precision": None if leaves.has("bf16") or leaves.has("fp16") else "auto",
        "/model/spec/gradient_checkpointing": False,
        "all_linear": None,
        "/model/spec/seed": 42,
    }
    if kind == "sft":
        found["/model/spec/loss_on"] = "assistant"
    if kind == "grpo":
        found |= {"group": 8, "new_tokens": 256, "temperature": 0.9, "/model/spec/beta": 0.0}
    if leaves.get("warmup_steps") is not None:
        found.pop("warmup_ratio")
    if leaves.get("hub_model_id"):
        # A name is enough there: the model is pushed, and nobody else sees it.
        found |= {"hub": True, "hub_private": True}
    if leaves.get("rl") == "ipo":
        found["/model/spec/loss_type"] = "ipo"
    return found


def _keeps_best(leaves: Leaves) -> bool:
    """Whether they load the best checkpoint at the end: where saves fall on measurements, unless it is switched off.

    Their builder of trainers asks whether ``save_steps % eval_steps == 0``, both of which
    ``saves_per_epoch`` and ``evals_per_epoch`` give as shares of the run.
    """
    asked = leaves.get("load_best_model_at_end")
    if asked is not None and rules.is_off(asked) and not leaves.get("early_stopping_patience"):
        return False
    try:
        epochs = rules.number(leaves.get("num_epochs", 1))
        saved, measured = (
            rules.number(leaves.get(f"{name}_steps") or 0)
            or 1 / (rules.number(leaves.get(f"{name}s_per_epoch")) * epochs)
            for name in ("save", "eval")
        )
        return saved % measured == 0
    except (ValueError, ZeroDivisionError):
        return False


#: Plugins that change how fast and in how much memory is learned, and not what.
KERNELS = ("cut_cross_entropy", "liger")


def prepare(draft: Draft) -> None:
    leaves = draft.leaves
    plugins = leaves.leaf("plugins")
    if (
        plugins is not None
        and isinstance(plugins.value, list)
        and plugins.value
        and all(
            str(one).startswith("axolotl.integrations.") and any(word in str(one) for word in KERNELS)
            for one in plugins.value
        )
    ):
        draft.say(
            plugins,
            "refused",
            "a plugin is code that is imported by its name: none is",
            "these make memory and time less, and change nothing that is learned",
        )
    first = (
        "datasets[0]"
        if leaves.has("datasets[0]")
        else "pretraining_dataset[0]"
        if leaves.has("pretraining_dataset[0]")
        else ""
    )
    _dataset(draft, first, "/data/dataset")
    if leaves.has("test_datasets[0]"):
        _dataset(draft, "test_datasets[0]", "/data/validation_data")
    single = leaves.leaf("pretraining_dataset")
    if single is not None and isinstance(single.value, str):
        found = named(single.value, draft.cwd)
        draft.put("/data/dataset", found.name)
        draft.say(single, "carried", pointers=("/data/dataset",))
    for leaf in leaves:
        for name in ("datasets", "test_datasets", "pretraining_dataset"):
            if leaf.key.startswith(f"{name}[") and not leaf.key.startswith(f"{name}[0]"):
                draft.say(
                    leaf,
                    "no equivalent",
                    "a spec has one data set; of several the first is taken",
                    "put their files into one folder, or into one file, and name that",
                    effect=True,
                )


def _dataset(draft: Draft, first: str, pointer: str) -> None:
    leaves = draft.leaves
    leaf = leaves.leaf(f"{first}.path")
    if leaf is None or leaf.value is None:
        for beside in leaves:
            if first and beside.key.startswith(f"{first}."):
                draft.say(beside, "no equivalent", "no data is named there", "set data.dataset", effect=True)
        return
    path, files = str(leaf.value), leaves.get(f"{first}.data_files")
    files_leaf = leaves.leaf(f"{first}.data_files")
    several = isinstance(files, list) and len(files) > 1
    if files:
        file = str(files[0] if isinstance(files, list) else files)
        generic = path in ("json", "csv", "parquet", "text", "arrow")
        from runner.interchange.importers.data_names import is_local

        our = (
            file
            if generic or (is_local(file, draft.cwd) and is_local(path, draft.cwd) is not False)
            else f"hub:{path}/{file}"
        )
        if not generic and not is_local(path, draft.cwd):
            our = f"hub:{path}/{file}"
        elif not generic:
            our = f"{path.rstrip('/')}/{file}"
        draft.put(pointer, our)
        draft.say(leaf, "carried", pointers=(pointer,))
        what = "a spec names one file, folder or pattern: of several the first is taken" if several else ""
        if files_leaf is not None:
            draft.say(
                files_leaf,
                "changed" if several else "carried",
                what,
                "name a folder or a pattern" if several else "",
                pointers=(pointer,),
                effect=several,
            )
        for name in ("split", "name"):
            if other := leaves.leaf(f"{first}.{name}"):
                draft.say(other, "no effect", "the files are named")
    else:
        found = named(path, draft.cwd, leaves.get(f"{first}.split"), leaves.get(f"{first}.name"))
        draft.put(pointer, found.name)
        draft.say(leaf, "changed" if found.what else "carried", found.what, pointers=(pointer,), effect=found.effect)
        for name in ("split", "name"):
            if other := leaves.leaf(f"{first}.{name}"):
                draft.say(other, "carried", pointers=(pointer,))
    if pointer == "/data/validation_data":
        draft.take("val_data", draft.get(pointer), None)
    form = leaves.leaf(f"{first}.type")
    if form is not None:
        word = str(form.value).partition(":")[0]
        if word in FORMS or word.startswith(
            (
                "chatml.",
                "llama3.",
                "chat_template.",
                "bradley_terry.",
                "zephyr.",
                "user_defined.",
                "alpaca",
                "sharegpt",
                "completion",
            )
        ):
            draft.say(
                form,
                "carried",
                "rows are read by their columns, and become text by the chat template: runner data check shows them",
            )
        else:
            draft.say(
                form,
                "no equivalent",
                "a form of rows that is not known here: columns are found by their names",
                "see runner data check",
                effect=True,
            )


def finish(draft: Draft) -> None:
    trl_format.drawing(draft)
    trl_format.rewards(draft)


MARKS = frozenset(
    [
        "base_model",
        "sequence_len",
        "micro_batch_size",
        "adapter",
        "val_set_size",
        "num_epochs",
        "sample_packing",
        "lora_target_linear",
        "datasets",
        "lr_scheduler",
        "rl",
        "chat_template",
        "dataset_prepared_path",
        "pad_to_sequence_len",
        "flash_attention",
        "wandb_entity",
        "special_tokens",
        "train_on_inputs",
    ]
)


def fits(leaves: Leaves) -> int:
    top = set(leaves.top())
    if "base_model" not in top or top & {"task", "input_features", "tuning"}:
        return 0
    score = len(top & MARKS)
    return score if score >= 2 else 0


FORMAT = Format(
    "axolotl",
    "Axolotl",
    kind,
    table,
    fits,
    defaults,
    prepare,
    finish,
    about="`axolotl train x.yaml`, with flags over it.",
    kinds=("sft", "dpo", "orpo", "kto", "reward", "grpo", "causal_lm"),
)
