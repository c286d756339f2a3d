"""The conversation: one question after another, back to any of them, kept after each, until a spec is there."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner import near_names
from runner.errors import ConflictError, Fault, Interrupted, RunnerError, Stopped, UsageError
from runner.store.files import write_json
from runner.wizard import data_facts, review
from runner.wizard.draft import Draft, SavedDraft
from runner.wizard.end_questions import EndQuestions
from runner.wizard.field_steps import Ask
from runner.wizard.given_values import give
from runner.wizard.prompt_interface import COMMANDS, Asker, Command, Unanswered
from runner.wizard.question_order import STEPS, steps
from runner.wizard.session import Session
from runner.wizard.unattended import Untended

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
        self._saved, self._resume = saved, resume
        self._tended = tended
        self._ahead = ahead
        self._ending_questions = EndQuestions(asker, draft, session, command, start, self._tell)
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
        except (Interrupted, KeyboardInterrupt):
            # Ctrl-C at a prompt, or between two of them.
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
        from runner.wizard import training_forecast

        try:
            lines = training_forecast.tell(self.draft.document, self._session.workspace, quick=quick)
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
            yield self._ending_questions.mend(faults[0])
            return
        yield self._ending_questions.file()
        yield self._ending_questions.review()
        if self.draft.own.get("review") == "go on":
            yield self._ending_questions.start()

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
