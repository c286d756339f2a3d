"""What a conversation has come to: the spec so far, what was answered, and where each value comes from. No secrets."""

from __future__ import annotations

import json
import os
import time
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from runner.errors import EnvironmentProblem, IntegrityError, NotFoundError
from runner.spec import pointers
from runner.store.files import cannot_write
from runner.wizard.sft_saved_answers import WalkAnswers
from runner.workspace import Workspace

Origin = Literal["flag", "file", "data", "you", "default"]
VERSION = 1


@dataclass
class Draft:
    """The answers of one conversation, as they are kept."""

    document: dict[str, Any] = field(default_factory=dict)
    #: Keys of the questions that were answered, in that order, each with its step.
    answered: dict[str, str] = field(default_factory=dict)
    #: Where a value of the document comes from, by pointer; a section's stands for what is in it.
    origins: dict[str, Origin] = field(default_factory=dict)
    #: What was answered and is no field of the spec, by the question's key.
    own: dict[str, Any] = field(default_factory=dict)
    #: Fields that were given before the first question, and are not asked unless somebody goes back to them.
    given: list[str] = field(default_factory=list)

    @property
    def kind(self) -> str | None:
        """The model type that is trained, once it is known."""
        found = pointers.get(self.document, "/model/spec/model_type")
        return found if isinstance(found, str) else None

    def get(self, pointer: str) -> Any:
        """The value of a field, None where the document has none."""
        return pointers.get(self.document, pointer)

    def has(self, pointer: str) -> bool:
        """Whether the document has the field."""
        nothing = object()
        return pointers.get(self.document, pointer, nothing) is not nothing

    def put(self, pointer: str, value: Any, origin: Origin = "you") -> None:
        """Give a field its value. What lies on the way and is no object becomes one."""
        *parents, last = pointers.split(pointer)
        inside = self.document
        for parent in parents:
            if not isinstance(inside.get(parent), dict):
                inside[parent] = {}
            inside = inside[parent]
        inside[last] = deepcopy(value)
        self._forget(pointer)
        self.origins[pointer] = origin

    def remove(self, pointer: str) -> None:
        """Take a field out; sections that are empty then stay, since an empty one may mean something."""
        *parents, last = pointers.split(pointer)
        inside = pointers.get(self.document, pointers.join(parents)) if parents else self.document
        if isinstance(inside, dict):
            inside.pop(last, None)
        self._forget(pointer)

    def origin(self, pointer: str) -> Origin | None:
        """Where a value comes from: what is known of it, or of the nearest section around it."""
        names = pointers.split(pointer)
        for count in range(len(names), 0, -1):
            found = self.origins.get(pointers.join(names[:count]))
            if found is not None:
                return found
        return None

    def unanswer(self, key: str) -> None:
        """Make the questions of a field, and of all in it, be asked again."""
        for each in [other for other in self.answered if _within(other, key)]:
            del self.answered[each]
        self.given = [other for other in self.given if not _within(other, key)]

    def _forget(self, pointer: str) -> None:
        self.origins = {at: origin for at, origin in self.origins.items() if not _within(at, pointer)}

    def as_dict(self) -> dict[str, Any]:
        """The draft as its file holds it."""
        return {
            "version": VERSION,
            "document": self.document,
            "answered": [list(pair) for pair in self.answered.items()],
            "origins": self.origins,
            "own": self.own,
            "given": self.given,
        }

    @classmethod
    def of(cls, saved: Any, path: Path) -> Draft:
        """The draft of a file's content. Raises :class:`IntegrityError` for what is none."""
        try:
            if saved["version"] != VERSION:
                raise ValueError(f"it is of version {saved['version']}, and this program reads {VERSION}")
            draft = cls(
                dict(saved["document"]),
                {str(key): str(step) for key, step in saved["answered"]},
                dict(saved["origins"]),
                dict(saved["own"]),
                [str(each) for each in saved["given"]],
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            reason = str(error) if isinstance(error, ValueError) and str(error) else "parts of it are missing"
            raise IntegrityError(
                f"these are no saved answers: {reason}", where=str(path), hint="begin anew: runner new"
            ) from None
        return draft


def _within(pointer: str, section: str) -> bool:
    # A question on whether a section is there at all has a question mark behind its pointer.
    return pointer == section or pointer.startswith((section + "/", section + "?", section + "+"))


@dataclass
class SavedDraft:
    """The file that a draft is kept in after every answer, readable by its owner alone."""

    path: Path

    @classmethod
    def begin(cls, workspace: Workspace) -> SavedDraft:
        """A file of its own for a new conversation; it is not there before something is saved."""
        return cls(folder(workspace) / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.json")

    @classmethod
    def newest(cls, workspace: Workspace) -> SavedDraft:
        """The conversation that was left last. Raises :class:`NotFoundError` where there is none."""
        found = []
        for path in folder(workspace).glob("*.json"):
            try:
                found.append((path.stat().st_mtime_ns, path))
            except OSError:
                continue
        if not found:
            raise NotFoundError(
                "there are no saved answers to go on with", where=str(folder(workspace)), hint="begin: runner new"
            )
        return cls(max(found)[1])

    def save(self, draft: Draft | WalkAnswers) -> None:
        """Write the answers atomically; nobody but their owner can read them, from the first byte on."""
        import tempfile

        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # What mkstemp makes has the mode 0600.
            descriptor, name = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
            aside = Path(name)
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    json.dump(draft.as_dict(), file, indent=2, ensure_ascii=False)
                    file.flush()
                    os.fsync(file.fileno())
                aside.replace(self.path)
            except BaseException:
                aside.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def load(self) -> Draft:
        """The answers. Raises :class:`IntegrityError` for a file that holds none any more."""
        return Draft.of(self._read(), self.path)

    def walk(self) -> WalkAnswers | None:
        """The answers of ``runner new sft``, None where the file is a draft of a spec. Raises as :meth:`load`."""
        return WalkAnswers.of(self._read(), self.path)

    def _read(self) -> Any:
        try:
            saved = json.loads(self.path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            if isinstance(error, OSError):
                raise EnvironmentProblem(f"cannot be read: {error.strerror}", where=str(self.path)) from error
            raise IntegrityError("these are no saved answers: not UTF-8", where=str(self.path)) from error
        except ValueError as error:
            raise IntegrityError(
                f"these are no saved answers: not JSON: {error}", where=str(self.path), hint="begin anew: runner new"
            ) from None
        return saved

    def drop(self) -> None:
        """The conversation came to its end: what it was kept for is done."""
        import contextlib

        self.path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.path.parent.rmdir()


def folder(workspace: Workspace) -> Path:
    """Where answers are kept until a conversation ends."""
    return workspace.home / "drafts"
