"""What every test may use: the command line as a user has it, in a folder of the test's own."""

from __future__ import annotations

import gc
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings

from tests import warm

ROOT = Path(__file__).parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--list-skipped", metavar="FILE", help="write which tests were skipped, one a line: pytest @FILE")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if path := config.getoption("--list-skipped"):
        # Tests that are shared out by groups have their group behind their name.
        names = {re.sub(r"@[^@\]]*$", "", report.nodeid) for report in terminalreporter.getreports("skipped")}
        Path(path).write_text("".join(f"{name}\n" for name in sorted(names)), "utf-8")


class FailuresAtOnce:
    """Says which test failed, and of what, when it does: a session that is cut off would never come to its summary."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        terminal = self.config.pluginmanager.get_plugin("terminalreporter")
        if report.failed and terminal is not None:
            crash = getattr(report.longrepr, "reprcrash", None)
            cause = " ".join((crash.message if crash else str(report.longrepr)).split())
            terminal.write_line(f"\n{report.nodeid} failed in its {report.when}: {cause[:400]}")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(FailuresAtOnce(config))
    # Two test processes with two threads each would fight over two cores.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # What is asked at a terminal is not asked where this is set: a test that means it sets it.
    os.environ.pop("CI", None)
    # Under `nohup`, or in the background of a script, signals come ignored, and programs that are started here would
    # never hear of a stop. They hear what is handled here.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
    # How long a drawing of examples takes is the machine's matter, and no test's.
    settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("here")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # What a module prepares is prepared once: its tests stay in one process, unless they say which belong together.
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    # Before its fixtures are made.
    leave_modules_alone()
    module = item.nodeid.partition("::")[0]
    if module != Desk.module:
        Desk.module = module
        warm.forget_variables()
    Desk.warm = item.get_closest_marker("slow") is None or item.get_closest_marker("warm") is not None


def leave_modules_alone() -> None:
    """Have the garbage collector pass over what was imported since the last call, and is there until the end.

    A training asks for a collection when it is over. To look through a million objects of libraries took most of the
    time of one that has few rows.
    """
    global _modules
    if len(sys.modules) > _modules + FEW_MODULES:
        gc.collect()
        gc.freeze()
        _modules = len(sys.modules)


#: Not worth a collection.
FEW_MODULES = 50
_modules = 0


@dataclass(frozen=True)
class Desk:
    """A folder to type commands in, with its own runs, models and outputs, and the session's embedding cache."""

    #: Whether commands run in copies; those of a test that is marked slow, and not warm, are new processes.
    warm: ClassVar[bool] = True
    #: The file of the tests that use desks now.
    module: ClassVar[str] = ""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    def command(self, *words: object) -> list[str]:
        return [sys.executable, "-m", "runner", *map(str, words)]

    @property
    def variables(self) -> dict[str, str]:
        clean = {name: value for name, value in warm.inherited().items() if not name.startswith(("RUNNER_", "WANDB_"))}
        cache = os.environ.get("RUNNER_TEST_CACHE", str(self.home / "cache"))
        return clean | {"RUNNER_CACHE_DIR": cache, "NO_COLOR": "1", "COLUMNS": "120"} | self.environment

    def __call__(self, *words: object, stdin: str | bytes | None = None, timeout: float = 300) -> Ran:
        """Run ``runner`` to its end: in a copy of a process that has its libraries loaded, or in a new one."""
        data = stdin.encode() if isinstance(stdin, str) else stdin
        if Desk.warm and warm.like_ours(self.variables):
            copy = warm.Copy(words, self.home, self.variables, data or b"")
            return Ran(copy.wait(timeout), copy.out.read_text("utf-8"), copy.err.read_text("utf-8"))
        done = subprocess.run(
            self.command(*words),
            cwd=self.home,
            env=self.variables,
            input=data if data is not None else b"",
            capture_output=True,
            timeout=timeout,
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    def start(self, *words: object, **options: Any) -> subprocess.Popen[bytes]:
        """Start ``runner`` and leave it to the test."""
        return subprocess.Popen(
            self.command(*words), cwd=self.home, env=self.variables, stdin=subprocess.DEVNULL, **options
        )

    def start_copy(self, *words: object) -> subprocess.Popen[bytes] | warm.Copy:
        """The same in a copy, as a call has it, where what a new process does is not the question."""
        quiet = subprocess.DEVNULL
        like_ours = Desk.warm and warm.like_ours(self.variables)
        return warm.Copy(words, self.home, self.variables) if like_ours else self.start(*words, stderr=quiet)

    def write(self, name: str, document: Any) -> Path:
        """A JSON file in the folder."""
        path = self.home / name
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return path

    def only_run(self) -> Path:
        """The one run that there is."""
        (run,) = [path for path in (self.home / "runs").iterdir() if path.is_dir()]
        return run


@dataclass(frozen=True)
class Ran:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def ok(self) -> Ran:
        """This, if the command succeeded."""
        assert self.code == 0, f"exit {self.code}\n{self.out}\n{self.err}"
        return self


def without_rights() -> list[str]:
    """What to put before a command, so that permissions hold for it: root gives its capabilities up."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root cannot give up its rights without setpriv (util-linux)")
    return ["setpriv", "--inh-caps=-all", "--bounding-set=-all"]


@pytest.fixture(scope="session", autouse=True)
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One embedding cache for the session: every test embeds the same prompts."""
    base = tmp_path_factory.getbasetemp()
    # Under xdist each worker has a folder of its own below the session's.
    cache = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "embedding-cache"
    cache.mkdir(exist_ok=True)
    os.environ["RUNNER_TEST_CACHE"] = str(cache)
    yield cache


@pytest.fixture(scope="session")
def curl() -> str:
    """The program, where there is one."""
    found = shutil.which("curl")
    if found is None:
        pytest.skip("there is no curl")
    return found


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture(scope="session")
def talking(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A desk whose store has the models of :mod:`tests.talking_models`; tests only read it."""
    from tests.talking_models import keep_models

    home = tmp_path_factory.mktemp("talking")
    keep_models(home)
    return Desk(home)


@pytest.fixture
def make_desk(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Desk]:
    return lambda: Desk(tmp_path_factory.mktemp("desk"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real human comparisons that lie beside a checkout in some places; elsewhere the test is skipped."""
    if not SHARED_DATA.is_dir():
        pytest.skip("no ../shared/data beside the checkout")
    return SHARED_DATA


@pytest.fixture(scope="session")
def engine() -> Any:
    """The engine, or a skip that says why. With RUNNER_REQUIRE_DOCKER a missing one is a failure."""
    from runner.errors import EnvironmentProblem
    from runner.execution import docker_engine as engines
    from runner.execution import image_lookup as images

    try:
        found = engines.connect()
        images.find(images.tag("cpu"), found)
    except EnvironmentProblem as error:
        if os.environ.get("RUNNER_REQUIRE_DOCKER"):
            pytest.fail(f"{error.message}; {error.hint}")
        pytest.skip(f"{error.message}; {error.hint}")
    return found
