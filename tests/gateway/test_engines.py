"""An engine of others as a child of the server: found, started, asked, watched, ended; with a stand-in on the PATH."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import openai
import psutil
import pytest

from runner.contract.served_parts import ServedParts
from runner.errors import ConflictError, UsageError
from runner.gateway.engines import engine_start
from runner.gateway.engines.known_engines import ENGINES, Words, more_flags
from tests.conftest import Desk
from tests.holding import wait
from tests.serving.running import PATIENCE
from tests.talking_models import CHATS, GOES_ON
from tests.warm import Copy

PROGRAM = Path(__file__).with_name("engine_program.py")


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a program named vllm."""
    folder = tmp_path_factory.mktemp("programs")
    program = folder / "vllm"
    program.write_text(f"#!{sys.executable} -S\n{PROGRAM.read_text()}")
    program.chmod(0o755)
    return folder


@dataclass
class Engine:
    """A server with an engine, that is ready."""

    process: Copy
    address: str
    told: dict[str, Any]

    def client(self) -> openai.OpenAI:
        return openai.OpenAI(base_url=f"{self.address}/v1", api_key="any", max_retries=0, timeout=PATIENCE)

    def post(self, **fields: Any) -> httpx.Response:
        asked = {"model": CHATS, "messages": [{"role": "user", "content": "Hi"}]} | fields
        return httpx.post(f"{self.address}/v1/chat/completions", json=asked, timeout=PATIENCE)

    def gone(self) -> bool:
        return not any(_runs(pid) for pid in self.told["pids"])


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def typed(desk: Desk, programs: Path | None, *words: object, **variables: str) -> Copy:
    """``runner serve`` with the stand-in, or without any engine."""
    path = os.defpath if programs is None else f"{programs}{os.pathsep}{os.environ['PATH']}"
    given = desk.variables | {"PATH": path, "STANDIN_TOLD": str(desk.home / "told.json")} | variables
    return Copy(["serve", *words, "--port", "0"], desk.home, given)


@contextmanager
def begun(desk: Desk, programs: Path, *words: object, **variables: str) -> Iterator[Engine]:
    (desk.home / "told.json").unlink(missing_ok=True)
    process = typed(desk, programs, *words, "--engine", "vllm", "--json", **variables)
    try:
        wait(lambda: process.out.exists() and process.out.read_text().endswith("}\n"), process)
        told = json.loads((desk.home / "told.json").read_text())
        yield Engine(process, json.loads(process.out.read_text())["address"], told)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(PATIENCE)


# ---- What it is started with


def test_an_engine_is_started_with_the_model_its_template_and_its_limits(tmp_path):
    words = Words(tmp_path, "sft--helper", 9, tmp_path / "t.jinja", None, 0, 4, 512)
    flags = " ".join(ENGINES["vllm"].flags(words))
    assert flags.startswith(f"serve {tmp_path} --host 127.0.0.1 --port 9 --max-num-seqs 4 --generation-config vllm")
    assert f"--served-model-name sft--helper --chat-template {tmp_path}/t.jinja --max-model-len 512" in flags
    flags = " ".join(ENGINES["sglang"].flags(words))
    assert f"--model-path {tmp_path}" in flags and "--context-length 512" in flags and "lora" not in flags


@pytest.mark.parametrize(
    ("engine", "told"),
    [
        ("vllm", "--enable-lora --max-lora-rank 16 --lora-modules a=/adapter --tokenizer /adapter"),
        ("sglang", "--enable-lora --max-lora-rank 12 --lora-paths a=/adapter --tokenizer-path /adapter"),
    ],
)
def test_an_adapter_is_put_beside_its_base(engine, told):
    words = Words(Path("/base"), "a", 9, None, Path("/adapter"), 12)
    flags = " ".join(ENGINES[engine].flags(words))
    assert told in flags and "/base" in flags and "--served-model-name a-base" in flags and "template" not in flags


def test_an_adapter_that_no_engine_reads_is_refused_with_what_to_do(tmp_path):
    for document, told in (
        ({"r": 4, "use_dora": True}, "DoRA"),
        ({"r": 4, "modules_to_save": ["lm_head"]}, "layers that were trained whole"),
    ):
        (tmp_path / "adapter_config.json").write_text(json.dumps(document))
        with pytest.raises(ConflictError, match=told) as refused:
            engine_start._rank(ServedParts(tmp_path, tmp_path), "sft/mine/v2")
        assert "runner merge sft/mine" in str(refused.value.hint)
    (tmp_path / "adapter_config.json").write_text(json.dumps({"r": 4, "rank_pattern": {"q": 9}}))
    assert engine_start._rank(ServedParts(tmp_path, tmp_path), "sft/mine/v2") == 9


def test_flags_of_its_own_are_handed_on_but_for_those_that_are_set_here():
    assert more_flags(ENGINES["vllm"], ["tensor-parallel-size=2", "--enforce-eager"]) == [
        "--tensor-parallel-size=2",
        "--enforce-eager",
    ]
    for word, told in (("port=9", "is set by"), ("trust_remote_code", "no code"), ("=1", "is not NAME=VALUE")):
        with pytest.raises(UsageError, match=told):
            more_flags(ENGINES["vllm"], [word])


@pytest.mark.parametrize(
    ("words", "variables", "code", "told"),
    [
        ((CHATS, "--engine", "sglang"), {}, 6, "sglang is not installed here"),
        ((CHATS, "--engine", "vllm"), {"STANDIN_VERSION": "0.7.3"}, 6, "vllm 0.7.3 is installed, and what is known"),
        ((CHATS, "--engine", "vllm"), {"STANDIN_VERSION": "none"}, 6, "vllm does not say its version: none"),
        ((CHATS, GOES_ON, "--engine", "vllm"), {}, 2, "an engine has one model, and 2 are named"),
        (("--engine", "vllm"), {}, 2, "an engine has one model, and 0 are named"),
        (("elo_scoring/elo", "--engine", "vllm"), {}, 5, "which no engine serves"),
        ((CHATS, "--engine", "vllm", "--set", "temperature=1"), {}, 2, "--set: does not go with --engine"),
        ((CHATS, "--engine", "vllm", "--deterministic"), {}, 2, "--deterministic: does not go with --engine"),
        ((CHATS, "--engine", "vllm", "--engine-seconds", "0"), {}, 2, "--engine-seconds: is 0.0"),
        ((CHATS, "--engine", "vllm", "--engine-flag", "port=1"), {}, 2, "port is set by runner serve"),
        ((CHATS, "--engine", "vllm", "--max-length", "999999"), {}, 2, "reads"),
        ((CHATS, "--engine-seconds", "9"), {}, 2, "is an engine's, and none is named"),
        ((CHATS, "--engine", "vllm"), {"STANDIN_WAY": "fails"}, 1, "ValueError: there is no GPU"),
        ((CHATS, "--engine", "vllm", "--engine-seconds", "1"), {"STANDIN_WAY": "late"}, 1, "was not ready after 1 s"),
    ],
)
def test_what_cannot_be_begun_is_told_with_what_to_do(talking: Desk, programs, words, variables, code, told):
    process = typed(talking, programs, *words, **variables)
    assert process.wait(PATIENCE) == code, process.err.read_text()
    assert told in process.err.read_text() and "Traceback" not in process.err.read_text()


def test_an_engine_that_is_not_installed_is_told_with_what_to_install(talking: Desk):
    process = typed(talking, None, CHATS, "--engine", "vllm")
    assert process.wait(PATIENCE) == 6
    assert "vllm is not installed here" in process.err.read_text()
    assert "pip install vllm" in process.err.read_text()


# ---- Asked, and ended


def test_an_engine_answers_by_the_same_wire_and_ends_with_the_server(talking: Desk, programs):
    words = (CHATS, "--alias", f"gpt={CHATS}", "--api-key-env", "SECRET_OF_OURS", "--engine-flag", "enforce-eager")
    with begun(talking, programs, *words, SECRET_OF_OURS="any") as engine, engine.client() as client:
        # What it was started with.
        given = engine.told["words"]
        template = Path(given[given.index("--chat-template") + 1])
        assert "messages" in template.read_text() and given[-1] == "--enforce-eager"
        assert Path(given[1]) == talking.home / "models" / "sft" / "talker" / "v1"
        assert "VLLM_API_KEY" in engine.told["variables"] and "SECRET_OF_OURS" not in engine.told["variables"]
        # Whole, streamed, under another name, of a text.
        hi = [{"role": "user", "content": "Hi"}]
        whole = client.chat.completions.with_raw_response.create(model=CHATS, messages=hi)
        assert whole.headers["x-runner-mode"] == "engine vllm 0.11.0"
        said = whole.parse()
        # Without a temperature the likeliest token is taken, as without an engine.
        assert said.choices[0].message.content == "You said Hi at 0.0" and said.usage.prompt_tokens == 7
        chunks = list(client.chat.completions.create(model="gpt", messages=hi, stream=True, temperature=1))
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "You said Hi at 1.0"
        assert chunks[-1].choices[0].finish_reason == "stop" and chunks[0].model == "gpt"
        assert client.completions.create(model=CHATS, prompt="Go").choices[0].text == "You said Go at 0.0"
        assert [card.id for card in client.models.list()] == [CHATS, "gpt"]
        # Refused by name.
        for field, value in (("tools", [{"type": "function"}]), ("return_token_ids", True), ("temprature", 1)):
            with pytest.raises(openai.BadRequestError) as refused:
                client.chat.completions.create(model=CHATS, messages=hi, extra_body={field: value})
            assert refused.value.param == field
        with pytest.raises(openai.BadRequestError, match="maximum context length"):
            client.chat.completions.create(model=CHATS, messages=[{"role": "user", "content": "too long"}])
        assert httpx.get(f"{engine.address}/health").status_code == 200
        engine.process.send_signal(signal.SIGTERM)
        assert engine.process.wait(PATIENCE) == 0
        assert engine.gone() and not template.exists()


def test_an_engine_that_dies_is_told_once_and_every_request_after_it_is_a_503(talking: Desk, programs):
    with begun(talking, programs, CHATS) as engine, engine.client() as client:
        dying = [{"role": "user", "content": "die"}]
        with pytest.raises(openai.APIError, match=r"vllm 0\.11\.0 has ended with code 9"):
            list(client.chat.completions.create(model=CHATS, messages=dying, stream=True))  # type: ignore[arg-type]
        for _ in range(2):
            refused = engine.post()
            assert refused.status_code == 503 and refused.json()["error"]["code"] == "engine_ended"
        health = httpx.get(f"{engine.address}/health")
        assert health.status_code == 503 and "has ended with code 9" in health.json()["status"]
        said = engine.process.err.read_text()
        assert said.count("has ended with code 9") == 1 and "CUDA error: out of memory" in said


def test_no_engine_is_left_where_the_server_is_killed(talking: Desk, programs):
    with begun(talking, programs, CHATS, STANDIN_WAY="parent") as engine:
        assert len(engine.told["pids"]) == 2 and not engine.gone()
        engine.process.kill()
        engine.process.wait(PATIENCE)
        wait(engine.gone)


def test_an_engine_that_does_not_hear_is_killed(tmp_path, monkeypatch):
    from runner.gateway.engines import keeper
    from runner.gateway.engines.engine_process import EngineProcess

    short = tmp_path / "keeper.py"
    short.write_text(Path(keeper.__file__).read_text().replace("GRACE = 15.0", "GRACE = 0.1"))
    monkeypatch.setattr(keeper, "__file__", str(short))
    deaf = "import os,signal,sys; signal.signal(15, signal.SIG_IGN); print(os.getpid(), flush=True); signal.pause()"
    child = EngineProcess([sys.executable, "-c", deaf], os.environ, tmp_path / "log")
    while not child.tail():
        assert child.ended() is None
    pid = int(child.tail())
    child.end()
    assert not _runs(pid) and child.ended() == 128 + signal.SIGKILL
    shutil.rmtree(tmp_path)
    assert child.tail() == ""
