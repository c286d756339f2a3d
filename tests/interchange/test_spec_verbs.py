"""``spec import`` and ``spec export`` as they are typed."""

import io
import json
import sys
from types import SimpleNamespace

import pytest
import yaml

from runner.cli.app import run
from runner.spec.checking import load
from tests.interchange.configs import AXOLOTL


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "axolotl.yaml").write_text(AXOLOTL["qlora of conversations"])
    (tmp_path / "lost.yaml").write_text(AXOLOTL["plain texts, whole"])
    return tmp_path


def test_the_spec_goes_to_standard_output_and_the_report_to_standard_error(config, capsys):
    assert run(["spec", "import", "axolotl.yaml"]) == 0
    said = capsys.readouterr()
    assert load(said.out).kind == "sft"
    assert "axolotl.yaml: Axolotl, as a spec of sft" in said.err
    line = AXOLOTL["qlora of conversations"].splitlines().index("lora_r: 24") + 1
    assert f"  {line}: lora_r = 24 -> /model/spec/finetuning_spec/rank" in said.err
    assert "nothing that has an effect on the result was lost" in said.err


def test_with_out_the_spec_is_a_file_and_the_report_the_result(config, capsys):
    assert run(["spec", "import", "axolotl.yaml", "--out", "spec.json"]) == 0
    assert "spec.json is written" in capsys.readouterr().out
    assert run(["validate", "spec.json"]) == 0


def test_one_document_for_programs(config, capsys):
    assert run(["spec", "import", "lost.yaml", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["whole"] is False
    assert document["format"] == "axolotl"
    assert {"key", "outcome", "value", "line", "pointers", "what", "do", "effect", "source"} == set(
        document["entries"][0]
    )
    assert document["spec"]["model"]["spec"]["model_type"] == "causal_lm"


def test_strict_fails_where_something_of_effect_was_lost(config):
    assert run(["spec", "import", "lost.yaml", "--strict"]) == 3
    assert run(["spec", "import", "axolotl.yaml", "--strict"]) == 0


def test_standard_input_and_the_format_as_it_is_said(config, capsys, monkeypatch):
    text = b"model_name_or_path: a/b\ndataset_name: c/d\n"
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text), isatty=lambda: False))
    assert run(["spec", "import", "-", "--from", "trl:dpo"]) == 0
    assert load(capsys.readouterr().out).kind == "dpo"


def test_a_command_comes_after_two_dashes(config, capsys):
    words = "spec import --out made.json -- aitraining llm --train --trainer sft --model a/b --data-path d"
    words += " --project-name mine --lr 2e-4"
    assert run(words.split()) == 0
    assert '--lr = "2e-4" -> /model/spec/optimizer/learning_rate' in capsys.readouterr().out
    assert json.loads((config / "made.json").read_text())["model"]["name"] == "mine"


def test_what_is_wrong_is_told_without_a_traceback(config, capsys):
    (config / "broken.yaml").write_text("a: [\n")
    assert run(["spec", "import", "broken.yaml"]) == 3
    assert "broken.yaml:2:1: is no YAML" in capsys.readouterr().err
    assert run(["spec", "import"]) == 2
    assert run(["spec", "import", "nowhere.yaml"]) == 5
    assert run(["spec", "import", "--", "ls", "-l"]) == 2


def test_a_spec_is_exported_and_imported_again(config, capsys):
    assert run(["spec", "import", "axolotl.yaml", "--out", "spec.json"]) == 0
    assert run(["spec", "export", "spec.json", "--to", "axolotl", "--out", "again.yaml"]) == 0
    assert yaml.safe_load((config / "again.yaml").read_text())["sequence_len"] == 4096
    assert run(["spec", "import", "again.yaml", "--out", "again.json"]) == 0
    first, second = (json.loads((config / name).read_text()) for name in ("spec.json", "again.json"))
    assert second["model"]["spec"]["finetuning_spec"]["rank"] == first["model"]["spec"]["finetuning_spec"]["rank"] == 24
    capsys.readouterr()
    assert run(["spec", "export", "spec.json", "--to", "llamafactory", "--out", "lf.yaml"]) == 0
    assert "llamafactory-cli train FILE" in capsys.readouterr().out
    assert json.loads((config / "dataset_info.json").read_text())["support"]["file_name"] == "data/support.jsonl"


def test_data_sets_of_others_are_not_overwritten(config, capsys):
    assert run(["spec", "import", "axolotl.yaml", "--out", "spec.json"]) == 0
    (config / "dataset_info.json").write_text("{}")
    assert run(["spec", "export", "spec.json", "--to", "llamafactory", "--out", "lf.yaml"]) == 5
    assert (config / "dataset_info.json").read_text() == "{}"
    assert not (config / "lf.yaml").exists()


def test_export_is_strict_and_speaks_json(config, capsys):
    assert run(["spec", "import", "axolotl.yaml", "--out", "spec.json"]) == 0
    capsys.readouterr()
    assert run(["spec", "export", "spec.json", "--to", "trl", "--json", "--strict"]) == 3
    document = json.loads(capsys.readouterr().out)
    assert document["config"]["lora_r"] == 24
    assert [entry["key"] for entry in document["entries"] if entry["effect"]]


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["--output", "spec.json"], "spec import has no option --output", "did you mean '--out'?"),
        (["--yes"], "spec import has no option --yes", "--strict"),
        (["lost.yaml"], "one configuration is imported at a time", ""),
    ],
)
def test_a_word_behind_a_configuration_is_no_command(config, capsys, words, message, hint):
    assert run(["spec", "import", "axolotl.yaml", *words]) == 2
    said = capsys.readouterr().err
    assert message in said and hint in said
