"""The grammar of JSON, read so that one fault does not hide the next.

The parser notes a trouble, goes on as a reader would, and offers a repair where there is one thing only that the
writer can have meant (a trailing comma, a comment, Python's ``True``). It never raises: what it noted decides.
"""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass, field
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any, NoReturn

from runner.errors import Fault
from runner.spec import json_words, pointers
from runner.spec.text_layout import WORD, ArrayShape, ObjectShape, Shape, span

DEEPEST = 64
MOST_TROUBLES = 50

_SPACE = re.compile(r"[ \t\n\r]*")
_COMMENT = re.compile(r"//[^\r\n]*|#[^\r\n]*|/\*.*?\*/", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]*")
_QUOTED = re.compile(r"'((?:[^'\\\n]|\\.)*)'")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Repair:
    """Put ``text`` in place of ``[start, end)``; ``what`` says it to the user."""

    start: int
    end: int
    text: str
    what: str


@dataclass(frozen=True)
class Trouble:
    """A fault of the text at an offset; ``other`` is a second place, which the hint names as ``{place}``."""

    fault: Fault
    at: int
    other: int | None = None
    repair: Repair | None = None


@dataclass
class Reading:
    """What could be read, and what was wrong with it."""

    value: Any = None
    shape: Shape = 0
    troubles: list[Trouble] = field(default_factory=list)


class _GiveUp(Exception):
    """Nothing after this place can be read with any confidence."""


def parse(text: str) -> Reading:
    """Read a document. Without troubles, ``value`` is an object and all of the text is understood."""
    parser = _Parser(text)
    reading = Reading(troubles=parser.troubles)
    with contextlib.suppress(_GiveUp):
        reading.value, reading.shape = parser.document()
    reading.troubles.sort(key=lambda trouble: trouble.at)
    return reading


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.troubles: list[Trouble] = []

    def note(
        self,
        at: int,
        message: str,
        path: pointers.Path = (),
        *,
        expected: str | None = None,
        found: str | None = None,
        hint: str | None = None,
        other: int | None = None,
        repair: Repair | None = None,
    ) -> None:
        fault = Fault(message, pointers.join(path), expected=expected, found=found, hint=hint)
        self.troubles.append(Trouble(fault, at, other, repair))
        if len(self.troubles) >= MOST_TROUBLES:
            raise _GiveUp

    def give_up(self, at: int, message: str, path: pointers.Path, **words: Any) -> NoReturn:
        self.note(at, message, path, **words)
        raise _GiveUp

    def peek(self, at: int) -> str:
        return self.text[at : at + 1]

    def seen(self, at: int) -> str:
        """What stands here, for a message."""
        if at >= len(self.text):
            return "the end of the document"
        word = WORD.match(self.text, at)
        return (
            _short(word.group())
            if word
            else f"`{self.text[at]}`"
            if self.text[at].isprintable()
            else ascii(self.text[at])
        )

    def skip(self, at: int) -> int:
        """Past white space, and past comments, which are noted."""
        while True:
            at = _SPACE.match(self.text, at).end()  # type: ignore[union-attr]
            if self.peek(at) not in ("/", "#"):
                return at
            comment = _COMMENT.match(self.text, at)
            if comment is None:
                return at
            self.note(
                at,
                "JSON has no comments",
                found=_short(comment.group()),
                hint="take it out, or run `runner spec fix`",
                repair=Repair(at, comment.end(), "", "took out a comment"),
            )
            at = comment.end()

    def document(self) -> tuple[Any, Shape]:
        at = 0
        if self.text.startswith("\ufeff"):
            self.note(
                0,
                "the document begins with a byte-order mark",
                expected="plain UTF-8",
                hint='save it as "UTF-8", not "UTF-8 with BOM", or run `runner spec fix`',
                repair=Repair(0, 1, "", "took out the byte-order mark"),
            )
            at = 1
        at = self.skip(at)
        if at >= len(self.text):
            self.give_up(0, "the document is empty", (), expected="a JSON object: { ... }")
        start = at
        value, shape, at = self.value(at, (), 1)
        at = self.skip(at)
        if at < len(self.text):
            self.give_up(
                at, "there is text after the document", (), expected="the end of the document", found=self.seen(at)
            )
        if not isinstance(value, dict):
            name = "a list" if isinstance(value, list) else _short(self.text[start : span(self.text, shape)[1]])
            self.note(start, "the document is not an object", expected="a JSON object: { ... }", found=name)
        return value, shape

    def value(self, at: int, path: pointers.Path, depth: int) -> tuple[Any, Shape, int]:
        first = self.peek(at)
        if first in ("{", "["):
            if depth > DEEPEST:
                self.give_up(at, "the document is nested too deeply", path[:4], expected=f"at most {DEEPEST} levels")
            return self.object(at, path, depth) if first == "{" else self.array(at, path, depth)
        if first == '"':
            text, end = self.string(at, path)
            return text, at, end
        if first == "'":
            text, end = self.single_quoted(at, path)
            return text, at, end
        word = WORD.match(self.text, at)
        if word is None:
            self.give_up(at, "a value is missing", path, expected="a JSON value", found=self.seen(at))
        return self.word(word.group(), at, path), at, word.end()

    def object(self, at: int, path: pointers.Path, depth: int) -> tuple[Any, Shape, int]:
        start = at
        result: dict[str, Any] = {}
        members: dict[str, tuple[int, Shape]] = {}
        at = self.commas(self.skip(at + 1), path, "}")
        while self.peek(at) != "}":
            key_at = at
            key, at = self.key(at, path, start)
            here = (*path, key)
            at = self.skip(at)
            if self.peek(at) != ":":
                self.give_up(at, "a colon is missing after the key", here, expected="`:`", found=self.seen(at))
            value, shape, at = self.value(self.skip(at + 1), here, depth + 1)
            if key in members:
                self.note(
                    key_at,
                    "this key is there twice",
                    here,
                    expected="each key once",
                    found=self.text[key_at : span(self.text, key_at)[1]] if self.peek(key_at) == '"' else key,
                    hint="the first one is at {place}",
                    other=members[key][0],
                )
            else:
                result[key], members[key] = value, (key_at, shape)
            at = self.after(at, start, path, "}")
        return result, ObjectShape(start, at + 1, members), at + 1

    def array(self, at: int, path: pointers.Path, depth: int) -> tuple[Any, Shape, int]:
        start = at
        result: list[Any] = []
        items: list[Shape] = []
        at = self.commas(self.skip(at + 1), path, "]")
        while self.peek(at) != "]":
            if at >= len(self.text):
                self.unclosed(start, path, "]")
            value, shape, at = self.value(at, (*path, len(result)), depth + 1)
            result.append(value)
            items.append(shape)
            at = self.after(at, start, path, "]")
        return result, ArrayShape(start, at + 1, items), at + 1

    def after(self, at: int, start: int, path: pointers.Path, closing: str) -> int:
        """From the end of an item to the next one's start or the closing bracket."""
        end, at = at, self.skip(at)
        found = self.peek(at)
        if found == closing:
            return at
        if found == ",":
            following = self.skip(at + 1)
            if self.peek(following) == closing:
                self.note(
                    at,
                    "there is a comma after the last item",
                    path,
                    expected=f"`{closing}`",
                    found="`,`",
                    hint="take it out, or run `runner spec fix`",
                    repair=Repair(at, at + 1, "", "took out a trailing comma"),
                )
            return self.commas(following, path, closing)
        if not found:
            self.unclosed(start, path, closing)
        if found in "}]:":
            self.give_up(at, "this bracket does not match", path, expected=f"`,` or `{closing}`", found=f"`{found}`")
        self.note(
            end,
            "a comma is missing",
            path,
            expected=f"`,` or `{closing}`",
            found=self.seen(at),
            repair=Repair(end, end, ",", "put in a missing comma"),
        )
        return at

    def commas(self, at: int, path: pointers.Path, closing: str) -> int:
        """Past commas that separate nothing."""
        while self.peek(at) == ",":
            self.note(
                at,
                "there is a comma too many",
                path,
                expected=f"a value or `{closing}`",
                found="`,`",
                repair=Repair(at, at + 1, "", "took out a comma too many"),
            )
            at = self.skip(at + 1)
        return at

    def unclosed(self, start: int, path: pointers.Path, closing: str) -> NoReturn:
        opening = self.peek(start)
        self.give_up(
            len(self.text),
            "the document ends too early",
            path,
            expected=f"`{closing}`",
            found="the end of the document",
            hint=f"the `{opening}` at {{place}} is not closed",
            other=start,
        )

    def key(self, at: int, path: pointers.Path, start: int) -> tuple[str, int]:
        if at >= len(self.text):
            self.unclosed(start, path, "}")
        if self.peek(at) == '"':
            return self.string(at, path)
        if self.peek(at) == "'":
            return self.single_quoted(at, path)
        name = _NAME.match(self.text, at)
        if name is None:
            self.give_up(at, "a key is missing", path, expected="a key in double quotes", found=self.seen(at))
        self.note(
            at,
            "a key has no quotes",
            (*path, name.group()),
            expected=f'"{name.group()}"',
            found=name.group(),
            repair=Repair(at, name.end(), f'"{name.group()}"', f"quoted the key {name.group()}"),
        )
        return name.group(), name.end()

    def string(self, at: int, path: pointers.Path) -> tuple[str, int]:
        try:
            text, end = scanstring(self.text, at + 1, True)
        except json.JSONDecodeError as error:
            if "escape" in error.msg:
                self.give_up(
                    error.pos,
                    "this escape does not exist",
                    path,
                    expected=r"\" \\ \/ \b \f \n \r \t or \uXXXX",
                    found=self.text[error.pos : error.pos + 2],
                    hint=r"a backslash itself is written \\",
                )
            if error.pos < len(self.text) and "control" in error.msg and self.text[error.pos] not in "\r\n":
                self.give_up(
                    error.pos,
                    "there is a control character in a string",
                    path,
                    expected=f"\\u{ord(self.text[error.pos]):04x}",
                    found=f"the character {ord(self.text[error.pos])}",
                )
            line = self.text[at:].split("\n", 1)[0].rstrip("\r")
            self.give_up(at, "a string is not closed", path, expected='a closing `"`', found=_short(line))
        self.check_surrogates(text, at, path)
        return text, end

    def check_surrogates(self, text: str, at: int, path: pointers.Path) -> None:
        lone = _SURROGATE.search(text)
        if lone:
            self.note(
                at,
                "there is half a surrogate pair in a string",
                tuple(_SURROGATE.sub("\ufffd", part) if isinstance(part, str) else part for part in path),
                expected="text",
                found=f"\\u{ord(lone.group()):04x} alone",
            )

    def single_quoted(self, at: int, path: pointers.Path) -> tuple[str, int]:
        quoted = _QUOTED.match(self.text, at)
        if quoted is None:
            self.give_up(at, "a string is not closed", path, expected="a string in double quotes", found="`'`")
        body = re.sub(r'\\.|"', lambda m: {"\\'": "'", '"': '\\"'}.get(m.group(), m.group()), quoted.group(1))
        try:
            text = json.loads(f'"{body}"')
            repair = Repair(at, quoted.end(), f'"{body}"', "put double quotes for single ones")
        except ValueError:
            text, repair = quoted.group(1), None
        self.note(
            at,
            "a string is in single quotes",
            path,
            expected=f'"{body}"' if len(body) < 60 else "double quotes",
            found=_short(quoted.group()),
            repair=repair,
        )
        return text, quoted.end()

    def word(self, word: str, at: int, path: pointers.Path) -> Any:
        read = json_words.read(word)
        if read.complaint is not None:
            repair = None
            if read.meant is not None:
                repair = Repair(at, at + len(word), read.meant, f"put {read.meant} for {word}")
            self.note(at, read.complaint, path, expected=read.expected, found=_short(word), repair=repair)
        return read.value


def _short(text: str, most: int = 60) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 3] + "..."
