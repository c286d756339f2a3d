"""The image serves as the guide says: hardened as a run is, to this machine alone, and it ends when it is asked to."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import ROOT, Desk
from tests.holding import wait
from tests.serving.running import PATIENCE
from tests.talking_models import CHATS

pytestmark = [pytest.mark.slow, pytest.mark.docker]


def docker(*words: str) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def documented() -> list[str]:
    """The words of the guide's command."""
    guide = (ROOT / "docs" / "serving.md").read_text().splitlines()
    (line,) = [line for line in guide if line.startswith("docker run")]
    return shlex.split(line)[2:]


def test_a_container_serves_as_the_guide_says(talking: Desk, engine: Any, tmp_path: Path):
    models = tmp_path / "models"
    shutil.copytree(talking.home / "models" / CHATS, models / CHATS)
    for path in (tmp_path, models, *models.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    port, volume, model = "127.0.0.1:8000:8000", "$PWD/models:/workspace/models:ro", "sft/sft-example"
    here = {port: "127.0.0.1::8000", volume: f"{models}:/workspace/models:ro", model: CHATS}
    words = documented()
    assert {*here} <= {*words} and "--rm" in words
    # Kept until it is looked at.
    container = docker("run", "--detach", *(here.get(word, word) for word in words if word != "--rm"))
    try:
        address = "http://" + docker("port", container, "8000/tcp").splitlines()[0]

        def state() -> dict[str, Any]:
            found: dict[str, Any] = json.loads(docker("inspect", container))[0]["State"]
            return found

        def ready() -> bool:
            assert state()["Running"], docker("logs", container)
            try:
                return httpx.get(f"{address}/health", timeout=PATIENCE).status_code == 200
            except httpx.TransportError:
                return False

        wait(ready)
        asked = {"model": CHATS, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4}
        answer = httpx.post(f"{address}/v1/chat/completions", json=asked, timeout=PATIENCE)
        assert answer.status_code == 200 and answer.json()["usage"]["completion_tokens"] == 4
        docker("stop", "--time", "40", container)
        assert state()["ExitCode"] == 0
    finally:
        subprocess.run(["docker", "rm", "--force", "--volumes", container], capture_output=True, check=False)
