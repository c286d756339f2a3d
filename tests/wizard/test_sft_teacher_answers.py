"""A teacher is asked by the wizard's scripts: each prompt once, and nothing of the key is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.chat.endpoints.chat_requests import Asking
from runner.errors import DataError, EnvironmentProblem
from runner.wizard.sft_teacher_answers import teach
from tests.inference.collecting.endpoint import Endpoint, serving

ONCE = Asking(timeout=30, attempts=1, backoff=0)


@pytest.fixture
def endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    monkeypatch.setenv("RUNNER_CACHE_DIR", str(tmp_path / "cache"))
    with serving() as found:
        yield found


def test_the_answers_become_conversations_in_the_prompts_order(endpoint: Endpoint, tmp_path: Path):
    into = tmp_path / "taught.jsonl"
    count = teach(
        ["1 + 2", "3 + 4", "1 + 2"], into, model="plain", base_url=endpoint.url, system="Add.", asking=ONCE
    )  # fmt: skip
    rows = [json.loads(line)["messages"] for line in into.read_text().splitlines()]
    assert (count, [turns[-1] for turns in rows]) == (
        2,
        [{"role": "assistant", "content": "3"}, {"role": "assistant", "content": "7"}],
    )
    assert rows[0][:2] == [{"role": "system", "content": "Add."}, {"role": "user", "content": "1 + 2"}]


def test_what_was_answered_is_not_asked_again(endpoint: Endpoint, tmp_path: Path):
    said: list[str] = []
    endpoint.faults["plain"] = [(400, {}, "no")]
    first = teach(
        ["1 + 2", "3 + 4"], tmp_path / "a.jsonl", model="plain", base_url=endpoint.url, say=said.append, asking=ONCE
    )
    assert first == 1
    assert len(said) == 1
    assert "no answer to" in said[0]
    assert "HTTP 400: no" in said[0]
    assert teach(["1 + 2", "3 + 4"], tmp_path / "a.jsonl", model="plain", base_url=endpoint.url, asking=ONCE) == 2
    assert endpoint.asked["plain"] == 3


def test_the_key_is_read_from_its_variable_and_written_nowhere(
    endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TEACHER_KEY", "very-secret")
    teach(["1 + 2"], tmp_path / "a.jsonl", model="plain", base_url=endpoint.url, key_env="TEACHER_KEY", asking=ONCE)
    assert endpoint.keys == {"Bearer very-secret"}
    written = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert written
    assert not any(b"very-secret" in each for each in written)


def test_a_key_that_is_not_there_an_address_that_is_none_and_silence_are_told(endpoint: Endpoint, tmp_path: Path):
    with pytest.raises(EnvironmentProblem, match="NO_SUCH_KEY is not set"):
        teach(["1 + 2"], tmp_path / "a.jsonl", model="plain", base_url=endpoint.url, key_env="NO_SUCH_KEY")
    with pytest.raises(DataError, match="begins with https"):
        teach(["1 + 2"], tmp_path / "a.jsonl", model="plain", base_url="example.com")
    endpoint.faults["plain"] = [(400, {}, "no")]
    with pytest.raises(EnvironmentProblem, match="answered none of 1 prompts"):
        teach(["1 + 2"], tmp_path / "a.jsonl", model="plain", base_url=endpoint.url, say=lambda text: None, asking=ONCE)
    assert not (tmp_path / "a.jsonl").exists()
