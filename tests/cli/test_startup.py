"""The light commands import none of the heavy libraries."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.conftest import ROOT

HEAVY = ["torch", "transformers", "datasets", "docker", "wandb", "sklearn", "pandas", "scipy", "pyarrow", "matplotlib"]


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["--version"],
        ["train", "--help"],
        ["validate", str(ROOT / "specs" / "quickstart.json")],
        ["schema", "dense_network"],
        ["schema"],
        ["runs", "list"],
        ["models"],
        ["spec", "fix", str(ROOT / "specs" / "quickstart.json")],
    ],
    ids=" ".join,
)
def test_it_imports_nothing_heavy(words, tmp_path):
    code = (
        "import sys, json\n"
        "from runner.cli.app import run\n"
        f"code = run({words!r})\n"
        f"print(json.dumps([code, sorted({set(HEAVY)!r} & set(sys.modules))]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == [0, []], done.stderr


def _loaded(words, cwd):
    """The modules that a command has loaded at its end."""
    code = (
        "import sys, json\n"
        "from runner.cli.app import run\n"
        f"assert run({words!r}) == 0\n"
        "print(json.dumps(sorted(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_right_specs_of_every_kind_load_no_schema_and_nothing_of_training(tmp_path):
    loaded = _loaded(["validate", *map(str, sorted((ROOT / "specs").glob("*.json")))], tmp_path)
    unneeded = {"cyclopts", "jsonschema", "numpy", "runner.spec.explanation", "runner.spec.json_schemas"}
    assert not loaded & {*unneeded, *HEAVY}


def test_runs_are_listed_without_loading_their_kinds(tmp_path):
    from runner.registry import task
    from runner.runs.run_folder import Run, State

    plan = {"model_type": "elo_scoring", "name": "x", "headline": task("elo_scoring").headline.as_dict()}
    run = Run.create(tmp_path / "runs", "x", {"plan": plan, "spec": {}})
    run.transition(State.RUNNING)
    run.transition(State.SUCCEEDED, exit_code=0, model="elo_scoring/x/v1")
    run.write("result", {"metrics": {"accuracy": 0.875}})
    loaded = _loaded(["runs", "list"], tmp_path)
    assert not loaded & {"pydantic", "numpy", "runner.registry", "runner.contract", *HEAVY}


def test_both_names_and_the_module_are_the_same_command():
    from pathlib import Path

    folder = Path(sys.executable).parent
    versions = {
        subprocess.run([*words, "--version"], capture_output=True, text=True, check=True).stdout
        for words in ([folder / "runner"], [folder / "cli"], [sys.executable, "-m", "runner"])
    }
    assert len(versions) == 1


def test_every_verb_has_help_with_an_example(capsys):
    from runner.cli.app import GROUPS, VERBS, run

    verbs = [[verb] for verb in VERBS] + [[group, verb] for group, (_, verbs) in GROUPS.items() for verb in verbs]
    for words in verbs:
        assert run([*words, "--help"]) == 0
        assert "Example:" in capsys.readouterr().out, words
