"""``models remove | prune`` and ``runs remove | prune``: shown first, and never what something else needs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock

from runner.cli.app import build
from runner.execution.plan_document import PlanDocument, StoredReference
from runner.runs.run_folder import Run, State
from runner.store import upload_queue
from runner.store.manifest import ModelFacts
from runner.store.model_lookup import StoredModel
from runner.store.model_storing import promote
from tests.conftest import Desk

DAY = 86400
ENCODER = bytes(2**20)


def model(desk: Desk, name: str, days: float = 0, **facts: object) -> StoredModel:
    """A stored model of the next version, as many days old, with an encoder of 1 MiB that all of them have."""
    artifact = desk.home / "artifact"
    artifact.mkdir()
    (artifact / "model.json").write_text("{}")
    (artifact / "encoder.safetensors").write_bytes(ENCODER)
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - days * DAY))
    known = ModelFacts(created=created, **facts)
    return promote(desk.home / "models", "elo_scoring", name, artifact, known, move=True)


def run(desk: Desk, name: str, *states: State, days: float = 0, **plan: object) -> Run:
    """A run that went through these states, and ended as many days ago."""
    document = PlanDocument(model_type="elo_scoring", name=name, executor="local", cwd="/", cache="/cache", **plan)
    made = Run.create(desk.home / "runs", name, {"plan": document, "spec": {}})
    for state in states:
        made.transition(state)
    written = made.document("state")
    made.write("state", written | {"created": written["created"] - days * DAY, "ended": time.time() - days * DAY})
    return made


def listed(desk: Desk) -> list[str]:
    return [row["model"] for row in desk("models", "--json").json["models"]]


def test_nothing_goes_before_it_is_confirmed_and_what_goes_is_the_whole_model(desk):
    first, second, other = model(desk, "a"), model(desk, "a"), model(desk, "b")
    shown = desk("models", "remove", "elo_scoring/a").ok().out
    assert first.reference in shown and second.reference in shown and "--yes removes 2 models" in shown
    assert listed(desk) == [first.reference, second.reference, other.reference]
    told = desk("models", "remove", "elo_scoring/a", "--yes", "--json").ok().json
    assert told["done"]
    assert sorted(row["name"] for row in told["models"]) == [first.reference, second.reference]
    assert told["bytes"] < len(ENCODER), "the encoder is another model's too"
    assert listed(desk) == [other.reference]
    assert not first.path.exists()
    assert desk("models", "--verify").ok()


def test_the_bytes_are_what_the_disk_gets_back(desk):
    model(desk, "a")
    model(desk, "b")
    alone = desk("models", "remove", "elo_scoring/a", "--json").json["bytes"]
    both = desk("models", "remove", "elo_scoring/a", "elo_scoring/b", "--json").json
    assert alone < len(ENCODER) < both["bytes"] < 1.2 * len(ENCODER)
    assert all(row["bytes"] < len(ENCODER) for row in both["models"])


def test_one_version_goes_and_its_number_is_not_given_again(desk):
    model(desk, "a")
    last = model(desk, "a")
    desk("models", "remove", last.reference, "--yes").ok()
    assert listed(desk) == ["elo_scoring/a/v1"]
    assert model(desk, "a").version == 3
    desk("models", "remove", "elo_scoring/a", "--yes").ok()
    assert listed(desk) == []
    assert model(desk, "a").version == 4


@pytest.mark.parametrize("named", ["parent", "references"])
def test_what_another_model_was_made_from_stays_until_that_goes_too(desk, named):
    base = model(desk, "base", days=50)
    fact = {"parent": base.reference} if named == "parent" else {"references": {"lengths": base.reference}}
    made = model(desk, "made", days=1, **fact)
    field = "start_state" if named == "parent" else "lengths"
    refused = desk("models", "remove", "elo_scoring/base", "--yes")
    assert refused.code == 5
    assert f"{made.reference} was made from it ({field})" in refused.err
    assert f"runner models remove {made.reference}" in refused.err
    pruned = desk("models", "prune", "--older-than", "30d", "--yes", "--json").ok().json
    assert pruned["models"] == []
    why = {row["name"]: row["why"] for row in pruned["kept"]}
    assert why == {base.reference: f"{made.reference} was made from it ({field})", made.reference: "not old enough"}
    both = desk("models", "remove", "elo_scoring/base", "elo_scoring/made", "--yes", "--json").ok().json
    assert [row["name"] for row in both["models"]] == [made.reference, base.reference], "what needs another goes first"
    assert listed(desk) == []


def test_a_model_that_an_open_run_an_upload_or_an_inference_needs_stays(desk):
    base, stored, queued, asked = (model(desk, name) for name in ("base", "stored", "queued", "asked"))
    resumable = run(desk, "x", State.RUNNING, State.FAILED, parent=base.reference)
    field = {"lengths": StoredReference(reference=stored.reference, path=str(stored.path))}
    interrupted = run(desk, "y", State.RUNNING, State.INTERRUPTED, stored=field)
    run(desk, "z", State.RUNNING, State.SUCCEEDED, parent=queued.reference)
    place = {"artifact_name": "a", "project": "p", "entity": None, "wandb_run_id": "i", "run_name": "n"}
    upload_queue.enqueue(desk.home / "outbox", model=queued.reference, path=queued.path, run_dir=None, **place)
    partial = desk.home / "inference_outputs" / "x.json.partial"
    partial.mkdir(parents=True)
    desk.write(str(partial / "state.json"), {"facts": {"stored model": [asked.reference, "0"]}, "done": 1})
    told = desk("models", "prune", "--keep", "0", "--yes", "--json").ok().json
    assert told["models"] == []
    why = {row["name"]: row["why"] for row in told["kept"]}
    assert why[base.reference] == f"the run {resumable.id} (failed) needs it as its start_state"
    assert why[stored.reference] == f"the run {interrupted.id} (interrupted) needs it as its lengths"
    assert why[queued.reference] == "it waits for its upload to p (queued)"
    assert "x.json goes on with it" in why[asked.reference]
    desk("runs", "remove", resumable.id, "--yes").ok()
    assert desk("models", "remove", base.reference, "--yes").code == 0


def test_prune_keeps_the_newest_and_the_young_of_each_model(desk):
    for days in (90, 60, 10):
        model(desk, "a", days=days)
    model(desk, "b", days=90)
    told = desk("models", "prune", "--older-than", "4w", "--keep", "1", "--json").ok().json
    assert {row["name"] for row in told["models"]} == {"elo_scoring/a/v1", "elo_scoring/a/v2"}
    assert {row["name"]: row["why"] for row in told["kept"]} == {
        "elo_scoring/a/v3": "not old enough",
        "elo_scoring/b/v1": "the newest",
    }
    text = desk("models", "prune", "--older-than", "4w", "--keep", "1", "--yes").ok().out
    assert "2 models removed" in text and "1 kept: the newest" in text
    assert listed(desk) == ["elo_scoring/a/v3", "elo_scoring/b/v1"]
    assert "no models to remove" in desk("models", "prune", "--older-than", "4w", "--keep", "1").ok().out
    assert "no models to remove" in desk("models", "prune", "--keep", "0", "--type", "dense_network").ok().out


def test_a_damaged_model_can_be_removed_and_what_it_names_stays(desk):
    base = model(desk, "base")
    made = model(desk, "made", parent=base.reference)
    manifest = made.path / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"version": 1', '"version": 7'))
    assert desk("models", "remove", base.reference, "--yes").code == 5
    desk("models", "remove", made.reference, "--yes").ok()
    assert listed(desk) == [base.reference]


def test_a_version_that_is_a_link_to_a_folder_elsewhere_is_a_link_that_goes(desk, tmp_path):
    linked = model(desk, "a")
    linked.path.rename(tmp_path / "elsewhere")
    linked.path.symlink_to(tmp_path / "elsewhere")
    assert desk("models", "remove", linked.reference, "--yes", "--json").ok().json["bytes"] < len(ENCODER)
    assert listed(desk) == []
    assert (tmp_path / "elsewhere" / "manifest.json").is_file()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["models", "remove", "elo_scoring/quikstart"], 5, "did you mean 'elo_scoring/quickstart'?"),
        (["models", "remove", "elo_scoring/quickstart/v9"], 5, "there are: v1"),
        (["models", "remove", "models/elo_scoring/quickstart"], 2, "its name is elo_scoring/quickstart"),
        (["models", "remove", "models/elo_scoring/quickstart/v1"], 2, "its name is elo_scoring/quickstart/v1"),
        (["models", "remove"], 2, "which models?"),
        (["models", "prune"], 2, "--older-than 30d --keep 3"),
        (["models", "prune", "--older-than", "30 days"], 2, "12h, 30d, 4w"),
        (["models", "prune", "--keep", "-1"], 2, "0 or more"),
        (["models", "prune", "--keep", "1", "--type", "elo_skoring"], 5, "elo_scoring"),
        (["runs", "remove", "quikstart"], 5, "did you mean"),
        (["runs", "remove"], 2, "which runs?"),
        (["runs", "prune"], 2, "--older-than 30d --keep 3"),
        (["runs", "prune", "--older-than", "soon"], 2, "12h, 30d, 4w"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_words_that_make_no_removal_say_what_would(named, words, code, said):
    done = named(*words)
    assert (done.code, said in done.err) == (code, True), done.err


@pytest.fixture(scope="module")
def named(tmp_path_factory) -> Desk:
    desk = Desk(tmp_path_factory.mktemp("named"))
    model(desk, "quickstart")
    run(desk, "quickstart", State.RUNNING, State.SUCCEEDED)
    return desk


def test_runs_that_are_over_go_and_the_others_say_why_they_stay(desk):
    old = run(desk, "old", State.RUNNING, State.SUCCEEDED, days=40)
    closed = run(desk, "closed", State.CANCELLED, days=40)
    failed = run(desk, "failed", State.RUNNING, State.FAILED, days=40)
    pending = run(desk, "pending", days=40)
    young = run(desk, "young", State.RUNNING, State.SUCCEEDED)
    waiting = run(desk, "waiting", State.RUNNING, State.SUCCEEDED, days=40)
    stored = model(desk, "stored", run=old.id)
    place = {"artifact_name": "a", "project": "p", "entity": None, "wandb_run_id": "i", "run_name": "n"}
    upload_queue.enqueue(desk.home / "outbox", model="m/n/v1", path=stored.path, run_dir=waiting.path, **place)
    told = desk("runs", "prune", "--older-than", "30d", "--json").ok().json
    assert not told["done"]
    assert {row["name"] for row in told["runs"]} == {old.id, closed.id}
    why = {row["name"]: row["why"] for row in told["kept"]}
    assert why == {
        failed.id: "failed: it can be resumed",
        pending.id: "it is pending",
        young.id: "not old enough",
        waiting.id: "the upload of m/n/v1 to p reads it (queued)",
    }
    assert old.path.exists()
    text = desk("runs", "prune", "--older-than", "30d", "--yes").ok().out
    assert "2 runs removed" in text
    left = {row["run"] for row in desk("runs", "list", "--json").json}
    assert left == {failed.id, pending.id, young.id, waiting.id}
    assert sorted(path.name for path in (desk.home / "runs").iterdir()) == sorted(left)
    assert listed(desk) == [stored.reference], "what a run stored stays"
    assert desk("runs", "remove", failed.id, "--yes").ok()
    for refused in (pending, waiting):
        assert desk("runs", "remove", refused.id, "--yes").code == 5
    assert "no runs to remove" in desk("runs", "prune", "--keep", "1", "--older-than", "30d").ok().out


@pytest.mark.parametrize("lock", [".lock", ".worker.lock"])
def test_a_run_that_a_process_holds_is_not_removed(desk, lock):
    held = run(desk, "held", State.RUNNING, State.FAILED)
    with FileLock(held.path / lock):
        refused = desk("runs", "remove", held.id, "--yes")
    assert (refused.code, "a process holds it" in refused.err) == (5, True)
    assert held.path.exists()


CUT = """
import os, shutil, signal, sys
from runner.cli.app import run
shutil.rmtree = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
run(sys.argv[1:])
"""


def killed(desk: Desk, *words: str) -> None:
    """The command, killed at the moment when it begins to take files away."""
    done = subprocess.run([sys.executable, "-c", CUT, *words], cwd=desk.home, env=desk.variables, capture_output=True)
    assert done.returncode == -signal.SIGKILL


def test_a_removal_that_is_killed_leaves_nothing_that_is_listed_and_the_next_one_clears_it(desk):
    gone, kept = model(desk, "gone"), model(desk, "kept")
    killed(desk, "models", "remove", gone.reference, "--yes")
    assert listed(desk) == [kept.reference]
    left = [path for path in gone.path.parent.iterdir() if path.is_dir()]
    assert left
    told = desk("models", "prune", "--keep", "1", "--json").ok().json
    assert told["leftovers"] == [str(path.relative_to(desk.home)) for path in left]
    assert "what 1 removal that was killed left" in desk("models", "prune", "--keep", "1", "--yes").ok().out
    assert not left[0].exists()
    assert desk("models", "--verify").ok()
    assert model(desk, "gone").version == 2


def test_a_run_s_removal_that_is_killed_leaves_nothing_that_is_listed(desk):
    gone = run(desk, "gone", State.RUNNING, State.SUCCEEDED)
    killed(desk, "runs", "remove", gone.id, "--yes")
    assert desk("runs", "list", "--json").json == []
    assert (desk.home / "runs" / ".removed" / gone.id).is_dir()
    desk("runs", "prune", "--keep", "0", "--yes").ok()
    assert list((desk.home / "runs").iterdir()) == []


def test_a_model_that_is_stored_while_others_of_its_name_go_is_whole(desk):
    """Promotions and removals of one name by turns, in two processes at once."""
    store = desk.home / "models"
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from runner.store.version_deletion import remove\n"
        "from runner.store.model_lookup import versions\n"
        "for line in sys.stdin:\n"
        "    for each in versions(Path('models'), 'elo_scoring', 'a'):\n"
        "        remove(Path('models'), each)\n"
        "    print('done', flush=True)\n"
    )
    remover = subprocess.Popen(
        [sys.executable, "-c", script], cwd=desk.home, env=desk.variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert remover.stdin and remover.stdout
    for _ in range(10):
        remover.stdin.write(b"go\n")
        remover.stdin.flush()
        model(desk, "a")
        remover.stdout.readline()
    remover.stdin.close()
    remover.wait()
    assert model(desk, "a").version == 11
    assert desk("models", "--verify").ok()
    assert not [path for path in Path(store).rglob("*") if path.name.endswith((".partial", ".link", ".removed"))]
    assert os.listdir(desk.home / "models") == ["elo_scoring"]


def test_completion_knows_what_models_does_alone_and_its_verbs():
    script = build(["completion"]).generate_completion(shell="bash")
    assert all(word in script for word in ("export", "prune", "--older-than", "--verify"))
