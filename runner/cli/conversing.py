"""Holding the conversation of ``runner new`` and ``runner train``: what is known before it, and what it comes to."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.cli.output import show
from runner.cli.program_name import as_called
from runner.errors import UsageError
from runner.workspace import Workspace

if TYPE_CHECKING:
    from runner.wizard.draft import Draft, SavedDraft
    from runner.wizard.session import Session


def hold(
    given: list[str],
    *,
    spec: Path | None = None,
    answers: Path | None = None,
    resume: bool = False,
    yes: bool = False,
    no_start: bool = False,
    plain: bool = False,
    as_json: bool = False,
) -> Path | int | None:
    """Hold the conversation: the file of the spec that is to be trained; None where nothing is to be started; the exit
    code where it ended in a script, and that has run or not."""
    from runner.wizard import terminal
    from runner.wizard.conversation import Conversation
    from runner.wizard.draft import Draft, SavedDraft
    from runner.wizard.prompt_interface import Asker
    from runner.wizard.session import Session
    from runner.wizard.unattended import Untended

    workspace = Workspace.current()
    if resume and (left := SavedDraft.newest(workspace).walk()) is not None:
        from runner.cli.conversing_sft import go_on

        return go_on(SavedDraft.newest(workspace), left, yes=yes, no_start=no_start, plain=plain)
    session = Session(workspace)
    # A program that reads one document is asked nothing.
    tended = terminal.interactive() and not yes and not as_json
    saved: SavedDraft | None = None
    if resume:
        saved = SavedDraft.newest(workspace)
        draft = saved.load()
        # A token is kept nowhere: it is asked again where it is needed.
        draft.answered.pop("token", None)
    else:
        draft = Draft()
        saved = SavedDraft.begin(workspace) if tended else None
    start = prefill(draft, session, given, spec, answers)
    starts = not no_start and start is not False
    notes: list[str] = []
    asker: Asker
    if tended:
        asker = terminal.asker(plain=plain)
        terminal.warm_up(lambda: _load(draft.kind))
        _greet(asker, draft, resume=resume)
    else:
        asker = Untended(note=notes.append)
    if start is not None:
        draft.own["start"], draft.answered["start"] = start, "start"
    conversation = Conversation(
        asker,
        draft,
        session,
        saved=saved,
        command=command,
        resume=f"{as_called()} new --resume",
        tended=tended,
        start=starts,
        ahead=_load_schema if tended else lambda kind: None,
    )
    if not tended and not yes and answers is None:
        _refuse(conversation, asker)
    ended = conversation.run()
    for note in notes:
        print(note, file=sys.stderr)
    if ended.script:
        from runner.cli.conversing_sft import walk

        data = draft.get("/data/dataset")
        known: dict[str, Any] = {"scenario": "file", "file": data} if data else {}
        return walk(known, asker, no_start=no_start, saved=SavedDraft.begin(workspace))
    if not ended.start or not starts:
        document = {"path": str(ended.path), "spec": ended.document, "command": command(ended.path), "started": False}
        text = f"the spec is in {ended.path}: {command(ended.path)}"
        show(document, text, as_json=as_json, kept=f"the spec is in {ended.path}")
        return None
    return ended.path


def ask_for_spec(spec: Path | None, *, interactive: bool) -> bool:
    """Whether ``runner train`` is to ask: it was told to, or a person is there and there is no spec, or not all of one.

    Raises :class:`UsageError` where it was told to and nobody is there.
    """
    from runner.wizard import terminal
    from runner.wizard.incomplete import only_lacks

    if not terminal.interactive():
        if interactive:
            raise UsageError(
                f"nobody can be asked here: {terminal.why_not()}; missing: kind, /model/name, /data/dataset",
                hint="runner train --spec-file FILE, or runner new KIND --set KEY=VALUE --yes",
            )
        return False
    return interactive or spec is None or (str(spec) != "-" and only_lacks(spec))


def command(path: Path) -> str:
    """The command that trains a spec file without questions."""
    return f"{as_called()} train --spec-file {shlex.quote(str(path))}"


def prefill(draft: Draft, session: Session, given: list[str], spec: Path | None, answers: Path | None) -> bool | None:
    """Put into the draft what is known before the first question; whether ``answers`` say to start, if they do."""
    from runner.wizard.given_values import KIND, give

    if spec is not None:
        _from_file(draft, spec)
    start: bool | None = None
    pairs: list[tuple[str, Any]] = []
    for each in given:
        key, equals, text = each.partition("=")
        if not equals:
            raise UsageError(f"{each!r} is no KEY=VALUE", where="--set", hint="--set epochs=3")
        pairs.append((key, text))
    origins = ["flag"] * len(pairs)
    if answers is not None:
        found = _answers(answers)
        if "start" in found:
            start = found.pop("start")
            if not isinstance(start, bool):
                raise UsageError("start is true or false", where=str(answers))
        pairs, origins = [*found.items(), *pairs], ["file"] * len(found) + origins
    both = list(zip(pairs, origins, strict=True))
    # The kind says what the other words mean, and the data what its columns are called.
    kinds, data = ("kind", "model_type", KIND, "model.spec.model_type"), ("data", "/data/dataset", "data.dataset")
    both.sort(key=lambda pair: (pair[0][0].strip() not in kinds, pair[0][0].strip() not in data))
    for (key, text), origin in both:
        pointer = give(draft, session, key, text, origin)  # type: ignore[arg-type]
        draft.given.append("kind" if pointer == KIND else pointer)
        if pointer.startswith("/data/") and pointer.rpartition("/")[2] in ("validation_data", "split_column"):
            draft.given.append("split")
    return start


def _from_file(draft: Draft, path: Path) -> None:
    """A spec, as far as it goes: its fields are given. Raises :class:`SpecError` for what is no JSON object."""
    from runner.spec import pointers
    from runner.spec.reader import read, read_file

    document = read(read_file(path), str(path))
    draft.document = dict(document.value)
    draft.origins = {f"/{name}": "file" for name in draft.document}
    draft.given = [pointers.join(at) for at in _leaves(draft.document, ())]
    if draft.kind is not None:
        draft.given.append("kind")
        from runner import registry

        registry.load(draft.kind)
    draft.own["from"] = str(path)
    data = draft.document.get("data")
    if isinstance(data, dict) and data.keys() & {"validation_split", "validation_data", "split_column"}:
        draft.given.append("split")


def _leaves(value: Any, at: tuple[str, ...]) -> list[tuple[str, ...]]:
    if isinstance(value, dict) and value:
        return [leaf for key, item in value.items() for leaf in _leaves(item, (*at, key))]
    return [at]


def _answers(path: Path) -> dict[str, Any]:
    import json

    try:
        found = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=f"--answers {path}") from None
    except ValueError as error:
        raise UsageError(f"not JSON: {error}", where=f"--answers {path}") from None
    if not isinstance(found, dict):
        raise UsageError("not a JSON object", where=f"--answers {path}", hint='{"kind": "sft", "data": "chats.jsonl"}')
    return found


def _greet(asker: Any, draft: Draft, *, resume: bool) -> None:
    if resume:
        asker.say(f"Going on after {len(draft.answered)} answers. :show prints the spec so far.")
        return
    asker.say("A training, question by question. Enter takes what is in brackets; :help tells what else can be typed.")


def _refuse(conversation: Any, asker: Any) -> None:
    """Nobody is there, and nobody said to take the defaults: say what would have to be given."""
    from runner.wizard import terminal

    conversation.missing()
    names = ", ".join(asker.lacks)
    raise UsageError(
        f"nobody can be asked here: {terminal.why_not()}" + (f"; missing: {names}" if names else ""),
        hint="give each with --set KEY=VALUE, and take the defaults of the rest with --yes",
    )


def _load_schema(kind: str) -> None:
    """Make the schema of the kind that was chosen, and of no other, while a person thinks of a name."""
    from runner.wizard import terminal

    def load() -> None:
        import contextlib

        from runner.spec.json_schemas import schema_for

        with contextlib.suppress(Exception):
            schema_for(kind)

    terminal.warm_up(load)


def _load(kind: str | None) -> None:
    """What the questions on fields need: importing it takes longer than a person should wait. The schema first, of the
    kind that was named: it is what the question after the next needs."""
    import contextlib

    with contextlib.suppress(Exception):
        from runner.spec import json_schemas

        if kind is not None:
            json_schemas.schema_for(kind)
    with contextlib.suppress(Exception):
        from runner.spec import checking  # noqa: F401
        from runner.wizard import review, training_forecast  # noqa: F401
    # The first look at what a training would be asks whether an engine answers.
    with contextlib.suppress(ImportError):
        import docker  # noqa: F401
