"""Reading the documents: their blocks of code, the commands in them, and their tables."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests import warm_shell

ROOT = Path(__file__).parents[2]
#: The guides are parts of pages (docs/build.py), and are read there.
DOCUMENTS = sorted(
    [
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
        *(path for path in ROOT.glob("docs/**/*.md") if path.parent.name != "guides"),
    ]
)
#: A block, and the name of the file that it is the content of, where the line before it says one.
BLOCK = re.compile(r"(?:^<!-- file: (?P<file>\S+) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Block:
    """A fenced block of a document."""

    document: str
    line: int
    language: str
    text: str
    file: str | None

    @property
    def id(self) -> str:
        return f"{self.document}:{self.line}"


def blocks(path: Path) -> list[Block]:
    """Every block of a document, in order."""
    text = path.read_text(encoding="utf-8")
    return [
        Block(path.name, text.count("\n", 0, found.start("text")), found["language"], found["text"], found["file"])
        for found in BLOCK.finditer(text)
    ]


#: Pages of kinds with a session, which begins with the kind's example trained (test_guide_sessions.py).
GUIDED = ("extractive_qa.md", "image_classification.md", "sentence_embedding.md", "token_classification.md")
#: Documents that are walked from top to bottom in one folder, each by the test beside this module that has its name.
WALKS = (
    "tutorial.md",
    "tutorial_language.md",
    "tutorial_texts.md",
    "tutorial_pictures.md",
    "gateway.md",
    "routing_from_outcomes.md",
    "extending_a_router.md",
    "serving.md",
    "tutorial_pipeline.md",
    "sweeps.md",
    "data_steps.md",
    "importing.md",
    "sft_wizard.md",
    "wizard.md",
    *GUIDED,
)


def every(language: str) -> list[Block]:
    """Every block in one language, of every document; of those that are walked no commands."""
    commands = language in ("bash", "console")
    return [
        block
        for path in DOCUMENTS
        if not (commands and path.name in WALKS)
        for block in blocks(path)
        if block.language == language
    ]


def files(path: Path) -> dict[str, str]:
    """The files that a document shows, by name."""
    return {block.file: block.text for block in blocks(path) if block.file}


def dialogue(block: Block) -> Iterator[tuple[str, str]]:
    """Of a ``console`` block: each command, and what is shown below it."""
    for part in re.split(r"^\$ ", block.text, flags=re.M)[1:]:
        command, _, shown = part.partition("\n")
        yield command, shown


def shell_commands() -> list[tuple[str, str]]:
    """Every line of every ``bash`` block and every example of the table of verbs, once, with where it stands."""
    lines = [(f"README.md:{verb}", example) for verb, _, example in verbs()]
    lines += [(block.id, line) for block in every("bash") for line in block.text.splitlines() if line]
    return [(place, line) for line, place in {line: place for place, line in lines}.items()]


def table(path: Path, heading: str) -> list[list[str]]:
    """The cells of the rows below the header ``heading``; a pipe in a cell is escaped."""
    lines = iter(path.read_text(encoding="utf-8").splitlines())
    assert any(line.startswith(f"| {heading} |") for line in lines), f"{path.name} has no table {heading!r}"
    next(lines)
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
        rows.append([cell.strip().replace("\\|", "|") for cell in cells])
    return rows


def verbs() -> list[tuple[str, str, str]]:
    """The README's table of verbs: verb, what it does, an example."""
    return [(verb.strip("`"), does, example.strip("`")) for verb, does, example in table(ROOT / "README.md", "Verb")]


def matches(shown: str, output: str) -> bool:
    """Whether a command's output is what a document shows: ``...`` is any text in a line, alone on one any lines."""
    lines = [
        r"(?:.*\n)*" if line == "..." else re.escape(line).replace(r"\.\.\.", ".*") + r"\n"
        for line in _timeless(shown.strip()).splitlines()
    ]
    told = _timeless(output.strip())
    return re.fullmatch("".join(lines), f"{told}\n" if told else "") is not None


def _timeless(text: str) -> str:
    return re.sub(r"\d{8}-\d{6}(-\d{6})?", "TIME", text)


@dataclass(frozen=True)
class Shell:
    """A folder where a document's commands are typed as they stand there. No Docker Engine answers in it.

    ``runner`` is a copy of a process that has its libraries loaded (tests/warm_shell.py); where ``new`` is said, and
    beside packages of others, it is a new interpreter.
    """

    home: Path
    more_path: str = ""

    @classmethod
    def set_up(cls, home: Path, more_path: str = "") -> Shell:
        new = f'#!/bin/sh\nexec "{sys.executable}" -m runner "$@"\n'
        python = f'#!/bin/sh\nexec "{sys.executable}" "$@"\n'
        for folder, runner in (("bin", warm_shell.program()), ("new", new)):
            for name, text in (("runner", runner), ("cli", runner), ("python", python)):
                command = home / "user" / folder / name
                command.parent.mkdir(parents=True, exist_ok=True)
                command.write_text(text)
                command.chmod(0o755)
        return cls(home, more_path)

    def copy(self, to: Path) -> Shell:
        """A shell in a copy of the folder: of links, since whatever is written in it is written aside and renamed."""
        shutil.copytree(self.home, to, dirs_exist_ok=True, copy_function=os.link)
        return Shell(to, self.more_path)

    @property
    def variables(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RUNNER_", "WANDB_", "XDG_"))}
        path = os.pathsep.join(part for part in (str(ROOT), self.more_path) if part)
        return kept | {
            "PATH": f"{self.home}/user/{'new' if self.more_path else 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": path,
            "HOME": str(self.home / "user"),
            "DOCKER_HOST": f"unix://{self.home}/no-engine.sock",
            "RUNNER_CACHE_DIR": os.environ.get("RUNNER_TEST_CACHE", str(self.home / "cache")),
            "NO_COLOR": "1",
            "COLUMNS": "120",
        }

    def run(self, command: str, *, new: bool = False) -> subprocess.CompletedProcess[str]:
        """Type one command; its two outputs come together, as at a terminal."""
        variables = self.variables
        if new:
            variables["PATH"] = f"{self.home}/user/new:{variables['PATH']}"
        return subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=self.home,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )


#: The port of the servers that guides start; in a walk it is one that is free.
PORT = "8017"


def walk(guide: Path, home: Path) -> Shell:
    """Type every command of a guide in its turn, in a folder with its files; each has to print what is shown.

    A server that the guide starts is a new process, for its signals to reach it, and has ended by the end.
    """
    shell, port = Shell.set_up(home), free_port()
    shutil.copytree(ROOT / "examples", shell.home / "examples")
    for name, text in files(guide).items():
        (shell.home / name).write_text(text.replace(PORT, port))
    try:
        for block in blocks(guide):
            for command, shown in dialogue(block) if block.language == "console" else ():
                done = shell.run(command.replace(PORT, port), new="runner serve " in command)
                assert done.returncode == 0, f"$ {command}\n{done.stdout}{_servers(shell)}"
                assert matches(shown, done.stdout), f"$ {command}\n{done.stdout}\n--- is not what is shown:\n{shown}"
    finally:
        for file in shell.home.glob("*.pid"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(file.read_text()), signal.SIGKILL)
    return shell


def _servers(shell: Shell) -> str:
    """What the servers of a walk have said."""
    return "".join(file.with_suffix(".txt").read_text() for file in shell.home.glob("*.pid"))


def free_port() -> str:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return str(found.getsockname()[1])


def in_container(shell: Shell, guide: Path) -> str:
    """What the commands for a container print, the guide's only block of ``bash``, in a folder that was walked."""
    (block,) = [block for block in blocks(guide) if block.language == "bash"]
    environment = shell.variables | {"DOCKER_HOST": os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")}
    for path in [shell.home, *shell.home.rglob("*")]:
        path.chmod(path.stat().st_mode | 0o444 | (0o111 if path.is_dir() else 0))
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", block.text],
        cwd=shell.home,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
