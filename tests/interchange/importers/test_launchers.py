"""What starts another program: every word before its name is reported, and a step keeps the rows that it has there."""

import shlex

import pytest

from runner.interchange import importing

SFT = "sft.py --model_name_or_path a/b --dataset_name c/d --per_device_train_batch_size 2"
LLAMA = "llamafactory-cli train stage=sft model_name_or_path=a/b dataset=x per_device_train_batch_size=2"


def imported(command, **kwargs):
    return importing.import_command(shlex.split(command), **kwargs)


def by_key(report):
    found = {entry.key: entry for entry in report.entries}
    assert len(found) == len(report.entries), "a word is told of twice"
    return found


@pytest.mark.parametrize(
    ("before", "processes"),
    [
        ("accelerate launch --num_processes 4", 4),
        ("accelerate launch --num_processes=4 --multi_gpu", 4),
        ("accelerate-launch --num-processes 4", 4),
        ("python -m accelerate.commands.launch --num_processes 4", 4),
        ("torchrun --nproc_per_node 3", 3),
        ("torchrun --nproc-per-node=3 --standalone", 3),
        ("python -m torch.distributed.run --nproc_per_node 3", 3),
        ("deepspeed --num_gpus 2", 2),
        ("deepspeed --include localhost:0,2,3", 3),
        ("torchrun --nnodes 2 --nproc_per_node 3", 6),
    ],
)
def test_a_launchers_processes_are_the_runs_and_a_step_has_their_rows(before, processes):
    report = imported(f"{before} {SFT}")
    assert report.spec["run"]["processes"] == processes
    assert report.spec["batch_size"] == 2 * processes
    assert not report.to_add
    rows = by_key(report)["--per_device_train_batch_size"]
    assert rows.what == f"2 rows in each of {processes} processes there; here it counts those of all"


def test_every_word_of_a_launcher_is_reported_once_and_no_other():
    report = imported(
        "CUDA_VISIBLE_DEVICES=0,1 env NCCL_P2P_DISABLE=1 accelerate launch --num_processes 2 --mixed_precision bf16"
        f" --main_process_port 29501 --use_deepspeed --zero_stage 2 --num_procesess 3 {SFT}"
    )
    found = {key: entry.outcome for key, entry in by_key(report).items()}
    assert found == {
        "CUDA_VISIBLE_DEVICES": "no equivalent",
        "NCCL_P2P_DISABLE": "no equivalent",
        "--num_processes": "carried",
        "--mixed_precision": "carried",
        "--main_process_port": "no effect",
        "--use_deepspeed": "no equivalent",
        "--zero_stage": "no equivalent",
        "--num_procesess": "unknown",
        "sft": "carried",
        "--model_name_or_path": "carried",
        "--dataset_name": "carried",
        "--per_device_train_batch_size": "changed",
    }
    assert by_key(report)["--num_procesess"].do == "did you mean 'num_processes'?"


def test_a_word_that_starts_nothing_is_not_known():
    assert by_key(imported(f"srun --gres gpu:4 python {SFT}"))["srun"].outcome == "unknown"


def test_one_process_is_one_process():
    report = imported(f"accelerate launch --num_processes 1 {SFT}")
    assert "run" not in report.spec
    assert report.spec["batch_size"] == 2
    assert by_key(report)["--num_processes"].outcome == "no effect"


def test_processes_that_only_their_machine_counts_are_asked_for():
    found = by_key(imported(f"torchrun --nproc_per_node gpu {SFT}"))["--nproc_per_node"]
    assert (found.outcome, found.effect) == ("no equivalent", True)


def test_a_kind_of_one_process_learns_all_their_rows():
    report = imported(
        "accelerate launch --num_processes 4 trl grpo --model_name_or_path a/b --dataset_name c/d"
        " --reward_funcs accuracy_reward --num_generations 4 --per_device_train_batch_size 8"
    )
    assert report.spec["batch_size"] == 8  # 8 answers of 4 a prompt, in each of 4 processes
    assert "run" not in report.spec
    assert by_key(report)["--num_processes"].what == "grpo is trained in one process, which learns all their rows"
    assert report.whole


def test_the_rows_of_all_processes_are_written_where_the_programs_default_is():
    report = imported("torchrun --nproc_per_node 2 sft.py --model_name_or_path a/b --dataset_name c/d")
    assert [one.value for one in report.defaults if one.pointer == "/batch_size"] == [16]
    assert report.spec["batch_size"] == 16


@pytest.mark.parametrize(
    ("before", "after", "precision", "outcome"),
    [
        # LLaMA-Factory computes with float32, unless it or what starts it says otherwise.
        ("accelerate launch --mixed_precision bf16", LLAMA, "bfloat16", "carried"),
        ("accelerate launch --mixed_precision fp16", LLAMA, "float16", "carried"),
        ("accelerate launch --mixed_precision no", LLAMA, "float32", "carried"),
        ("accelerate launch --mixed_precision fp16", f"{LLAMA} bf16=true", "bfloat16", "no effect"),
        ("accelerate launch --mixed_precision fp16", f"{LLAMA} bf16=false", "float16", "carried"),
        # TRL computes with bfloat16, whatever starts it.
        ("accelerate launch --mixed_precision fp16", SFT, "bfloat16", "no effect"),
    ],
)
def test_a_launchers_precision_counts_where_the_program_says_none(before, after, precision, outcome):
    report = imported(f"{before} {after}")
    assert report.spec["model"]["spec"]["precision"] == precision
    assert by_key(report)["--mixed_precision"].outcome == outcome


def test_a_launchers_file_is_read_where_it_is_here_and_its_flags_go_over_it(tmp_path):
    (tmp_path / "two.yaml").write_text(
        "compute_environment: LOCAL_MACHINE\nnum_processes: 2\nnum_machines: 1\nmixed_precision: 'no'\n"
        "fsdp_config:\n  fsdp_sharding_strategy: FULL_SHARD\n"
    )
    report = imported(f"accelerate launch --config_file two.yaml --num_processes 4 {SFT}", cwd=tmp_path)
    found = by_key(report)
    assert report.spec["run"]["processes"] == 4
    assert found["num_processes (two.yaml)"].outcome == "no effect"
    assert found["fsdp_config.fsdp_sharding_strategy"].do == 'run.processes, and run.sharding "full"'
    assert found["--config_file"].what == "read: its settings are below"
    assert imported(f"accelerate launch --config_file two.yaml {SFT}", cwd=tmp_path).spec["run"]["processes"] == 2


@pytest.mark.parametrize("file", ["elsewhere.yaml", "https://example.com/x.yaml"])
def test_a_launchers_file_that_is_not_here_is_told_of(file, tmp_path):
    found = by_key(imported(f"accelerate launch --config_file {file} {SFT}", cwd=tmp_path))["--config_file"]
    assert (found.outcome, found.effect) == ("no equivalent", True)


@pytest.mark.parametrize(
    ("command", "processes"),
    [
        (f"CUDA_VISIBLE_DEVICES=0,1 {LLAMA}", 2),
        (f"CUDA_VISIBLE_DEVICES=0 {LLAMA}", None),
        (f"CUDA_VISIBLE_DEVICES=0,1 torchrun --nproc_per_node 4 {SFT}", 4),
        ("CUDA_VISIBLE_DEVICES=0,1 unsloth train --model a/b --dataset c/d", None),
    ],
)
def test_the_gpus_that_are_named_are_processes_where_the_program_makes_one_of_each(command, processes):
    assert imported(command).spec.get("run", {}).get("processes") == processes


def test_programs_that_start_a_launcher_take_its_flags_among_their_own():
    report = imported(f"trl {SFT.replace('.py', '')} --num_processes 4 --accelerate_config zero2")
    assert report.spec["run"]["processes"] == 4
    assert by_key(report)["--accelerate_config"].effect


def test_a_secret_before_the_program_is_kept_out_behind_other_words_too():
    report = imported(f"env HF_TOKEN=sesame python {SFT}")
    assert by_key(report)["HF_TOKEN"].outcome == "secret"
    assert "sesame" not in str(report.as_dict())
