"""The last questions of a conversation: a fault mended at its field, the spec's file, its review, the start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from runner.errors import Fault, UsageError
from runner.spec import pointers
from runner.store.files import write_json
from runner.wizard import review
from runner.wizard.draft import Draft
from runner.wizard.field_steps import Ask
from runner.wizard.prompt_interface import Asker, Choice, Question
from runner.wizard.question_order import STEPS
from runner.wizard.session import Session


class EndQuestions:
    """What is asked once every field has a value.

    ``command`` says how a spec file is trained, ``start`` whether that is the default, ``tell`` what it would mean.
    """

    def __init__(
        self,
        asker: Asker,
        draft: Draft,
        session: Session,
        command: Callable[[Path], str],
        start: bool,
        tell: Callable[..., None],
    ) -> None:
        self._asker, self._draft, self._session = asker, draft, session
        self._command, self._start, self._tell = command, start, tell

    def mend(self, fault: Fault) -> Ask:
        """The field that a fault lies at, asked again; where it can be asked by itself."""
        from runner.wizard.field_groups import field_at

        root = self._session.schema(str(self._draft.kind))
        pointer = fault.pointer
        while pointer and field_at(root, self._draft.document, pointer) is None:
            pointer = pointers.join(pointers.split(pointer)[:-1])
        if pointer:
            return self._edit_of(pointer, before="\nThe spec is not right yet: " + review.fault_line(fault))
        return self._line("\nThe spec is not right yet: " + review.fault_line(fault))

    def _edit_of(self, pointer: str, before: str = "") -> Ask:
        """The first question of a field, as if it had not been answered."""
        from runner.wizard.field_groups import field_at
        from runner.wizard.field_steps import Field, asks

        root = self._session.schema(str(self._draft.kind))
        found = field_at(root, self._draft.document, pointer)
        assert found is not None
        first = next(asks(Field(pointer, found[0], found[1], "edit"), root, self._draft))

        def put(draft: Draft, answer: Any) -> None:
            draft.own.pop("editing", None)
            draft.own.pop("review", None)
            draft.unanswer(pointer)
            draft.answered[first.key] = "edit"
            first.put(draft, answer)
            edits = draft.own.setdefault("edits", [])
            if pointer not in edits:
                edits.append(pointer)

        key = f"mend:{len(self._draft.own.get('edits', ()))}:{pointer}"
        return Ask("edit", replace(first.question, key=key), self._and_forget(key, put), before)

    @staticmethod
    def _and_forget(key: str, put: Callable[[Draft, Any], None]) -> Callable[[Draft, Any], None]:
        def both(draft: Draft, answer: Any) -> None:
            put(draft, answer)
            draft.answered.pop(key, None)

        return both

    def _line(self, before: str = "") -> Ask:
        """Which field is to be changed."""
        rows = review.rows(self._draft, self._session)
        choices = [Choice(row.pointer, row.pointer, f"{row.value} ({row.origin})") for row in rows]

        def check(answer: Any) -> str | None:
            from runner.wizard.given_values import pointer_of

            try:
                pointer_of(str(answer), self._session.schema(str(self._draft.kind)), self._draft.document)
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

    def file(self) -> Ask:
        default = self._draft.own.get("file") or review.free_file(self._draft, self._session)

        def check(answer: Any) -> str | None:
            path = Path(answer).expanduser()
            if path.is_dir():
                return f"{answer} is a folder: name a file in it"
            if path.exists() and str(answer) != self._draft.own.get("from"):
                return f"{answer} is there already: name another"
            return None if path.parent.is_dir() else f"there is no folder {path.parent}"

        asked = Question(
            "file", "Which file is the spec written to?", "path", default=default, check=check,
            help="The spec is a JSON document: it can be trained again, changed by hand, put under version control.",
            why="it is called as the model is",
        )  # fmt: skip
        return Ask("file", asked, lambda draft, answer: draft.own.__setitem__("file", answer))

    def review(self) -> Ask:
        pointer = self._draft.own.get("editing")
        if pointer is not None:
            return self._edit_of(pointer)
        if self._draft.own.get("review") == "change":
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

        return Ask("review", asked, put, "\n" + review.table(self._draft, self._session))

    def start(self) -> Ask:
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
        path = Path(str(self._draft.own["file"])).expanduser()
        write_json(path, self._draft.document)
        # What lies there now is ours: a way back and forth writes it again.
        self._draft.own["from"] = str(self._draft.own["file"])
        return path
