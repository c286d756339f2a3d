"""An inference that is stopped, however, and typed again ends with the bytes of one that was not."""

from __future__ import annotations

import errno
import json
import shutil
import signal
import subprocess

import pytest

from runner.data.prompts import from_file
from runner.errors import ConflictError, EnvironmentProblem, Interrupted, Stopped
from runner.inference import inferring, unfinished_work
from runner.workspace import Workspace
from tests.conftest import Desk
from tests.holding import held
from tests.inference.conftest import ELO, NETWORK

FORMS = ["json", "jsonl", "parquet"]
CHUNK = 8


class Ending:
    """Ends an inference at the n-th progress event."""

    def __init__(self, at: int, how: BaseException | None) -> None:
        self.left, self.how = at, how

    def __call__(self, event):
        self.left -= 1
        if self.left == 0 and self.how is not None:
            raise self.how


@pytest.fixture
def asked(tmp_path):
    """40 prompts, 15 of them distinct, some in one chunk for the first time and in another again."""
    path = tmp_path / "prompts.jsonl"
    rows = [{"id": at, "prompt": f"What is {at * at % 27} + {at % 5}?"} for at in range(40)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def run(desk: Desk, tmp_path, asked, name, model=ELO, end=None, *, batch_size=4):
    """What was said, and the provenance; the cache is the name's own."""
    home, said = desk.home, []
    workspace = Workspace(home / "runs", home / "models", home / "outputs", home / "outbox", tmp_path / f"{name}-cache")
    output = inferring.Output(tmp_path / name, name.rpartition(".")[2])
    question = inferring.ask(workspace, model, batch_size=batch_size)
    found = inferring.infer(
        workspace, question, from_file(asked), output, said.append, end or (lambda event: None), CHUNK
    )
    return said, found


def left(folder):
    """The files in a folder, but for caches."""
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith("-cache"))


def ended(desk, tmp_path, asked, name, model, at, how, kind):
    with pytest.raises(kind) as caught:
        run(desk, tmp_path, asked, name, model, Ending(at, how))
    assert not (tmp_path / name).exists(), "half of an output is none"
    return caught.value


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("how", "kind"), [(KeyboardInterrupt(), Interrupted), (inferring.Terminated(), Stopped)])
def test_stopped_and_typed_again_it_ends_with_the_same_bytes(elo, tmp_path, asked, form, how, kind):
    run(elo, tmp_path, asked, f"whole.{form}")
    name = f"o.{form}"
    error = ended(elo, tmp_path, asked, name, ELO, 3, how, kind)
    assert error.message.endswith("16 of 40 prompts are done")
    error = ended(elo, tmp_path, asked, name, ELO, 3, how, kind)
    assert error.message.endswith("32 of 40 prompts are done")
    said, provenance = run(elo, tmp_path, asked, name)
    assert said == [f"goes on after 32 of 40 prompts ({tmp_path / name}.partial)"]
    assert provenance["resumed_from"] == [16, 32]
    assert (tmp_path / name).read_bytes() == (tmp_path / f"whole.{form}").read_bytes()
    assert not list(tmp_path.glob("*.partial"))


def test_a_network_too(network, tmp_path, asked):
    _, whole = run(network, tmp_path, asked, "whole.jsonl", NETWORK)
    ended(network, tmp_path, asked, "o.jsonl", NETWORK, 3, KeyboardInterrupt(), Interrupted)
    _, provenance = run(network, tmp_path, asked, "o.jsonl", NETWORK)
    assert (tmp_path / "o.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    assert provenance["resumed_from"] == [16]
    # 40 prompts, fewer distinct ones: those of the chunks before the stop are known after it.
    assert provenance["distinct_prompts"] == whole["distinct_prompts"] < 40


@pytest.mark.parametrize("form", FORMS)
def test_killed_it_goes_on_from_what_was_put_down(elo, tmp_path, asked, form, monkeypatch):
    """The folder as it is at every moment between two chunks is what a kill would leave."""
    monkeypatch.setattr(unfinished_work, "PACE", 0.0)
    run(elo, tmp_path, asked, f"whole.{form}")
    name, copies = f"o.{form}", []

    def photograph(event):
        copies.append(shutil.copytree(tmp_path / f"{name}.partial", tmp_path / f"copy-{len(copies)}"))

    run(elo, tmp_path, asked, name, end=photograph)
    assert len(copies) == 6
    for at, copy in enumerate(copies):
        with (copy / "rows.jsonl").open("ab") as lines:
            lines.write(b'{"half a li')
        shutil.move(copy, tmp_path / f"{name}.partial")
        _, provenance = run(elo, tmp_path, asked, name)
        # The last chunk is put down with the end alone.
        assert provenance["resumed_from"] == ([min(at * CHUNK, 32)] if at else [])
        assert (tmp_path / name).read_bytes() == (tmp_path / f"whole.{form}").read_bytes()


def test_another_question_begins_anew_and_says_why(elo, tmp_path, asked):
    ended(elo, tmp_path, asked, "o.json", ELO, 3, KeyboardInterrupt(), Interrupted)
    said, provenance = run(elo, tmp_path, asked, "o.json", batch_size=2)
    assert said == [f"begins anew: what is in {tmp_path / 'o.json.partial'} was made with other batch size"]
    assert provenance["resumed_from"] == []
    (tmp_path / "o.json").unlink()
    ended(elo, tmp_path, asked, "o.json", ELO, 3, KeyboardInterrupt(), Interrupted)
    asked.write_text(asked.read_text().replace("What", "Which"))
    said, _ = run(elo, tmp_path, asked, "o.json")
    assert said[0].endswith("with other prompts")
    run(elo, tmp_path, asked, "whole.json")
    assert (tmp_path / "o.json").read_bytes() == (tmp_path / "whole.json").read_bytes()


@pytest.mark.parametrize("spoilt", ["state.json", "scores.f64", "rows.jsonl"])
def test_damaged_work_begins_anew(elo, tmp_path, asked, spoilt):
    run(elo, tmp_path, asked, "whole.jsonl")
    ended(elo, tmp_path, asked, "o.jsonl", ELO, 3, KeyboardInterrupt(), Interrupted)
    path = tmp_path / "o.jsonl.partial" / spoilt
    path.write_bytes(path.read_bytes()[:-20])
    said, _ = run(elo, tmp_path, asked, "o.jsonl")
    assert said[0].endswith("and is damaged")
    assert (tmp_path / "o.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_nothing_is_left_where_nothing_was_done(elo, tmp_path, asked):
    error = ended(elo, tmp_path, asked, "o.json", ELO, 1, inferring.Terminated(), Stopped)
    assert "before any prompts were scored" in error.message
    with pytest.raises(KeyboardInterrupt):
        run(elo, tmp_path, asked, "o.json", end=Ending(1, KeyboardInterrupt()))
    assert left(tmp_path) == ["prompts.jsonl"]


def test_a_full_disk_is_told_with_what_is_kept(elo, tmp_path, asked, monkeypatch):
    def full(self):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(unfinished_work.NumberTable, "sync", full)
    with pytest.raises(EnvironmentProblem, match="the disk is full"):
        run(elo, tmp_path, asked, "o.jsonl")
    assert left(tmp_path) == ["prompts.jsonl"]
    monkeypatch.undo()
    ended(elo, tmp_path, asked, "o.jsonl", ELO, 3, KeyboardInterrupt(), Interrupted)
    monkeypatch.setattr(unfinished_work, "PACE", 0.0)
    monkeypatch.setattr(unfinished_work.NumberTable, "sync", full)
    with pytest.raises(EnvironmentProblem, match="the disk is full"):
        run(elo, tmp_path, asked, "o.jsonl")
    monkeypatch.undo()
    said, _ = run(elo, tmp_path, asked, "o.jsonl")
    assert said[0].startswith("goes on after 16 of 40 prompts")


def test_two_do_not_write_one_output_and_nobodys_folder_is_taken_away(elo, tmp_path, asked):
    def another(event):
        with pytest.raises(ConflictError, match="another inference"):
            run(elo, tmp_path, asked, "o.json")

    run(elo, tmp_path, asked, "o.json", end=another)
    mine = tmp_path / "p.json.partial"
    mine.mkdir()
    (mine / "thesis.tex").write_text("")
    with pytest.raises(ConflictError, match="in the way"):
        run(elo, tmp_path, asked, "p.json")
    assert (mine / "thesis.tex").exists()
    (tmp_path / "q.json.partial").write_text("")
    with pytest.raises(ConflictError, match="in the way"):
        run(elo, tmp_path, asked, "q.json")


@pytest.mark.slow
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 75), (signal.SIGKILL, -9)])
def test_a_signal_ends_the_command_and_the_same_command_goes_on(elo, tmp_path, sent, code):
    path = tmp_path / "p.txt"
    path.write_text("".join(f"prompt {at}\n" for at in range(3 * inferring.CHUNK)))
    words = ("infer", "--model", ELO, "--prompts-file", path, "--output-path")
    output = tmp_path / "o.jsonl"
    # The third event of progress comes when two chunks of three are done.
    process = held(elo, *words, output, at="progress:3", stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert (tmp_path / "o.jsonl.partial" / "state.json").exists()
    process.send_signal(sent)
    _, said = process.communicate(timeout=300)
    assert process.returncode == code, said
    if sent != signal.SIGKILL:
        assert b"the same command goes on from there" in said
    assert not output.exists()
    again = elo(*words, output).ok()
    assert "goes on after" in again.err
    elo(*words, tmp_path / "whole.jsonl").ok()
    assert output.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_an_output_without_a_name_is_told_how_to_go_on(elo, tmp_path, asked):
    home = elo.home
    workspace = Workspace(home / "runs", home / "models", home / "outputs", home / "outbox", tmp_path)
    output = inferring.Output(tmp_path / "made-up.json", "json", made_up=True)
    with pytest.raises(Interrupted) as caught:
        inferring.infer(
            workspace,
            inferring.ask(workspace, ELO, batch_size=4),
            from_file(asked),
            output,
            print,
            Ending(2, KeyboardInterrupt()),
            CHUNK,
        )
    assert caught.value.hint == f"the same command with --output-path {tmp_path / 'made-up.json'} goes on from there"


def test_work_that_has_only_begun_says_what_it_asks_and_begins_anew(tmp_path):
    """A model that is asked is not removed, from the first moment on."""
    said, folder, facts = [], tmp_path / "x.json.partial", {"stored model": ["elo_scoring/it/v1", "0"]}
    work = unfinished_work.Work.in_folder(folder, facts, 1, 10, said.append)
    assert json.loads((folder / "state.json").read_text())["facts"] == facts
    work.close()
    again = unfinished_work.Work.in_folder(folder, facts, 1, 10, said.append)
    assert again.done == 0 and not again.resumed and not said
    assert again.leave() == 0 and not folder.exists()
