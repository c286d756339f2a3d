"""How long it takes to look at many runs and at a sweep of many trials, and what takes the time.

    python benchmarks/scale.py [--runs 10000] [--trials 100000] [--rounds 3] [--heard 1000] [--profile]

The runs and the journal are made up: documents as those of runs that have ended, without models. Each command is a
whole process; both its wall time and its own processor time are told, the median of some rounds, and that time over
what `runner --version` takes, beside how many files were opened below the folder and how large they are (by Python's
audit events). The first look at a sweep reads its journal and writes down what it says in short; the others read that.
Of a sweep that goes on, reading its journal is put over `json.loads` of every line of it, and beside it stands what its
method takes to hear what was tried (`--heard` trials). With `--profile`, the functions that take most of it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

#: A command in a process that counts what it opens below its own folder.
COUNTED = """
import os, sys
opened = [0, 0]
def hook(event, given):
    if event == "open" and isinstance(given[0], str) and given[0].startswith(os.getcwd()):
        opened[0] += 1
        try:
            opened[1] += os.stat(given[0]).st_size
        except OSError:
            pass
sys.addaudithook(hook)
end = os._exit
def told(code):
    print(f"opened {opened[0]} {opened[1]}", file=sys.stderr, flush=True)
    end(code)
os._exit = told
from runner.cli import app
sys.argv = ["runner", *sys.argv[1:]]
app.main()
told(0)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--trials", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--heard", type=int, default=1000)
    parser.add_argument("--profile", action="store_true")
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        last = make_runs(home, words.runs)
        make_sweep(home, words.trials)
        commands = {
            "runner --version (the floor)": ["--version"],
            "runner runs list": ["runs", "list"],
            "runner runs show last": ["runs", "show", "last"],
            "runner runs show ID": ["runs", "show", last],
            "runner sweep list": ["sweep", "list"],
            "runner sweep show": ["sweep", "show", "many"],
            "runner sweep best": ["sweep", "best", "many"],
        }
        print(f"{words.runs} runs, {words.trials} trials")
        print(f"{'command':<36} {'wall s':>8} {'CPU s':>8} {'ratio':>7} {'files':>6} {'MiB named':>9}")
        floor = 0.0
        for name, command in commands.items():
            if "sweep" in command[:1] and not (home / "sweeps" / "many" / "digest.json").exists():
                row("runner sweep show, the first look", [timed(home, ["sweep", "show", "many"])], floor)
            rounds = [timed(home, command) for _ in range(words.rounds)]
            floor = floor or statistics.median(each[1] for each in rounds)
            row(name, rounds, floor)
        read_journal(home)
        hear(home, words.heard)
        if words.profile:
            for command in list(commands.values())[1:]:
                profiled(home, command)


def row(name: str, rounds: list[tuple[float, float, int, int]], floor: float) -> None:
    """Print what a command took: medians; its processor time over ``floor``."""
    wall, cpu = (statistics.median(each[at] for each in rounds) for at in (0, 1))
    files, size = rounds[-1][2:]
    print(f"{name:<36} {wall:8.2f} {cpu:8.2f} {cpu / floor:6.1f}x {files:6} {size / 2**20:9.2f}", flush=True)


def make_runs(home: Path, count: int) -> str:
    """Runs that have ended, a second apart; the newest one's id."""
    from runner.registry import task

    plan = {"model_type": "elo_scoring", "name": "elo", "headline": task("elo_scoring").headline.as_dict()}
    run = ""
    for number in range(count):
        created = 1_700_000_000 + number
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(created))
        run = f"{stamp}-elo-{number % 65536:04x}"
        folder = home / "runs" / run
        folder.mkdir(parents=True)
        state = {"state": "succeeded", "created": created, "started": created, "ended": created + 60, "attempts": 1,
                 "model": "elo_scoring/elo/v1"}  # fmt: skip
        (folder / "state.json").write_text(json.dumps(state))
        (folder / "plan.json").write_text(json.dumps(plan | {"executor": "local", "cwd": "/", "cache": "/"}))
        (folder / "result.json").write_text(json.dumps({"metrics": {"accuracy": 0.5}, "epochs": 1}))
        (folder / "spec.json").write_text("{}")
    return run


def make_sweep(home: Path, count: int) -> None:
    """A journal of trials that are over."""
    folder = home / "sweeps" / "many"
    folder.mkdir(parents=True)
    (folder / "sweep.json").write_text(json.dumps({"sweep": {}, "base": {}}))
    with (folder / "journal.jsonl").open("w") as file:

        def add(event: str, **fields: object) -> None:
            file.write(json.dumps({"t": 1_700_000_000.0, "event": event} | fields) + "\n")

        add("space", hash="0", metric="accuracy", goal="maximise")
        for number in range(count):
            values = {"/model/spec/k_factor": number % 97, "/epochs": number % 7}
            add("asked", trial=number, values=values, name=f"many-{number}", identity=f"{number:064x}")
            add("run", trial=number, run=f"20231114-221320-many-{number:04x}")
            add("ended", trial=number, state="complete", value=number % 1009 / 1009, metrics={"accuracy": 0.5},
                model=f"elo_scoring/many-{number}/v1", seconds=1.0)  # fmt: skip


def timed(home: Path, command: list[str]) -> tuple[float, float, int, int]:
    """Wall and processor seconds, files opened below the folder, and their bytes."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", COUNTED, *command],
        cwd=home,
        env=dict(os.environ) | {"PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
    )
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"runner {' '.join(command)} ended with code {done.returncode}:\n{done.stderr}")
    files, size = done.stderr.rsplit("opened ", 1)[1].split()
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, int(files), int(size)


def read_journal(home: Path) -> None:
    """What a sweep reads before it goes on."""
    from runner.sweeps.sweep_folder import SweepFolder

    folder = SweepFolder(home / "sweeps" / "many")
    lines = folder.journal.path.read_bytes().splitlines()
    cpu = time.process_time()
    for line in lines:
        json.loads(line)
    bare = time.process_time() - cpu
    cpu = time.process_time()
    folder.record()
    taken = time.process_time() - cpu
    size = folder.journal.path.stat().st_size / 2**20
    print(f"a sweep that goes on reads {len(lines)} lines, {size:.2f} MiB, in {taken:.2f} s of CPU, "
          f"{taken / bare:.2f}x json.loads of each, {bare:.2f} s", flush=True)  # fmt: skip


def hear(home: Path, count: int) -> None:
    """What the methods take to hear of as many trials, and to draw the next."""
    from runner.sweeps.journal import TrialState
    from runner.sweeps.optuna_study import Chooser
    from runner.sweeps.search_space import space_of
    from runner.sweeps.sweep_fields import SweepSection

    base = {"model": {"spec": {"k_factor": 8.0}}}
    for method in ("random", "tpe"):
        space = {"/model/spec/k_factor": {"min": 4.0, "max": 64.0}}
        sweep = SweepSection.model_validate({"name": "many", "method": method, "trials": count, "space": space})
        chooser = Chooser(sweep, space_of(sweep), base, ("maximize",))
        cpu = time.process_time()
        for number in range(count):
            chooser.next(number)
            chooser.ended(number, TrialState.COMPLETE, number % 1009 / 1009)
        taken = time.process_time() - cpu
        print(f"{method}: {count} trials drawn and told in {taken:.2f} s of CPU, {1000 * taken / count:.2f} ms each",
              flush=True)  # fmt: skip


def profiled(home: Path, command: list[str]) -> None:
    """Print what takes most of the time of a command."""
    # The program leaves by os._exit, which a profile does not outlive.
    program = f"import os, sys; os._exit = sys.exit; sys.argv = {['runner', *command]!r}\n"
    program += "from runner.cli import app; app.main()"
    script = home / "profiled.py"
    script.write_text(program)
    words = [sys.executable, "-m", "cProfile", "-s", "tottime", str(script)]
    environment = dict(os.environ) | {"PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(words, cwd=home, env=environment, capture_output=True, text=True)
    at = done.stdout.find("ncalls")
    print(f"\nrunner {' '.join(command)}", *done.stdout[at:].splitlines()[:9], sep="\n")


if __name__ == "__main__":
    main()
