"""A package of somebody else's adds a kind through the entry point alone: the one that CONTRIBUTING shows."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pyarrow import parquet

from tests.docs.documents import ROOT, Shell, blocks, dialogue, files, matches

#: What the fixtures prepare is prepared once, in one process.
#: A package is installed beside, and new interpreters find it.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("third-party")]
KIND, OLDER = "win_rate", "win_rate_scoring"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"


def installed(source: Path, make: pytest.TempPathFactory) -> Shell:
    """A shell that finds the package of ``source`` beside Runner, not in it."""
    target = make.mktemp("target")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", str(target), str(source)], check=True, timeout=120)
    return Shell.set_up(make.mktemp("home"), more_path=str(target))


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A folder with the package that CONTRIBUTING shows: a kind and a task of its own."""
    source = tmp_path_factory.mktemp("source")
    shown = files(CONTRIBUTING)
    spec = shown.pop("spec.json")
    for name, text in (shown | {"winrate/__init__.py": "", "winrate/kinds/__init__.py": ""}).items():
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    here = installed(source, tmp_path_factory)
    (here.home / "spec.json").write_text(spec)
    return here


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A folder with a package from before tasks were objects, as somebody installed it then."""
    source = tmp_path_factory.mktemp("older")
    shutil.copytree(Path(__file__).with_name("older_package"), source, dirs_exist_ok=True)
    return installed(source, tmp_path_factory)


def run(shell: Shell, command: str) -> str:
    done = shell.run(command)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_the_commands_print_what_contributing_shows(shell: Shell):
    (console,) = [block for block in blocks(CONTRIBUTING) if block.language == "console"]
    commands = [command for command, _ in dialogue(console)]
    assert {command.split()[1] for command in commands} == {"models", "validate", "train", "infer"}
    for command, shown in dialogue(console):
        output = run(shell, command)
        assert matches(shown, output), f"$ {command}\n{output}\n--- is not what is shown:\n{shown}"


def test_it_is_listed_beside_the_built_in_kinds(shell: Shell):
    types = {row["model_type"]: row for row in json.loads(run(shell, "runner models --types --json"))["types"]}
    assert types[KIND]["family"] == "winrate"
    assert {path.stem for path in (ROOT / "specs").glob("*.json")} - {"quickstart"} <= set(types)


def test_it_has_a_schema_of_its_own_and_a_place_in_the_union(shell: Shell):
    own = json.loads(run(shell, f"runner schema {KIND}"))
    assert own["$id"] == f"{KIND}.json"
    assert KIND in json.loads(run(shell, "runner schema"))["$defs"]


def test_its_fields_are_checked_as_strictly_as_ours(shell: Shell):
    spec = json.loads((shell.home / "spec.json").read_text())
    spec["model"]["spec"] |= {"prior": -1, "pryor": 2}
    (shell.home / "bad.json").write_text(json.dumps(spec))
    refused = shell.run("runner validate bad.json --json")
    assert refused.returncode == 3
    pointers = {fault["pointer"] for fault in json.loads(refused.stdout)["faults"]}
    assert pointers == {"/model/spec/prior", "/model/spec/pryor"}


def test_it_trains_stores_and_answers_like_any_other(shell: Shell):
    trained = json.loads(run(shell, "runner train --spec-file spec.json --executor local --json 2>/dev/null"))
    assert trained["model"].startswith(f"{KIND}/mine/v")
    assert 0 < trained["metrics"]["mean_absolute_error"] < 0.2
    manifest = json.loads((shell.home / trained["path"] / "manifest.json").read_text())
    assert set(manifest["files"]) == {"shares.safetensors", "llms.json"}
    words = f"runner infer --model {trained['model']} --prompts minilm-neighbour calculator nobody"
    good, bad, none = (row["share"] for row in json.loads(run(shell, f"{words} --output-path -"))["shares"])
    assert 1 > good > bad > 0
    assert none is None
    run(shell, f"{words} --set percent=true --output-path shares.parquet")
    assert parquet.read_table(shell.home / "shares.parquet")["share"].to_pylist() == [100 * good, 100 * bad, None]


def test_its_task_has_its_own_measures_and_options_and_no_others(shell: Shell):
    run(shell, "runner train --spec-file spec.json --executor local")
    assert "MAE" in run(shell, "runner models")
    assert "percent (default false): Give the share in percent." in run(
        shell, f"runner infer --help --model {KIND}/mine"
    )
    refused = shell.run(f"runner infer --model {KIND}/mine --prompts calculator --set per_cent=true")
    assert refused.returncode == 2
    assert "percent" in refused.stdout
    refused = shell.run(f"runner infer --model {KIND}/mine --prompts calculator --models-to-score dictionary")
    assert refused.returncode == 2
    assert "--models-to-score" in refused.stdout


def test_a_package_from_before_tasks_were_objects_still_trains_and_scores(older: Shell):
    spec = {
        "model": {"name": "mine", "spec": {"model_type": OLDER, "prior": 2}},
        "data": {"dataset": "sample", "max_samples": 1000},
    }
    (older.home / "spec.json").write_text(json.dumps(spec))
    trained = json.loads(run(older, "runner train --spec-file spec.json --executor local --json 2>/dev/null"))
    assert 0.5 < trained["metrics"]["accuracy"] < 1
    words = f"runner infer --model {OLDER}/mine --models-to-score minilm-neighbour calculator --prompts a b"
    told = run(older, f"PYTHONWARNINGS=always::DeprecationWarning {words} --output-path scores.json")
    assert "DeprecationWarning" in told
    assert "has no TASK; it is taken to be of ranking" in told
    scores = json.loads((older.home / "scores.json").read_text())
    assert scores["minilm-neighbour"][0] > scores["calculator"][0] > 0
    assert "DeprecationWarning" not in run(older, f"{words} --output-path -")


def test_nothing_of_ours_was_touched_and_without_it_the_kind_is_gone(shell: Shell):
    without = Shell(shell.home)
    assert KIND not in run(without, "runner models --types")
    refused = without.run("runner validate spec.json")
    assert refused.returncode == 3
    assert KIND in refused.stdout
    assert not list(Path(ROOT / "runner").rglob(f"{KIND}*"))
