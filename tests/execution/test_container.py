"""What is asked of the engine, without one: descriptions, secrets' files, ownership, and what errors mean."""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from runner.errors import EnvironmentProblem, UsageError
from runner.execution import docker_engine as engines
from runner.execution import image_lookup as images
from runner.execution.docker_arguments import PIDS, create_arguments, describe, words
from runner.execution.docker_executor import DockerExecutor
from runner.execution.executor import Job
from runner.execution.file_ownership import check_readable, hand_over
from runner.execution.secret_files import PREFIX, SecretFiles


@pytest.fixture(autouse=True)
def no_hub(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.fixture
def job(tmp_path):
    run = tmp_path / "runs" / "r1"
    run.mkdir(parents=True)
    return Job(run=run, cwd=tmp_path, cache=tmp_path / "cache", read_only=(tmp_path / "a.jsonl",))


def container(job, **options):
    return describe(job, **{"image": "runner:x", "user": "1000:1000", "memory": 10 * 2**30} | options)


def after(line, option):
    return [value for name, value in itertools.pairwise(line) if name == option]


def test_the_container_is_hardened_by_default(job):
    asked = create_arguments(container(job))
    assert asked["user"] == "1000:1000"
    assert asked["read_only"] is True
    assert asked["cap_drop"] == ["ALL"]
    assert asked["security_opt"] == ["no-new-privileges"]
    assert asked["network_mode"] == "none"
    assert asked["pids_limit"] == PIDS
    assert asked["mem_limit"] == asked["memswap_limit"] == 9 * 2**30
    assert asked["init"] is True and asked["stdin_open"] is True
    assert set(asked["tmpfs"]) == {"/tmp", "/home/runner"}
    assert asked["command"] == ["worker", str(job.run), "--lease", "stdin"]
    assert asked["labels"] == {"runner.run": "r1"}
    assert not {"privileged", "device_requests", "cap_add", "pid_mode", "ipc_mode"} & set(asked)
    assert asked["environment"]["HF_HUB_OFFLINE"] == "1"


def test_only_what_the_job_names_is_mounted(job):
    mounts = {mount["Target"]: mount for mount in create_arguments(container(job))["mounts"]}
    assert set(mounts) == {str(job.run), str(job.cache), str(job.read_only[0])}
    assert all(mount["Source"] == target for target, mount in mounts.items())
    assert mounts[str(job.read_only[0])]["ReadOnly"] is True
    assert mounts[str(job.run)]["ReadOnly"] is False


def test_the_hubs_cache_is_read_only_unless_there_is_a_network(job, tmp_path):
    (tmp_path / "hub").mkdir()
    assert container(job).mounts[tmp_path / "hub"][1] is True
    online = Job(**vars(job) | {"network": True})
    described = container(online)
    assert described.mounts[tmp_path / "hub"][1] is False
    assert "HF_HUB_OFFLINE" not in described.environment
    assert "network_mode" not in create_arguments(described)


def test_limits_and_gpus_are_passed_on(job):
    limited = Job(**vars(job) | {"memory": 2**30, "cpus": 1.5})
    asked = create_arguments(container(limited, gpus="all"))
    assert asked["mem_limit"] == asked["memswap_limit"] == 2**30
    assert asked["nano_cpus"] == 1_500_000_000
    assert asked["environment"]["OMP_NUM_THREADS"] == "1"
    (request,) = asked["device_requests"]
    assert request["Count"] == -1 and request["Capabilities"] == [["gpu"]]
    (request,) = create_arguments(container(limited, gpus=2))["device_requests"]
    assert request["Count"] == 2


def test_gpus_that_are_its_own_are_asked_for_by_name(job):
    own = Job(**vars(job) | {"gpus": 2, "devices": ("GPU-a", "GPU-b")})
    (request,) = create_arguments(container(own, gpus=2))["device_requests"]
    assert request["DeviceIDs"] == ["GPU-a", "GPU-b"] and not request["Count"]
    assert after(words(container(own, gpus=2)), "--gpus") == ['"device=GPU-a,GPU-b"']
    # An image or an engine without GPUs is asked for none.
    assert "device_requests" not in create_arguments(container(own, gpus=0))


def test_the_command_says_the_same(job):
    described = container(job, gpus=1, groups=(44,), selinux=True)
    line = words(described)
    assert line[:2] == ["docker", "run"]
    assert after(line, "--user") == ["1000:1000"]
    assert after(line, "--network") == ["none"]
    assert after(line, "--gpus") == ["1"]
    assert after(line, "--group-add") == ["44"]
    assert after(line, "--security-opt") == ["no-new-privileges", "label=disable"]
    assert after(line, "--memory") == after(line, "--memory-swap") == [str(described.memory)]
    assert len(after(line, "--mount")) == len(described.mounts)
    assert "--read-only" in line and "--init" in line and "--rm" in line
    assert line[-3:] == ["runner:x", "worker", str(job.run)]


def test_a_comma_in_a_path_is_quoted(job, tmp_path):
    data = tmp_path / "a,b.jsonl"
    line = words(container(Job(**vars(job) | {"read_only": (data,)})))
    assert f'type=bind,"source={data}","target={data}",readonly' in line


def test_the_command_holds_no_secret_and_asks_no_engine(job, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere")
    line = DockerExecutor().command(Job(**vars(job) | {"secrets": {"KEY": "planted"}}))
    assert not any("planted" in word for word in line)
    assert images.tag("cuda") in line
    assert "RUNNER_SECRETS=/run/secrets" in line


def test_links_that_lead_out_of_a_folder_are_followed(job, tmp_path):
    folder = tmp_path / "snapshot"
    folder.mkdir()
    (tmp_path / "blob").write_text("x")
    (folder / "inside").write_text("x")
    (folder / "model").symlink_to("../blob")
    (folder / "alias").symlink_to("inside")
    (folder / "broken").symlink_to("nowhere")
    described = container(Job(**vars(job) | {"read_only": (folder,)}))
    assert set(described.mounts) == {folder, tmp_path / "blob", job.run, job.cache}


# Secrets on their way.


@pytest.fixture
def memory_folder(tmp_path, monkeypatch):
    folder = tmp_path / "runtime"
    folder.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    return folder


def test_secret_files_are_private_and_go_away(memory_folder):
    files = SecretFiles({"A": "1", "B": "line\nline"})
    assert files.path.parent == memory_folder
    assert files.path.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in files.path.iterdir()} == {"A": 0o400, "B": 0o400}
    assert (files.path / "B").read_text() == "line\nline"
    files.close()
    files.close()
    assert list(memory_folder.iterdir()) == []


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../x"])
def test_a_secrets_name_is_no_path(memory_folder, name):
    with pytest.raises(UsageError):
        SecretFiles({name: "x"})
    assert list(memory_folder.iterdir()) == []


def test_secrets_go_when_the_process_ends_and_at_the_next_start_when_it_was_killed(memory_folder):
    program = (
        "import os, sys\nfrom runner.execution.secret_files import SecretFiles\n"
        "files = SecretFiles({'A': '1'})\nprint(files.path)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not Path(ended.stdout.strip()).exists()
    killed = subprocess.run(
        [sys.executable, "-c", program + "sys.stdout.flush()\nos.kill(os.getpid(), 9)"], capture_output=True, text=True
    )
    left = Path(killed.stdout.strip())
    assert left.exists() and left.name.startswith(PREFIX)
    SecretFiles({"B": "2"}).close()
    assert not left.exists()


# Ownership.


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give files away")
def test_root_hands_over_and_follows_no_link(tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("x")
    run = tmp_path / "run"
    (run / "deep").mkdir(parents=True)
    (run / "deep" / "file").write_text("x")
    (run / "link").symlink_to(outside)
    others = run / "others"
    others.write_text("x")
    os.chown(others, 4242, 4242)
    hand_over(run, (1000, 1000), only_from=0)
    assert {(path.lstat().st_uid) for path in (run, run / "deep", run / "deep" / "file", run / "link")} == {1000}
    assert outside.stat().st_uid == 0
    assert others.stat().st_uid == 4242
    hand_over(run, (0, 0))
    assert others.stat().st_uid == 0


def test_what_another_user_may_not_read_is_told(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "open").write_text("x")
    (folder / "open").chmod(0o644)
    folder.chmod(0o755)
    stranger = (54321, 54321)
    check_readable(folder, stranger)
    (folder / "closed").write_text("x")
    (folder / "closed").chmod(0o600)
    with pytest.raises(EnvironmentProblem, match="closed"):
        check_readable(folder, stranger)
    check_readable(folder / "closed", ((folder / "closed").stat().st_uid, 54321))


# No engine, and what its errors mean.


def test_no_daemon(monkeypatch, tmp_path):
    for address in (f"unix://{tmp_path}/none.sock", "tcp://127.0.0.1:9"):
        monkeypatch.setenv("DOCKER_HOST", address)
        with pytest.raises(EnvironmentProblem, match="no Docker Engine answers") as caught:
            engines.connect()
        assert caught.value.where == address and not caught.value.retryable
        assert "--executor local" in (caught.value.hint or "")


def test_a_socket_that_nobody_listens_on(monkeypatch, tmp_path):
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    with pytest.raises(EnvironmentProblem, match="no Docker Engine answers"):
        engines.connect()


def test_no_permission_on_the_socket(monkeypatch, tmp_path_factory):
    folder = tmp_path_factory.mktemp("socket")
    path = folder / "docker.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        path.chmod(0o600)
        for above in (folder, folder.parent, folder.parent.parent):
            above.chmod(0o755)
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        if os.getuid() != 0:
            path.chmod(0)
            with pytest.raises(EnvironmentProblem, match="may not use its socket"):
                engines.connect()
            return
        import docker  # noqa: F401 - loaded before the child gives up the rights to read it

        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            try:
                engines.connect()
                told = "connected"
            except BaseException as error:  # noqa: BLE001 - the parent judges
                told = f"{type(error).__name__}: {error}; {getattr(error, 'hint', None)}"
            os.write(write, told.encode())
            os._exit(0)
        os.close(write)
        with os.fdopen(read) as pipe:
            told = pipe.read()
        os.waitpid(child, 0)
    assert told.startswith("EnvironmentProblem: unix://")
    assert "a Docker Engine is there, but this user may not use its socket" in told
    assert "usermod -aG docker" in told


def test_an_engine_on_another_machine_is_refused(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "tcp://192.0.2.1:2375")
    with pytest.raises(EnvironmentProblem, match="another machine"):
        engines.connect()


def test_gpus_are_seen_in_every_way_that_an_engine_offers_them(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert not engines._has_gpus({"Runtimes": {"runc": {}}, "DiscoveredDevices": None})
    assert engines._has_gpus({"Runtimes": {"nvidia": {}}})
    assert engines._has_gpus({"DiscoveredDevices": [{"Source": "cdi", "ID": "nvidia.com/gpu=0"}]})


@pytest.mark.parametrize(
    ("words_of_the_engine", "message", "hint"),
    [
        ('could not select device driver "" with capabilities: [[gpu]]', "could not hand a GPU", "Container Toolkit"),
        ("No such image: runner:x", "there is no image", "runner image build"),
        ("write /var/lib: no space left on device", "no space left", "prune"),
        ("something new", "refused the container: something new", None),
    ],
)
def test_a_refusal_is_told_by_its_cause(words_of_the_engine, message, hint):
    problem = engines.refused(RuntimeError(words_of_the_engine), "runner:x")
    assert message in problem.message
    assert hint is None or hint in (problem.hint or "")
