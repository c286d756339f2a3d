"""The words before another program's name: what starts it, in how many processes, and with which precision.

`accelerate launch`, `torchrun` and `deepspeed` start a program once for each GPU. Each copy takes its own
``per_device_train_batch_size`` rows, so a step there has as many rows as all copies take together. A step here has
``batch_size`` rows, whatever the number of processes: :func:`lay` multiplies.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from runner.interchange import rules, schema_types
from runner.interchange.drafting import Draft
from runner.interchange.importers.hf_arguments import MACHINE, PRECISION
from runner.interchange.leaves import Leaf, Leaves
from runner.interchange.report import Written
from runner.interchange.rules import Dead, Lost, Rule, To, each
from runner.spec.kinds import spec_class

#: What the settings of a launcher are called in :mod:`drafting`, so that they are no settings of the program's.
LAUNCH = "launch"
#: Words that start a program and are no settings.
STARTERS = frozenset(
    [
        *("accelerate", "launch", "accelerate-launch", "accelerate.commands.launch"),
        *("torchrun", "torch.distributed.run", "torch.distributed.launch", "deepspeed", "train.py"),
        *("python", "python3", "env", "uv", "run", "poetry", "pipenv", "nohup", "time", "sudo", "exec"),
        *("-m", "-u", "--module"),
    ]
)
_ASSIGNED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)
_ASKS_TO_SHARD = Lost("sharding has one switch here", 'run.processes, and run.sharding "full"', effect=False)


def count(value: Any) -> int:
    """A number of processes. Raises ValueError for what only the machine there knows (``gpu``, ``auto``)."""
    if isinstance(value, str) and value.casefold() in ("gpu", "cpu", "auto", "xpu"):
        raise ValueError("is as many as the machine has there: give a number")
    found = rules.whole(value)
    if found < 1:
        raise ValueError("is no number of processes")
    return found


def machines(value: Any) -> int:
    """A number of machines; of a range such as ``1:4`` the smallest."""
    return count(str(value).partition(":")[0] if isinstance(value, str) else value)


def named_gpus(value: Any) -> int:
    """How many GPUs a list of them names: ``0,1`` or ``localhost:0,1``. Raises ValueError for several machines."""
    text = rules.joined(value)
    if "@" in text:
        raise ValueError("names GPUs of several machines")
    return len([part for part in text.rpartition(":")[2].split(",") if part.strip()])


RULES: dict[str, Rule] = {
    "num_processes": To("processes", count),
    "nproc_per_node": To("processes_each", count),
    "num_gpus": To("processes_each", count),
    "include": To("processes_each", named_gpus),
    "num_machines": To("machines", machines),
    "nnodes": To("machines", machines),
    "num_nodes": To("machines", machines),
    "mixed_precision": To("launched_precision", PRECISION),
    "config_file": Dead("read: its settings are below"),
    "config_file_elsewhere": Lost(
        "the file is not here: how many processes it starts, and with which precision, is not known",
        "set run.processes and model.spec.precision as it does, and batch_size to the rows of all processes",
    ),
    "gradient_accumulation_steps": Dead("the program's own goes before it"),
    "gradient_clipping": Dead("the program's own goes before it"),
    "cpu": Lost("where it runs is the run's", "set run.gpus to 0", effect=False),
    "use_cpu": Lost("where it runs is the run's", "set run.gpus to 0", effect=False, off=(False,)),
    "distributed_type": Dead(MACHINE),
    "compute_environment": Dead(MACHINE),
    "exclude": Lost(
        "GPUs that are not taken", "set CUDA_VISIBLE_DEVICES where the run begins, and run.processes", effect=True
    ),
    "downcast_bf16": Lost("what is computed with is model.spec.precision", "", off=("no",)),
}
RULES |= each(
    "multi_gpu quiet q tpu enable_cpu_affinity num_cpu_threads_per_process dynamo_backend dynamo_mode"
    " dynamo_use_fullgraph dynamo_use_dynamic dynamo_use_regional_compilation dynamo_config dynamo_config.** gpu_ids"
    " same_network machine_rank main_process_ip main_process_port t tee log_dir role rdzv_backend rdzv_conf rdzv_id"
    " rdzv_endpoint max_restarts monitor_interval no_python tpu_cluster no_tpu_cluster tpu_use_sudo tpu_use_cluster"
    " tpu_env vm main_training_function debug standalone start_method r redirects local_ranks_filter node_rank"
    " master_addr master_port local_addr hostfile launcher launcher_args force_multi no_local_rank"
    " enable_each_rank_log bind_cores_to_rank numa_binding use_env rdzv_backend deepspeed_hostfile mpirun_hostfile"
    " autotuning save_pid module",
    Dead(MACHINE),
)
RULES |= each(
    "use_deepspeed use_fsdp use_megatron_lm use_parallelism_config zero_stage offload_optimizer_device"
    " offload_param_device offload_optimizer_nvme_path offload_param_nvme_path zero3_init_flag"
    " zero3_save_16bit_model deepspeed_config_file deepspeed_exclusion_filter deepspeed_inclusion_filter"
    " deepspeed_multinode_launcher deepspeed_moe_layer_cls_names deepspeed_config deepspeed_config.** fsdp_config"
    " fsdp_config.** fsdp_version fsdp_offload_params fsdp_min_num_params fsdp_sharding_strategy"
    " fsdp_reshard_after_forward fsdp_auto_wrap_policy fsdp_transformer_layer_cls_to_wrap fsdp_backward_prefetch"
    " fsdp_state_dict_type fsdp_forward_prefetch fsdp_use_orig_params fsdp_cpu_ram_efficient_loading"
    " fsdp_sync_module_states fsdp_activation_checkpointing parallelism_config.**",
    _ASKS_TO_SHARD,
)
TABLE: dict[str, Rule] = {f"{LAUNCH}.{name}": rule for name, rule in RULES.items()}
#: Flags of a launcher that programs which start one themselves take among their own: TRL and Axolotl.
PASSED_ON = (
    *("num_processes", "num_machines", "mixed_precision", "main_process_ip", "main_process_port", "machine_rank"),
    *("multi_gpu", "num_cpu_threads_per_process", "launcher", "use_deepspeed", "zero_stage", "same_network"),
)
OWN: dict[str, Rule] = {name: RULES[name] for name in PASSED_ON} | {
    "accelerate_config": Lost(
        "a launcher's own configuration: how many processes it starts, and with which precision",
        "set run.processes and model.spec.precision as it does, and batch_size to the rows of all processes",
    )
}


def read(words: Sequence[tuple[int, str]]) -> list[Leaf]:
    """The settings among the words before a program's name, each with its word's number."""
    leaves: list[Leaf] = []
    index = 0
    while index < len(words):
        at, word = words[index]
        index += 1
        name = re.split(r"[/\\]", word)[-1].removesuffix(".exe")
        if name in STARTERS or re.fullmatch(r"python\d(\.\d+)?", name):
            continue
        if word.startswith("-"):
            flag, equals, value = word.partition("=")
            given: Any = value
            if not equals:
                given = True
                if index < len(words) and not words[index][1].startswith("-") and words[index][1] not in STARTERS:
                    given = words[index][1]
                    index += 1
            leaves.append(Leaf(f"{LAUNCH}.{flag.lstrip('-').replace('-', '_')}", given, at, flag=flag))
        elif _ASSIGNED.fullmatch(word):
            name, _, value = word.partition("=")
            leaves.append(Leaf(f"env.{name}", value, at, flag=name))
        else:
            leaves.append(Leaf(f"{LAUNCH}.word {at}", word, at, word))
    return leaves


def configured(leaves: Leaves) -> list[Leaf]:
    """The settings of a launcher's own file (``accelerate launch --config_file``), told apart from the program's."""
    return [replace(leaf, key=f"{LAUNCH}.{leaf.key}", flag=leaf.key) for leaf in leaves]


#: Programs that start a process for each GPU that they see.
_A_PROCESS_FOR_EACH = ("trl", "axolotl", "llamafactory", "aitraining", "autotrain")


def gpus_seen(draft: Draft, program: str) -> None:
    """Take the GPUs that ``CUDA_VISIBLE_DEVICES`` names as processes, where nothing else says how many there are."""
    leaf = draft.leaves.leaf("env.CUDA_VISIBLE_DEVICES")
    if leaf is None or program not in _A_PROCESS_FOR_EACH or draft.taken.keys() & {"processes", "processes_each"}:
        return
    seen = named_gpus(leaf.value)
    if seen > 1:
        said = f"{seen} GPUs, and a process for each; set it where the run begins as well"
        draft.take("processes", seen, leaf, To("processes", said=said))


def lay(draft: Draft) -> None:
    """Put the processes, their rows and their precision into the spec. A step is to have the rows that it has there."""
    _precision(draft)
    each_, nodes = draft.value("processes_each"), draft.value("machines", 1)
    total = draft.value("processes") or (each_ * nodes if each_ else None)
    setting = "processes" if draft.value("processes") else "processes_each"
    if nodes > 1:
        do = "run.executor slurm, ray or kubernetes, and run.engine.nodes"
        draft.lost(
            "machines", "the processes of a run are on this machine, unless an engine places them", do, effect=False
        )
    else:
        draft.void("machines", "one machine, here too")
    if total is None:
        return
    if setting == "processes":
        draft.void("processes_each", "the number of all processes is given, and goes before it")
    if total == 1:
        draft.void(setting, "one process, here too")
        return
    if spec_class(draft.kind).takes_processes:
        draft.put("/run/processes", total)
        what = f"{each_} on each of {nodes} machines" if setting == "processes_each" and nodes > 1 else ""
        draft.carried(setting, "/run/processes", what)
    else:
        draft.lost(setting, f"{draft.kind} is trained in one process, which learns all their rows", effect=False)
    _rows(draft, total)


def _rows(draft: Draft, total: int) -> None:
    """As many rows a step as all processes take."""
    pointer = "/batch_size"
    one = draft.get(pointer)
    one = schema_types.default(draft.kind, pointer) if one is None else one
    if not isinstance(one, int) or isinstance(one, bool) or one < 1:
        return
    draft.put(pointer, one * total)
    what = f"{one} rows in each of {total} processes there; here it counts those of all"
    told = [key for key, entry in draft.entries.items() if pointer in entry.pointers]
    for key in told:
        entry = draft.entries[key]
        draft.entries[key] = replace(entry, outcome="changed", what=f"{entry.what}; {what}" if entry.what else what)
    if not told:
        draft.defaults[:] = [each for each in draft.defaults if each.pointer != pointer]
        draft.defaults.append(Written(pointer, one * total, what))


def _precision(draft: Draft) -> None:
    """The launcher's precision counts where the program itself says none, by a switch or by its default."""
    taken = draft.taken.get("launched_precision")
    if taken is None or taken.leaf is None:
        return
    names = ("bf16", "fp16", "precision")
    if any(draft.given(name) and draft.value(name) not in (None, False) for name in names):
        draft.void("launched_precision", "the program's own switch goes before it")
    elif draft.value("precision") == "bfloat16" and taken.value != "bfloat16":
        draft.void("launched_precision", "the program computes with bfloat16 unless its own switches say otherwise")
    else:
        for name in names:
            draft.void(name, "the launcher's precision stands in its place")
            draft.taken.pop(name, None)
        draft.take("precision", taken.value, taken.leaf, taken.rule)
