"""``runner data collect``: prompts and LLMs in, a matrix of outcomes out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from runner.cli.infer import progress_shown
from runner.cli.output import say, show, table
from runner.cli.parameters import Json
from runner.errors import ExitCode, RunFailed, UsageError
from runner.workspace import Workspace

SUFFIXES = (".jsonl", ".parquet")


def collect(
    *,
    prompts_file: Path,
    backends: Path,
    output_path: Path,
    grade: Literal["exact", "numeric", "regex", "judge"] = "exact",
    reference: str = "reference",
    group: str | None = None,
    judge: str | None = None,
    against: str | None = None,
    concurrency: int = 8,
    timeout: float = 120.0,
    attempts: int = 5,
    backoff: float = 1.0,
    allow_holes: Annotated[bool, Parameter(negative="")] = False,
    json: Json = False,
) -> int:
    """Ask LLMs behind HTTP every prompt, grade and price their answers, and write the matrix of outcomes.

    Example: runner data collect --prompts-file prompts.jsonl --backends backends.json --output-path outcomes.jsonl

    The backends: [{"name": "small", "base_url": "http://127.0.0.1:8000/v1", "model": "org/small", "input": 0.1,
    "output": 0.4, "key_env": "SMALL_KEY"}], each an OpenAI-compatible endpoint; prices are of a million tokens, and the
    key is named and never written. Answers are kept in the cache: the same command goes on where it was stopped. What
    got no answer is a hole, and the exit code is 1 then.

    Parameters
    ----------
    prompts_file
        Rows with a prompt (or messages) and a reference: .jsonl, .csv, .parquet, ...
    backends
        A JSON file of the LLMs.
    output_path
        The matrix, a row for each prompt and LLM: .jsonl or .parquet.
    grade
        exact: the reference's words, whatever the case and spacing; numeric: its last number; regex: the reference is a
        regular expression found in the answer; judge: an LLM compares the answer, in both orders.
    reference
        The column of references.
    group
        A column with the prompt's category.
    judge
        The backend that judges, by its name. It is not asked the prompts.
    against
        With --grade judge: the backend whose answers the others are compared with. Without it, the reference.
    concurrency
        Questions that are asked at the same time.
    timeout
        Seconds that an answer may take.
    attempts
        How often a question is sent where the endpoint is busy, fails or is not there.
    backoff
        Seconds before the second attempt; twice as many before each later one.
    allow_holes
        Exit 0 also where some answers were not gotten.
    """
    from runner.chat.endpoints.answers_cache import AnswersCache
    from runner.chat.endpoints.backends import read
    from runner.chat.endpoints.chat_requests import Asking, Seldom
    from runner.inference.collecting.collecting import Collector, chosen, read_questions, written
    from runner.store.files import write_atomic

    suffix = output_path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError("a matrix is written as .jsonl or .parquet", where="--output-path")
    limits = (("--concurrency", concurrency, 1), ("--attempts", attempts, 1), ("--backoff", backoff, 0))
    for flag, value, least in limits:
        if not least <= value < float("inf"):
            raise UsageError(f"is less than {least}", where=flag)
    if not 0 < timeout < float("inf"):
        raise UsageError("is no time", where="--timeout")
    _check_judge(grade, judge, against)
    everybody = read(backends)
    judging = chosen(everybody, judge, "--judge")
    chosen(everybody, against, "--against")
    asked = [keyed for keyed in everybody if keyed is not judging]
    if against is not None and against == judge:
        raise UsageError("the judge is not asked", where="--against")
    if not asked:
        raise UsageError("there is nobody to ask beside the judge", where="--backends")
    questions = read_questions(prompts_file, grade, reference, group, against is not None)
    asking = Asking(timeout, attempts, backoff, say=Seldom(say))
    cache = AnswersCache(Workspace.current().cache / "answers")
    collector = Collector(asked, grade, cache, asking, judging, against, concurrency)
    with progress_shown() as emit:
        found = collector.collect(questions, emit)
    summary = found.summary([keyed.backend.name for keyed in asked])
    for reason, count in found.failures.most_common():
        told = f", such as: {found.said[reason]}" if reason in found.said else ""
        say(f"warning: {count} of {len(found.rows)} have no score: {reason}{told}")
    if not found.scored:
        raise RunFailed(
            f"no answer was graded: {', '.join(found.failures)}",
            where=str(backends),
            hint="what was answered is kept: the same command goes on from there",
        )
    write_atomic(output_path, written(found.rows, suffix))
    document: dict[str, Any] = {"output_path": str(output_path)} | summary
    show(document, lambda: _human(document), as_json=json, kept=f"the matrix is in {output_path}")
    return ExitCode.DONE if allow_holes or not summary["holes"] else ExitCode.RUN_FAILED


def _check_judge(grade: str, judge: str | None, against: str | None) -> None:
    """Raise :class:`UsageError` for a judge that is missing, or that nobody asks."""
    if (grade == "judge") != (judge is not None):
        raise UsageError(
            "no judge is named" if judge is None else "answers are not judged", where="--judge",
            hint="--grade judge and --judge NAME go together",
        )  # fmt: skip
    if against is not None and grade != "judge":
        raise UsageError("answers are not judged", where="--against", hint="--grade judge --judge NAME")


def _human(document: dict[str, Any]) -> str:
    rows = [
        (name, row["scores"], "-" if row["mean_score"] is None else f"{row['mean_score']:.3f}", f"{row['cost']:.6g}")
        for name, row in document["llms"].items()
    ]
    lines = [table(("LLM", "scores", "mean score", "cost"), rows, right=(1, 2, 3))]
    holes = f", {document['holes']:,} holes" if document["holes"] else ""
    lines.append(f"{document['scores']:,} scores{holes}; {document['from_cache']:,} answers were in the cache")
    if document["judge_cost"]:
        lines.append(f"the judge cost {document['judge_cost']:.6g}")
    return "\n".join([*lines, document["output_path"]])
