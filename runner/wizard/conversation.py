"""The conversation: one question after another, back to any of them, kept after each, until a spec is there."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runner import near_names
from runner.errors import ConflictError, Fault, Interrupted, RunnerError, Stopped, UsageError
from runner.spec import pointers
from runner.store.files import write_json
from runner.wizard import data_facts, review
from runner.wizard.draft import Draft, SavedDraft
from runner.wizard.field_steps import Ask
from runner.wizard.given_values import give
from runner.wizard.question_types import COMMANDS, Asker, Choice, Command, Question, Unanswered
from runner.wizard.session import Session
from runner.wizard.steps import STEPS, steps
from runner.wizard.untended import Untended

#: What is told of a training is told again after these steps, when it has changed.
TELLING = {
    "data", "columns", "split", "samples", "model", "needed", "reading", "training", "hyperparameters", "adapters",
    "own", "edit",
}  # fmt: skip


@dataclass(frozen=True)
class Ended:
    """How a conversation ended: the spec, the file that it is in, and whether to start it.

    ``script``: it goes on as :mod:`runner.wizard.sft_scenarios`, and there is no spec yet.
    """

    document: dict[str, Any]
    path: Path
    start: bool
    script: bool = False


class Conversation:
    """Asks until the spec is whole.

    ``saved`` is where the answers are kept after each (None: nowhere), ``command`` says how a spec file is trained,
    ``tended`` whether a person is there: where none is, a fault ends it. ``ahead`` is told the kind when it is chosen:
    what its fields need can be loaded while the next questions are read.
    """

    def __init__(
        self,
        asker: Asker,
        draft: Draft,
        session: Session,
        *,
        saved: SavedDraft | None = None,
        command: Callable[[Path], str] = lambda path: f"runner train --spec-file {path}",
        resume: str = "runner new --resume",
        tended: bool = True,
        start: bool = True,
        ahead: Callable[[str], None] = lambda kind: None,
    ) -> None:
        self._asker, self.draft, self._session = asker, draft, session
        self._saved, self._command, self._resume = saved, command, resume
        self._tended, self._start = tended, start
        self._ahead = ahead
        self._step = self._before = ""

    def run(self) -> Ended:
        """Ask to the end. Raises :class:`Interrupted` where it was cancelled, :class:`Stopped` where it was put off."""
        data_facts.take(self.draft, self._session)
        try:
            while (ask := self._next()) is not None:
                self._asked(ask)
                if self.draft.own.get("script"):
                    return self._to_script()
            return self._end()
        except Interrupted:
            raise Interrupted("setup cancelled; nothing was started", hint=self._how_to_resume()) from None

    def missing(self) -> None:
        """Walk to the end of the steps with nobody there, so that the asker knows what it has no answer to."""
        data_facts.take(self.draft, self._session)
        for ask in steps(self.draft, self._session):
            if ask.key not in self.draft.answered and ask.key not in self.draft.given:
                self._asked(ask)

    def _next(self) -> Ask | None:
        """The first question that is open; None where every one is answered."""
        for ask in self._walked():
            if ask.key not in self.draft.answered and ask.key not in self.draft.given:
                return ask
        return None

    def _walked(self) -> Any:
        yield from steps(self.draft, self._session)
        if self.draft.kind is not None:
            yield from self._ending()

    def _asked(self, ask: Ask) -> None:
        if ask.step != self._step:
            self._step = ask.step
            self._asker.say(f"\n[{ask.step}]")
        if ask.before and ask.before != self._before:
            # What was said already, and is unchanged, is not said anew: a table fills a window.
            self._asker.say(ask.before)
        self._before = ask.before or self._before
        try:
            answer = self._asker.ask(ask.question)
        except Command as command:
            self._do(command, ask)
            return
        except Unanswered:
            self.draft.answered[ask.key] = ask.step
            return
        self._take(ask, answer)

    def _take(self, ask: Ask, answer: Any) -> None:
        before = json.dumps(self.draft.document, sort_keys=True)
        former = (deepcopy(self.draft.document), dict(self.draft.origins))
        self.draft.answered[ask.key] = ask.step
        ask.put(self.draft, answer)
        data_facts.take(self.draft, self._session)
        for line in ask.told(self.draft):
            self._asker.say(f"  {line}")
        changed = json.dumps(self.draft.document, sort_keys=True) != before
        if changed and (wrong := self._faults_at(ask)):
            self._asker.say(f"  ! {review.fault_line(wrong)}")
            self._asker.say("    asked again; :back goes to the question before")
            if self._tended:
                self.draft.answered.pop(ask.key, None)
                self.draft.document, self.draft.origins = former
                return
        if ask.key == "kind" and self.draft.kind is not None:
            self._ahead(self.draft.kind)
        self._save()
        if changed and ask.step in TELLING and not (ask.step == "data" and self._asks_columns()):
            self._tell()

    def _asks_columns(self) -> bool:
        """Whether columns are to be asked next: before that nothing can be told of a training."""
        path = data_facts.named(self.draft)
        looked = self._session.look(path) if path else None
        return looked is not None and bool(looked.columns)

    def _faults_at(self, ask: Ask) -> Fault | None:
        """What the whole spec has against this very answer, once it is whole enough to be checked."""
        if not ask.key.startswith("/") or "needed" not in self._steps_done():
            return None
        faults = self._session.faults(self.draft.document)
        return next((fault for fault in faults if fault.pointer == ask.key), None)

    def _steps_done(self) -> set[str]:
        done = set(self.draft.answered.values())
        return done | ({"needed"} if "more" in self.draft.answered else set())

    def _tell(self, *, quick: bool = True) -> None:
        """What a training would mean. What the kind itself could tell of memory loads torch: for a trial alone."""
        from runner.wizard import consequences

        try:
            lines = consequences.tell(self.draft.document, self._session.workspace, quick=quick)
        except RunnerError as error:
            lines = [error.message]
        if lines and lines != self._session.told:
            self._session.told = list(lines)
            for line in lines:
                self._asker.say(f"  · {line}")

    def _save(self) -> None:
        if self._saved is not None:
            self._saved.save(self.draft)

    # The end: faults at their fields, the file, the review, the start.

    def _ending(self) -> Any:
        if getattr(self._asker, "missing", None):
            return
        if not self._tended:
            self._session.check(self.draft.document)
        faults = self._session.faults(self.draft.document) if self._tended else []
        if faults:
            yield self._mend(faults[0])
            return
        yield self._file()
        yield self._review()
        if self.draft.own.get("review") == "go on":
            yield self._question_of_start()

    def _mend(self, fault: Fault) -> Ask:
        """The field that a fault lies at, asked again; where it can be asked by itself."""
        from runner.wizard.field_groups import field_at

        root = self._session.schema(str(self.draft.kind))
        pointer = fault.pointer
        while pointer and field_at(root, self.draft.document, pointer) is None:
            pointer = pointers.join(pointers.split(pointer)[:-1])
        if pointer:
            return self._edit_of(pointer, before="\nThe spec is not right yet: " + review.fault_line(fault))
        return self._line("\nThe spec is not right yet: " + review.fault_line(fault))

    def _edit_of(self, pointer: str, before: str = "") -> Ask:
        """The first question of a field, as if it had not been answered."""
        from runner.wizard.field_groups import field_at
        from runner.wizard.field_steps import Field, asks

        root = self._session.schema(str(self.draft.kind))
        found = field_at(root, self.draft.document, pointer)
        assert found is not None
        first = next(asks(Field(pointer, found[0], found[1], "edit"), root, self.draft))

        def put(draft: Draft, answer: Any) -> None:
            draft.own.pop("editing", None)
            draft.own.pop("review", None)
            draft.unanswer(pointer)
            draft.answered[first.key] = "edit"
            first.put(draft, answer)
            edits = draft.own.setdefault("edits", [])
            if pointer not in edits:
                edits.append(pointer)

        key = f"mend:{len(self.draft.own.get('edits', ()))}:{pointer}"
        return Ask("edit", replace(first.question, key=key), self._and_forget(key, put), before)

    @staticmethod
    def _and_forget(key: str, put: Callable[[Draft, Any], None]) -> Callable[[Draft, Any], None]:
        def both(draft: Draft, answer: Any) -> None:
            put(draft, answer)
            draft.answered.pop(key, None)

        return both

    def _line(self, before: str = "") -> Ask:
        """Which field is to be changed."""
        rows = review.rows(self.draft, self._session)
        choices = [Choice(row.pointer, row.pointer, f"{row.value} ({row.origin})") for row in rows]

        def check(answer: Any) -> str | None:
            from runner.wizard.given_values import pointer_of

            try:
                pointer_of(str(answer), self._session.schema(str(self.draft.kind)), self.draft.document)
            except UsageError as error:
                return f"{error.message}: {error.hint}"
            return None

        def put(draft: Draft, answer: Any) -> None:
            from runner.wizard.given_values import pointer_of

            pointer = pointer_of(str(answer), self._session.schema(str(draft.kind)), draft.document)
            draft.answered.pop("line", None)
            draft.own["editing"] = pointer

        asked = Question(
            "line", "Which field?", "choice", choices=choices, free=True, check=check,
            help="A line of the list, or the name or pointer of any field: epochs, /hub",
        )  # fmt: skip
        return Ask("review", asked, put, before)

    def _file(self) -> Ask:
        default = self.draft.own.get("file") or review.free_file(self.draft, self._session)

        def check(answer: Any) -> str | None:
            path = Path(answer).expanduser()
            if path.is_dir():
                return f"{answer} is a folder: name a file in it"
            if path.exists() and str(answer) != self.draft.own.get("from"):
                return f"{answer} is there already: name another"
            return None if path.parent.is_dir() else f"there is no folder {path.parent}"

        asked = Question(
            "file", "Which file is the spec written to?", "path", default=default, check=check,
            help="The spec is a JSON document: it can be trained again, changed by hand, put under version control.",
            why="it is called as the model is",
        )  # fmt: skip
        return Ask("file", asked, lambda draft, answer: draft.own.__setitem__("file", answer))

    def _review(self) -> Ask:
        pointer = self.draft.own.get("editing")
        if pointer is not None:
            return self._edit_of(pointer)
        if self.draft.own.get("review") == "change":
            return self._line()
        choices = [
            Choice("go on", "go on", "write the spec, then start it or not"),
            Choice("change", "change", "a line of it"),
            Choice("try", "try", "read eight rows as the training would; nothing is started"),
        ]
        asked = Question(
            "review", "Is this right?", "choice", default="go on", choices=choices,
            help="`:show` prints the spec as JSON; `:back STEP` goes back to a step: " + ", ".join(STEPS[:-2]),
            why="nothing is wrong with the spec",
        )  # fmt: skip

        def put(draft: Draft, answer: str) -> None:
            draft.own["review"] = answer
            if answer == "try":
                self._asker.say(review.trial(draft, self._session))
                self._tell(quick=False)
            if answer != "go on":
                draft.answered.pop("review", None)

        return Ask("review", asked, put, "\n" + review.table(self.draft, self._session))

    def _question_of_start(self) -> Ask:
        asked = Question(
            "start", "Start the training now?", "yes_no", default=self._start,
            help="It is the command above that is started: it can be typed at any time.",
            why="the spec is whole" if self._start else "--no-start was given",
        )  # fmt: skip

        def put(draft: Draft, answer: bool) -> None:
            draft.own["start"] = answer

        path = self._written()
        before = f"\nThe spec is in {path}. The same without questions:\n  {self._command(path)}"
        return Ask("start", asked, put, before)

    def _written(self) -> Path:
        path = Path(str(self.draft.own["file"])).expanduser()
        write_json(path, self.draft.document)
        # What lies there now is ours: a way back and forth writes it again.
        self.draft.own["from"] = str(self.draft.own["file"])
        return path

    def _to_script(self) -> Ended:
        if self._saved is not None:
            self._saved.drop()
        return Ended({}, Path(), start=False, script=True)

    def _end(self) -> Ended:
        if isinstance(self._asker, Untended) and self._asker.missing:
            raise UsageError(
                "missing: " + ", ".join(self._asker.lacks),
                hint="give each: --set KEY=VALUE, or answer them at a terminal: runner new",
            )
        path = Path(str(self.draft.own["file"])).expanduser()
        if self._saved is not None:
            self._saved.drop()
        return Ended(self.draft.document, path, bool(self.draft.own.get("start")))

    # What may be typed at any prompt.

    def _do(self, command: Command, ask: Ask) -> None:
        try:
            getattr(self, f"_{command.name}_command")(command.words, ask)
        except (Stopped, Interrupted):
            raise
        except RunnerError as error:
            self._asker.say(f"  ! {error.message}" + (f": {error.hint}" if error.hint else ""))

    def _help_command(self, words: str, ask: Ask) -> None:
        lines = [ask.question.help or ask.question.text, "", *COMMANDS.values(), "", f"This is step {ask.step}."]
        self._asker.say("\n".join(f"  {line}".rstrip() for line in lines))

    def _why_command(self, words: str, ask: Ask) -> None:
        self._asker.say(f"  {ask.question.why or 'nothing was told of it'}")

    def _show_command(self, words: str, ask: Ask) -> None:
        self._asker.say(json.dumps(self.draft.document, indent=2, ensure_ascii=False))

    def _set_command(self, words: str, ask: Ask) -> None:
        key, equals, text = words.partition("=")
        if not equals:
            raise UsageError(":set takes KEY=VALUE", hint=":set epochs=3")
        if key.strip() == "token":
            raise UsageError("a token is kept nowhere", hint=":back token asks for it")
        pointer = give(self.draft, self._session, key, text.strip(), "you")
        self.draft.unanswer(pointer)
        data_facts.take(self.draft, self._session)
        if pointer not in self.draft.given and pointer != "/model/spec/model_type":
            self.draft.given.append(pointer)
        if pointer == "/model/spec/model_type":
            self.draft.answered["kind"] = "kind"
        self._asker.say(f"  {pointer} is {json.dumps(self.draft.get(pointer), ensure_ascii=False)}")
        self._save()
        self._tell()

    def _save_command(self, words: str, ask: Ask) -> None:
        if not words:
            if self._saved is None:
                raise UsageError("there is nowhere to keep the answers", hint=":save FILE writes the spec so far")
            self._saved.save(self.draft)
            self._asker.say(f"  kept in {self._saved.path}: {self._resume}")
            return
        path = Path(words).expanduser()
        if path.exists():
            raise ConflictError(f"{words} is there already", hint="name another file")
        if not path.parent.is_dir():
            raise UsageError(f"there is no folder {path.parent}", hint="name a file in one that is there")
        write_json(path, self.draft.document)
        self._asker.say(f"  the spec so far is in {path}: runner new --from {words}")

    def _quit_command(self, words: str, ask: Ask) -> None:
        self._save()
        raise Stopped("setup left; nothing was started", hint=self._how_to_resume())

    def _how_to_resume(self) -> str | None:
        if self._saved is None or not self._saved.path.exists():
            return None
        return f"go on with it: {self._resume}"

    def _back_command(self, words: str, ask: Ask) -> None:
        step = words.strip().lower()
        answered = list(self.draft.answered.items())
        # One step back from a line that is changed is the choice of a line, and from that the review.
        for inner in ("editing", "review"):
            if self.draft.own.get(inner) not in (None, "go on"):
                self.draft.own.pop(inner)
                if not step:
                    return
        if not step:
            if not answered:
                raise UsageError("this is the first question")
            del self.draft.answered[answered[-1][0]]
            self._save()
            return
        if step not in STEPS and step not in {at for _, at in answered}:
            raise UsageError(f"there is no step {step!r}", hint=near_names.hint(step, STEPS, ", ".join(STEPS)))
        at = next((index for index, (_, each) in enumerate(answered) if each == step), None)
        given = {"name": "/model/name", "data": "/data/dataset", "kind": "kind", "family": "kind"}.get(step)
        if at is None and step == "family":
            self.draft.own.setdefault("family", None)
        elif at is None and given in self.draft.given:
            pass
        elif at is None:
            here = [key for key, found in self._open_fields(step) if found]
            if not here:
                raise UsageError(f"nothing was asked at step {step} yet", hint="the answers so far: :show")
            self.draft.given = [key for key in self.draft.given if key not in here]
        if given:
            self.draft.given = [key for key in self.draft.given if key != given]
        for key, _ in answered[at:] if at is not None else []:
            self.draft.answered.pop(key, None)
        self._save()

    def _open_fields(self, step: str) -> list[tuple[str, bool]]:
        """The questions of a step that are not asked as their fields were given."""
        found = []
        for ask in steps(self.draft, self._session):
            if ask.key not in self.draft.answered and ask.key not in self.draft.given:
                break
            if ask.step == step:
                found.append((ask.key, ask.key in self.draft.given))
        return found
