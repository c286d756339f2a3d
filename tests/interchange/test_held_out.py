"""What is measured: rows that are held out by a number, several times an epoch, and splits that are not there."""

import json

import pytest

from runner.interchange import importing

AXOLOTL = """
base_model: a/b
datasets: [{path: rows.jsonl, type: chat_template}]
sequence_len: 128
micro_batch_size: 1
num_epochs: 2
"""
TRL = "trl sft --model_name_or_path a/b --eval_strategy steps --eval_steps 10 --dataset_name"


@pytest.fixture
def rows(tmp_path):
    row = {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]}
    (tmp_path / "rows.jsonl").write_text(f"{json.dumps(row)}\n" * 400)
    return tmp_path


def axolotl(more, cwd):
    return importing.import_data((AXOLOTL + more).encode(), "config.yaml", cwd=cwd)


def entry(report, key):
    (found,) = [one for one in report.entries if one.key == key]
    return found


def test_a_number_of_rows_is_a_share_of_the_files(rows):
    report = axolotl("val_set_size: 100\n", rows)
    assert report.spec["data"]["validation_split"] == 0.25
    found = entry(report, "val_set_size")
    assert (found.outcome, found.what) == ("changed", "100 of the 400 rows that the file has: a share, drawn anew")
    assert report.whole


@pytest.mark.parametrize(
    ("file", "count", "why"),
    [("some-org/rows", 100, "is not known here"), ("rows.jsonl", 400, "the file has 400 rows")],
)
def test_a_number_that_can_be_no_share_leaves_our_own_and_says_it(rows, file, count, why):
    report = axolotl(f"val_set_size: {count}\n", rows)
    text = AXOLOTL.replace("rows.jsonl", file) + f"val_set_size: {count}\n"
    report = importing.import_data(text.encode(), "config.yaml", cwd=rows)
    assert report.spec["data"]["validation_split"] == 0.2
    found = entry(report, "val_set_size")
    assert why in found.what
    assert "0.2 of them, the default, are held out" in found.what
    assert found.effect


@pytest.mark.parametrize("more", ["val_set_size: 0\n", "val_set_size: 0.0\n", ""])
def test_nothing_is_held_out_where_nothing_is_there(rows, more):
    assert axolotl(more, rows).spec["data"]["validation_split"] == 0


def test_measurements_within_an_epoch_are_missed_by_what_counts_them(rows):
    report = axolotl("val_set_size: 0.1\nevals_per_epoch: 4\nearly_stopping_patience: 3\n", rows)
    found = entry(report, "evals_per_epoch")
    assert (found.outcome, found.effect) == ("no equivalent", True)
    assert "the patience counts epochs, where it counts 1/4 of one" in found.what
    assert not report.whole


def test_measurements_within_an_epoch_change_no_weight_where_nothing_counts_them(rows):
    assert not entry(axolotl("val_set_size: 0.1\nevals_per_epoch: 4\n", rows), "evals_per_epoch").effect


@pytest.mark.parametrize(
    ("more", "outcome"),
    [
        ("val_set_size: 0.1\nevals_per_epoch: 1\n", "carried"),
        ("val_set_size: 0.1\nevals_per_epoch: 0\n", "changed"),
        ("val_set_size: 0\nevals_per_epoch: 4\n", "no effect"),
        ("val_set_size: 0.1\nevals_per_epoch: 4\neval_steps: 20\n", "no effect"),
    ],
)
def test_what_becomes_of_measurements_in_an_epoch(rows, more, outcome):
    assert entry(axolotl(more, rows), "evals_per_epoch").outcome == outcome


@pytest.mark.parametrize(
    ("more", "keep"),
    [
        # Their checkpoints fall on measurements: the best of them is loaded, without being asked for.
        ("evals_per_epoch: 4\nsaves_per_epoch: 1\n", "best"),
        ("eval_steps: 50\nsave_steps: 100\n", "best"),
        ("eval_steps: 50\nsave_steps: 75\n", "last"),
        ("evals_per_epoch: 4\nsaves_per_epoch: 1\nload_best_model_at_end: false\n", "last"),
        ("", "last"),
    ],
)
def test_axolotl_keeps_the_best_weights_where_it_saves_what_it_measures(rows, more, keep):
    spec = axolotl(f"val_set_size: 0.1\n{more}", rows).spec["model"]["spec"]
    assert spec["keep"] == keep


def test_ludwigs_measurements_within_an_epoch_are_told_of():
    text = """
        input_features: [{name: words, type: text, encoder: {type: bert}}]
        output_features: [{name: sort, type: category}]
        trainer: {checkpoints_per_epoch: 3, early_stop: 2}
        """
    report = importing.import_data(text.replace("\n        ", "\n").encode(), "config.yaml", "ludwig")
    found = entry(report, "trainer.checkpoints_per_epoch")
    assert "the patience counts epochs, where it counts 1/3 of one" in found.what
    steps = text.replace("checkpoints_per_epoch: 3", "steps_per_checkpoint: 30").replace("\n        ", "\n")
    spec = importing.import_data(steps.encode(), "config.yaml", "ludwig").spec["model"]["spec"]
    assert spec["evaluation"]["every"] == 30


def test_a_file_is_one_split_and_the_rows_that_are_trained_on_are_not_measured(rows):
    report = importing.import_command([*TRL.split(), "rows.jsonl"], cwd=rows)
    assert report.spec["data"] == {"dataset": "rows.jsonl", "validation_split": 0}
    found = entry(report, "--eval_strategy")
    assert (found.outcome, found.effect) == ("no equivalent", True)
    assert "rows.jsonl has no split 'test': their program stops there" in found.what


@pytest.mark.parametrize(
    ("files", "held"),
    [
        (["train.jsonl", "test.jsonl"], "rows/test.jsonl"),
        (["data/train-00000-of-00001.parquet", "data/test-00000-of-00001.parquet"],
         "rows/data/test-00000-of-00001.parquet"),
        (["train.jsonl", "test-1.jsonl", "test-2.jsonl"], "rows/test*"),
        (["train.jsonl", "latest.jsonl"], None),
    ],
)  # fmt: skip
def test_a_folders_second_split_is_the_file_that_is_called_by_it(tmp_path, files, held):
    for name in files:
        place = tmp_path / "rows" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("{}\n")
    report = importing.import_command([*TRL.split(), "rows"], cwd=tmp_path)
    assert report.spec["data"].get("validation_data") == held


def test_a_folder_is_trained_on_by_the_files_of_its_first_split_alone(tmp_path):
    (tmp_path / "rows" / "data").mkdir(parents=True)
    for name in ("train-00000-of-00001.parquet", "test-00000-of-00001.parquet"):
        (tmp_path / "rows" / "data" / name).touch()
    report = importing.import_command([*TRL.split(), "rows"], cwd=tmp_path)
    assert report.spec["data"]["dataset"] == "rows/data/train-00000-of-00001.parquet"


def test_a_set_of_the_hub_has_its_second_split_by_a_pattern():
    report = importing.import_command([*TRL.split(), "c/d"])
    assert report.spec["data"]["validation_data"] == "hub:c/d/*test*"


def test_a_mixture_without_a_share_has_no_rows_to_measure():
    text = "model_name_or_path: a/b\neval_strategy: epoch\ndatasets: [{path: c/d}]\n"
    report = importing.import_data(text.encode(), "config.yaml", "trl:sft")
    assert entry(report, "eval_strategy").outcome == "no equivalent"
    shared = importing.import_data(f"{text}test_split_size: 0.1\n".encode(), "config.yaml", "trl:sft")
    assert shared.spec["data"]["validation_split"] == 0.1


def test_autotrains_second_split_is_not_the_file_that_is_trained_on(rows):
    text = "task: llm-sft\nbase_model: a/b\nproject_name: x\ndata: {path: rows.jsonl, valid_split: validation}\n"
    report = importing.import_data(text.encode(), "config.yaml", "aitraining", cwd=rows)
    assert "validation_data" not in report.spec["data"]
    assert entry(report, "data.valid_split").outcome == "no equivalent"


def test_axolotls_name_of_a_repository_pushes_the_model_where_nobody_else_sees_it(rows):
    report = axolotl("hub_model_id: me/tutor\n", rows)
    assert report.spec["hub"]["repository"] == "me/tutor"
    assert report.spec["hub"].get("private", True)
    assert entry(report, "hub_model_id").outcome == "carried"
