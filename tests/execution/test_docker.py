"""The Docker executor against a real engine: what the container may do, how it ends, what is left."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from runner.errors import ConflictError, DataError, EnvironmentProblem, ExitCode, Killed, OutOfMemory
from runner.execution import running_container
from runner.execution.docker_engine import connect
from runner.execution.docker_executor import DockerExecutor, find_container, stop_container
from tests.execution.engine_proxy import EngineProxy

pytestmark = pytest.mark.docker

ROOT = Path(__file__).parents[2]

#: Waits for the end of its lease and says so by its exit code.
HOLD = """
import os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(75))
print("up", flush=True)
open(sys.argv[1] + "/up", "w").close()
while os.read(0, 100): pass
sys.exit(75)
"""


def finish(handle, wait):
    return wait(handle.poll)


def test_the_container_is_hardened(probe, make_job, wait):
    program = """
import json, os, sys
status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines() if ":" in line)
facts = {key: status[key].strip() for key in ("CapEff", "CapPrm", "CapBnd", "NoNewPrivs", "Seccomp")}
facts["uid"], facts["gid"] = os.getuid(), os.getgid()
facts["readonly"] = {}
for path in ("/", "/opt/runner", "/usr", "/etc", "/workspace", "/run/secrets", "/var/tmp"):
    try:
        open(path + "/written", "w")
        facts["readonly"][path] = False
    except OSError as error:
        facts["readonly"][path] = True
for path in ("/tmp", os.environ["HOME"], os.environ["RUNNER_CACHE_DIR"]):
    open(path + "/written", "w").write("x")
facts["environment"] = dict(os.environ)
facts["cwd"] = os.getcwd()
facts["interfaces"] = os.listdir("/sys/class/net")
facts["pid1"] = open("/proc/1/comm").read().strip()
json.dump(facts, open(sys.argv[1] + "/facts.json", "w"))
"""
    os.environ["PLANTED_IN_THE_HOST"] = "x"
    try:
        job = make_job(secrets={"KEY": "value"})
        assert finish(probe(program, job), wait) == 0
    finally:
        del os.environ["PLANTED_IN_THE_HOST"]
    facts = json.loads((job.run / "facts.json").read_text())
    assert facts["uid"] != 0 and facts["gid"] != 0
    assert {int(facts[key], 16) for key in ("CapEff", "CapPrm", "CapBnd")} == {0}
    assert facts["NoNewPrivs"] == "1"
    assert facts["Seccomp"] == "2"
    assert all(facts["readonly"].values()), facts["readonly"]
    assert facts["interfaces"] == ["lo"]
    assert facts["cwd"] == str(job.cwd)
    assert "PLANTED_IN_THE_HOST" not in facts["environment"]
    assert facts["pid1"] != "python3", "an init forwards signals and reaps"


def test_the_limit_on_processes_holds(probe, make_job, wait):
    program = """
import os, sys, time
from itertools import count
for number in count():
    try:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
    except OSError:
        open(sys.argv[1] + "/forked", "w").write(str(number))
        break
    if number > 20000:
        sys.exit(1)
"""
    from runner.execution.docker_arguments import PIDS

    job = make_job()
    assert finish(probe(program, job), wait) == 0
    assert int((job.run / "forked").read_text()) < PIDS


CONNECT = """
import socket, sys
address, port = open(sys.argv[1] + "/address").read().split()
try:
    socket.create_connection((address, int(port)), timeout=5).close()
except OSError as error:
    print(error)
    sys.exit(9)
"""


@pytest.mark.parametrize(("network", "code"), [(False, 9), (True, 0)])
def test_there_is_a_network_only_where_the_job_needs_one(engine, probe, make_job, wait, network, code):
    addresses = psutil.net_if_addrs().get("docker0")
    if not addresses:
        pytest.skip("the engine's bridge is not on this machine")
    bridge = next(one.address for one in addresses if one.family == socket.AF_INET)
    with socket.create_server((bridge, 0)) as server:
        job = make_job(network=network)
        (job.run / "address").write_text(f"{bridge} {server.getsockname()[1]}")
        assert finish(probe(CONNECT, job), wait) == code


def test_a_secret_is_read_inside_and_is_nowhere_else(engine, image, probe, make_job, wait, tmp_path):
    secret = "planted-" + os.urandom(12).hex()
    program = """
import hashlib, os, sys
path = os.environ["RUNNER_SECRETS"] + "/API_KEY"
open(sys.argv[1] + "/digest", "w").write(hashlib.sha256(open(path, "rb").read()).hexdigest())
open(sys.argv[1] + "/mode", "w").write(oct(os.stat(path).st_mode & 0o777))
os.read(0, 1)
"""
    job = make_job(secrets={"API_KEY": secret})
    handle = probe(program, job)
    wait(lambda: (job.run / "mode").exists())
    seen = [
        json.dumps(engine.client.api.inspect_container(handle.facts()["container"])),
        json.dumps(engine.client.images.get(image.name).history()),
        " ".join(DockerExecutor().command(job)),
        repr(job),
        json.dumps(handle.facts()),
        Path("/proc/self/cmdline").read_text(),
    ]
    (folder,) = [
        mount["Source"]
        for mount in engine.client.api.inspect_container(handle.facts()["container"])["Mounts"]
        if mount["Destination"] == "/run/secrets"
    ]
    assert Path(folder).stat().st_mode & 0o077 == 0
    handle.kill()
    finish(handle, wait)
    handle.close()
    assert not Path(folder).exists()
    assert (job.run / "digest").read_text() == hashlib.sha256(secret.encode()).hexdigest()
    assert (job.run / "mode").read_text() == "0o400"
    seen += [path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file()]
    for form in (secret, base64.b64encode(secret.encode()).decode(), secret.encode().hex()):
        assert not any(form in text for text in seen)


def test_a_memory_limit_that_is_hit_is_out_of_memory(probe, make_job, wait):
    job = make_job(memory=64 * 2**20)
    handle = probe("keep = []\nwhile True: keep.append(bytearray(2**20))", job)
    assert finish(handle, wait) == ExitCode.KILLED
    failure = handle.failure()
    assert isinstance(failure, OutOfMemory)
    assert failure.where == "/run/memory" and "64 MiB" in failure.message


def test_a_child_that_hits_the_memory_limit_is_out_of_memory_too(probe, make_job, wait):
    program = """
import subprocess, sys
open("/proc/self/oom_score_adj", "w").write("0")
grow = "open('/proc/self/oom_score_adj', 'w').write('1000'); keep = []\\nwhile True: keep.append(bytearray(2**20))"
sys.exit(70 if subprocess.run([sys.executable, "-c", grow]).returncode else 0)
"""
    handle = probe(program, make_job(memory=64 * 2**20))
    assert finish(handle, wait) == 70
    assert isinstance(handle.failure(), OutOfMemory)


def test_terminate_is_a_sigterm_and_kill_a_sigkill(probe, make_job, wait):
    job = make_job()
    handle = probe(HOLD, job)
    wait(lambda: (job.run / "up").exists())
    assert handle.poll() is None
    handle.terminate()
    assert finish(handle, wait) == ExitCode.STOPPED
    assert handle.failure() is None

    other = make_job()
    killed = probe(HOLD, other)
    wait(lambda: (other.run / "up").exists())
    killed.kill()
    assert finish(killed, wait) == ExitCode.KILLED
    assert killed.failure() is None


def test_output_becomes_the_log_and_the_directory_is_ours_again(engine, probe, make_job, wait):
    job = make_job()
    (job.run / "log.txt").write_text("first attempt\n")
    before = job.run.stat()
    program = """
import sys
open(sys.argv[1] + '/made', 'w')
print('out')
sys.stdout.flush()
print('err', file=sys.stderr)
sys.exit(3)
"""
    handle = probe(program, job)
    container = handle.facts()["container"]
    assert finish(handle, wait) == 3
    handle.close()
    lines = (job.run / "log.txt").read_text().splitlines()
    assert lines[0] == "first attempt" and sorted(lines[1:]) == ["err", "out"]
    assert {path.stat().st_uid for path in (job.run, job.run / "made")} == {before.st_uid}
    assert find_container(job.run.name, engine) is None
    assert container not in [one.id for one in engine.client.containers.list(all=True)]


def test_a_container_does_not_outlive_the_process_that_started_it(engine, make_job, wait, tmp_path):
    job = make_job()
    script = tmp_path / "parent.py"
    script.write_text(
        "import sys, time\nfrom pathlib import Path\n"
        "from runner.execution.executor import Job\nfrom tests.execution.conftest import Probe\n"
        "run, program = Path(sys.argv[1]), sys.argv[2]\n"
        f"job = Job(run=run, cwd=run, cache=run / 'cache', image={job.image!r}, gpus=0, secrets={{'K': 'v'}})\n"
        "handle = Probe(program).start(job)\nprint('started', flush=True)\ntime.sleep(600)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, script, job.run, HOLD], stdout=subprocess.PIPE, env=environment, cwd=tmp_path
    ) as parent:
        assert parent.stdout is not None and parent.stdout.readline() == b"started\n"
        wait(lambda: (job.run / "up").exists())
        found = find_container(job.run.name, engine)
        assert found is not None and found["running"]
        parent.send_signal(signal.SIGKILL)
    wait(lambda: not (find_container(job.run.name, engine) or {"running": False})["running"])
    state = engine.client.api.inspect_container(found["container"])["State"]
    assert state["ExitCode"] == ExitCode.STOPPED
    stop_container(found["container"], engine=engine)
    assert find_container(job.run.name, engine) is None


def test_one_run_is_in_one_container(engine, probe, make_job, wait):
    job = make_job("test-one-run")
    first = probe(HOLD, job)
    wait(lambda: (job.run / "up").exists())
    with pytest.raises(ConflictError, match="still executing"):
        probe(HOLD, job)
    first.terminate()
    finish(first, wait)
    # The first is left as a crash would leave it: ended, not removed.
    again = probe("pass", job)
    assert finish(again, wait) == 0


def test_an_orphan_is_found_by_its_run_and_stopped(engine, probe, make_job, wait):
    job = make_job()
    handle = probe(HOLD, job)
    wait(lambda: (job.run / "up").exists())
    found = find_container(job.run.name)
    assert found == {"container": handle.facts()["container"], "running": True}
    stop_container(found["container"], grace=20)
    assert finish(handle, wait) in (ExitCode.STOPPED, ExitCode.KILLED)
    assert find_container(job.run.name) is None
    stop_container(found["container"])  # once more: nothing to do


def test_a_container_that_somebody_removes_was_killed(engine, probe, make_job, wait):
    job = make_job()
    handle = probe(HOLD, job)
    wait(lambda: (job.run / "up").exists())
    engine.client.api.remove_container(handle.facts()["container"], force=True)
    assert finish(handle, wait) == ExitCode.KILLED
    assert handle.failure() is None or isinstance(handle.failure(), Killed)
    handle.close()


def test_an_engine_that_goes_away_is_noticed_and_the_run_can_be_resumed(
    engine, probe, make_job, wait, tmp_path_factory, monkeypatch
):
    monkeypatch.setattr(running_container, "PATIENCE", 0.5)
    socket_path = tmp_path_factory.mktemp("engine") / "docker.sock"
    base = engine.client.api.base_url
    target = "/var/run/docker.sock" if base.startswith("http+docker") else base.removeprefix("unix://")
    proxy = EngineProxy(socket_path, target)
    monkeypatch.setenv("DOCKER_HOST", proxy.address)
    job = make_job()
    handle = probe(HOLD, job)
    wait(lambda: (job.run / "up").exists())
    proxy.cut()
    assert finish(handle, wait) == ExitCode.ENVIRONMENT
    failure = handle.failure()
    assert isinstance(failure, EnvironmentProblem) and not failure.retryable
    assert job.run.name in (failure.hint or "")
    handle.terminate()
    handle.close()
    # The lease went with the engine: the worker has saved and gone by itself.
    wait(lambda: not (find_container(job.run.name, engine) or {"running": False})["running"])
    found = find_container(job.run.name, engine)
    assert found is not None
    stop_container(found["container"], engine=engine)


def test_files_are_mounted_at_their_own_paths_and_cannot_be_changed(probe, make_job, wait, tmp_path):
    data = tmp_path / "data, with a comma.json"
    data.write_text("here")
    snapshot = tmp_path / "models" / "snapshot"
    snapshot.mkdir(parents=True)
    (tmp_path / "blob").write_text("weights")
    (snapshot / "model.safetensors").symlink_to("../../blob")
    program = f"""
import sys
data, linked = {str(data)!r}, {str(snapshot / "model.safetensors")!r}
for path in (data, linked):
    open(sys.argv[1] + "/read", "a").write(open(path).read())
    try:
        open(path, "w")
    except OSError as error:
        continue
    sys.exit(1)
"""
    job = make_job(read_only=(data, snapshot))
    assert finish(probe(program, job), wait) == 0
    assert (job.run / "read").read_text() == "hereweights"
    assert data.read_text() == "here"


# What is missing, told before anything starts.


def test_no_image(engine, make_job):
    with pytest.raises(EnvironmentProblem, match="there is no image runner:none") as caught:
        DockerExecutor().check(make_job(image="runner:none"))
    assert "runner image build" in (caught.value.hint or "")


def test_a_gpu_that_the_engine_has_not(engine, make_job):
    if engine.gpus:
        pytest.skip("this engine has GPUs")
    with pytest.raises(EnvironmentProblem, match="has none to give") as caught:
        DockerExecutor().check(make_job(gpus=1))
    assert caught.value.where == "/run/gpus"


def test_a_file_that_is_not_there(engine, make_job, tmp_path):
    job = make_job(read_only=(tmp_path / "nothing.jsonl",))
    with pytest.raises(DataError) as caught:
        DockerExecutor().check(job)
    assert caught.value.where == str(tmp_path / "nothing.jsonl")


@pytest.mark.skipif(os.getuid() != 0, reason="only root's files are out of the worker's reach")
def test_a_file_that_the_containers_user_may_not_read(engine, make_job, tmp_path):
    data = tmp_path / "private.jsonl"
    data.write_text("{}")
    data.chmod(0o600)
    with pytest.raises(EnvironmentProblem, match="may not read"):
        DockerExecutor().check(make_job(read_only=(data,)))


def test_a_failed_start_leaves_nothing(engine, image, make_job, monkeypatch):
    job = make_job(memory=1)  # less than an engine allows
    before = job.run.stat().st_uid
    with pytest.raises(EnvironmentProblem, match="refused"):
        DockerExecutor().start(job)
    assert find_container(job.run.name, engine) is None
    assert job.run.stat().st_uid == before


def test_the_engine_is_asked_once(engine, monkeypatch):
    executor = DockerExecutor()
    executor.engine()
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere")
    assert executor.engine() is not None
    with pytest.raises(EnvironmentProblem):
        connect()
