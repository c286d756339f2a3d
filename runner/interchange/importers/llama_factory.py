"""LLaMA-Factory: ``llamafactory-cli train x.yaml learning_rate=1e-5``, and the YAML."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.interchange import rules
from runner.interchange.drafting import Draft
from runner.interchange.format import Chosen, Format
from runner.interchange.importers import hf_arguments
from runner.interchange.importers.trl import DPO_LOSSES
from runner.interchange.leaves import Leaves
from runner.interchange.rules import Dead, Decides, Lost, Refused, Rule, Secret, Table, To, each, only

STAGES = {"pt": "causal_lm", "sft": "sft", "rm": "reward", "dpo": "dpo", "kto": "kto", "ppo": "ppo"}


#: Names of models that read pictures.
PICTURES = re.compile(
    r"(?i)llava|paligemma|pixtral|smolvlm|idefics|internvl|[-_.\d]vl([-_.\d]|$)|minicpm-v|mllama|vision"
)


def kind(leaves: Leaves) -> Chosen:
    stage = str(leaves.get("stage", "sft")).casefold()
    if stage == "dpo" and str(leaves.get("pref_loss", "")).casefold() == "orpo":
        return Chosen("orpo")
    if stage == "dpo" and str(leaves.get("pref_loss", "")).casefold() == "kto_pair":
        return Chosen("dpo")
    if stage == "sft" and PICTURES.search(str(leaves.get("model_name_or_path", ""))):
        return Chosen("vision_language", "the model reads pictures, by its name: the kind vision_language")
    if stage not in STAGES:
        return Chosen("sft", f"the stage {stage} is not known: sft is taken")
    return Chosen(STAGES[stage])


def table(kind: str) -> Table:
    own: dict[str, Rule] = {
        "stage": Decides(),
        "model_name_or_path": To("/model/spec/base_model_name", rules.text),
        "model_revision": To("/model/spec/revision", rules.text),
        "finetuning_type": To("=adapter", rules.word({"lora": "lora", "full": "full", "freeze": "last_layers"})),
        "freeze_trainable_layers": To("last_layers", rules.whole),
        "lora_rank": To("rank", rules.whole),
        "lora_alpha": To("alpha", rules.number),
        "lora_dropout": To("dropout", rules.number),
        "lora_target": To("targets", hf_arguments.targets),
        "use_rslora": To("rslora", rules.flag),
        "use_dora": To("dora", rules.flag),
        "quantization_bit": To("bits", rules.whole),
        "quantization_type": To("quant_type", rules.text),
        "quantization_method": Lost("bitsandbytes alone quantises here", "", off=("bnb", "bitsandbytes")),
        "double_quantization": Lost(
            "a second quantisation, of the first's constants, saves memory alone", "", effect=False
        ),
        "cutoff_len": To("/model/spec/max_length", rules.whole),
        "packing": To("/model/spec/packing", lambda value: "packed" if rules.flag(value) else "none"),
        "neat_packing": To("neat_packing", rules.flag),
        "train_on_prompt": only("train_on_prompt", "sft", rules.flag),
        "mask_history": only("mask_history", "sft", rules.flag),
        "template": To("template", rules.text),
        "val_size": To("val_share", rules.number),
        "max_samples": To("/data/max_samples", rules.whole),
        "default_system": Lost("a system prompt for all rows", "put it into the rows, or into the template"),
        "pref_beta": only("/model/spec/beta", "dpo orpo kto", rules.number),
        "pref_loss": only("pref_loss", "dpo orpo", rules.text),
        "pref_ftx": only("pref_ftx", "dpo kto", rules.number),
        "dpo_label_smoothing": only("/model/spec/label_smoothing", "dpo", rules.number),
        "kto_chosen_weight": only("/model/spec/desirable_weight", "kto", rules.number),
        "kto_rejected_weight": only("/model/spec/undesirable_weight", "kto", rules.number),
        "ppo_epochs": only("/model/spec/passes", "ppo", rules.whole),
        "reward_model": only("reward_model", "ppo", rules.text),
        "temperature": only("/model/spec/temperature", "ppo", rules.number),
        "top_p": only("/model/spec/top_p", "ppo", rules.number),
        "top_k": only("/model/spec/top_k", "ppo", rules.whole),
        "max_new_tokens": only("/model/spec/max_new_tokens", "ppo", rules.whole),
        "early_stopping_steps": To("patience", rules.whole),
        "use_muon": To("optimizer", lambda value: "muon" if rules.flag(value) else None),
        "disable_gradient_checkpointing": To("/model/spec/gradient_checkpointing", rules.negated),
        "pure_bf16": To(
            "=precision",
            lambda value: "bfloat16" if rules.flag(value) else None,
            "weights stay float32, and bfloat16 is computed with",
        ),
        "compute_dtype": To("=precision", hf_arguments.PRECISION),
        "freeze_vision_tower": only("/model/spec/train_vision_tower", "vision_language", rules.negated),
        "freeze_multi_modal_projector": only("/model/spec/train_projector", "vision_language", rules.negated),
        "freeze_language_model": Lost("the language model is what is trained here", "", off=(False,)),
        "disable_shuffling": Lost("rows are drawn in a shuffled order", "", off=(False,)),
        "adapter_name_or_path": Lost(
            "a training goes on from a stored model by its name", "set model.start_state, or merge the adapter first"
        ),
        "ref_model": Lost("the model that is compared with is the base", "", effect=True),
        "swanlab_api_key": Secret("SWANLAB_API_KEY"),
        "swanlab_lark_secret": Secret("SWANLAB_LARK_SECRET"),
        "hf_hub_token": Secret("HF_TOKEN"),
        "ms_hub_token": Secret("MODELSCOPE_API_TOKEN"),
        "om_hub_token": Secret("OM_TOKEN"),
        "trust_remote_code": Refused(
            "code of a model's repository is never run here", "choose a model of an architecture that transformers has"
        ),
        "env.**": Lost(
            "an environment variable", "set it where the run begins; run.env names those that it gets", effect=False
        ),
    }
    return own | _others() | {name: rule for name, rule in hf_arguments.TABLE.items() if name not in own}


def _others() -> dict[str, Rule]:
    machine = (
        "dataset_dir media_dir overwrite_cache preprocessing_batch_size preprocessing_num_workers streaming buffer_size"
        " tokenized_path data_shared_file_system use_fast_tokenizer flash_attn use_unsloth use_unsloth_gc"
        " enable_liger_kernel use_reentrant_gc upcast_lmhead_output infer_backend offload_folder use_kv_cache"
        " use_v1_kernels infer_dtype quantization_device_map device_map print_param_status block_diag_attn"
        " ref_model_quantization_bit reward_model_quantization_bit ray_num_workers ray_init_kwargs ray_init_kwargs.**"
        " master_addr master_port use_mca use_hyper_parallel hyper_parallel_args ignore_pad_token_for_loss"
        " include_effective_tokens_per_second compute_accuracy eval_num_beams eval_on_each_dataset do_sample num_beams"
        " length_penalty skip_special_tokens adapter_folder split_special_tokens enable_torch_profiler"
        " profiler_output_dir"
        " profiler_wait_steps profiler_warmup_steps profiler_active_steps profiler_repeat profiler_record_shapes"
        " profiler_profile_memory profiler_with_stack profile_modules vllm_maxlen vllm_gpu_util vllm_enforce_eager"
        " vllm_max_lora_rank vllm_config vllm_config.** sglang_maxlen sglang_mem_fraction sglang_tp_size sglang_config"
        " sglang_lora_backend ppo_buffer_size fp8_backend fp8_enable_fsdp_float8_all_gather task task_dir lang"
        " n_shot save_dir download_mode"
    )
    effects = (
        "additional_target loraplus_lr_ratio loraplus_lr_embedding pissa_init pissa_iter pissa_convert"
        " create_new_adapter module_dropout oft_rank oft_block_size oft_target pref_bco_weight simpo_gamma"
        " ppo_score_norm ppo_target ppo_whiten_rewards ref_model_adapters reward_model_adapters ld_alpha use_galore"
        " galore_target galore_rank galore_update_interval galore_scale galore_proj_type galore_layerwise use_apollo"
        " apollo_target apollo_rank apollo_update_interval apollo_scale apollo_proj apollo_proj_type"
        " apollo_scale_type apollo_layerwise apollo_scale_front use_badam badam_mode badam_start_block"
        " badam_switch_mode badam_switch_interval badam_update_ratio badam_mask_mode badam_verbose use_llama_pro"
        " use_adam_mini use_dft_loss use_asft_loss asft_alpha use_eaft_loss eaft_alpha freeze_trainable_modules"
        " freeze_extra_modules resize_vocab add_tokens add_special_tokens new_special_tokens_config"
        " init_special_tokens rope_scaling shift_attn mixture_of_depths moe_aux_loss_coef upcast_layernorm"
        " train_from_scratch use_kt kt_weight_path kt_expert_checkpoint_path kt_use_lora_experts kt_lora_expert_num"
        " kt_lora_expert_intermediate_size model_max_length interleave_probs tool_format preserve_thinking"
        " image_max_pixels image_min_pixels image_do_pan_and_scan crop_to_patches video_max_pixels video_min_pixels"
        " video_fps video_maxlen use_audio_in_video audio_sampling_rate repetition_penalty fp8"
    )
    return (
        each(machine, Dead(hf_arguments.MACHINE))
        | each(effects, Lost("there is no such part here", "leave it out, or keep to their program for it"))
        | {
            "mix_strategy": Lost("a spec has one data set", "", off=("concat",)),
            "enable_thinking": Lost("what was thought is learned as the rows have it", "", effect=False),
            "reward_model_type": Lost(
                "a reward model is one that is stored here, by its name", "train it as the kind reward", effect=False
            ),
            "batch_size": Dead("the size of an evaluation of theirs"),
            "dataset": Dead("no data set is named"),
            "eval_dataset": Dead("no data set is named"),
            "max_length": Dead("how long an answer may be, which changes no weight"),
        }
        | each(
            "export_dir export_size export_device export_quantization_bit export_quantization_dataset"
            " export_quantization_nsamples export_quantization_maxlen export_legacy_format export_hub_model_id",
            Lost("a stored model is exported by a command", "runner models export", effect=False),
        )
        | each(
            "use_swanlab swanlab_project swanlab_workspace swanlab_run_name swanlab_mode swanlab_logdir"
            " swanlab_lark_webhook_url",
            Dead(hf_arguments.LOGGING),
        )
    )


def defaults(kind: str, leaves: Leaves) -> Mapping[str, Any]:
    rank = leaves.get("lora_rank", 8)
    try:
        alpha = 2 * rules.whole(rank)
    except ValueError:
        alpha = 16
    found = {
        **hf_arguments.DEFAULTS,
        "adapter": "lora",
        "rank": 8,
        "alpha": alpha,
        "dropout": 0.0,
        "targets": "auto",
        "merged": False,
        "/model/spec/max_length": 2048,
        "/model/spec/gradient_checkpointing": True,
        "last_layers": 2,
        "precision": None
        if any(leaves.has(name) for name in ("bf16", "fp16", "pure_bf16", "compute_dtype"))
        else "float32",
        "warmup_ratio": 0,
    }
    if kind == "causal_lm" and not leaves.has("packing"):
        found["/model/spec/packing"] = "packed"
    if kind == "ppo":
        found |= {
            "/model/spec/max_new_tokens": 1024,
            "/model/spec/temperature": 0.95,
            "/model/spec/top_p": 0.7,
            "/model/spec/top_k": 50,
        }
    return found


def prepare(draft: Draft) -> None:
    _dataset(draft, "dataset", "/data/dataset")
    _dataset(draft, "eval_dataset", "/data/validation_data")


def _dataset(draft: Draft, key: str, pointer: str) -> None:
    """Their names stand in a `dataset_info.json`; where that can be read, so can files, columns and tags."""
    leaf = draft.leaves.leaf(key)
    if leaf is None or rules.is_off(leaf.value):
        return
    names = rules.listed(leaf.value)
    folder = str(draft.leaves.get("dataset_dir", "data"))
    info = _info(draft, folder)
    name = names[0]
    what, effect = "", False
    about = info.get(name) if info else None
    if isinstance(about, dict):
        our = _registered(draft, about, folder, pointer)
        what = f"as {folder}/dataset_info.json says"
    else:
        our = f"{folder}/{name}.json"
        what, effect = (
            f"{folder}/dataset_info.json, which says where {name} is, cannot be read from here: a file of that name "
            f"is taken",
            True,
        )
    if len(names) > 1:
        what, effect = f"{what}; a spec has one data set, and of {len(names)} the first is taken", True
    draft.put(pointer, our)
    draft.say(
        leaf,
        "changed",
        what,
        "put the rows into one file or folder, and name it" if len(names) > 1 else "",
        pointers=(pointer,),
        effect=effect,
    )
    if pointer == "/data/validation_data":
        draft.take("val_data", our, None)


def _info(draft: Draft, folder: str) -> dict[str, Any]:
    for root in (draft.cwd, draft.folder, *list(draft.folder.resolve().parents)[:3]):
        place = Path(root) / folder / "dataset_info.json"
        if place.is_file() and place.stat().st_size < 2**22:
            try:
                found = json.loads(place.read_text("utf-8"))
            except (OSError, ValueError):
                return {}
            return found if isinstance(found, dict) else {}
    return {}


def _registered(draft: Draft, about: dict[str, Any], folder: str, pointer: str) -> str:
    columns = about.get("columns") if isinstance(about.get("columns"), dict) else {}
    roles = {
        "prompt": "prompt",
        "query": "input",
        "response": "completion",
        "history": "history",
        "messages": "messages",
        "system": "system",
        "tools": "tools",
        "chosen": "chosen",
        "rejected": "rejected",
        "kto_tag": "label",
    }
    if pointer == "/data/dataset":
        for theirs, column in (columns or {}).items():
            role = roles.get(theirs)
            if draft.kind == "causal_lm" and theirs == "prompt":
                role = "text"
            if role and isinstance(column, str) and draft.has_field(f"/data/columns/{role}"):
                draft.put(f"/data/columns/{role}", column)
        tags = about.get("tags") if isinstance(about.get("tags"), dict) else {}
        for theirs, role in (("role_tag", "role"), ("content_tag", "content")):
            if isinstance((tags or {}).get(theirs), str) and draft.has_field(f"/data/columns/{role}"):
                draft.put(f"/data/columns/{role}", (tags or {})[theirs])
    if isinstance(about.get("hf_hub_url"), str):
        return f"hub:{about['hf_hub_url']}"
    if isinstance(about.get("file_name"), str):
        return os.path.normpath(str(Path(folder) / about["file_name"]))
    return f"{folder}/{pointer.rpartition('/')[2]}.json"


def finish(draft: Draft) -> None:
    for name, word in (("train_on_prompt", "all"), ("mask_history", "last_assistant")):
        if draft.value(name):
            draft.put("/model/spec/loss_on", word)
            draft.carried(name, "/model/spec/loss_on")
        else:
            draft.void(name, "all answers are learned, and no question: here too")
    if draft.value("neat_packing"):
        draft.put("/model/spec/packing", "packed")
        draft.carried("neat_packing", "/model/spec/packing")
    else:
        draft.void("neat_packing", "packed rows see none of each other here anyway")
    loss = draft.value("pref_loss")
    if loss is not None:
        if draft.kind == "orpo":
            draft.carried("pref_loss", "/model/spec/model_type")
        elif str(loss) in DPO_LOSSES:
            draft.put("/model/spec/loss_type", str(loss))
            draft.carried("pref_loss", "/model/spec/loss_type")
        else:
            draft.lost("pref_loss", f"there is no {loss} here: DPO's own loss is taken", "choose model.spec.loss_type")
    if draft.value("pref_ftx"):
        draft.lost("pref_ftx", "the loss over chosen answers is not added here", "train by orpo, which has it")
    else:
        draft.void("pref_ftx", "no share of it is added")
    if draft.value("reward_model"):
        draft.put("/model/spec/rewards", {"model": {"reward_type": "model", "model_name": draft.value("reward_model")}})
        draft.carried(
            "reward_model",
            "/model/spec/rewards/model/model_name",
            "a reward model that is stored here, by its name: a folder or adapter of theirs is none",
            "train it as the kind reward, and name it",
            effect=True,
        )


MARKS = frozenset(
    [
        "stage",
        "finetuning_type",
        "template",
        "cutoff_len",
        "dataset",
        "dataset_dir",
        "lora_rank",
        "lora_target",
        "do_train",
        "overwrite_cache",
        "preprocessing_num_workers",
        "quantization_bit",
        "pref_beta",
        "val_size",
        "plot_loss",
    ]
)


def fits(leaves: Leaves) -> int:
    top = set(leaves.top())
    if "model_name_or_path" not in top or "dataset_name" in top:
        return 0
    return 2 + len(top & MARKS)


FORMAT = Format(
    "llamafactory",
    "LLaMA-Factory",
    kind,
    table,
    fits,
    defaults,
    prepare,
    finish,
    negates=True,
    about=(
        "`llamafactory-cli train x.yaml`, with `name=value` over it. Its data sets' names stand in a "
        "`dataset_info.json`, which is looked for."
    ),
    kinds=("sft", "causal_lm", "reward", "dpo", "orpo", "kto", "ppo"),
)
