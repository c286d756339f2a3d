"""The road from prompts and backends to an outcome matrix: asked, graded, priced, kept as it comes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from runner.chat import judge_prompt
from runner.chat.endpoints.answers_cache import Answer, AnswersCache
from runner.chat.endpoints.backends import Keyed
from runner.chat.endpoints.chat_requests import Asking, Failed
from runner.data.prompt_messages import role_of, text_of
from runner.data.prompt_rows import MESSAGES, Row, prompt_row
from runner.data.records import open_records
from runner.errors import DataError, UsageError
from runner.inference.collecting import grading
from runner.inference.collecting.grading import Grade
from runner.runs.event_kinds import Event, ProgressEvent

#: Seconds without an answer after which is told who is waited for.
PATIENCE = 10.0
#: The columns of the long form, in their order; the last three only where there is something in them.
COLUMNS = ("prompt", "model", "score", "cost", "prompt_tokens", "completion_tokens", "latency", "response",
           "history", "group", "error")  # fmt: skip


@dataclass(frozen=True)
class Question:
    """One prompt of the file."""

    row: Row
    reference: str | None
    group: str | None
    #: (role, text) of every turn, the user's last at the end.
    turns: tuple[tuple[str, str], ...]

    def messages(self) -> list[dict[str, str]]:
        return [{"role": role, "content": text} for role, text in self.turns]


def _turns(row: Row, value: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The turns with their roles, as far as the user's last."""
    if value.get("prompt") is not None:
        return (("user", row.prompt),)
    listed = next(value[name] for name in MESSAGES if value.get(name) is not None)
    turns = [(str(role_of(message)), str(text_of(message))) for message in listed]
    last = max(at for at, (role, _) in enumerate(turns) if role == "user")
    return tuple(turns[: last + 1])


def read_questions(path: Path, grade: Grade, reference: str, group: str | None, compared: bool) -> list[Question]:
    """The prompts of a file, with their references, where the grade needs any. Raises :class:`DataError`."""
    found = []
    for batch in open_records(path, pointer="").batches():
        for number, reason in batch.bad:
            raise DataError(reason, where=f"{batch.file}:{number}")
        for number, value in zip(batch.numbers, batch.rows, strict=True):
            where = f"{batch.file}:{number}"
            row = prompt_row(value, where)
            cell = value.get(reference)
            text = None if cell is None or cell == "" else str(cell)
            if text is None and not compared:
                raise DataError(
                    f"there is no {reference!r}, by which answers are graded",
                    where=where,
                    hint="name the column with --reference; or --grade judge --against NAME needs none",
                )
            if text is not None and not compared:
                grading.check_reference(grade, text, where)
            own = None if group is None or value.get(group) is None else str(value[group])
            found.append(Question(row, text, own, _turns(row, value)))
    if not found:
        raise DataError("there is no prompt in it", where=str(path))
    return found


@dataclass
class Collected:
    """The rows of the long form, one a prompt and LLM, and what became of them."""

    rows: list[dict[str, Any]]
    #: Reason -> how many prompts and LLMs it left without a score, and one thing that an endpoint said.
    failures: Counter[str] = field(default_factory=Counter)
    said: dict[str, str] = field(default_factory=dict)
    cached: int = 0
    judge_cost: float = 0.0

    @property
    def scored(self) -> int:
        return sum(row["score"] is not None for row in self.rows)

    def summary(self, names: Sequence[str]) -> dict[str, Any]:
        """Per LLM how many scores, their mean, and what it cost together."""
        own = {name: [row for row in self.rows if row["model"] == name] for name in names}
        return {
            "rows": len(self.rows),
            "scores": self.scored,
            "holes": len(self.rows) - self.scored,
            "failures": dict(self.failures.most_common()),
            "from_cache": self.cached,
            "judge_cost": self.judge_cost,
            "llms": {name: _one(rows) for name, rows in own.items()},
        }


def _one(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    scores = [row["score"] for row in rows if row["score"] is not None]
    return {
        "scores": len(scores),
        "mean_score": sum(scores) / len(scores) if scores else None,
        "cost": sum(row["cost"] or 0.0 for row in rows),
    }


@dataclass
class Collector:
    """What is asked of whom. ``judge`` and ``against`` are of the same backends, by grade ``judge`` alone."""

    backends: Sequence[Keyed]
    grade: Grade
    cache: AnswersCache
    asking: Asking
    judge: Keyed | None = None
    against: str | None = None
    concurrency: int = 8
    _lock: Lock = field(default_factory=Lock, repr=False)

    def collect(self, questions: Sequence[Question], emit: Callable[[Event], None]) -> Collected:
        """Ask everybody everything, at most ``concurrency`` questions at a time; then grade.

        What is answered is kept at once: after a stop the same call goes on from there.
        """
        import urllib3

        pool = urllib3.PoolManager(maxsize=self.concurrency, num_pools=max(10, len(self.backends)))
        found = Collected([])
        wanted = [(at, keyed) for at in range(len(questions)) for keyed in self.backends]
        answers: dict[tuple[int, str], Answer | Failed] = {}

        def ask(item: tuple[int, Keyed]) -> Answer | Failed:
            return self._answer(pool, item[1], questions[item[0]].messages(), found)

        def told(done: int, total: int, unit: str) -> None:
            emit(ProgressEvent(done=done, total=total, unit=unit))

        try:
            for done, (item, answer) in enumerate(self._each(ask, wanted, "the answers", "there"), 1):
                answers[item[0], item[1].backend.name] = answer
                told(done, len(wanted), "answers")
            scores = self._grades(pool, questions, answers, found, told if self.judge else None)
        except BaseException:
            # Nobody waits for another attempt then.
            self.asking.stopped.set()
            raise
        for at, question in enumerate(questions):
            for keyed in self.backends:
                key = (at, keyed.backend.name)
                found.rows.append(self._row(question, keyed, answers[key], scores[key], found))
        return found

    def _each(self, do: Callable[[Any], Any], items: Sequence[Any], what: str, done: str) -> Iterator[tuple[Any, Any]]:
        """What is done with each item, as it comes; a few more than can run at once are handed over at a time.

        ``what`` is told to be waited for where nothing comes for a while, with how many are ``done``.
        """
        left, count = iter(items), 0

        def ended() -> Iterator[tuple[Any, Any]]:
            nonlocal count
            while not (found := wait(running, timeout=PATIENCE, return_when=FIRST_COMPLETED).done):
                self.asking.say(f"waiting for {what}: {count:,} of {len(items):,} are {done}")
            for future in found:
                count += 1
                yield running.pop(future), future.result()

        executor = ThreadPoolExecutor(self.concurrency)
        try:
            running: dict[Future[Any], Any] = {}
            for item in left:
                running[executor.submit(do, item)] = item
                if len(running) >= 2 * self.concurrency:
                    yield from ended()
            while running:
                yield from ended()
        finally:
            executor.shutdown(wait=False, cancel_futures=True)

    def _answer(
        self, pool: Any, keyed: Keyed, messages: list[dict[str, str]], found: Collected,
        worth_keeping: Callable[[str], bool] = bool,
    ) -> Answer | Failed:  # fmt: skip
        """``worth_keeping``: whether a text answers what was asked. One that does not is not kept, so that who has been
        mended is asked again."""
        kept = self.cache.get(keyed.backend, messages)
        if kept is not None and worth_keeping(kept.text):
            with self._lock:
                found.cached += 1
            return kept
        try:
            answer = self.asking.ask(pool, keyed, messages)
        except Failed as failure:
            return failure
        if worth_keeping(answer.text):
            self.cache.put(keyed.backend, messages, answer)
        return answer

    def _grades(
        self, pool: Any, questions: Sequence[Question], answers: Mapping[tuple[int, str], Answer | Failed],
        found: Collected, told: Callable[[int, int, str], None] | None,
    ) -> dict[tuple[int, str], float | Failed]:  # fmt: skip
        """The score of every answer, or why there is none."""

        def one(item: tuple[tuple[int, str], Answer | Failed]) -> float | Failed:
            (at, name), answer = item
            if isinstance(answer, Failed):
                return answer
            question = questions[at]
            if self.grade != "judge":
                assert question.reference is not None
                return grading.by_reference(self.grade, answer.text, question.reference)
            if name == self.against:
                return 0.5
            other = question.reference if self.against is None else answers[at, self.against]
            if isinstance(other, Failed):
                return Failed(f"nothing to judge it beside: {self.against} has no answer")
            beside = other.text if isinstance(other, Answer) else str(other)
            return self._judged(pool, question, answer.text, beside, found)

        scores = {}
        what = f"the judge, {self.judge.backend.name}" if self.judge is not None else "the grades"
        if told is not None:
            # A judge may be slow: that the answers are there is not the end.
            told(0, len(answers), "grades")
        for done, ((key, _), score) in enumerate(self._each(one, list(answers.items()), what, "graded"), 1):
            scores[key] = score
            if told is not None:
                told(done, len(answers), "grades")
        return scores

    def _judged(self, pool: Any, question: Question, text: str, other: str, found: Collected) -> float | Failed:
        """The mean of the judge's two verdicts, the answer standing first and second."""
        assert self.judge is not None
        worth = []
        for first, asked in zip((True, False), judge_prompt.questions(question.row.prompt, text, other), strict=True):
            turns = [{"role": "user", "content": asked}]
            said = self._answer(pool, self.judge, turns, found, judge_prompt.has_verdict)
            if isinstance(said, Failed):
                return Failed(f"the judge: {said.reason}", said.told)
            with self._lock:
                found.judge_cost += self._cost(self.judge, said) or 0.0
            value = judge_prompt.verdict(said.text, first)
            if value is None:
                return Failed("the judge: no verdict")
            worth.append(value)
        return sum(worth) / len(worth)

    @staticmethod
    def _cost(keyed: Keyed, answer: Answer) -> float | None:
        if answer.prompt_tokens is None or answer.completion_tokens is None:
            return None
        return keyed.backend.cost(answer.prompt_tokens, answer.completion_tokens)

    def _row(
        self, question: Question, keyed: Keyed, answer: Answer | Failed, score: float | Failed, found: Collected
    ) -> dict[str, Any]:
        row: dict[str, Any] = dict.fromkeys(COLUMNS[:8])
        row |= {"prompt": question.row.prompt, "model": keyed.backend.name}
        if question.row.history:
            row["history"] = list(question.row.history)
        if question.group is not None:
            row["group"] = question.group
        if isinstance(answer, Answer):
            row |= {"cost": self._cost(keyed, answer), "prompt_tokens": answer.prompt_tokens,
                    "completion_tokens": answer.completion_tokens, "latency": answer.latency,
                    "response": answer.text}  # fmt: skip
        if isinstance(score, Failed):
            found.failures[score.reason] += 1
            if score.told:
                found.said.setdefault(score.reason, score.told)
            row["error"] = score.reason
        else:
            row["score"] = score
        return row


def chosen(backends: Sequence[Keyed], name: str | None, flag: str) -> Keyed | None:
    """The backend of that name. Raises :class:`UsageError` for none."""
    if name is None:
        return None
    found = next((keyed for keyed in backends if keyed.backend.name == name), None)
    if found is None:
        names = ", ".join(keyed.backend.name for keyed in backends)
        raise UsageError(f"no backend is called {name!r}", where=flag, hint=f"there are: {names}")
    return found


def written(rows: Sequence[Mapping[str, Any]], suffix: str) -> bytes:
    """The rows as JSON Lines, or as Parquet. Columns that no row has are left out."""
    used = [name for name in COLUMNS if name in COLUMNS[:8] or any(name in row for row in rows)]
    if suffix == ".jsonl":
        lines = [json.dumps({name: row[name] for name in used if name in row}, ensure_ascii=False) for row in rows]
        return "".join(line + "\n" for line in lines).encode("utf-8", "backslashreplace")
    import pyarrow as pa
    import pyarrow.parquet as pq

    text, amount = pa.string(), pa.float64()
    kinds = dict.fromkeys(COLUMNS[2:7], amount) | {"history": pa.list_(text)}
    schema = pa.schema([(name, kinds.get(name, text)) for name in used])
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows], schema), sink)
    return bytes(sink.getvalue().to_pybytes())
