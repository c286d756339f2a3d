"""Public suites, asked by lm-evaluation-harness itself where it is installed: its tasks and its scores, our models.

Models are asked with texts, as the harness does by default, through the same door and with the same answers kept.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from runner.chat.messages import Conversation, Message
from runner.data.dialogues.infer_rows import AskedConversation
from runner.errors import DataError, EnvironmentProblem, NotFoundError, UsageError
from runner.evaluation.evaluated_model import EvaluatedModel
from runner.near_names import hint
from runner.runs.event_kinds import Event, ProgressEvent
from runner.tasks.generation.options import GenerationOptions
from runner.tasks.generation.passages import Passage
from runner.tasks.generation.scored.asked_model import Progress
from runner.tasks.generation.scored.scored_task import rounded

#: What a suite's name begins with.
MARK = "lm_eval:"
#: Samples of the harness's bootstrap, of figures that are no means.
DRAWS = 1000
#: What the harness asks of a generation, by our option; what else it asks is refused.
OPTIONS = {"max_gen_toks": "max_new_tokens", "temperature": "temperature", "top_p": "top_p", "top_k": "top_k"}


def check_suites(names: Sequence[str], folder: Path | None) -> list[str]:
    """The harness's names of some suites, ``lm_eval:arc_easy``. ``folder`` has task files of the user's own.

    Raises :class:`UsageError` for another name and for a folder beside no suite, :class:`EnvironmentProblem` where
    the harness is not installed, and :class:`NotFoundError` for a folder that is not there and a task that it does
    not have.
    """
    if folder is not None and not names:
        raise UsageError(
            "has no effect: no suite is asked", where="--suite-path", hint=f"--suite {MARK}TASK asks one of its tasks"
        )
    if folder is not None and not folder.is_dir():
        raise NotFoundError(f"there is no folder {folder}", where="--suite-path")
    found = []
    for name in names:
        if not name.startswith(MARK):
            raise UsageError(f"{name!r} names no suite", where="--suite", hint=f"such as {MARK}arc_easy")
        found.append(name.removeprefix(MARK))
    for name in found:
        there = set(_manager(folder, name).all_tasks)
        if name not in there:
            listed = hint(name, there, "lm_eval ls tasks lists them; --suite-path names a folder of your own")
            raise NotFoundError(f"lm_eval has no task {name!r}", where="--suite", hint=listed)
    return found


def evaluate_suite(
    name: str, model: EvaluatedModel, folder: Path | None, limit: int | None, emit: Callable[[Event], None]
) -> dict[str, Any]:
    """One suite, one model: the harness's figures, and how many samples they are of.

    Raises :class:`DataError` for a limit that is greater than there are samples, and for what a task asks of a
    generation that cannot be done; :class:`EnvironmentProblem` for rows that cannot be fetched.
    """
    from lm_eval import __version__, evaluator

    def progress(done: int, total: int) -> None:
        emit(ProgressEvent(phase=f"{model.reference} on {MARK}{name}", unit="answers", done=done, total=total))

    asked = _asked(model, progress)
    model.computed = model.known = 0
    with _silent():
        try:
            found = evaluator.simple_evaluate(
                asked,
                tasks=[name],
                limit=limit,
                bootstrap_iters=DRAWS,
                log_samples=False,
                task_manager=_manager(folder, name),
            )
        except (ConnectionError, FileNotFoundError) as told:
            # What a data set that is not on the Hub is told by, and a Hub that does not answer.
            raise EnvironmentProblem(
                f"the rows of {MARK}{name} cannot be had: {str(told).splitlines()[0]}",
                where="--suite",
                hint="the harness fetches them from the Hub; where they are fetched already, set HF_HUB_OFFLINE=1",
                retryable=True,
            ) from None
    counts = {task: each["effective"] for task, each in found["n-samples"].items()}
    if limit is not None and any(count < limit for count in counts.values()):
        least = min(counts.values())
        raise DataError(
            f"{MARK}{name} has {least:,} samples, and {limit:,} are wanted", where="--limit", hint="lower it"
        )
    results = []
    for task, figures in found["results"].items():
        for key, value in figures.items():
            metric, _, part = key.partition(",")
            if not part or metric.endswith("_stderr") or not isinstance(value, int | float):
                continue
            error = figures.get(f"{metric}_stderr,{part}")
            results.append(
                {
                    "task": task,
                    "model": model.reference,
                    "metric": metric if part == "none" else f"{metric} ({part})",
                    "value": rounded(value),
                    "standard_error": rounded(error) if isinstance(error, float) and math.isfinite(error) else None,
                    "n": counts.get(task),
                }
            )
    return {
        "lm_eval": __version__,
        "cut_at_the_left": asked.cut,
        "answers": {"computed": model.computed, "known_before": model.known},
        "results": results,
    }


def _manager(folder: Path | None, name: str) -> Any:
    """What finds the harness's tasks: in the user's folder alone where it has this one, for its own are thousands."""
    if folder is not None and name in (own := _index(folder, False)).all_tasks:
        return own
    return _index(folder, True)


@cache
def _index(folder: Path | None, defaults: bool) -> Any:
    try:
        from lm_eval.tasks import TaskManager
    except ImportError:
        raise EnvironmentProblem(
            "lm-evaluation-harness is not installed", where="--suite", hint="pip install lm-eval"
        ) from None
    return TaskManager(include_path=None if folder is None else str(folder), include_defaults=defaults)


@contextmanager
def _silent() -> Iterator[None]:
    """The harness without its notes, and data sets without telling anybody that they were loaded."""
    import datasets
    from lm_eval import evaluator

    logger = logging.getLogger("lm_eval")
    before = logger.level, evaluator.get_git_commit_hash, datasets.config.HF_UPDATE_DOWNLOAD_COUNTS
    logger.setLevel(logging.ERROR)
    # It asks git about the folder that this was typed in, and git complains where that is no checkout.
    evaluator.get_git_commit_hash = lambda: None
    datasets.config.HF_UPDATE_DOWNLOAD_COUNTS = False
    try:
        yield
    finally:
        logger.setLevel(before[0])
        evaluator.get_git_commit_hash, datasets.config.HF_UPDATE_DOWNLOAD_COUNTS = before[1:]


def _asked(model: EvaluatedModel, progress: Progress) -> Any:
    """The model as the harness asks one."""
    from lm_eval.api.model import LM

    predictor = model.predictor(False)
    longest: int = predictor.longest

    class Asked(LM):  # type: ignore[misc, unused-ignore]
        #: Passages that were longer than the model reads: the harness's own models cut them at the left too.
        cut = 0

        def loglikelihood(self, requests: list[Any]) -> list[tuple[float, bool]]:
            asked = [predictor.answered(_row(before), after, GenerationOptions()) for before, after in _words(requests)]
            found = model.likelihoods([self._short(passage) for passage in asked], progress)
            return [(each.log_prob, each.likeliest) for each in found]

        def loglikelihood_rolling(self, requests: list[Any]) -> list[float]:
            windows = [predictor.windows(text) for (text,) in _words(requests)]
            found = iter(model.likelihoods([each for parts in windows for each in parts], progress))
            return [sum(next(found).log_prob for _ in parts) for parts in windows]

        def generate_until(self, requests: list[Any]) -> list[str]:
            said: list[str] = [""] * len(requests)
            each = [(_row(text), _options(settings)) for text, settings in _words(requests)]
            for options in {told.model_dump_json(): told for _, told in each}.values():
                own = [at for at, (_, told) in enumerate(each) if told == options]
                made = model.completions([each[at][0] for at in own], options, False, progress)
                for at, completion in zip(own, made, strict=True):
                    said[at] = completion["completion"]
            return said

        def _short(self, passage: Passage) -> Passage:
            over = len(passage.ids) - longest
            if over <= 0:
                return passage
            self.cut += 1
            return Passage(passage.ids[over:], max(1, passage.begin - over))

    return Asked()


def _words(requests: Sequence[Any]) -> list[tuple[Any, ...]]:
    return [tuple(request.args) for request in requests]


def _row(text: str) -> AskedConversation:
    return AskedConversation(Conversation((Message("user", text),)))


def _options(settings: dict[str, Any]) -> GenerationOptions:
    """What a task asks of a generation. Raises :class:`DataError` for what is not known here."""
    own = dict(settings)
    drawn = bool(own.pop("do_sample", own.get("temperature", 0) > 0))
    until = own.pop("until", None) or []
    fields: dict[str, Any] = {"stop": [until] if isinstance(until, str) else [each for each in until if each]}
    for name in ("max_new_tokens", "max_tokens"):
        if name in own:
            own["max_gen_toks"] = own.pop(name)
    for name, value in own.items():
        if name not in OPTIONS:
            raise DataError(f"the task asks a generation for {name}, which is not known here", where="--suite")
        if value is not None and (drawn or name == "max_gen_toks"):
            fields[OPTIONS[name]] = value
    return GenerationOptions(**fields)
