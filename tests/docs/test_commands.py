"""Every command in the documents is run as it stands there, or, where it cannot be, its words are checked."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from runner.cli.app import build
from runner.execution.image_lookup import tag
from tests.docs.documents import ROOT, Shell, blocks, dialogue, every, files, matches, shell_commands
from tests.holding import mark, variables, wait

#: What the fixture prepares is prepared once, in one process.
pytestmark = pytest.mark.xdist_group("documents")
README = ROOT / "README.md"
#: Commands that are not run here, and why not. What is wrong with their words is found all the same.
NOT_RUN = {
    r"sudo apt-get install ": "needs root, and changes the machine",
    r"make \w+$": "installs into the checkout; `.ci/fresh-clone` runs both of the README's",
    r"(cat \S+ \| )?docker run ": "needs a Docker Engine and the image",
    r"runner image ": "needs a Docker Engine",
    r"runner runs tensorboard ": "serves until it is stopped (tests/tracking/test_tensorboard.py)",
    r"runner remote ": "needs a run on an engine (tests/engines)",
    r"runner mcp": "serves until its client leaves (tests/agents)",
    r"runner serve ": "serves until it is ended (tests/docs/test_serving_page.py)",
    r"runner (gateway|data from-log) ": "needs the log of a gateway (tests/gateway/test_gateway_cli.py)",
    r"runner sweep (show|best|add|export|wandb|trial) ": "needs a sweep that was run (tests/docs/test_sweeps_guide.py)",
    r"runner pipeline (run|show) ": "needs raw rows (tests/docs/test_pipeline_tutorial.py)",
    r"runner quickstart ": "trains in an empty folder (tests/wizard/test_quickstart.py)",
    r"runner spec import axolotl": "reads another program's file (tests/docs/test_importing_page.py)",
    r"runner merge ": "needs an adapter and its base (tests/builders/language/test_merging.py)",
    r"runner data (style|render|store|remove) ": "needs what a step made (tests/docs/test_data_steps_page.py)",
    r"runner data process chats": "needs a file of chats (tests/evaluation/test_conversation_rows.py)",
    r"runner data collect ": "asks LLMs behind HTTP (tests/inference/collecting)",
    r"\.venv/bin/python docker/lock\.py": "writes the lock, or compares it with what happens to be installed",
}
#: In a console block but shown elsewhere: a package has to be installed first (tests/registry/test_third_party.py).
ELSEWHERE = {"CONTRIBUTING.md"}


def not_run(command: str) -> str | None:
    return next((pattern for pattern in NOT_RUN if re.match(pattern, command)), None)


#: What the reader has typed before anything else: the fixture runs these, and fails where they do.
FIRST = (
    "runner train --spec-file specs/quickstart.json",
    "runner train --spec-file specs/tabular_classification.json",
    "cat specs/elo_scoring.json | runner train",
    "runner train --spec-file specs/sft.json",
)
AS_A_READER = (FIRST[0], FIRST[2])
COMMANDS = [pytest.param(command, id=f"{place} {command}") for place, command in shell_commands()]
TYPED = [param for param in COMMANDS if not not_run(param.values[0]) and param.values[0] not in FIRST]
#: With every change their words are checked, and what those print whose output is shown; they run in the long tests.
RUN = [pytest.param(*param.values, id=param.id, marks=pytest.mark.slow) for param in TYPED]
CHECKED = [param for param in COMMANDS if not_run(param.values[0])]
CHECKED += [param for param in TYPED if "--help" not in param.values[0]]
CONSOLES = [block for block in every("console") if block.document not in ELSEWHERE]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """What a reader has after `make train`, with less training: a router, a classifier, ratings, a language model."""
    shell = Shell.set_up(tmp_path_factory.mktemp("checkout"))
    for folder in ("specs", "schemas"):
        shutil.copytree(ROOT / folder, shell.home / folder)
    for name, text in files(README).items():
        (shell.home / name).write_text(text)
    quickstart = json.loads((ROOT / "specs" / "quickstart.json").read_text())
    quickstart["model"]["spec"]["hidden_dims"] = [8]
    quickstart["data"]["max_samples"] = 60
    quickstart["epochs"] = 2
    (shell.home / "specs" / "quickstart.json").write_text(json.dumps(quickstart))
    sft = json.loads((ROOT / "specs" / "sft.json").read_text())
    sft["model"]["spec"]["max_steps"] = 1
    (shell.home / "specs" / "sft.json").write_text(json.dumps(sft))
    for command in FIRST:
        # As it is for a reader: a new interpreter, also behind a pipe. All others are copies (tests/warm_shell.py).
        done = shell.run(command, new=command in AS_A_READER)
        assert done.returncode == 0, done.stdout
        assert "Traceback" not in done.stdout
    return shell


@pytest.mark.parametrize("command", RUN)
def test_the_command_works(command: str, checkout: Shell, tmp_path: Path):
    shell = checkout.copy(tmp_path)
    running = PREPARE[command](shell) if command in PREPARE else None
    done = shell.run(command)
    assert done.returncode == 0, done.stdout
    assert "Traceback" not in done.stdout
    if running is not None:
        assert running.wait(300) == 75


@pytest.mark.slow
@pytest.mark.warm
@pytest.mark.parametrize("block", CONSOLES, ids=lambda block: block.id)
def test_the_commands_print_what_is_shown_below_them(block, checkout: Shell, tmp_path: Path):
    shell = checkout.copy(tmp_path)
    assert list(dialogue(block))
    for command, shown in dialogue(block):
        done = shell.run(command)
        assert matches(shown, done.stdout), f"$ {command}\n{done.stdout}\n--- is not what is shown:\n{shown}"


@pytest.mark.parametrize("command", CHECKED)
def test_a_command_that_is_not_run_has_the_right_words(command: str):
    words = shlex.split(command.partition(" | ")[2] or command)
    if words[0] == "sudo":
        asked = set(words[3:])
        installed = re.search(r"apt-get install -y -qq (.*)", (ROOT / ".ci" / "run").read_text())
        assert installed
        assert asked == set(installed[1].split())
    elif words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.M), f"no target {words[1]}"
    elif words[0] == "docker":
        images = [at for at, word in enumerate(words) if word in (tag("cpu"), tag("cuda"))]
        assert images, "the image is not called as `runner image build` calls it"
        parsed(words[images[0] + 1 :])
    elif words[0] == "runner":
        parsed(words[1:])
    else:
        script = ROOT / words[1]
        assert all(f'"{flag}"' in script.read_text() for flag in words[2:])


def test_every_exception_is_needed():
    commands = [param.values[0] for param in COMMANDS]
    assert [pattern for pattern in NOT_RUN if not any(re.match(pattern, command) for command in commands)] == []
    assert {*PREPARE, *FIRST} <= set(commands)


@pytest.mark.slow
@pytest.mark.warm
def test_a_run_and_a_stored_model_hold_what_the_readme_lists(checkout: Shell):
    text = README.read_text()
    listed = set(re.findall(r"`([\w.]+/?)`", text[text.index("## What is left on disk") :].partition("**Trust.**")[0]))
    runs = [path for path in (checkout.home / "runs").iterdir() if path.is_dir()]
    for run in runs:
        present = {path.name + "/" * path.is_dir() for path in run.iterdir() if not path.name.startswith(".")}
        assert present == {name for name in listed if name.endswith((".json", ".jsonl", ".txt", "/"))} - {
            "manifest.json",
            # These runs succeeded: their models are stored, and they are not resumed.
            "artifact/",
            "checkpoints/",
            # No spec of theirs asks for it.
            "tensorboard/",
            "tensorboard.json",
        }
    assert {"manifest.json", "artifact/", "checkpoints/"} <= listed
    stored = list((checkout.home / "models").glob("*/*/v1"))
    assert len(stored) == len(FIRST)
    assert {path.suffix for model in stored for path in model.rglob("*") if path.is_file()} <= {
        ".jinja",
        ".json",
        ".md",
        ".safetensors",
        ".txt",
        ".ubj",
    }


@pytest.mark.slow
def test_the_quickstart_ends_as_the_readme_shows(tmp_path: Path):
    """Word for word, but for the digits in which a network differs from one number of threads to another."""
    shell = Shell.set_up(tmp_path)
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    trained = shell.run("runner train --spec-file specs/quickstart.json 2>/dev/null")
    assert trained.returncode == 0
    (shown,) = [block.text for block in blocks(README) if "stored as dense_network/quickstart" in block.text]
    ending = [line for line in shown[shown.index("accuracy  95 %") :].splitlines() if line]
    output = [line.strip() for line in trained.stdout.splitlines() if line.strip()]
    assert len(output) == len(ending)
    for is_now, was in zip(output, map(str.strip, ending), strict=True):
        if "runner infer" in was:
            # The README was typed in a checkout whose .venv/bin was not in the PATH yet.
            now_words, was_words = (
                line.removeprefix(".venv/bin/").partition("--models-to-score")[0] for line in (is_now, was)
            )
            assert now_words == was_words
        elif was.startswith("dense_network") or "best baseline" in was:
            # Whether the lead is sure hangs on digits too.
            assert numbers(is_now) == pytest.approx(numbers(was), abs=0.03)
        else:
            assert is_now == was

    (console,) = [block for block in blocks(README) if "$ runner infer --model dense_network" in block.text]
    ((command, _),) = dialogue(console)
    assert shell.run(command).returncode == 0
    written = next(path for path in (tmp_path / "inference_outputs").iterdir() if "provenance" not in path.name)
    scores = json.loads(written.read_text())
    (example,) = [
        json.loads(block.text)
        for block in blocks(README)
        if block.language == "json" and "word-arithmetic" in block.text
    ]
    assert list(scores) == list(example)
    for prompt in range(2):
        assert max(scores, key=lambda name: scores[name][prompt]) == max(example, key=lambda n: example[n][prompt])


def parsed(words: list[str]) -> None:
    """Read by the command line's own parser, which raises for a verb, a flag or a value that there is not."""
    build(words).parse_args(words, print_error=False, exit_on_error=False)


def numbers(line: str) -> list[float]:
    return [float(number) for number in re.findall(r"\d\.\d+", line)]


def leave_a_run_under_way(shell: Shell) -> subprocess.Popen[bytes]:
    """Start a run that is long, and wait until it is at work."""
    spec = json.loads((ROOT / "specs" / "elo_scoring.json").read_text()) | {"epochs": 4}
    (shell.home / "long.json").write_text(json.dumps(spec))
    process = subprocess.Popen(
        ["runner", "train", "--spec-file", "long.json"],
        cwd=shell.home,
        env=shell.variables | variables(shell.home, "epoch:2"),
        executable=str(shell.home / "user" / "bin" / "runner"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait(mark(shell.home).exists, process)
    return process


def leave_an_interrupted_run(shell: Shell) -> None:
    """The newest run is one that was interrupted before it came far: the Elo run, begun again."""
    run = max(path for path in (shell.home / "runs").iterdir() if "-elo-" in path.name)
    twin = shell.home / "runs" / "99991231-235959-elo-twin"
    for folder in ("checkpoints", "artifact"):
        (twin / folder).mkdir(parents=True)
    for name in ("spec.json", "plan.json"):
        shutil.copy(run / name, twin)
    (twin / "state.json").write_text(json.dumps({"state": "interrupted", "created": time.time()}))


PREPARE = {"runner runs stop last": leave_a_run_under_way, "runner train --resume last": leave_an_interrupted_run}
