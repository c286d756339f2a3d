"""What becomes of each format's settings: values, changes, what had no effect, what is theirs by default."""

import textwrap

import pytest

from runner.errors import UsageError
from runner.interchange import importing
from runner.interchange.drafting import rule_of
from runner.interchange.importers import detection
from runner.interchange.rules import Dead
from tests.interchange.configs import CONFIGS


def imported(text, fmt=None, **kwargs):
    return importing.import_data(textwrap.dedent(text).encode(), "config.yaml", fmt, **kwargs)


def of(fmt, name):
    return imported(CONFIGS[fmt][name], fmt)


def entry(report, key):
    (found,) = [entry for entry in report.entries if entry.key == key]
    return found


def test_axolotl_carries_an_adapter_beside_quantised_weights():
    report = of("axolotl", "qlora of conversations")
    spec = report.spec["model"]["spec"]
    assert spec["finetuning_spec"] == {
        "method": "qlora",
        "load_in_4bit": True,
        "bnb_4bit_compute_dtype": "bfloat16",
        "rank": 24,
        "alpha": 48,
        "dropout": 0.1,
        "target_modules": "auto",
    }
    assert spec["schedule"] == {"schedule_type": "cosine", "warmup_ratio": 0.05}
    assert spec["save_as"] == "adapter"
    assert report.spec["data"] == {
        "dataset": "data/support.jsonl",
        "columns": {"messages": "turns", "role": "from", "content": "value"},
        "validation_split": 0.04,
    }
    assert report.spec["wandb"] == {"project": "support", "experiment_name": "first"}
    assert report.whole


def test_a_number_that_yaml_reads_as_a_text_is_a_number():
    found = entry(of("axolotl", "qlora of conversations"), "learning_rate")
    assert found.value == "3e-4"
    assert found.what == "written as a text, read as the number 0.0003"
    assert of("axolotl", "qlora of conversations").spec["model"]["spec"]["optimizer"]["learning_rate"] == 0.0003


def test_an_optimizer_that_is_not_here_is_told_of_with_its_effect():
    found = entry(of("axolotl", "plain texts, whole"), "optimizer")
    assert (found.outcome, found.effect) == ("changed", True)
    assert found.what == "there is no adafactor here: AdamW takes its place"


def test_axolotls_dead_settings_of_an_adapter_that_is_off():
    report = imported(
        "base_model: a/b\nsequence_len: 128\nmicro_batch_size: 1\nlora_r: 8\nlora_alpha: 16\ndatasets: [{path: "
        "a.jsonl, type: alpaca}]"
    )
    assert report.spec["model"]["spec"]["finetuning_spec"] == {"method": "full"}
    assert entry(report, "lora_r").outcome == "no effect"


def test_steps_end_the_run_and_epochs_have_no_effect():
    report = of("axolotl", "dpo")
    assert report.spec["model"]["spec"]["max_steps"] == 200
    assert entry(report, "num_epochs").outcome == "no effect"


def test_llama_factory_looks_its_data_up(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "dataset_info.json").write_text(
        '{"helpdesk": {"file_name": "help.json", "formatting": "sharegpt",'
        ' "columns": {"messages": "talk", "system": "sys"},'
        ' "tags": {"role_tag": "who", "content_tag": "what"}}}'
    )
    report = imported(CONFIGS["llamafactory"]["sft with lora"], cwd=tmp_path)
    assert report.spec["data"]["dataset"] == "data/help.json"
    assert report.spec["data"]["columns"] == {"messages": "talk", "system": "sys", "role": "who", "content": "what"}
    assert not entry(report, "dataset").effect
    assert report.spec["model"]["spec"]["finetuning_spec"]["alpha"] == 24  # twice the rank, as theirs is


def test_llama_factorys_orpo_is_a_kind_of_its_own():
    report = of("llamafactory", "orpo by dpo's stage")
    assert report.kind == "orpo"
    assert report.spec["model"]["spec"]["beta"] == 0.15
    assert report.spec["model"]["spec"]["finetuning_spec"]["method"] == "qlora"
    assert entry(report, "num_train_epochs").effect  # 1.5 of them: whole ones alone are counted
    assert report.spec["model"]["spec"]["precision"] == "float16"


def test_trl_counts_answers_and_we_count_prompts():
    report = of("trl", "grpo, by its generations")
    spec = report.spec["model"]["spec"]
    assert (report.spec["batch_size"], spec["group_size"]) == (2, 4)
    assert set(spec["rewards"]) == {"accuracy_reward", "think_format_reward"}
    assert entry(report, "trust_remote_code").outcome == "refused"


def test_trls_defaults_are_written_where_ours_are_others():
    report = of("trl", "kto, by its own weights")
    assert {one.pointer: one.value for one in report.defaults}["/model/spec/optimizer/learning_rate"] == 1e-6
    assert report.spec["model"]["spec"]["schedule"] == {
        "schedule_type": "cosine",
        "warmup_steps": 4,
        "final_fraction": 0.1,
    }
    # A default that is ours too is not written.
    assert "max_length" not in report.spec["model"]["spec"]


def test_a_mixture_holds_out_a_share_and_keeps_the_best():
    report = of("trl", "a mixture")
    assert report.spec["data"] == {"dataset": "rows.jsonl", "validation_split": 0.1}
    assert report.spec["model"]["spec"]["keep"] == "best"
    assert report.spec["model"]["spec"]["precision"] == "float32"
    assert entry(report, "datasets[1].path").effect


def test_aitraining_and_autotrain_differ_by_their_defaults():
    text = """
        task: llm-sft
        base_model: a/b
        project_name: x
        log: none
        backend: local
        data: {path: d, train_split: train, valid_split: null, chat_template: none}
        params: {peft: true}
        """
    ours, theirs = imported(text, "aitraining"), imported(text, "autotrain")
    assert ours.spec["model"]["spec"]["finetuning_spec"]["method"] == "lora"
    assert ours.spec["model"]["spec"].get("save_as", "whole") == "whole"
    assert theirs.spec["model"]["spec"]["finetuning_spec"]["method"] == "qlora"
    assert theirs.spec["model"]["spec"]["save_as"] == "adapter"
    # Of a file that does not say whose it is, both are named, and what would be other.
    unsaid = imported(text)
    assert unsaid.title == "aitraining, or AutoTrain Advanced"
    (note,) = [note for note in unsaid.notes if "autotrain as well" in note]
    assert (
        "/model/spec/finetuning_spec/load_in_4bit true" in note or '/model/spec/finetuning_spec/method "qlora"' in note
    )
    assert '/model/spec/save_as "adapter"' in note and "--from autotrain" in note


def test_a_file_that_means_the_same_by_both_says_so():
    text = """
        task: text_classification
        base_model: a/b
        project_name: x
        log: none
        backend: local
        data: {path: d, train_split: train, valid_split: null, column_mapping: {text_column: t, target_column: l}}
        params: {epochs: 2, lr: 0.00002}
        """
    assert imported(text).spec == imported(text, "autotrain").spec
    assert any("as well, and the spec is the same" in note for note in imported(text).notes)


def test_aitrainings_shortest_command_means_the_same_run():
    spec = importing.import_command(
        [
            "aitraining",
            "llm",
            "--train",
            "--trainer",
            "sft",
            "--model",
            "a/b",
            "--data-path",
            "d",
            "--project-name",
            "p",
        ]
    ).spec
    own = spec["model"]["spec"]
    assert own["gradient_checkpointing"] is True
    assert own["gradient_accumulation"] == 4
    assert own["precision"] == "bfloat16"
    assert own["schedule"] == {"schedule_type": "linear", "warmup_ratio": 0.1}
    assert spec["data"]["validation_split"] == 0  # no evaluation without a split
    assert spec["wandb"] == {"project": "aitraining"}  # it logs to W&B unless told otherwise


def test_what_no_training_there_reads_is_told_so():
    found = entry(of("aitraining", "llm sft"), "params.rl_reward_fn")
    assert (found.outcome, found.what) == ("no effect", "read by no training there")


def test_a_tabular_search_is_a_search_over_that_learner():
    spec = of("aitraining", "tabular").spec
    assert spec["model"]["spec"]["model_type"] == "tabular_regression"
    assert spec["model"]["spec"]["learner"] == {
        "learner_type": "auto",
        "candidates": ["random_forest"],
        "trials": 5,
        "time_limit": 60,
    }
    assert spec["data"]["numerical_columns"] == ["area", "rooms"]


def test_triplets_have_three_columns_and_a_form():
    data = of("aitraining", "sentences").spec["data"]
    assert data["form"] == "triplet"
    assert data["columns"] == {"anchor": "a", "positive": "b", "negative": "c"}


@pytest.mark.parametrize(
    "key",
    ["mode", "run_name", "train.learning_rate", "train.bf16", "data.format", "logging.backend", "logging.log_interval"],
)
def test_sft_plays_dead_settings_had_no_effect_there(key):
    found = entry(of("sft-play", "whole"), key)
    assert found.outcome == "no effect"
    assert "none of its scripts reads it" in found.what


def test_sft_play_learns_at_its_lr_and_not_at_its_learning_rate():
    assert of("sft-play", "whole").spec["model"]["spec"]["optimizer"]["learning_rate"] == 0.0001
    assert of("sft-play", "no split yet").spec["model"]["spec"]["optimizer"]["learning_rate"] == 0.0002


def test_an_include_is_read_from_the_working_directory_and_joined_deeply(tmp_path):
    (tmp_path / "configs").mkdir()
    (tmp_path / "base.yaml").write_text(
        "model: {name: a/b}\ntuning: {mode: lora, lora: {r: 8, alpha: 16, target_modules: [q_proj]}}\ntrain: "
        "{epochs: 3}\n"
    )
    (tmp_path / "configs" / "run.yaml").write_text(
        "include: base.yaml\ntuning: {lora: {alpha: 64, target_modules: [k_proj]}}\n"
    )
    report = importing.import_file("configs/run.yaml", cwd=tmp_path)
    assert report.spec["model"]["spec"]["finetuning_spec"] == {
        "method": "lora",
        "rank": 8,
        "alpha": 64,
        "dropout": 0.05,
        "target_modules": ["k_proj"],
    }
    assert "read from the working directory" in entry(report, "include").what
    assert "takes its place" in entry(report, "tuning.lora.alpha (base.yaml)").what
    (tmp_path / "base.yaml").rename(tmp_path / "configs" / "base.yaml")
    assert (
        "read from the folder of the file"
        in entry(importing.import_file("configs/run.yaml", cwd=tmp_path), "include").what
    )


SCRIPT = """
import torch
from unsloth import FastLanguageModel
from trl import SFTTrainer, SFTConfig
rows = 2048
model, tokenizer = FastLanguageModel.from_pretrained(
    model_name="some-org/x", max_seq_length=rows, load_in_4bit=True, dtype=None, token=open("key").read()
)
model = FastLanguageModel.get_peft_model(
    model, r=16, lora_alpha=32, target_modules=["q_proj"], use_gradient_checkpointing="unsloth"
)
dataset = load_dataset("some-org/talks", split="train")
settings = SFTConfig(
    learning_rate=2e-4, max_steps=60, warmup_steps=5, per_device_train_batch_size=2, gradient_accumulation_steps=4,
    optim="adamw_8bit", fp16=not torch.cuda.is_bf16_supported(), seed=3407,
)
trainer = SFTTrainer(model=model, train_dataset=dataset, args=settings)
trainer = train_on_responses_only(trainer, instruction_part="<u>", response_part="<a>")
raise SystemExit("nothing of this is run")
"""
SHORTEST = "aitraining llm --train --trainer sft --model a/b --data-path d --project-name p"


def test_a_script_is_read_and_never_run():
    report = importing.import_data(SCRIPT.encode(), "train.py")
    spec = report.spec["model"]["spec"]
    assert (report.kind, spec["max_length"], spec["max_steps"], spec["loss_on"]) == ("sft", 2048, 60, "assistant")
    assert spec["finetuning_spec"]["method"] == "qlora"
    assert report.spec["data"]["dataset"] == "hub:some-org/talks"
    # The one question to the machine that every such script asks: bfloat16 where there is it, else float16.
    assert spec["precision"] == "auto"
    other = importing.import_data(
        SCRIPT.replace("torch.cuda.is_bf16_supported()", "os.system('x')").encode(), "train.py"
    )
    assert entry(other, "args.fp16").outcome == "refused"  # code, not a value
    assert "not os.system" in entry(other, "args.fp16").what


ROWS_OF_A_SCRIPT = """
from unsloth import FastLanguageModel
model, tokenizer = FastLanguageModel.from_pretrained(model_name="some-org/x", max_seq_length=64, token=os.environ["T"])
model, dataset = FastLanguageModel.get_peft_model(model, r=16), load_dataset("some-org/talks", split="train")
dataset = dataset.map(made_into_texts, batched=True)
dataset = dataset.filter(lambda row: row["text"]).shuffle(seed=1).select(range(100))
trainer = SFTTrainer(model=model, train_dataset=dataset, dataset_text_field="text", callbacks=[Stopper(3)])
if False:
    model, tokenizer = FastLanguageModel.from_pretrained(model_name="lora_model", load_in_4bit=True)
    model.push_to_hub("never/this")
else:
    model.save_pretrained_merged("out", tokenizer, save_method="merged_16bit")
tokenizer.push_to_hub("some-org/words")
"""


def test_what_a_script_does_to_rows_and_to_the_model_is_told_of():
    report = importing.import_data(ROWS_OF_A_SCRIPT.encode(), "train.py")
    lost = {"rows.map": 5, "rows.filter": 6, "rows.select": 6, "trainer.callbacks": 7, "trainer.dataset_text_field": 7}
    for key, line in lost.items():
        found = entry(report, key)
        assert (found.outcome, found.effect, found.line) == ("no equivalent", True, line), key
    assert entry(report, "rows.select").value == "select(range(100))"
    assert entry(report, "trainer.callbacks").value == ["Stopper(3)"]
    assert entry(report, "rows.shuffle").outcome == "no effect"
    # The column that its code makes is none of the rows', and is not asked of them.
    assert "columns" not in report.spec["data"]
    assert report.spec["model"]["spec"]["save_as"] == "whole"
    # What is below `if False` is not done; a tokenizer's repository is not the model's.
    assert report.spec["model"]["spec"]["base_model_name"] == "some-org/x" and "hub" not in report.spec
    assert not [found for found in report.entries if "lora_model" in str(found.value) or "never" in str(found.value)]


def test_a_token_that_a_script_takes_from_somewhere_is_a_secret_all_the_same():
    for script in (SCRIPT, ROWS_OF_A_SCRIPT):
        found = entry(importing.import_data(script.encode(), "train.py"), "model.token")
        assert (found.outcome, found.value) == ("secret", None)
        assert "HF_TOKEN" in found.do


def test_names_out_of_the_environment_are_no_values():
    text = (
        "base_model: ${BASE}\nadapter: lora\nmicro_batch_size: $BS\nsequence_len: 64\nhub_model_id: me/x$\n"
        "datasets:\n  - path: $HOME/rows.jsonl\n    type: alpaca\n"
    )
    report = importing.import_data(text.encode(), "config.yaml", "axolotl")
    for key in ("base_model", "micro_batch_size", "datasets[0].path"):
        found = entry(report, key)
        assert (found.outcome, found.effect) == ("no equivalent", True)
        assert "out of the environment" in found.what
    assert entry(report, "datasets[0].type").what == "no data is named there"
    assert "base_model_name" not in report.spec["model"]["spec"] and "dataset" not in report.spec.get("data", {})
    assert "environment" not in entry(report, "hub_model_id").what


@pytest.mark.parametrize("path", ["rows.pkl", "some-org/rows.pt", "tables/rows.xlsx"])
def test_data_that_is_never_read_is_told_of(path):
    text = f"base_model: a/b\nadapter: lora\nmicro_batch_size: 1\ndatasets: [{{path: {path}}}]\n"
    found = entry(importing.import_data(text.encode(), "config.yaml", "axolotl"), "datasets[0].path")
    assert (found.outcome, found.effect) == ("changed", True)
    assert "never read here" in found.what


def test_a_value_that_is_none_is_told_by_what_the_field_takes():
    text = "base_model: a/b\nadapter: lora\nmicro_batch_size: yes\ndatasets: [{path: rows.jsonl}]\n"
    found = entry(importing.import_data(text.encode(), "config.yaml", "axolotl"), "micro_batch_size")
    # The field takes the word auto too, which nobody meant.
    assert found.what == "True is no number"


@pytest.mark.parametrize("decay", ["", "\n    decay: linear"])
def test_ludwig_warms_up_with_a_decay_and_without(decay):
    text = (
        "model_type: llm\nbase_model: a/b\ninput_features: [{name: q, type: text}]\n"
        "output_features: [{name: a, type: text}]\ntrainer:\n  type: finetune\n  learning_rate_scheduler:\n"
        f"    warmup_fraction: 0.1{decay}\n"
    )
    spec = importing.import_data(text.encode(), "config.yaml", "ludwig").spec["model"]["spec"]
    assert spec["schedule"] == {"schedule_type": "linear" if decay else "constant", "warmup_ratio": 0.1}


def test_a_script_without_a_training_is_none():
    with pytest.raises(Exception, match="no call that sets up a training"):
        importing.import_data(b"print(1)\n", "x.py")


def test_a_networks_pace_is_not_that_of_trees():
    text = """
        input_features: [{name: a, type: number}]
        output_features: [{name: b, type: category}]
        trainer: {learning_rate: 0.001, early_stop: 5, epochs: 10}
        """
    report = imported(text, "ludwig")
    assert report.spec["model"]["spec"]["learner"] == {"learner_type": "xgboost"}
    for key in ("trainer.learning_rate", "trainer.early_stop"):
        assert entry(report, key).outcome == "no equivalent" and "mlp" in entry(report, key).do


def test_ludwigs_trees_texts_and_split():
    trees = of("ludwig", "boosted trees").spec
    assert trees["model"]["spec"]["learner"] == {
        "learner_type": "xgboost",
        "n_estimators": 300,
        "learning_rate": 0.1,
        "max_depth": 4,
        "early_stopping": {"patience": 10},
    }
    assert trees["data"]["split_column"] == "part"
    assert trees["data"]["date_columns"] == ["since"]
    texts = of("ludwig", "text classes").spec
    assert texts["model"]["spec"]["model_type"] == "text_classification"
    assert texts["data"] == {"text_columns": "review", "target_columns": "sentiment", "validation_split": 0.2}


def test_routellms_router_is_one_that_is_trained_here():
    report = of("routellm", "all four")
    assert report.kind == "matrix_factorization"
    assert entry(report, "mf.checkpoint_path").effect
    assert of("routellm", "ranking").spec["data"]["dataset"] == "rows/battles.jsonl"


def test_two_formats_that_fit_alike_are_asked_about():
    with pytest.raises(UsageError, match="fits llamafactory and trl alike") as caught:
        imported("model_name_or_path: a/b\noutput_dir: x\nlearning_rate: 1.0e-5\n")
    assert caught.value.hint == "say it: --from llamafactory or --from trl"


def test_a_value_that_our_field_does_not_take_is_left_out_and_told_of():
    report = imported(
        "base_model: a/b\nsequence_len: 128\nmicro_batch_size: 1\nadapter: lora\nlora_r: 8\nlora_dropout: "
        "1.5\nlora_target_linear: true\nlearning_rate: -1\ndatasets: [{path: a.jsonl}]"
    )
    assert not report.to_add
    assert entry(report, "lora_dropout").outcome == "no equivalent"
    assert "dropout" not in report.spec["model"]["spec"]["finetuning_spec"]
    assert entry(report, "learning_rate").effect


def test_a_value_of_another_type_is_told_of():
    report = imported(
        "base_model: a/b\nsequence_len: long\nmicro_batch_size: 1\nnum_epochs: [1]\ndatasets: [{path: a.jsonl}]"
    )
    assert entry(report, "sequence_len").what == "'long' is no number"
    assert entry(report, "num_epochs").effect


@pytest.mark.parametrize("fmt", detection.FORMATS)
def test_remote_code_is_refused_by_name_and_false_is_nothing(fmt):
    keys = {"axolotl": "trust_remote_code", "sft-play": "model.trust_remote_code", "unsloth": "model.trust_remote_code"}
    table = detection.FORMATS[fmt].table("sft")
    key = keys.get(fmt, "trust_remote_code")
    if fmt in ("routellm", "aitraining", "autotrain"):
        return
    assert not isinstance(rule_of(table, key), Dead)
    if fmt == "axolotl":
        assert (
            entry(
                imported("base_model: a/b\nsequence_len: 8\nmicro_batch_size: 1\ntrust_remote_code: false", fmt), key
            ).outcome
            == "no effect"
        )
