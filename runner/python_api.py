"""The same roads from Python: ``from runner import Runner``.

Nothing is done here that the command line does otherwise: a spec is checked, trained and stored by the functions that
``runner train`` calls, and what goes wrong is raised as the classes of :mod:`runner.errors`.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from runner.errors import RunnerError, UsageError
from runner.workspace import Workspace, absolute, current_folder

if TYPE_CHECKING:
    from pydantic import BaseModel

    from runner.contract import AskedRows, Predictor
    from runner.execution.train_and_resume import Finished
    from runner.inference.chat_session import ChatSession
    from runner.runs.event_kinds import Event
    from runner.spec.checking import LoadedSpec
    from runner.store.model_lookup import StoredModel

    #: A document, the path of its file, an object of :func:`runner.spec.kinds.document_class`, or what validate gave.
    Spec = Mapping[str, Any] | Path | str | BaseModel | LoadedSpec
    Executor = Literal["auto", "local", "docker"]
    OnEvent = Callable[[Event], None]


@dataclass(frozen=True)
class TrainedModel:
    """What a training left."""

    #: ``type/name/vN``: what :meth:`Runner.infer` and the command line take.
    reference: str
    #: The model's name, as the spec has it.
    name: str
    #: The stored model's folder, and the run's.
    folder: Path
    run_folder: Path
    metrics: Mapping[str, object]
    #: Tables of the run's page, by name.
    tables: Mapping[str, Any]
    #: What is odd about how it ran, the run's warnings among it: a sentence each.
    notes: list[str]


@dataclass(frozen=True)
class Inference:
    """Answers of a stored model."""

    #: What ``runner infer`` writes: ``{"completions": [...]}``, or of a router the scores by LLM.
    document: dict[str, Any]
    #: Which model answered, of what rows, with which options.
    provenance: dict[str, Any]
    #: A sentence each.
    warnings: list[str] = field(default_factory=list)

    @property
    def records(self) -> list[dict[str, Any]]:
        """The answers in the rows' order. Raises :class:`UsageError` for scores, which are a list for each LLM."""
        found = list(self.document.values())
        if len(found) != 1 or not all(isinstance(record, dict) for record in found[0]):
            raise UsageError("the answers are scores by LLM, not records", hint="they are in `document`")
        return list(found[0])


class Runner:
    """Trains specs and asks stored models, in one folder.

    Args:
        root: where ``runs/``, ``models/`` and ``outbox/`` are; without it, the workspace of the command line: the
            current folder, or what ``RUNNER_HOME`` and its like say. Paths in a spec count from the current folder.
    """

    def __init__(self, root: Path | str | None = None) -> None:
        self.workspace = Workspace.current() if root is None else Workspace.below(absolute(root, current_folder()))

    def __repr__(self) -> str:
        return f"Runner(models={str(self.workspace.store)!r})"

    def validate(self, spec: Spec) -> LoadedSpec:
        """Check a spec. The result has it as ``spec``, its ``kind``, and ``warnings``.

        Raises :class:`~runner.errors.SpecError` with every fault at once, each with its JSON pointer.
        """
        from pydantic import BaseModel

        from runner.spec import checking

        if isinstance(spec, checking.LoadedSpec):
            return spec
        if isinstance(spec, BaseModel):
            return checking.load_object(spec.model_dump(mode="json", by_alias=True, exclude_unset=True))
        if isinstance(spec, Mapping):
            return checking.load_object(dict(spec))
        if isinstance(spec, Path | str):
            return checking.load_file(absolute(spec, current_folder()))
        raise UsageError(f"{type(spec).__name__} is no spec", hint="a dict, a path, or an object of a document's class")

    def train(
        self,
        spec: Spec,
        *,
        executor: Executor | None = None,
        anyway: bool = False,
        on_event: OnEvent | None = None,
    ) -> TrainedModel:
        """Train a spec, store the model, and return when that is done.

        Args:
            spec: what :meth:`validate` takes.
            executor: where to run; without it, what the spec's ``run.executor`` says.
            anyway: begin although the training will not fit this machine, which is otherwise refused.
            on_event: is called with every event of the run while it goes on. If it raises, the run goes on without
                it, and ``notes`` says so.

        Raises:
            RunnerError: what the run ended with, by its class: ``SpecError``, ``DataError``, ``EnvironmentProblem``,
                ``RunFailed``, ``OutOfMemory``; ``Interrupted`` after Ctrl-C, with a checkpoint that :meth:`resume`
                goes on from.
        """
        from runner.execution import train_and_resume

        loaded, listener, notes = self.validate(spec), _Listener(on_event), list[str]()
        finished = train_and_resume.train(
            loaded,
            self.workspace,
            executor=executor,
            anyway=anyway,
            listeners=[listener],
            announce=lambda _, plan: notes.extend(plan.notes),
        )
        return _trained(finished, [*notes, *listener.notes])

    def resume(
        self,
        run: str = "last",
        *,
        spec: Spec | None = None,
        executor: Executor | None = None,
        allow_changed_data: bool = False,
        anyway: bool = False,
        on_event: OnEvent | None = None,
    ) -> TrainedModel:
        """Go on with a run from its last checkpoint: an id, a part of one, or ``last``.

        ``spec`` may differ from the run's in fields such as ``epochs``. Raises :class:`~runner.errors.ConflictError`
        for a change that may not be, and for a run that is over; the rest as :meth:`train`.
        """
        from runner.execution import train_and_resume

        listener, notes = _Listener(on_event), list[str]()
        finished = train_and_resume.resume(
            run,
            self.workspace,
            changed=None if spec is None else self.validate(spec),
            executor=executor,
            allow_changed_data=allow_changed_data,
            anyway=anyway,
            listeners=[listener],
            announce=lambda _, plan: notes.extend(plan.notes),
        )
        return _trained(finished, [*notes, *listener.notes])

    def infer(
        self,
        model: str,
        prompts: Sequence[str] | None = None,
        *,
        messages: Sequence[Sequence[Mapping[str, Any]]] | None = None,
        rows: Sequence[Mapping[str, Any]] | Path | None = None,
        options: Mapping[str, Any] | None = None,
        batch_size: int = 128,
        device: str = "cpu",
        on_event: OnEvent | None = None,
    ) -> Inference:
        """Answer rows with a stored model.

        Args:
            model: ``type/name``, ``type/name/vN``, or the path of an exported one.
            prompts: texts. One of this, ``messages`` and ``rows`` is given.
            messages: conversations, each a list of turns with ``role`` and ``content``.
            rows: objects as the model's kind of data has them, or the path of a file of them.
            options: those of the model's task, as ``runner infer --set`` takes them.
            batch_size: rows that are answered at once.
            device: ``cpu`` or ``cuda``.
            on_event: is called with the events of long work.

        Raises:
            RunnerError: ``NotFoundError`` for a model that is not there, ``UsageError`` for options that its task does
                not have, ``DataError`` for rows that cannot be read or answered.
        """
        from contextlib import closing

        from runner.inference import inferring
        from runner.inference.row_reading import reading_of

        warnings, out = list[str](), io.StringIO()
        listener = _Listener(on_event)
        with _arguments():
            question = inferring.ask(self.workspace, model, options, batch_size=batch_size, device=device)
            reading = reading_of(question.model, words=prompts is not None)
            with closing(_rows(reading.reader, reading.told, prompts, messages, rows)) as asked:
                provenance = inferring.infer(
                    self.workspace,
                    question,
                    asked,
                    inferring.Output(None, "json", out),
                    warnings.append,
                    listener.handle,
                )
        return Inference(json.loads(out.getvalue()), provenance, warnings)

    def chat(
        self,
        model: str,
        *,
        system: str | None = None,
        options: Mapping[str, Any] | None = None,
        device: str = "cpu",
    ) -> ChatSession:
        """A conversation with a stored language model: ``send(text)`` gives the answer piece by piece.

        Raises :class:`~runner.errors.ConflictError` for a model that does not converse.
        """
        from runner.inference.chat_session import open_chat

        with _arguments():
            return open_chat(self.workspace, model, system=system, options=options, device=device)

    def evaluate(
        self,
        models: Sequence[str],
        tasks: Sequence[Mapping[str, Any] | Path | str],
        *,
        output_dir: Path | str | None = None,
        limit: int | None = None,
        seed: int = 0,
        batch_size: int = 16,
        device: str = "cpu",
        on_event: OnEvent | None = None,
    ) -> dict[str, Any]:
        """Ask stored language models tasks, and give the document that ``runner evaluate`` writes into ``output_dir``.

        Args:
            models: stored language models; the later ones are compared with the first.
            tasks: documents of tasks, or the paths of their files.
            output_dir: a folder for the document, a page, and the samples' records; without it,
                evaluations/TIMESTAMP beside the runs and the models.
            limit: so many rows of each task, drawn by ``seed``.

        Raises:
            RunnerError: ``SpecError`` for a task that is none, ``DataError`` for rows that cannot be asked,
                ``ConflictError`` for a model that is no language model, ``UsageError`` for one model or task that is in
                no list.
        """
        for name, given in (("models", models), ("tasks", tasks)):
            if isinstance(given, str | Path | Mapping):
                raise UsageError(f"{name} is one and no list", where=name, hint="a list, also of one")
        from runner.evaluation import evaluating, evaluation_files
        from runner.spec.evaluation_checking import load_task, load_task_file

        loaded = [
            load_task_file(absolute(task, current_folder()))
            if isinstance(task, Path | str)
            else load_task(json.dumps(dict(task), indent=2), str(task.get("name", "<task>")))
            for task in tasks
        ]
        plan = evaluating.Plan(list(models), loaded, limit, seed, batch_size, device)
        folder = absolute(
            evaluation_files.default_folder(self.workspace) if output_dir is None else output_dir, current_folder()
        )
        with _arguments():
            prepared = evaluating.prepare(plan, self.workspace)
        document = evaluating.evaluate(prepared, folder, _Listener(on_event).handle)
        evaluation_files.write(document, folder)
        return document

    def load(self, model: str, *, device: str = "cpu") -> Predictor:
        """A stored model's predictor, every byte checked and its weights loaded: the caller's alone.

        ``predict(rows, options, batch_size)`` takes rows and options as its task has them.
        """
        from runner.inference.opening import open_model

        with _arguments():
            predictor: Predictor = open_model(self.workspace, model, device=device).load()
        return predictor

    def models(self) -> list[StoredModel]:
        """Every stored model, with its ``reference`` and ``path``."""
        from runner.store.model_lookup import listing

        return list(listing(self.workspace.store, []))


@contextmanager
def _arguments() -> Iterator[None]:
    """What goes wrong within names the arguments of a method, where the command line has flags."""
    try:
        yield
    except RunnerError as error:
        if error.where is not None:
            error.where = _argument(error.where)
        if error.hint is not None:
            hint = re.sub(r"--set (\w+)=([\w.]+)", r'options={"\1": \2}', error.hint)
            error.hint = re.sub(
                r"--(set|device|prompts|batch-size)(?![\w-])( [a-z_]+\b)?", lambda found: _argument(found[0]), hint
            )
        raise


def _argument(flag: str) -> str:
    """The argument that a flag is on the command line: of ``--set top_k``, ``options["top_k"]``."""
    name, _, rest = flag.partition(" ")
    if name == "--set":
        key = rest.partition("=")[0]
        return f'options["{key}"]' if key else "options"
    if not name.startswith("--"):
        return flag
    return name[2:].replace("-", "_") + (f" {rest}" if rest else "")


class _Listener:
    """A callback as a listener. What it raises is kept to be told, and so are the run's warnings."""

    def __init__(self, on_event: OnEvent | None) -> None:
        self._on_event = on_event
        self.notes: list[str] = []

    def handle(self, event: Event) -> None:
        from runner.runs.event_kinds import WarningEvent
        from runner.tracking.event_words import warning_text

        if isinstance(event, WarningEvent):
            self.notes.append(warning_text(event))
        if self._on_event is None:
            return
        try:
            self._on_event(event)
        except Exception as error:  # noqa: BLE001 - whatever it raises, the run is not its business
            self._on_event = None
            self.notes.append(f"on_event failed and heard no more: {type(error).__name__}: {error}")


def _trained(finished: Finished, notes: list[str]) -> TrainedModel:
    return TrainedModel(
        reference=finished.model.reference,
        name=finished.model.name,
        folder=finished.model.path,
        run_folder=finished.run.path,
        metrics=finished.metrics,
        tables=finished.tables,
        notes=[*notes, *finished.notes],
    )


def _rows(
    reader: Any,
    told: Mapping[str, Any],
    prompts: Sequence[str] | None,
    messages: Sequence[Sequence[Mapping[str, Any]]] | None,
    rows: Sequence[Mapping[str, Any]] | Path | None,
) -> AskedRows:
    """The rows of a question, read as the command line reads them: objects go through text."""
    given = {"prompts": prompts, "messages": messages, "rows": rows}
    named = [name for name, value in given.items() if value is not None]
    if len(named) != 1:
        raise UsageError(
            f"{' and '.join(named) or 'nothing'} given", hint="one of prompts, messages and rows says what is asked"
        )
    (name,) = named
    if isinstance(given[name], str):
        raise UsageError(f"{name} is one text", where=name, hint="a list, also of one")
    asked: AskedRows
    if prompts is not None:
        asked = reader.from_words(list(prompts), **told)
    elif isinstance(rows, Path):
        asked = reader.from_file(rows, None, **told)
    else:
        objects: list[Any] = [{"messages": turns} for turns in messages] if messages is not None else list(rows or ())
        lines = []
        for number, value in enumerate(objects, 1):
            try:
                lines.append(json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8", "surrogatepass"))
            except (TypeError, ValueError, RecursionError) as error:
                raise UsageError(f"is no JSON: {error}", where=f"{name}:{number}") from None
        if not lines:
            raise UsageError(f"{name} is empty", hint="give at least one")
        asked = reader.from_pipe(io.BytesIO(b"\n".join(lines) + b"\n"), "jsonl", name=name, **told)
    return asked
