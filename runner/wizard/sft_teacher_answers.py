"""Conversations to learn from, answered by a larger model behind an OpenAI-compatible endpoint.

Answers are kept in the cache by what was asked, so that a second run asks only what was not answered. The key is named
by its environment variable, and is written nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from runner.chat.endpoints.answers_cache import AnswersCache
from runner.chat.endpoints.backends import Backend, keyed
from runner.chat.endpoints.chat_requests import Asking, Failed
from runner.errors import EnvironmentProblem
from runner.wizard.sft_rows import written_pairs
from runner.workspace import Workspace

#: Questions that are asked at the same time.
TOGETHER = 4


def teach(
    prompts: Sequence[str],
    into: Path | str,
    *,
    model: str,
    base_url: str,
    key_env: str | None = None,
    system: str | None = None,
    say: Callable[[str], None] = print,
    asking: Asking | None = None,
) -> int:
    """Ask a teacher every prompt, write the conversations as JSON lines, and give how many there are.

    Args:
        prompts: what is asked, each once.
        into: the file, one conversation a line in the prompts' order.
        model: what the endpoint calls the teacher.
        base_url: where it is, such as ``https://openrouter.ai/api/v1``.
        key_env: the name of the environment variable that holds the key; None where none is asked for.
        system: a turn of the system before every prompt, which is learned beside it.
        say: is told of each prompt that got no answer.
        asking: how often and how long it is asked.

    Raises :class:`~runner.errors.DataError` for an address that is none, and :class:`EnvironmentProblem` for a key that
    is not there, and where no prompt was answered.
    """
    import urllib3

    teacher = keyed(Backend(name="teacher", base_url=base_url, model=model, key_env=key_env), "the teacher")
    cache, how = AnswersCache(Workspace.current().cache / "answers"), asking or Asking()
    before = [] if system is None else [{"role": "system", "content": system}]

    def answer(prompt: str) -> list[dict[str, Any]] | None:
        turns = [*before, {"role": "user", "content": prompt}]
        found = cache.get(teacher.backend, turns)
        if found is None:
            try:
                found = how.ask(pool, teacher, turns)
            except Failed as failed:
                said = f": {failed.told}" if failed.told else ""
                say(f"no answer to {prompt[:60]!r}: {failed.reason}{said}")
                return None
            cache.put(teacher.backend, turns, found)
        return [*turns, {"role": "assistant", "content": found.text}]

    with urllib3.PoolManager(maxsize=TOGETHER) as pool, ThreadPoolExecutor(TOGETHER) as workers:
        found = [turns for turns in workers.map(answer, dict.fromkeys(prompts)) if turns is not None]
    if not found:
        raise EnvironmentProblem(
            f"the teacher answered none of {len(prompts):,} prompts",
            where=base_url,
            hint="see what it said above; what it answers is kept, and the same command goes on from there",
        )
    written_pairs(found, Path(into))
    return len(found)
