"""Programs that a model wrote, in their container: what they cannot reach, and that none spoils the next."""

from __future__ import annotations

import pytest

from runner.contract.foreign_code import CodeLimits, Program, cell_tests
from runner.errors import EnvironmentProblem
from runner.execution.code_sandbox import CodeContainers, options

LIMITS = CodeLimits(timeout=3.0, memory=256)
REFUSED = """
try:
    {attempt}
except OSError:
    x = 1
"""


def program(source: str) -> Program:
    return Program(source, cell_tests("assert x == 1"))


#: Each passes where it was kept from what it tries.
KEPT_FROM = {
    "the network": REFUSED.format(attempt="__import__('socket').create_connection(('192.0.2.1', 80), 2)"),
    "the image's files": REFUSED.format(attempt="open('/etc/passwd', 'a')"),
    "what the driver says": REFUSED.format(attempt="open('/proc/1/fd/1', 'w').write('{}')"),
    "ending the driver": "import os\nos.kill(1, 9)\nx = 1",
    "being root": "import os\nx = int(os.getuid() == os.getgid() == 65534)",
    "other processes": "import os\nx = int(sum(name.isdigit() for name in os.listdir('/proc')) == 2)",
}


@pytest.fixture
def containers(engine) -> CodeContainers:
    return CodeContainers.opened("/model/spec/rewards/own")


@pytest.mark.docker
def test_programs_are_kept_from_all_but_their_own(containers):
    ends = containers.run([program(source) for source in KEPT_FROM.values()], LIMITS)
    assert [name for name, each in zip(KEPT_FROM, ends, strict=True) if each != ["passed"]] == []


@pytest.mark.docker
def test_no_program_spoils_the_next(containers):
    spoilers = [
        "while True: pass", "import os\nos.kill(-1, 9)", "import os\nwhile True: os.fork()",
        "x = 'a' * 10**10", "open('/tmp/left', 'wb').write(b'0' * 10**9)",
        "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'while True: pass'], start_new_session=True)",
    ]  # fmt: skip
    good = program("import os\nx = int(not os.path.exists('/tmp/left'))")
    ends = containers.run([each for source in spoilers for each in (program(source), good)], LIMITS)
    assert ends[1::2] == [["passed"]] * len(spoilers)
    assert ["passed"] not in ends[::2]


def test_a_container_of_programs_holds_nothing_of_ours():
    found = options("an-image", LIMITS)
    assert not {"mounts", "volumes", "group_add", "privileged"} & set(found)
    assert (found["network_mode"], found["read_only"], found["cap_drop"]) == ("none", True, ["ALL"])
    assert found["user"] == "65534:65534"
    assert found["memswap_limit"] == found["mem_limit"] < 2**30
    assert 0 < found["pids_limit"] < 100


def test_without_an_engine_it_is_told_what_for(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(EnvironmentProblem, match="code of answers is run in containers") as error:
        CodeContainers.opened("/model/spec/rewards/own")
    assert error.value.where == "/model/spec/rewards/own"
