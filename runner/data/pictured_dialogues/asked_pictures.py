"""Pictures with questions to be answered, in their order: a table of them, or pictures alone."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.chat.messages import Conversation, Message
from runner.data.asked_files import FORMATS, ending_in, put_aside
from runner.data.dialogues.column_roles import Columns
from runner.data.dialogues.row_faults import RowFault, Told
from runner.data.dialogues.row_layout import Form
from runner.data.dialogues.row_types import LanguageRow
from runner.data.dialogues.turn_reader import TurnReader
from runner.data.images import infer_rows as pictures_alone
from runner.data.images.collected import Collected
from runner.data.images.infer_rows import PictureRows
from runner.data.images.picture_tree import tree_of, walked
from runner.data.images.pictures import PictureFault, is_picture
from runner.data.images.table_pictures import BATCH, Reading, TableReader, tell_of_groups
from runner.data.pictured_dialogues.collected_rows import PictureShelf
from runner.data.pictured_dialogues.picture_slots import Slots
from runner.data.pictured_dialogues.pictured_row import Picture, PicturedRow
from runner.data.pictured_dialogues.pictured_rows import IMAGES, QUESTIONS, Layout
from runner.data.records import open_records
from runner.data.records.broken_rows import BrokenRows
from runner.data.records.data_files import container_of, is_pattern
from runner.errors import DataError, UsageError

NOTHING, WHERE = "no pictures", "--input"
HOW = "--input FOLDER, a picture, or a table with pictures and questions; a question for all: --set question=..."
NAMES_FILES = pictures_alone.NAMES_FILES
ROW = 'expected a picture ("image") with a question, or "messages" with pictures'


@dataclass(frozen=True)
class AskedPicture:
    """A conversation about pictures whose last turn is to be answered; None of pictures that come without a question.

    Its key is made of all that it says and of its pictures' bytes.
    """

    conversation: Conversation | None
    pictures: tuple[Picture, ...]
    caption_prompt: str
    told: bytes
    id: str | int | None = None

    def key(self) -> bytes:
        """What makes it the same question as another."""
        return self.told


class AskedLayout(Layout):
    """What is asked of a row, whether an answer stands beside it or not."""

    KNOWN = "messages with images, question with image, or image alone"

    def forms(self, columns: Columns) -> Iterator[Form]:
        # A file to be answered need not have the training data's columns.
        here = Columns(columns.names, {role: name for role, name in columns.own.items() if name in columns.names})
        images = here.of("image", IMAGES)
        beside = {} if images is None else {"image": images}
        if messages := here.of("messages"):
            yield Form("messages", here.beside({"messages": messages, **beside}, ("system",)), ("messages",))
        prompt = here.of("prompt", QUESTIONS)
        if prompt is not None and prompt != images:
            yield Form("question", here.beside({"prompt": prompt, **beside}, ("system",)), ("prompt",))
        if images is not None:
            yield Form("picture", beside, ())

    def made(self, form: Form, row: Mapping[str, Any], line: int) -> Iterator[LanguageRow]:
        slots = Slots()
        if form.name == "messages":
            turns = self.reader.turns(slots.turns(row.get(form.columns["messages"])), form.columns["messages"])
        elif form.name == "question":
            turns = (Message("user", str(slots.text(str(row.get(form.columns["prompt"]))))),)
        else:
            turns = ()
        turns = self.with_system(form, row, turns)
        held = self.held(form, row)
        if form.name == "picture":
            if not held:
                raise RowFault("missing_picture", "there is neither a picture nor a question")
            self.cells = held
            yield PicturedRow(line, Conversation(()))
            return
        turns, self.cells = self.placed(turns, slots, held)
        if not turns or turns[-1].role == "assistant":
            raise RowFault("no_question", "the last turn is an assistant's: there is nothing to answer")
        yield PicturedRow(line, Conversation(turns))


class AskedPictures(PictureRows):
    """Rows that can be read as often as needed. :meth:`check` looks at all pictures, before anything is computed."""

    noun = "rows"

    def __init__(
        self, name: str, drafts: Sequence[tuple[PicturedRow, Sequence[int], Any]], shelf: Any, prompt: str, holder: Any
    ) -> None:
        super().__init__(name, shelf, holder)
        self._drafts, self._prompt = drafts, prompt
        self._pictures_count, self.count = self.count, len(drafts)

    def check(self) -> None:
        """Look at all of them. Raises :class:`DataError` with the names of those that are no whole pictures."""
        if not self.count:
            raise DataError("there is no row in it", where=self.name, hint=pictures_alone.HOW)
        told, broken = hashlib.sha256(), BrokenRows()
        for row in self._rows(0, self.count, broken):
            told.update(row.key())
        broken.tell()
        self._sha256 = told.hexdigest()

    def chunks(self, size: int) -> Iterator[list[Any]]:
        """The rows, so many at a time. Raises :class:`DataError` where a picture was changed since :meth:`check`."""
        told = hashlib.sha256()
        for start in range(0, self.count, size):
            rows = list(self._rows(start, min(start + size, self.count), None))
            for row in rows:
                told.update(row.key())
            yield rows
        if told.hexdigest() != self._sha256:
            raise DataError(
                "a picture was changed while they were read", where=self.name, hint="the same command again"
            )

    def _rows(self, start: int, end: int, broken: BrokenRows | None) -> Iterator[AskedPicture]:
        for row, numbers, name in self._drafts[start:end]:
            keys = []
            for at in numbers:
                key = self._glance(at) if broken is not None else self._key(at)
                if isinstance(key, str):
                    assert broken is not None
                    place = f"{self.name}: {self._pictures.names[at]}"
                    broken.add(DataError(key, where=place, hint="every picture that is asked about is answered"))
                    key = b""
                keys.append(key)
            yield self._asked(row, numbers, keys, name)

    def _key(self, at: int) -> bytes:
        try:
            return hashlib.blake2b(self._pictures.read(at), digest_size=16).digest()
        except PictureFault as fault:
            raise DataError(fault.message, where=self._pictures.names[at]) from None

    def _asked(self, row: PicturedRow, numbers: Sequence[int], keys: Sequence[bytes], name: Any) -> AskedPicture:
        pictures = tuple(
            Picture(self._pictures, at, int.from_bytes(key[:8], "little"))
            for at, key in zip(numbers, keys, strict=True)
        )
        alone = not row.conversation.messages
        text = json.dumps(self._prompt if alone else row.conversation.as_dict(), sort_keys=True, ensure_ascii=False)
        told = hashlib.blake2b(text.encode("utf-8", "surrogatepass") + b"".join(keys), digest_size=16).digest()
        usable = isinstance(name, str | int) and not isinstance(name, bool) and name != ""
        return AskedPicture(None if alone else row.conversation, pictures, self._prompt, told, name if usable else None)


def from_words(words: Sequence[str], **told: Any) -> AskedPictures:
    """Pictures by their paths, each without a question. Raises :class:`NotFoundError` for one that is not there."""
    return _alone(pictures_alone.from_words(words), told)


def from_file(path: Path, format: str | None = None, **told: Any) -> AskedPictures:
    """A table of questions and pictures; or a folder of pictures, a picture, or an archive, each without a question."""
    if path.is_fifo():
        with path.open("rb") as file:
            return from_pipe(file, format, str(path), **told)
    if not _is_table(path, format):
        return _alone(pictures_alone.from_file(path, format), told)
    holder = tempfile.TemporaryDirectory(prefix="runner-pictures-")
    try:
        return _of_table(path, str(path), holder, told)
    except BaseException:
        holder.cleanup()
        raise


def from_pipe(stream: Any, format: str | None = None, name: str = "standard input", **told: Any) -> AskedPictures:
    """One picture, or a table whose paths count from the current folder, or from ``folder`` where it is told."""
    if format is not None and format not in FORMATS:
        raise UsageError(f"{format} is no format of rows", where="--prompts-format", hint=", ".join(FORMATS))
    holder, raw = put_aside(stream)
    try:
        if not raw.stat().st_size:
            nothing = AskedPictures(name, [], Collected(), _prompt(told), holder)
            nothing.empty = True
            return nothing
        head = raw.read_bytes() if format is None and raw.stat().st_size < 2**29 else b""
        if head and is_picture(head):
            return _alone(pictures_alone.from_words([str(raw)]), told, holder)
        return _of_table(
            ending_in(raw, pictures_alone.table_ending(head, format)),
            name,
            holder,
            told,
            pictures_alone.folder_of(told),
        )
    except BaseException:
        holder.cleanup()
        raise


def _is_table(path: Path, format: str | None) -> bool:
    """Whether it is a table, or shards of one: a folder without a picture, a pattern."""
    if path.is_dir():
        return not tree_of(walked(path, str(path))).pictures
    return is_pattern(path) or (path.exists() and (format is not None or container_of(path.name) is not None))


def _alone(rows: PictureRows, told: Mapping[str, Any], holder: Any = None) -> AskedPictures:
    found = rows.found
    drafts = [(PicturedRow(at + 1, Conversation(())), [at], found.names[at]) for at in range(len(found))]
    return AskedPictures(rows.name, drafts, found, _prompt(told), holder or rows.holder)


def _of_table(path: Path, name: str, holder: Any, told: Mapping[str, Any], folder: str | None = None) -> AskedPictures:
    """A table's rows, whose paths count from ``folder``, else from the table's own: not from the training's."""
    records = open_records(path, encoding=told.get("encoding"), delimiter=told.get("delimiter"))
    own = {role: column for role, column in (told.get("columns") or {}).items() if column is not None}
    heard = Told()
    reader = TurnReader(
        heard, own.get("role"), own.get("content"), told.get("role_words") or {}, bool(told.get("split_think")),
        records.unit == "row", asked=True,
    )  # fmt: skip
    layout = AskedLayout(own, heard, reader)
    layout.caption_prompt = _prompt(told)
    cache = Path(holder.name)
    shelf = PictureShelf(TableReader(Reading({}, {}, image_folder=folder), cache, ""), cache, records.files)
    drafts: list[tuple[PicturedRow, list[int], Any]] = []
    broken = BrokenRows()
    try:
        for batch in records.batches(BATCH):
            for line, reason in batch.bad:
                broken.add(DataError(reason, where=f"{name}:{line}"))
            for line, row in zip(batch.numbers, batch.rows, strict=True):
                try:
                    (made,) = layout.rows(row, line)
                except RowFault as fault:
                    broken.add(DataError(fault.detail or fault.reason, where=f"{name}:{line}", hint=ROW))
                    continue
                assert isinstance(made, PicturedRow)
                drafts.append((made, [shelf.put(cell, line, batch.file) for cell in layout.cells], row.get("id")))
        shelf.finish()
    finally:
        shelf.abandon()
    broken.tell()
    tell_of_groups(shelf.found, records.files)
    if folder is not None:
        pictures_alone.told_of_a_pipe(shelf.found, path)
    return AskedPictures(name, drafts, shelf.found, _prompt(told), holder)


def _prompt(told: Mapping[str, Any]) -> str:
    return str(told.get("caption_prompt") or "Describe the picture.")
