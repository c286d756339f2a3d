"""TRL: the command line ``trl TRAINER ...``, its scripts, and the YAML that they take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner import near_names
from runner.errors import UsageError
from runner.interchange import rules
from runner.interchange.drafting import Draft
from runner.interchange.format import Chosen, Format
from runner.interchange.importers import hf_arguments
from runner.interchange.importers.data_names import named, second_split
from runner.interchange.leaves import Leaf, Leaves
from runner.interchange.rules import Dead, Decides, Lost, Refused, Rule, Secret, Table, To, each, only

#: Their trainers, and ours.
TRAINERS = {
    "sft": "sft",
    "dpo": "dpo",
    "orpo": "orpo",
    "kto": "kto",
    "reward": "reward",
    "grpo": "grpo",
    "rloo": "grpo",
    "online_dpo": "online_dpo",
    "gkd": "distillation",
    "distillation": "distillation",
    "ppo": "ppo",
}
#: Settings that one trainer has, for a file that does not say whose it is.
TELLING = {
    "num_generations": "grpo",
    "reward_funcs": "grpo",
    "desirable_weight": "kto",
    "undesirable_weight": "kto",
    "center_rewards_coefficient": "reward",
    "lmbda": "gkd",
    "teacher_model_name_or_path": "gkd",
    "reward_model_path": "online_dpo",
    "precompute_ref_log_probs": "dpo",
    "rpo_alpha": "dpo",
    "f_divergence_type": "dpo",
    "num_ppo_epochs": "ppo",
}
#: Settings of several trainers, and not of sft.
OF_OTHERS = ("beta", "max_prompt_length", "max_completion_length", "ref_model_mixup_alpha")
VLLM = "answers come from the model itself here, several at once, and from no vLLM"
DPO_LOSSES = {"sigmoid": "sigmoid", "hinge": "hinge", "ipo": "ipo", "robust": "robust"}
CHAT_KINDS = "sft dpo orpo kto reward grpo ppo online_dpo distillation"
REWARD: dict[str, dict[str, Any]] = {
    "accuracy_reward": {"reward_type": "numeric_answer", "column": "solution"},
    "think_format_reward": {"reward_type": "format", "tags": ["think"]},
    "reasoning_accuracy_reward": {"reward_type": "numeric_answer", "column": "solution"},
    "get_soft_overlong_punishment": {"reward_type": "length", "target": 256, "unit": "tokens", "shape": "at_most"},
}


def trainer(leaves: Leaves) -> tuple[str, str]:
    """Their trainer, and what is to be known of how it was told."""
    said = leaves.get("(trainer)") or leaves.get("trainer")
    if said in TRAINERS:
        return str(said), ""
    if said is not None:
        known = ", ".join(TRAINERS)
        hint = near_names.hint(str(said), TRAINERS, f"there are: {known}")
        raise UsageError(f"trl has no trainer {str(said)!r} that is known here", hint=hint)
    found = next((TELLING[key] for key in TELLING if leaves.has(key)), None)
    if found:
        return (
            found,
            f"the file does not say whose trainer it is for: {found}'s, by its settings (--from trl:TRAINER says it)",
        )
    others = [key for key in OF_OTHERS if leaves.has(key)]
    if others:
        raise UsageError(
            f"the file does not say whose trainer it is for, and has {', '.join(others)}, which sft has not",
            hint="say it: --from trl:dpo, trl:kto, trl:orpo, trl:grpo, ...",
        )
    return (
        "sft",
        "the file does not say whose trainer it is for: sft is taken (--from trl:dpo, trl:kto, ... says another)",
    )


def kind(leaves: Leaves) -> Chosen:
    name, note = trainer(leaves)
    return Chosen(TRAINERS[name], note)


def loss_type(kind: str) -> Any:
    if kind in ("dpo", "online_dpo"):
        return lambda value: rules.word(DPO_LOSSES)(rules.listed(value)[0] if rules.listed(value) else value)
    return rules.text


def table(kind: str) -> Table:
    own: dict[str, Rule] = {
        "model_name_or_path": To("/model/spec/base_model_name", rules.text),
        "model_revision": To("/model/spec/revision", rules.text),
        "use_peft": To("use_adapter", rules.flag),
        "lora_r": To("rank", rules.whole),
        "lora_alpha": To("alpha", rules.number),
        "lora_dropout": To("dropout", rules.number),
        "lora_target_modules": To("targets", hf_arguments.targets),
        "use_rslora": To("rslora", rules.flag),
        "use_dora": To("dora", rules.flag),
        "load_in_4bit": To("bits4", rules.flag),
        "load_in_8bit": To("bits8", rules.flag),
        "bnb_4bit_quant_type": To("quant_type", rules.text),
        "lora_target_parameters": Lost("parameters outside linear layers get no adapter here"),
        "lora_modules_to_save": Lost(
            "layers beside the adapter are not trained here",
            "train the last layers (finetuning_spec last_layers) or all (full)",
        ),
        "max_length": To("/model/spec/max_length", rules.whole),
        "max_seq_length": To("/model/spec/max_length", rules.whole),
        "packing": To("/model/spec/packing", lambda value: "packed" if rules.flag(value) else "none"),
        "assistant_only_loss": only("loss_on", "sft", lambda value: "assistant" if rules.flag(value) else None),
        "completion_only_loss": only("loss_on", "sft", lambda value: "assistant" if rules.flag(value) else "all"),
        "dataset_text_field": only("text_field", "sft causal_lm", rules.text),
        "chat_template_path": To("template", rules.text, "a folder or a model there; here a format, or a .jinja file"),
        "chat_template": To("template", rules.text),
        "beta": only("beta", "dpo orpo kto grpo online_dpo ppo distillation", rules.number),
        "loss_type": only("/model/spec/loss_type", "dpo kto grpo online_dpo", loss_type(kind)),
        "label_smoothing": only("/model/spec/label_smoothing", "dpo orpo", rules.number),
        "desirable_weight": only("/model/spec/desirable_weight", "kto", rules.number),
        "undesirable_weight": only("/model/spec/undesirable_weight", "kto", rules.number),
        "center_rewards_coefficient": only("/model/spec/center_rewards", "reward", rules.number),
        "num_generations": only("group", "grpo", rules.whole),
        "max_completion_length": only("new_tokens", "grpo ppo online_dpo distillation", rules.whole),
        "max_new_tokens": only("new_tokens", "grpo ppo online_dpo distillation", rules.whole),
        "response_length": only("new_tokens", "ppo", rules.whole),
        "temperature": only("temperature", "grpo ppo online_dpo distillation", rules.number),
        "top_p": only("top_p", "grpo ppo online_dpo", rules.number),
        "top_k": only("top_k", "grpo ppo online_dpo", rules.number),
        "epsilon": only("/model/spec/clip_range", "grpo", rules.number),
        "epsilon_high": only("/model/spec/clip_range_high", "grpo", rules.number),
        "num_iterations": only("/model/spec/passes", "grpo", rules.whole),
        "mask_truncated_completions": only("/model/spec/mask_cut", "grpo", rules.flag),
        "scale_rewards": only("/model/spec/scale_rewards", "grpo", scale_rewards),
        "reward_weights": only("reward_weights", "grpo", rules.listed),
        "reward_funcs": only("reward_funcs", "grpo online_dpo", rules.listed),
        "reward_model_name_or_path": only("reward_model", "grpo online_dpo ppo", rules.text),
        "reward_model_path": only("reward_model", "online_dpo ppo", rules.text),
        "num_ppo_epochs": only("/model/spec/passes", "ppo", rules.whole),
        "kl_coef": only("/model/spec/kl_coefficient", "ppo", rules.number),
        "cliprange": only("/model/spec/clip_range", "ppo", rules.number),
        "cliprange_value": only("/model/spec/value_clip_range", "ppo", rules.number),
        "vf_coef": only("/model/spec/value_coefficient", "ppo", rules.number),
        "gamma": only("/model/spec/gamma", "ppo", rules.number),
        "lam": only("/model/spec/gae_lambda", "ppo", rules.number),
        "teacher_model_name_or_path": only("teacher", "distillation", rules.text),
        "teacher_model_revision": only("teacher_revision", "distillation", rules.text),
        "lmbda": only("lmbda", "distillation", rules.number),
        "seq_kd": Lost("the teacher's own answers are learned in another way", 'set teacher outputs to "text"'),
        "trainer": Decides(),
        "dtype": To("weights", rules.text),
        "torch_dtype": To("weights", rules.text),
        "wandb_project": To("wandb_project", rules.text),
    }
    return own | _data() | _others() | {name: rule for name, rule in hf_arguments.TABLE.items() if name not in own}


def _data() -> dict[str, Rule]:
    return each(
        "dataset_name dataset_config dataset_train_split dataset_test_split datasets[*].path datasets[*].name"
        " datasets[*].split datasets[*].data_files",
        Dead("told with the data"),
    ) | {
        "datasets[*].columns": Lost(
            "columns are found by their names here, or named in data.columns", "set data.columns"
        ),
        "datasets[*].columns.**": Lost(
            "columns are found by their names here, or named in data.columns", "set data.columns"
        ),
        "datasets[*].fraction": Lost("a share of a data set", "set data.max_samples"),
        "datasets[*].data_dir": Lost("a folder within a data set", "name its files: hub:OWNER/NAME/FOLDER/*"),
        "test_split_size": To("val_share", rules.number),
        "dataset_streaming": Dead(hf_arguments.MACHINE),
        "streaming": Dead(hf_arguments.MACHINE),
        "dataset_num_proc": Dead(hf_arguments.MACHINE),
        "ignore_bias_buffers": Dead(hf_arguments.MACHINE),
    }


def _others() -> dict[str, Rule]:
    vllm = (
        "use_vllm vllm_mode vllm_model_impl vllm_enable_sleep_mode vllm_structured_outputs_regex vllm_server_base_url"
        " vllm_server_host vllm_server_port vllm_server_timeout vllm_group_port vllm_gpu_memory_utilization"
        " vllm_max_model_length vllm_tensor_parallel_size vllm_importance_sampling_correction"
        " vllm_importance_sampling_mode vllm_importance_sampling_clip_max vllm_importance_sampling_clip_min"
        " vllm_importance_sampling_cap use_transformers_paged use_transformers_continuous_batching"
        " transformers_continuous_batching_config vllm_guided_decoding_regex"
    )
    effects = (
        "router_aux_loss_coef ld_alpha loss_weights use_weighting discopop_tau f_alpha_divergence_coef rpo_alpha"
        " sync_ref_model ref_model_mixup_alpha ref_model_sync_steps delta sapo_temperature_neg sapo_temperature_pos"
        " vespo_k_pos vespo_lambda_pos vespo_k_neg vespo_lambda_neg multi_objective_aggregation top_entropy_quantile"
        " entropy_coef use_adaptive_entropy entropy_coef_min entropy_coef_max entropy_coef_delta entropy_target"
        " off_policy_mask_threshold reward_clip_range normalize_advantages missing_eos_penalty min_p"
        " repetition_penalty generation_kwargs chat_template_kwargs cpo_alpha simpo_gamma alpha eos_token pad_token"
        " teacher_model_init_kwargs model_init_kwargs ref_model whiten_rewards max_tool_calling_iterations"
        " tools judge reference_free force_use_ref_model cast_lm_head_to_fp32 stop_token stop_token_id"
    )
    return (
        each(vllm, Dead(VLLM))
        | each(
            effects,
            Lost("the trainer of that kind here has no such part", "leave it out, or keep to their program for it"),
        )
        | {
            f"{name}.**": Lost("the trainer of that kind here has no such part", "")
            for name in (
                "model_init_kwargs",
                "teacher_model_init_kwargs",
                "generation_kwargs",
                "chat_template_kwargs",
                "dataset_kwargs",
            )
        }
        | {
            "f_divergence_type": Lost(
                "the divergence is the reverse KL", "", off=("reverse_kl", "FDivergenceType.REVERSE_KL")
            ),
            "importance_sampling_level": Lost("the ratio is taken by token here", "", off=("token",)),
            "use_bias_correction_kl": Lost("the KL is estimated in one way here", "", effect=False),
            "truncation_mode": Lost("a row's end is cut here", "", off=("keep_start",)),
            "max_prompt_length": Lost(
                "a row is cut as a whole here", "set model.spec.max_length to prompt and answer together"
            ),
            "shuffle_dataset": Dead("rows are drawn in a shuffled order, by the seed"),
            "dataset_kwargs": Lost("how rows become text is the layout's here", "see runner data check", off=({},)),
            "packing_strategy": Lost(
                "packed rows see none of each other here", "", off=("bfd", "bfd-requeue", "bfd_split")
            ),
            "eval_packing": Dead("the figures are the same, packed or not"),
            "padding_free": Dead(hf_arguments.MACHINE),
            "pad_to_multiple_of": Dead(hf_arguments.MACHINE),
            "padding_value": Dead(hf_arguments.MACHINE),
            "activation_offloading": Dead(hf_arguments.MACHINE),
            "precompute_ref_log_probs": Dead(hf_arguments.MACHINE),
            "precompute_ref_batch_size": Dead(hf_arguments.MACHINE),
            "ds3_gather_for_generation": Dead(hf_arguments.MACHINE),
            "cache_implementation": Dead(hf_arguments.MACHINE),
            "attn_implementation": Dead(hf_arguments.MACHINE),
            "use_bnb_nested_quant": Lost(
                "a second quantisation, of the first's constants, saves memory alone", "", effect=False
            ),
            "bnb_4bit_quant_storage": Dead(hf_arguments.MACHINE),
            "lora_task_type": Dead("the task is the kind's"),
            "disable_dropout": Lost("dropout is as the model's own configuration has it", "", effect=True),
            "is_encoder_decoder": Lost("encoder-decoder models are the kind seq2seq's", "", off=(False,)),
            "num_generations_eval": Dead("what held-out prompts are answered with changes no weight"),
            "steps_per_generation": Lost(
                "answers are drawn anew for every step, or used for model.spec.passes", "", off=(1,)
            ),
            "generation_batch_size": Dead(hf_arguments.MACHINE),
            "log_completions": Dead(hf_arguments.LOGGING),
            "log_multimodal": Dead(hf_arguments.LOGGING),
            "num_completions_to_print": Dead(hf_arguments.LOGGING),
            "log_unique_prompts": Dead(hf_arguments.LOGGING),
            "log_completions_hub_repo": Dead(hf_arguments.LOGGING),
            "wandb_log_unique_prompts": Dead(hf_arguments.LOGGING),
            "generate_during_eval": Dead(hf_arguments.GENERATION),
            "trust_remote_code": Refused(
                "code of a model's repository is never run here",
                "choose a model of an architecture that transformers has",
            ),
            "env.**": Lost(
                "an environment variable", "set it where the run begins; run.env names those that it gets", effect=False
            ),
            "token": Secret("HF_TOKEN"),
        }
    )


def scale_rewards(value: Any) -> str:
    word = str(value).casefold()
    return {"true": "group", "false": "none"}.get(word, word)


def defaults(kind: str, leaves: Leaves) -> Mapping[str, Any]:
    name = trainer(leaves)[0]
    found = {
        **{key: value for key, value in hf_arguments.DEFAULTS.items() if key != "seed"},
        "learning_rate": {"sft": 2e-5, "reward": 1e-4, "gkd": 2e-5, "online_dpo": 5e-7, "ppo": 3e-6}.get(name, 1e-6),
        "/model/spec/gradient_checkpointing": True,
        "/model/spec/max_length": {"online_dpo": 512}.get(name, 1024),
        "precision": None if leaves.has("bf16") or leaves.has("fp16") else "bfloat16",
        "warmup_ratio": 0,
        "merged": False,
        "adapter": None if leaves.get("use_peft") else "full",
        "rank": 16,
        "alpha": 32,
        "dropout": 0.05,
        "targets": hf_arguments.peft_targets(leaves.get("model_name_or_path")),
    }
    if name in ("grpo", "rloo"):
        rloo = name == "rloo"
        found |= {
            "beta": 0.05 if rloo else 0.0,
            "group": 2 if rloo else 8,
            "new_tokens": 512,
            "temperature": 1.0,
            "/model/spec/loss_type": None if rloo else "dapo",
        }
        if rloo:
            found |= {"/model/spec/baseline": "others", "/model/spec/scale_rewards": "none"}
    elif name == "kto" or name == "dpo":
        found |= {"beta": 0.1}
    elif name == "online_dpo":
        found |= {"beta": 0.1, "new_tokens": 64, "temperature": 0.9}
    elif name == "gkd":
        found |= {"lmbda": 0.5, "beta": 0.5, "new_tokens": 128, "temperature": 0.9}
    if kind == "sft" and not leaves.has("completion_only_loss") and not leaves.has("assistant_only_loss"):
        found["loss_on"] = None
    return found


def prepare(draft: Draft) -> None:
    """The data: one data set, or the first of a mixture; its two splits."""
    leaves = draft.leaves
    first = "datasets[0]." if leaves.has("datasets[0]") else ""
    key = f"{first}path" if first else "dataset_name"
    leaf = leaves.leaf(key)
    split_key, config_key = (f"{first}split", f"{first}name") if first else ("dataset_train_split", "dataset_config")
    if leaf is not None and leaf.value is not None:
        files = leaves.get("datasets[0].data_files")
        found = named(
            str(files if isinstance(files, str) and "/" not in str(leaf.value) else leaf.value),
            draft.cwd,
            leaves.get(split_key),
            leaves.get(config_key),
        )
        draft.put("/data/dataset", found.name)
        draft.say(
            leaf, "changed" if found.what else "carried", found.what, pointers=("/data/dataset",), effect=found.effect
        )
        for one in (split_key, config_key, "datasets[0].data_files"):
            if other := leaves.leaf(one):
                draft.say(other, "carried", pointers=("/data/dataset",))
    _measured(draft, None if first else leaf, mixed=bool(first))
    for other in leaves:
        if other.key.startswith("datasets[") and not other.key.startswith("datasets[0]"):
            draft.say(
                other,
                "no equivalent",
                "a spec has one data set; of several the first is taken",
                "put their files into one folder, or into one file, and name that",
                effect=True,
            )


def _measured(draft: Draft, data: Leaf | None, *, mixed: bool) -> None:
    """The rows that are measured on: the split of ``dataset_test_split``, or a share of a mixture.

    Their scripts take ``dataset[dataset_test_split]`` as soon as there is an ``eval_strategy``, and stop where the data
    set has no such split. Rows that are trained on are never measured instead.
    """
    leaves = draft.leaves
    asks = leaves.leaf("eval_strategy") or leaves.leaf("evaluation_strategy")
    test = leaves.leaf("dataset_test_split")
    if asks is None or str(asks.value).casefold().rpartition(".")[2] in ("no", "false", "none"):
        if test is not None:
            draft.say(test, "no effect", "nothing is measured: eval_strategy is no")
        return
    split = str(leaves.get("dataset_test_split", "test"))
    found = None
    if data is not None and isinstance(data.value, str):
        found = second_split(data.value, draft.cwd, split, leaves.get("dataset_config"))
    if found is not None:
        draft.take("val_data", found.name, test)
        if test is not None:
            draft.say(
                test,
                "changed",
                found.what or "the held-out split's file",
                pointers=("/data/validation_data",),
                effect=found.effect,
            )
        return
    if mixed and not rules.is_off(leaves.get("test_split_size"), (0, 0.0)):
        if test is not None:
            draft.say(test, "no effect", "the share of the rows that is held out is given")
        return
    if data is None and not mixed:
        return
    why = "a mixture has no second split" if mixed else f"{data.value if data else ''} has no split {split!r}"
    draft.say(
        asks,
        "no equivalent",
        f"{why}: their program stops there, and nothing is held out here",
        "name the rows that are measured on: data.validation_data, or a share of these: data.validation_split",
        effect=True,
    )
    if test is not None:
        draft.say(test, "no equivalent", why, "set data.validation_data", effect=True)


def finish(draft: Draft) -> None:
    """What needs the kind: what beta means, how many prompts a step has, rewards, the teacher."""
    text_field(draft)
    loss_on(draft)
    beta(draft)
    drawing(draft)
    rewards(draft)
    teacher(draft)
    weights(draft)


def weights(draft: Draft) -> None:
    taken = draft.taken.get("weights")
    if taken is None or taken.leaf is None:
        return
    word = str(taken.value).removeprefix("torch.")
    if word in ("float32", "auto"):
        draft.void("weights", "weights are float32 here; what is computed with is model.spec.precision")
    else:
        draft.lost(
            "weights",
            f"weights are float32 here, and {word} is computed with: more memory, finer steps",
            "model.spec.precision says what is computed with",
            effect=False,
        )


def text_field(draft: Draft) -> None:
    value = draft.value("text_field")
    if value is None:
        return
    columns = {"messages": "messages", "conversations": "messages", "text": "text", "prompt": "prompt"}
    role = columns.get(str(value), "text")
    pointer = f"/data/columns/{role}"
    if not draft.has_field(pointer):
        draft.lost("text_field", f"{draft.kind} has no column of that sort")
        return
    draft.put(pointer, value)
    draft.carried("text_field", pointer)


def loss_on(draft: Draft) -> None:
    if draft.value("loss_on") is not None:
        draft.put("/model/spec/loss_on", draft.value("loss_on"))
        draft.carried("loss_on", "/model/spec/loss_on")
    else:
        draft.void("loss_on", "the loss is over the whole conversation there, unless the rows are prompts and answers")


def beta(draft: Draft) -> None:
    if draft.value("beta") is None:
        return
    if draft.kind == "distillation":
        value = draft.value("beta")
        if 0 < value < 1:
            draft.put("/model/spec/divergence", "jsd")
            draft.put("/model/spec/beta", value)
        else:
            draft.put("/model/spec/divergence", "forward_kl" if value == 0 else "reverse_kl")
        draft.carried("beta", "/model/spec/divergence")
        return
    pointer = "/model/spec/kl_coefficient" if draft.kind == "ppo" else "/model/spec/beta"
    draft.put(pointer, draft.value("beta"))
    draft.carried("beta", pointer)


def drawing(draft: Draft) -> None:
    """How answers are drawn. TRL's batches count answers, ours prompts."""
    for name, pointer in (
        ("new_tokens", "/model/spec/max_new_tokens"),
        ("temperature", "/model/spec/temperature"),
        ("top_p", "/model/spec/top_p"),
        ("top_k", "/model/spec/top_k"),
    ):
        value = draft.value(name)
        if value is None:
            continue
        if draft.kind == "distillation":
            if name == "temperature":
                draft.put("/model/spec/temperature", value)
                draft.carried(name, "/model/spec/temperature")
            continue
        if (name == "top_p" and value >= 1) or (name == "top_k" and value in (0, -1)):
            draft.void(name, "all tokens are drawn from, here too")
        else:
            draft.put(pointer, value)
            draft.carried(name, pointer)
    group = draft.value("group")
    if group is None:
        return
    draft.put("/model/spec/group_size", group)
    draft.carried("group", "/model/spec/group_size")
    answers = draft.get("/batch_size")
    answers = 8 if answers is None else answers
    steps = draft.get("/model/spec/gradient_accumulation") or 1
    if answers % group == 0:
        prompts = answers // group
    else:
        prompts, steps = 1, max(1, round(answers * steps / group))
    exact = prompts * steps * group == answers * (draft.get("/model/spec/gradient_accumulation") or 1)
    draft.put("/batch_size", prompts)
    draft.put("/model/spec/gradient_accumulation", steps)
    what = f"their batch counts answers, ours prompts, each with {group}: {prompts} times {steps} a step"
    if "/batch_size" in draft.taken:
        draft.carried("/batch_size", "/batch_size", what, effect=not exact)
        if draft.given("/model/spec/gradient_accumulation"):
            draft.carried("/model/spec/gradient_accumulation", "/model/spec/gradient_accumulation", what)


def rewards(draft: Draft) -> None:
    if draft.kind not in ("grpo", "ppo", "online_dpo"):
        return
    weights = [float(one) for one in draft.value("reward_weights", [])]
    found: dict[str, Any] = {}
    unknown = []
    for index, name in enumerate(draft.value("reward_funcs", [])):
        made = REWARD.get(str(name))
        if made is None:
            unknown.append(str(name))
            continue
        weight = {"weight": weights[index]} if index < len(weights) else {}
        found[str(name)] = {**made, **weight}
    if draft.value("reward_model"):
        found["model"] = {"reward_type": "model", "model_name": draft.value("reward_model")}
        draft.carried(
            "reward_model",
            "/model/spec/rewards/model",
            "a reward model that Runner has stored, by its name: a model of the Hub is none",
            "train it as the kind reward, and name it",
            effect=True,
        )
    if found:
        draft.put("/model/spec/rewards", found)
    if draft.given("reward_funcs"):
        if unknown:
            draft.lost(
                "reward_funcs",
                f"{', '.join(unknown)}: code is never taken over unseen",
                "put the function into a file of your own, and name it: rewards, reward_type function",
            )
        else:
            draft.carried("reward_funcs", "/model/spec/rewards", "rewards that are built in here")
    draft.carried("reward_weights", "/model/spec/rewards")


def teacher(draft: Draft) -> None:
    if draft.kind != "distillation":
        return
    made: dict[str, Any] = {"teacher_type": "model"}
    if draft.value("teacher"):
        made["model_name"] = draft.value("teacher")
        if draft.value("teacher_revision"):
            made["revision"] = draft.value("teacher_revision")
        draft.put("/model/spec/teacher", made)
        draft.carried("teacher", "/model/spec/teacher/model_name")
        draft.carried("teacher_revision", "/model/spec/teacher/revision")
    if draft.value("lmbda") is not None:
        share = draft.value("lmbda")
        if share:
            policy: dict[str, Any] = {"share": share}
            if draft.value("new_tokens"):
                policy["max_new_tokens"] = draft.value("new_tokens")
            draft.put("/model/spec/on_policy", policy)
            draft.carried("lmbda", "/model/spec/on_policy/share")
            draft.carried("new_tokens", "/model/spec/on_policy/max_new_tokens")
        else:
            draft.void("lmbda", "no answer is the student's own")
    draft.put("/model/spec/alpha", 1.0)


MARKS = frozenset(
    [
        "datasets",
        "test_split_size",
        "dataset_name",
        "dataset_config",
        "dataset_train_split",
        "dataset_test_split",
        "use_peft",
        "lora_r",
        "lora_target_modules",
        "max_length",
        "max_completion_length",
        "num_generations",
        "beta",
    ]
)


def fits(leaves: Leaves) -> int:
    top = set(leaves.top())
    if "model_name_or_path" not in top or top & {"stage", "finetuning_type", "cutoff_len", "template", "base_model"}:
        return 0
    return 2 + len(top & MARKS)


FORMAT = Format(
    "trl",
    "TRL",
    kind,
    table,
    fits,
    defaults,
    prepare,
    finish,
    negates=True,
    about="`trl TRAINER ...`, its scripts, and their YAML. A YAML file does not say which trainer it is for: "
    "`--from trl:dpo` says it.",
    kinds=("sft", "dpo", "orpo", "kto", "reward", "grpo", "online_dpo", "distillation"),
)
