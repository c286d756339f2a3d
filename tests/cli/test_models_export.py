"""``models export``: a folder or an archive that answers where there is no store."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from runner.errors import ExitCode
from runner.store.manifest import verify
from tests.conftest import Desk
from tests.examples import example


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[Desk, str]:
    """A desk with a stored router, and its answer to a question."""
    desk = Desk(tmp_path_factory.mktemp("trained"))
    desk("train", "--executor", "local", stdin=json.dumps(example("elo_scoring"))).ok()
    return desk, ask(desk, "elo_scoring/elo")


def ask(desk: Desk, model: object) -> str:
    return desk("infer", "--model", model, "--prompts", "Hi", "--output-path", "-").ok().out


@pytest.mark.parametrize("form", ["folder", "tar"])
def test_what_was_exported_answers_alone_and_shares_no_file(trained, tmp_path, form):
    desk, answer = trained
    target = tmp_path / ("router.tar" if form == "tar" else "router")
    told = desk("models", "export", "elo_scoring/elo", target, "--json").ok().json
    assert (told["format"], told["path"]) == (form, str(target))
    away = Desk(tmp_path / "away")
    away.home.mkdir()
    folder = away.home / "elo-v1"
    if form == "tar":
        subprocess.run(["tar", "xf", target], cwd=away.home, check=True)
    else:
        target.rename(folder)
    assert all(path.stat().st_nlink == 1 for path in folder.rglob("*") if path.is_file())
    manifest = verify(folder)
    assert manifest.run and manifest.lock.data_fingerprint and manifest.spec["model"]
    assert ask(away, "./elo-v1" if form == "tar" else folder) == answer
    left = ["away", "router.tar"] if form == "tar" else ["away"]
    assert sorted(path.name for path in tmp_path.iterdir()) == left
    by_name = away("infer", "--model", "elo-v1", "--prompts", "Hi")
    assert (by_name.code, "./elo-v1" in by_name.err) == (5, True)
    routed = away("route", "--model", "./elo-v1", "--costs", "costs.json", "--prompts", "Hi")
    assert "costs.json" in routed.err, "only the table of costs is missing"


def test_a_changed_byte_in_what_was_exported_is_found(trained, tmp_path):
    desk, _ = trained
    desk("models", "export", "elo_scoring/elo", tmp_path / "router").ok()
    (tmp_path / "router" / "model.json").write_text("{}")
    refused = desk("infer", "--model", tmp_path / "router", "--prompts", "Hi")
    assert (refused.code, "checksum" in refused.err) == (4, True)


@pytest.mark.parametrize(
    ("target", "code", "said"),
    [
        ("full", 5, "is there already"),
        ("file.tar", 5, "is there already"),
        ("missing/router", 5, "there is no such folder"),
        ("models/elo_scoring/copy", 2, "in the store"),
    ],
)
def test_a_place_that_is_taken_is_refused_and_left_as_it_is(trained, target, code, said):
    desk, _ = trained
    (desk.home / "full").mkdir(exist_ok=True)
    (desk.home / "full" / "mine.txt").write_text("mine")
    (desk.home / "file.tar").write_text("mine")
    refused = desk("models", "export", "elo_scoring/elo", target)
    assert (refused.code, said in refused.err) == (code, True), refused.err
    assert [path.name for path in (desk.home / "full").iterdir()] == ["mine.txt"]
    assert (desk.home / "file.tar").read_text() == "mine"


def test_an_empty_folder_is_filled(trained, tmp_path):
    desk, answer = trained
    (tmp_path / "router").mkdir()
    desk("models", "export", "elo_scoring/elo/v1", tmp_path / "router").ok()
    assert ask(desk, tmp_path / "router") == answer


def test_a_model_that_is_not_there_or_damaged_is_not_exported(trained, tmp_path):
    desk, _ = trained
    missing = desk("models", "export", "elo_scoring/eloo", tmp_path / "router")
    assert (missing.code, "did you mean 'elo_scoring/elo'?" in missing.err) == (5, True)
    other = Desk(tmp_path / "other")
    shutil.copytree(desk.home / "models", other.home / "models")
    (other.home / "models" / "elo_scoring" / "elo" / "v1" / "model.json").write_text("{}")
    damaged = other("models", "export", "elo_scoring/elo", tmp_path / "router")
    assert (damaged.code, "checksum" in damaged.err) == (4, True)
    assert not (tmp_path / "router").exists()


def test_an_export_that_is_killed_leaves_no_model_and_the_next_one_is_whole(trained, tmp_path):
    desk, answer = trained
    script = (
        "import os, signal, sys\n"
        "from runner.cli.app import run\n"
        "from runner.store import exporting\n"
        "exporting.sync_tree = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        "run(sys.argv[1:])\n"
    )
    words = ["models", "export", "elo_scoring/elo", str(tmp_path / "router")]
    subprocess.run([sys.executable, "-c", script, *words], cwd=desk.home, env=desk.variables, check=False)
    assert not (tmp_path / "router").exists()
    desk(*words).ok()
    assert ask(desk, tmp_path / "router") == answer
    assert os.listdir(tmp_path) == ["router"]


def test_no_folder_that_is_no_model_is_opened(desk, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    done = desk("infer", "--model", "./empty", "--prompts", "Hi")
    assert (done.code, "no stored model here" in done.err) == (5, True)


@pytest.mark.parametrize("words", [["out", "--format", "gguf"], ["out.gguf"]])
def test_a_format_that_nothing_kept_writes_is_answered_with_what_does(talking: Desk, words):
    ran = talking("models", "export", "sft/talker", *words)
    assert ran.code == ExitCode.USAGE and not (talking.home / words[0]).exists()
    assert "convert_hf_to_gguf.py" in ran.err and "runner merge sft/talker" in ran.err
    assert "runner models export" in talking("export", "sft/talker").err
