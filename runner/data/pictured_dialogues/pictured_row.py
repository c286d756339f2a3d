"""What a model of pictures and texts gets of a row: a conversation, and the pictures that it is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runner.data.dialogues.row_types import ConversationRow

if TYPE_CHECKING:
    from runner.data.images.picture_places import Pictures

#: Stands for a picture in a turn's text: Unicode's own letter for an object within a text.
MARK = "\ufffc"
#: What stands for one in data, and where a person reads it.
WRITTEN = "<image>"


@dataclass(frozen=True, slots=True)
class Picture:
    """One of the pictures of a data set, by its place."""

    pictures: Pictures
    at: int
    #: A number made of its bytes.
    key: int

    @property
    def name(self) -> str:
        """What the data calls it."""
        return self.pictures.names[self.at]

    def decoded(self) -> Any:
        """A ``PIL.Image`` of mode RGB, turned as its EXIF says. Raises :class:`DataError` with its name."""
        return self.pictures.decoded(self.at)


@dataclass(frozen=True, slots=True)
class PicturedRow(ConversationRow):
    """A conversation with a :data:`MARK` for each of its pictures, in their order."""

    pictures: tuple[Picture, ...] = ()
    #: The texts that are right as the last answer, the one that is learned among them.
    answers: tuple[str, ...] = ()


def shown(text: str) -> str:
    """A turn's text as a person reads it."""
    return text.replace(MARK, WRITTEN)


def marked(text: str, count: int) -> str:
    """A text behind ``count`` pictures."""
    return "".join(f"{MARK}\n" for _ in range(count)) + text
