"""The engines that are known: how each is found and started, and what it honours of a request."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.errors import EnvironmentProblem, UsageError

#: Seconds that an engine may take to say its version: it imports all of itself for that.
LOOK = 120.0
NUMBERS = re.compile(r"\b(\d+)\.(\d+)(?:\.(\d+))?")
#: The ranks that vLLM has room for.
RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
#: Fields of the wire that both honour as they are.
FIELDS = frozenset(
    {"frequency_penalty", "presence_penalty", "logit_bias", "response_format", "stop_token_ids", "ignore_eos"}
)


@dataclass(frozen=True)
class Words:
    """What an engine is started with."""

    weights: Path
    #: What requests to it call the model.
    name: str
    port: int
    template: Path | None = None
    adapter: Path | None = None
    rank: int = 0
    together: int = 32
    max_length: int | None = None


@dataclass(frozen=True)
class EngineKind:
    """One engine."""

    name: str
    #: The oldest version whose flags are these.
    oldest: tuple[int, int]
    #: How it is started, and asked its version: its program, or a module of this Python.
    program: str
    module: str
    flags: Callable[[Words], list[str]]
    #: Flags that are set here, so that nobody else sets them.
    own: frozenset[str]
    #: Settings of requests that it does not honour.
    without: frozenset[str]
    environment: Mapping[str, str]
    #: The variable by which it is told its key; None: it takes none but in its command, where everybody reads it.
    key: str | None = None
    #: Whether the program is what serves, and says its version.
    says_version: bool = False


@dataclass(frozen=True)
class FoundEngine:
    """An engine that is installed."""

    kind: EngineKind
    command: tuple[str, ...]
    version: tuple[int, ...]

    @property
    def said(self) -> str:
        """``vllm 0.11.0``"""
        return f"{self.kind.name} {'.'.join(map(str, self.version))}"


def _of_vllm(words: Words) -> list[str]:
    flags = [
        "serve", str(words.weights), "--host", "127.0.0.1", "--port", str(words.port),
        "--max-num-seqs", str(words.together),
        # Its own defaults, and not what lies beside the weights: a request says what it wants.
        "--generation-config", "vllm", "--disable-uvicorn-access-log",
    ]  # fmt: skip
    base = f"{words.name}-base" if words.adapter is not None else words.name
    flags += ["--served-model-name", base]
    if words.adapter is not None:
        rank = next((room for room in RANKS if room >= words.rank), words.rank)
        flags += ["--enable-lora", "--max-lora-rank", str(rank), "--lora-modules", f"{words.name}={words.adapter}"]
        # The training's, which lies beside the adapter.
        flags += ["--tokenizer", str(words.adapter)]
    if words.template is not None:
        flags += ["--chat-template", str(words.template)]
    if words.max_length is not None:
        flags += ["--max-model-len", str(words.max_length)]
    return flags


def _of_sglang(words: Words) -> list[str]:
    flags = [
        "--model-path", str(words.weights), "--host", "127.0.0.1", "--port", str(words.port),
        "--max-running-requests", str(words.together), "--sampling-defaults", "openai", "--log-level", "warning",
    ]  # fmt: skip
    base = f"{words.name}-base" if words.adapter is not None else words.name
    flags += ["--served-model-name", base]
    if words.adapter is not None:
        flags += ["--enable-lora", "--max-lora-rank", str(words.rank), "--lora-paths", f"{words.name}={words.adapter}"]
        flags += ["--tokenizer-path", str(words.adapter)]
    if words.template is not None:
        flags += ["--chat-template", str(words.template)]
    if words.max_length is not None:
        flags += ["--context-length", str(words.max_length)]
    return flags


#: Both reach nobody and tell nobody anything.
QUIET = {"HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1"}
_SHARED = frozenset({"host", "port", "model", "served-model-name", "chat-template", "enable-lora", "max-lora-rank"})
ENGINES = {
    "vllm": EngineKind(
        name="vllm", oldest=(0, 8), program="vllm", module="vllm.entrypoints.cli.main", flags=_of_vllm,
        own=_SHARED | {"max-num-seqs", "max-model-len", "lora-modules", "generation-config", "api-key", "tokenizer"},
        without=frozenset({"token_ids", "deterministic"}),
        environment=QUIET | {"VLLM_NO_USAGE_STATS": "1"}, key="VLLM_API_KEY", says_version=True,
    ),
    "sglang": EngineKind(
        name="sglang", oldest=(0, 5), program="sglang", module="sglang.launch_server", flags=_of_sglang,
        own=_SHARED | {"model-path", "max-running-requests", "context-length", "lora-paths", "sampling-defaults",
                       "api-key", "tokenizer-path"},
        # Without its deterministic mode it goes by no seed.
        without=frozenset({"token_ids", "deterministic", "seed"}),
        environment=QUIET,
    ),
}  # fmt: skip


def find_engine(name: str, environment: Mapping[str, str] = os.environ) -> FoundEngine:
    """The engine as it is installed: its module in this Python, or its program on the ``PATH``.

    Raises :class:`EnvironmentProblem` where it is not there, says no version, or is older than what is known.
    """
    kind = ENGINES[name]
    program = shutil.which(kind.program, path=environment.get("PATH"))
    if _is_here(kind.module):
        command, asked = [sys.executable, "-m", kind.module], [sys.executable, "-c", _version_of(name)]
    elif program is not None and kind.says_version:
        command, asked = [program], [program, "--version"]
    elif program is not None and (python := Path(program).with_name("python")).exists():
        # An environment of its own, whose Python lies beside the program.
        command, asked = [str(python), "-m", kind.module], [str(python), "-c", _version_of(name)]
    else:
        raise EnvironmentProblem(
            f"{name} is not installed here",
            where="--engine",
            hint=f"pip install {name}; without it runner serves",
        )
    version = _version(name, asked, environment)
    if version[:2] < kind.oldest:
        raise EnvironmentProblem(
            f"{name} {'.'.join(map(str, version))} is installed, and what is known are the flags of {kind.oldest[0]}."
            f"{kind.oldest[1]} and later",
            where="--engine", hint=f"pip install --upgrade {name}",
        )  # fmt: skip
    return FoundEngine(kind, tuple(command), version)


def more_flags(kind: EngineKind, words: Sequence[str]) -> list[str]:
    """Flags beside those that are set here, each as ``NAME=VALUE`` or ``NAME``. Raises :class:`UsageError`."""
    found = []
    for word in words:
        name = word.partition("=")[0].lstrip("-").replace("_", "-")
        if not name:
            raise UsageError(f"{word!r} is not NAME=VALUE", where="--engine-flag", hint="tensor-parallel-size=2")
        if name in kind.own:
            raise UsageError(f"{name} is set by runner serve", where="--engine-flag", hint="leave it out")
        if name == "trust-remote-code":
            raise UsageError("no code that lies beside weights is run", where="--engine-flag", hint="leave it out")
        found.append(f"--{word.lstrip('-')}")
    return found


def _is_here(module: str) -> bool:
    try:
        return importlib.util.find_spec(module.partition(".")[0]) is not None
    except (ImportError, ValueError):
        return False


def _version_of(name: str) -> str:
    return f"import importlib.metadata as m; print(m.version({name!r}))"


def _version(name: str, command: Sequence[str], environment: Mapping[str, str]) -> tuple[int, ...]:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=LOOK, env=dict(environment), stdin=subprocess.DEVNULL
        )
        told = done.stdout + done.stderr
    except (OSError, subprocess.TimeoutExpired) as error:
        told = str(error)
        done = None
    found = NUMBERS.search(done.stdout) if done is not None and done.returncode == 0 else None
    if found is None:
        last = told.strip().splitlines()[-1:] or ["nothing"]
        raise EnvironmentProblem(
            f"{name} does not say its version: {last[0][:300]}", where="--engine", hint=f"try: {' '.join(command)}"
        )
    return tuple(int(number) for number in found.groups() if number is not None)
