"""A package of somebody else's adds a kind through the entry point alone: the one that CONTRIBUTING shows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.documents import ROOT, Shell, blocks, dialogue, files, matches

#: What the fixture prepares is prepared once, in one process.
pytestmark = pytest.mark.xdist_group("third-party")
KIND = "win_rate_scoring"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A folder with the package installed beside Runner, not into it."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("target")
    here = Shell.set_up(tmp_path_factory.mktemp("home"), more_path=str(target))
    shown = files(CONTRIBUTING)
    (here.home / "spec.json").write_text(shown.pop("spec.json"))
    for name, text in (shown | {"winrate/__init__.py": "", "winrate/kinds/__init__.py": ""}).items():
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", str(target), str(source)], check=True, timeout=120)
    return here


def run(shell: Shell, command: str) -> str:
    done = shell.run(command)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_the_commands_print_what_contributing_shows(shell: Shell):
    (console,) = [block for block in blocks(CONTRIBUTING) if block.language == "console"]
    commands = [command for command, _ in dialogue(console)]
    assert {command.split()[1] for command in commands} == {"models", "validate", "train"}
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


def test_it_trains_stores_and_scores_like_any_other(shell: Shell):
    trained = json.loads(run(shell, "runner train --spec-file spec.json --executor local --json 2>/dev/null"))
    assert trained["model"].startswith(f"{KIND}/mine/v")
    assert 0.5 < trained["metrics"]["accuracy"] < 1
    manifest = json.loads((shell.home / trained["path"] / "manifest.json").read_text())
    assert set(manifest["files"]) == {"scores.safetensors", "models.json"}
    words = f"runner infer --model {trained['model']} --models-to-score minilm-neighbour calculator --prompts a b"
    scores = json.loads(run(shell, f"{words} --output-path -"))
    assert len(scores["minilm-neighbour"]) == 2
    assert scores["minilm-neighbour"][0] > scores["calculator"][0] > 0


def test_nothing_of_ours_was_touched_and_without_it_the_kind_is_gone(shell: Shell):
    without = Shell(shell.home)
    assert KIND not in run(without, "runner models --types")
    refused = without.run("runner validate spec.json")
    assert refused.returncode == 3
    assert KIND in refused.stdout
    assert not list(Path(ROOT / "runner").rglob(f"{KIND}*"))
