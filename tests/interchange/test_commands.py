"""Command lines of other programs: their words, what they name, launchers before them."""

import pytest

from runner.errors import UsageError
from runner.interchange import importing

SFT = "trl sft --model_name_or_path a/b --dataset_name c/d"
LLAMA = "stage: sft\nmodel_name_or_path: a/b\ndataset: x\ncutoff_len: 64\nlearning_rate: 1.0e-4\n"


def keys(report):
    return {entry.key: entry.outcome for entry in report.entries}


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("aitraining llm --train --trainer orpo --model a/b --data-path d --project-name p", "orpo"),
        ("aitraining text-classification --train --model a/b --data-path d --project-name p", "text_classification"),
        ("autotrain llm --train --model a/b --data-path d --project-name p", "causal_lm"),
        ("autotrain st:pair --train --model a/b --data-path d --project-name p", "sentence_embedding"),
        (
            "aitraining tabular --model xgboost --data-path d --project-name p --target-columns y",
            "tabular_classification",
        ),
        ("aitraining seq2seq --train --model a/b --data-path d --project-name p --max-target-length 32", "seq2seq"),
        ("aitraining vlm:vqa --train --model a/b --data-path d --project-name p", "vision_language"),
        ("trl sft --model_name_or_path a/b --dataset_name c/d", "sft"),
        ("trl reward --model_name_or_path a/b --dataset_name c/d", "reward"),
        ("python trl/scripts/kto.py --model_name_or_path a/b --dataset_name c/d", "kto"),
        ("accelerate launch --num_processes 2 dpo.py --model_name_or_path a/b --dataset_name c/d", "dpo"),
        ("trl rloo --model_name_or_path a/b --dataset_name c/d", "grpo"),
        ("trl gkd --model_name_or_path a/b --dataset_name c/d --teacher_model_name_or_path e/f", "distillation"),
        ("trl online_dpo --model_name_or_path a/b --dataset_name c/d", "online_dpo"),
        ("llamafactory-cli train stage=dpo model_name_or_path=a/b dataset=x", "dpo"),
        ("python unsloth-cli.py --model_name a/b --dataset c/d --r 8", "sft"),
        ("unsloth train --model a/b --dataset c/d --num-epochs 1", "sft"),
        ("python -m routellm.openai_server --routers mf --strong-model x --weak-model y", "matrix_factorization"),
    ],
)
def test_a_command_is_its_programs(words, kind):
    report = importing.import_command(words.split())
    assert report.kind == kind
    assert "unknown" not in keys(report).values()


def test_flags_go_over_the_file_that_is_named(tmp_path):
    (tmp_path / "x.yaml").write_text(LLAMA)
    report = importing.import_command(
        ["llamafactory-cli", "train", "x.yaml", "learning_rate=2e-5", "bf16=true"], cwd=tmp_path
    )
    assert report.spec["model"]["spec"]["optimizer"]["learning_rate"] == 2e-5
    assert keys(report)["learning_rate (x.yaml)"] == "no effect"
    assert report.spec["model"]["spec"]["precision"] == "bfloat16"


def test_of_a_flag_that_is_given_twice_the_last_counts():
    report = importing.import_command(
        ["trl", "sft", "--model_name_or_path", "a/b", "--dataset_name", "c/d", "--seed", "1", "--seed=2"]
    )
    assert report.spec["model"]["spec"]["seed"] == 2
    assert sorted(key for key in keys(report) if "seed" in key) == ["--seed", "--seed (before)"]


def test_negative_numbers_and_lists_are_values():
    report = importing.import_command(
        [
            "trl",
            "sft",
            "--model_name_or_path",
            "a/b",
            "--dataset_name",
            "c/d",
            "--max_steps",
            "-1",
            "--use_peft",
            "--lora_target_modules",
            "q_proj",
            "v_proj",
            "--packing",
        ]
    )
    assert report.spec["model"]["spec"]["finetuning_spec"]["target_modules"] == ["q_proj", "v_proj"]
    assert report.spec["model"]["spec"]["packing"] == "packed"
    assert keys(report)["--max_steps"] == "no effect"


def test_variables_before_a_command_are_told_of():
    report = importing.import_command(
        ["CUDA_VISIBLE_DEVICES=0", "trl", "sft", "--model_name_or_path", "a/b", "--dataset_name", "c/d"]
    )
    assert keys(report)["CUDA_VISIBLE_DEVICES"] == "no equivalent"


@pytest.mark.parametrize("name", ["HF_TOKEN", "WANDB_API_KEY", "OPENAI_API_KEY"])
def test_a_secret_before_a_command_is_kept_out(name):
    report = importing.import_command(
        [f"{name}=sesame", *["trl", "sft", "--model_name_or_path", "a/b", "--dataset_name", "c/d"]]
    )
    assert keys(report)[name] == "secret"
    assert "sesame" not in str(report.as_dict())


def test_words_that_are_neither_flag_nor_value_are_told_of():
    report = importing.import_command(["trl", "sft", "more", "--model_name_or_path", "a/b", "--dataset_name", "c/d"])
    assert keys(report)["more"] == "unknown"


@pytest.mark.parametrize("words", [["ls", "-l"], ["make", "train"], ["X=1"]])
def test_other_programs_are_not_known(words):
    with pytest.raises(UsageError):
        importing.import_command(words)


def test_a_flag_with_a_typing_error_has_a_near_one():
    report = importing.import_command(
        ["trl", "sft", "--model_name_or_path", "a/b", "--dataset_name", "c/d", "--learnin-rate", "1"]
    )
    (found,) = [entry for entry in report.entries if entry.key == "--learnin-rate"]
    assert (found.outcome, found.do) == ("unknown", "did you mean 'learning_rate'?")
