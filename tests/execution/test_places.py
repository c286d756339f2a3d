"""A run's data and folders: changed, moved, deleted, closed to others, and on file systems that lack something."""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Desk, without_rights
from tests.holding import wait_for_checkpoint


def votes(path: Path, seed: int = 1, rows: int = 120) -> None:
    """A small table of comparisons; who wins depends on the seed."""
    draw = random.Random(seed)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["prompt", "model_a", "model_b", "response_a", "response_b", "winner"])
        for number in range(rows):
            a, b = draw.sample(["ada", "bob", "cyd"], 2)
            writer.writerow([f"question {number}", a, b, "yes", "no", draw.choice(["model_a", "model_b"])])


def spec(dataset: str = "b.csv", epochs: int = 3) -> dict[str, Any]:
    model = {"model_type": "elo_scoring", "min_model_occurrences": 0}
    return {"model": {"name": "m", "spec": model}, "data": {"dataset": dataset}, "epochs": epochs}


def stopped(desk: Desk, epochs: int = 1500) -> Path:
    """A run that was stopped after its first checkpoint."""
    document = desk.write("long.json", spec(epochs=epochs))
    process = desk.start("train", "--spec-file", document, "--executor", "local", stderr=subprocess.DEVNULL)
    run = wait_for_checkpoint(desk, process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(300) == 75
    return run


def train(desk: Desk, document: dict[str, Any], *words: object) -> Any:
    return desk("train", "--executor", "local", *words, stdin=json.dumps(document))


def typed(desk: Desk, *words: object, before: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
    """A command with something before it."""
    return subprocess.run(
        [*before, *desk.command(*words)],
        **{"cwd": desk.home, "env": desk.variables, "capture_output": True, "text": True} | options,
    )


@pytest.mark.slow
@pytest.mark.warm
def test_a_run_does_not_go_on_with_other_data_unless_it_is_allowed_and_then_records_it(desk):
    votes(desk.home / "b.csv")
    run = stopped(desk)
    before = json.loads((run / "lock.json").read_text())["data_fingerprint"]
    votes(desk.home / "b.csv", seed=2)
    refused = desk("train", "--resume", "last")
    assert refused.code == 5
    assert before in refused.err
    assert "--allow-changed-data" in refused.err
    assert json.loads((run / "lock.json").read_text())["data_fingerprint"] == before
    done = desk("train", "--resume", "last", "--allow-changed-data", "--json").ok()
    assert before in done.err
    lock = json.loads((desk.home / done.json["path"] / "manifest.json").read_text())["lock"]
    assert lock["earlier_data_fingerprints"] == [before]
    assert lock["data_fingerprint"] != before
    assert lock["data_fingerprint"] in refused.err
    assert lock == json.loads((run / "lock.json").read_text())


@pytest.mark.slow
@pytest.mark.warm
def test_a_run_goes_on_with_its_own_data_and_its_lock_says_no_more_than_before(desk):
    votes(desk.home / "b.csv")
    run = stopped(desk)
    desk("train", "--resume", "last").ok()
    assert "earlier_data_fingerprints" not in json.loads((run / "lock.json").read_text())


@pytest.mark.slow
@pytest.mark.warm
def test_data_that_the_checkpoint_does_not_fit_is_a_conflict_and_no_bug(desk):
    votes(desk.home / "b.csv")
    stopped(desk)
    table = (desk.home / "b.csv").read_text().replace("cyd", "dan")
    (desk.home / "b.csv").write_text(table + "q,eva,ada,yes,no,model_a\n" * 9)
    went_on = desk("train", "--resume", "last", "--allow-changed-data")
    assert went_on.code in (0, 5)
    assert "this is a bug" not in went_on.err


def test_allowing_changed_data_is_for_a_run_that_goes_on(desk):
    assert train(desk, spec(), "--allow-changed-data").code == 2


@pytest.mark.slow
@pytest.mark.warm
def test_a_tilde_is_the_home_of_who_types_and_absolute_in_the_run(desk):
    home = desk.home / "home"
    home.mkdir()
    votes(home / "z.csv")
    own = Desk(desk.home, {"HOME": str(home)})
    train(own, spec("~/z.csv")).ok()
    assert json.loads((desk.only_run() / "spec.json").read_text())["data"]["dataset"] == str(home / "z.csv")
    shutil.rmtree(desk.home / "runs")
    votes(desk.home / "b.csv")
    train(own, spec("b.csv")).ok()
    assert json.loads((desk.only_run() / "spec.json").read_text())["data"]["dataset"] == str(desk.home / "b.csv")


@pytest.mark.parametrize("words", [("train", "--executor", "local"), ("train", "--dry-run")])
def test_the_home_of_a_user_who_is_not_there_is_told(desk, words):
    told = desk(*words, stdin=json.dumps(spec("~nosuchuser/x.csv")))
    assert told.code == 5
    assert "/data/dataset: ~nosuchuser/x.csv" in told.err
    assert "Traceback" not in told.err


@pytest.mark.parametrize("words", [("runs", "list"), ("models",), ("train", "--spec-file", "x.json"), ("doctor",)])
def test_a_folder_that_was_deleted_is_one_line(desk, words):
    gone = desk.home / "gone"
    gone.mkdir()
    done = typed(desk, *words, before=["sh", "-c", 'rmdir "$PWD" && exec "$@"', "sh"], cwd=gone)
    assert done.returncode in (5, 6), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.warm
def test_after_the_project_moved_a_resume_says_where_its_paths_count_from(make_desk):
    desk = make_desk()
    before = desk.home / "before"
    before.mkdir()
    votes(before / "b.csv")
    stopped(Desk(before))
    before.rename(desk.home / "after")
    told = Desk(desk.home / "after")("train", "--resume", "last")
    assert told.code == 5
    assert str(before) in told.err
    (desk.home / "before").symlink_to("after")
    Desk(desk.home / "after")("train", "--resume", "last").ok()


#: chmod as on a disk without modes, fsync of a folder as on one that knows none.
REFUSALS = """
#include <errno.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
int chmod(const char*p,mode_t m){errno=EPERM;return -1;}
int fchmod(int f,mode_t m){errno=EPERM;return -1;}
int fchmodat(int d,const char*p,mode_t m,int f){errno=EPERM;return -1;}
int fsync(int f){struct stat s;fstat(f,&s);if(S_ISDIR(s.st_mode)){errno=EINVAL;return -1;}return syscall(SYS_fsync,f);}
"""


@pytest.mark.slow
@pytest.mark.warm
def test_where_a_file_system_lacks_calls_that_only_make_it_safer_a_model_is_trained(desk):
    if shutil.which("gcc") is None:
        pytest.skip("no C compiler to stand in for such a file system")
    source, library = desk.home / "refuse.c", desk.home / "refuse.so"
    source.write_text(REFUSALS)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source], check=True)
    votes(desk.home / "b.csv")
    there = Desk(desk.home, {"LD_PRELOAD": str(library)})
    train(there, spec()).ok()
    there("infer", "--model", "elo_scoring/m", "--models-to-score", "ada", "--prompts", "p").ok()


def test_a_store_that_cannot_be_written_is_told_before_a_run_is_made(desk):
    votes(desk.home / "b.csv")
    document = desk.write("spec.json", spec())
    closed = desk.home / "closed"
    closed.mkdir(mode=0o555)
    there = Desk(desk.home, {"RUNNER_STORE_DIR": str(closed / "models")})
    done = typed(there, "train", "--executor", "local", "--spec-file", document, before=without_rights())
    assert done.returncode == 6
    assert str(closed) in done.stderr
    assert not (desk.home / "runs").exists()


@pytest.mark.slow
@pytest.mark.warm
def test_a_store_that_fails_after_the_training_is_told_with_the_way_to_store_the_model_elsewhere(desk):
    votes(desk.home / "b.csv")
    run = stopped(desk)
    # Taken away while the run goes on: the lock's place is a folder.
    (desk.home / "models" / "elo_scoring" / "m" / ".lock").mkdir(parents=True)
    refused = desk("train", "--resume", "last")
    assert refused.code == 6
    assert f"RUNNER_STORE_DIR=FOLDER runner train --resume {run.name}" in refused.err
    elsewhere = Desk(desk.home, {"RUNNER_STORE_DIR": str(desk.home / "elsewhere")})
    done = elsewhere("train", "--resume", "last", "--json").ok().json
    assert Path(done["path"], "manifest.json").is_file()
    assert not (run / "artifact").exists()


@pytest.mark.slow
@pytest.mark.warm
def test_folders_of_others_are_one_line_and_hide_nothing_else(desk):
    votes(desk.home / "b.csv")
    train(desk, spec()).ok()
    mine = desk.only_run()
    other = desk.home / "runs" / "20990101-000000-other-aaaa"
    shutil.copytree(mine, other)
    family = desk.home / "models" / "other_kind"
    shutil.copytree(desk.home / "models" / "elo_scoring", family)
    version = desk.home / "models" / "elo_scoring" / "m" / "v2"
    shutil.copytree(version.with_name("v1"), version)
    for folder in (other, family, version):
        folder.chmod(0)

    def look(*words: object) -> subprocess.CompletedProcess[str]:
        done = typed(desk, *words, before=without_rights())
        assert "Traceback" not in done.stderr
        return done

    listed = look("runs", "list", "--json")
    assert listed.returncode == 0
    assert {row["run"]: row["state"] for row in json.loads(listed.stdout)} == {
        mine.name: "succeeded",
        other.name: "unreadable",
    }
    assert mine.name in look("runs", "show", "last").stdout
    assert look("runs", "show", other.name).returncode == 6
    models = look("models", "--json")
    assert models.returncode == 0
    assert {row["model"]: row["whole"] for row in json.loads(models.stdout)["models"]} == {
        "elo_scoring/m/v1": True,
        "elo_scoring/m/v2": False,
        str(family.relative_to(desk.home)): False,
    }
    assert look("models").returncode == 0
    words = ("--models-to-score", "ada", "--prompts", "p", "--output-path", "-")
    assert look("infer", "--model", "elo_scoring/m/v1", *words).returncode == 0
    for closed in ("elo_scoring/m", "other_kind/m"):
        done = look("infer", "--model", closed, *words)
        assert done.returncode == 6
        assert "permission denied" in done.stderr
    for folder in (other, family, version):
        folder.chmod(0o755)


@pytest.mark.slow
@pytest.mark.warm
@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="only root mounts")
def test_a_live_run_is_running_to_who_sees_it_through_a_read_only_mount(desk):
    votes(desk.home / "b.csv")
    document = desk.write("long.json", spec(epochs=1_000_000))
    process = desk.start("train", "--spec-file", document, "--executor", "local", stderr=subprocess.DEVNULL)
    wait_for_checkpoint(desk, process)
    mount = 'mount --bind "$PWD" "$PWD" && mount -o remount,ro,bind "$PWD" && cd "$PWD" && exec "$@"'
    seen = typed(desk, "runs", "list", "--json", before=["unshare", "-m", "sh", "-c", mount, "sh"])
    process.send_signal(signal.SIGTERM)
    process.wait(300)
    # Whoever starts it in a chroot may not make mounts of its own: `unshare` or `mount` then says why.
    if seen.returncode and seen.stderr.startswith(("unshare:", "mount:")):
        pytest.skip(seen.stderr)
    assert [row["state"] for row in json.loads(seen.stdout)] == ["running"]
