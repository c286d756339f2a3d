"""A row of the table, and the desk that it is tried at."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Desk, Ran, without_rights

#: The marks of a row that takes more than a moment and needs no process that is new.
LONG = (pytest.mark.slow, pytest.mark.warm)
#: What a command may leave behind without it being half of anything: locks.
LOCKS = {".lock", ".worker.lock"}


@dataclass
class Bench:
    """A desk where something has been made wrong on purpose."""

    desk: Desk
    #: A desk with a stored model and with runs, to copy from.
    workshop: Desk
    #: What a row's words and messages stand for in braces, ``{run}``: known only when it was prepared.
    facts: dict[str, str] = field(default_factory=dict)
    #: Undone when the row is done with: mounts, processes, permissions.
    undo: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    @property
    def home(self) -> Path:
        return self.desk.home

    def put_in(self, text: str) -> str:
        """A text with the facts in the place of their names in braces. Other braces stay."""
        for name, fact in self.facts.items():
            text = text.replace(f"{{{name}}}", fact)
        return text

    def write(self, name: str, content: Any) -> Path:
        """A file: bytes as they are, text, a list as one JSON document a line, anything else as JSON."""
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, list):
            content = "".join(json.dumps(row) + "\n" for row in content)
        elif not isinstance(content, str | bytes):
            content = json.dumps(content, indent=2)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def furnish(self) -> Path:
        """Copy the workshop's stored model and runs here; the model's folder."""
        for folder in ("models", "runs"):
            shutil.copytree(self.workshop.home / folder, self.home / folder, symlinks=True)
        self.facts |= {"run": self.run("succeeded").name, "stopped": self.run("interrupted").name}
        return self.home / "models" / "elo_scoring" / "ratings" / "v1"

    def furnish_tables(self) -> None:
        """Copy a stored classifier of table rows here. It is trained when the first row of the table asks for it."""
        from tests.bad_inputs.cases_tabular import STORED

        tables = Desk(self.workshop.home / "tables", self.workshop.environment)
        if not tables.home.exists():
            tables.home.mkdir()
            for name, content in STORED.items():
                Bench(tables, self.workshop).write(name, content)
            tables("train", "--spec-file", "spec.json").ok()
        shutil.copytree(tables.home / "models", self.home / "models")

    def furnish_talkers(self) -> None:
        """Copy two stored language models here: one answers, one scores. The first row that asks trains them."""
        from tests.bad_inputs.language_materials import GOOD, language

        talkers = Desk(self.workshop.home / "talkers", self.workshop.environment)
        if not talkers.home.exists():
            talkers.home.mkdir()
            for kind in ("sft", "reward"):
                made = Bench(talkers, self.workshop)
                made.write("rows.jsonl", GOOD[kind]())
                made.write("spec.json", language(kind))
                talkers("train", "--spec-file", "spec.json").ok()
        shutil.copytree(talkers.home / "models", self.home / "models")

    def run(self, state: str) -> Path:
        """The furnished run that is in this state."""
        (found,) = [
            path.parent
            for path in (self.home / "runs").glob("*/state.json")
            if json.loads(path.read_text())["state"] == state
        ]
        return found

    def forbid(self, path: Path, mode: int) -> None:
        """Take permissions away until the row is done with."""
        before = path.stat().st_mode
        path.chmod(mode)
        self.undo.callback(path.chmod, before)


@dataclass(frozen=True)
class Case:
    """One bad input: how it comes about, the command, and what is documented to come of it."""

    name: str
    code: int
    words: tuple[object, ...]
    #: What the message must have in it: the cause, and the place.
    says: tuple[str, ...]
    prepare: Callable[[Bench], object] | None = None
    stdin: bytes | None = None
    environment: dict[str, str] = field(default_factory=dict)
    #: The state of the run that the command leaves; None: it leaves nothing at all.
    leaves: str | None = None
    #: How many faults a spec error tells.
    faults: int = 1
    #: Whether root's rights over files are given up, so that permissions hold for root too.
    unprivileged: bool = False
    marks: tuple[pytest.MarkDecorator, ...] = ()

    def param(self, *marks: pytest.MarkDecorator) -> Any:
        return pytest.param(self, id=self.name.replace(" ", "-"), marks=(*self.marks, *marks))


def try_out(case: Case, bench: Bench) -> None:
    """Type the row's command, for a person and for a program, and check everything that every row promises."""
    desk = Desk(bench.home, {"RUNNER_CACHE_DIR": os.environ["RUNNER_TEST_CACHE"]} | case.environment)
    if case.prepare is not None:
        case.prepare(bench)
    words = [bench.put_in(word) if isinstance(word, str) else word for word in case.words]
    desk.environment.update({name: bench.put_in(value) for name, value in desk.environment.items()})
    says = [bench.put_in(text) for text in case.says]
    before = listing(bench)

    seen = _type(desk, words, case)
    assert seen.code == case.code, f"exit {seen.code}\n{seen.out}\n{seen.err}"
    assert "Traceback" not in seen.err
    assert seen.out == "", "a refusal is not a result"
    for text in says:
        assert text in seen.err, f"{text!r} is not in:\n{seen.err}"
    if case.leaves is None:
        assert (
            seen.err.count("error: ") + len([line for line in seen.err.splitlines() if "nothing was run" in line]) == 1
        )
    nothing_half_written(bench, before, case)

    machine = _type(desk, [*words, "--json"], case)
    assert machine.code == case.code, f"with --json: exit {machine.code}\n{machine.out}\n{machine.err}"
    assert "Traceback" not in machine.err
    document = machine.json
    assert document["exit_code"] == case.code
    assert document["message"]
    if document["error"] == "spec":
        assert len(document["faults"]) == case.faults, document["faults"]
        assert all(fault["message"] for fault in document["faults"])
    nothing_half_written(bench, before, case)


def _type(desk: Desk, words: list[object], case: Case) -> Ran:
    stdin = case.stdin or b""
    if case.unprivileged:
        return without_privileges(desk, words, stdin)
    return desk(*words, stdin=stdin)


def without_privileges(desk: Desk, words: list[object], stdin: bytes = b"") -> Ran:
    """Type a command as somebody whom permissions hold for: root gives its capabilities up."""
    done = subprocess.run(
        [*without_rights(), *desk.command(*words)],
        cwd=desk.home,
        env=desk.variables,
        input=stdin,
        capture_output=True,
        timeout=300,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def listing(bench: Bench) -> dict[str, tuple[int, int, int]]:
    """Every file and folder with what changes when it is written: size, time, inode. Locks are not content."""
    home = bench.home
    return {
        path.relative_to(home).as_posix(): (
            0 if path.is_dir() else path.lstat().st_size,
            0 if path.is_dir() else path.lstat().st_mtime_ns,
            path.lstat().st_ino,
        )
        for path in home.rglob("*")
        if path.name not in LOCKS
        and "__pycache__" not in path.parts
        and bench.facts.get("busy") not in path.relative_to(home).parts
    }


def nothing_half_written(bench: Bench, before: dict[str, tuple[int, int, int]], case: Case) -> None:
    """Nothing is new or changed but, where a run was begun, that run's directory, which says how it ended."""
    home, after = bench.home, listing(bench)
    changed = {name for name in after.keys() | before.keys() if after.get(name) != before.get(name)}
    # A folder that had to be made to find out that it cannot be used is not half of anything.
    changed = {name for name in changed if not _bare(home / name)}
    if case.leaves is None:
        assert changed == set()
        return
    assert {name.split("/")[0] for name in changed} <= {"runs"}, changed
    began = {name.split("/")[1] for name in changed if "/" in name}
    assert began, "no run was begun"
    for run in began:
        state = json.loads((home / "runs" / run / "state.json").read_text())
        assert (state["state"], state["exit_code"]) == (case.leaves, case.code)
        assert state["failure"]["message"]
        assert state["failure"]["exit_code"] == case.code
    assert not [name for name in changed if Path(name).name.startswith(".")], "a file written aside was left"


def _bare(path: Path) -> bool:
    """Whether it is a folder with nothing in it, at any depth, but locks."""
    return path.is_dir() and all(inner.is_dir() or inner.name in LOCKS for inner in path.rglob("*"))
