"""JSON documents as frozen dataclasses: a field a key, in the order in which the keys are written.

A field without a default is one that every document of its kind has. A key that is not there has the field's default,
so documents of older versions are read; keys that no field has are kept, so those of newer versions lose nothing.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from enum import Enum
from typing import Any, ClassVar, Self, Union, cast, get_args, get_origin, get_type_hints

#: A JSON object that is free in its keys: a spec as it was written, a table of a shape of its own.
JsonObject = dict[str, Any]
#: Takes a JSON value and whether to be lenient; gives the field's value, or raises :class:`Misfit`.
Reading = Callable[[object, bool], Any]


class Misfit(ValueError):
    """A value is not of the type that its key has. The message begins with the key, ``lock.seed: ...``."""

    def __init__(self, what: str, path: str = "") -> None:
        super().__init__(f"{path}: {what}" if path else what)
        self.what, self.path = what, path

    def below(self, key: str) -> Misfit:
        """The same, one level further up."""
        return Misfit(self.what, f"{key}.{self.path}" if self.path else key)


@dataclass(frozen=True, kw_only=True)
class TypedDocument:
    """The base of typed documents."""

    #: Keys that are left out where their value is the default.
    LEFT_OUT: ClassVar[frozenset[str]] = frozenset()

    #: What stands under keys that this version does not know.
    others: Mapping[str, object] = field(default_factory=dict, repr=False)

    @classmethod
    def keys(cls) -> tuple[str, ...]:
        """The keys that this version knows, in the order in which they are written."""
        return tuple(_keys_of(cls))

    @classmethod
    def from_document(cls, value: object, *, lenient: bool = False) -> Self:
        """Read a JSON value. Raises :class:`Misfit` for one that is not of this shape.

        ``lenient`` takes what fits: a value that does not is passed over, as if it were not there.
        """
        if not isinstance(value, dict):
            raise Misfit("not an object")
        found: dict[str, Any] = {}
        own = _keys_of(cls)
        for name, key in own.items():
            if name not in value:
                if key.needed:
                    raise Misfit("missing", name)
                continue
            try:
                found[name] = key.read(value[name], lenient)
            except Misfit as error:
                # Null where there is a default is what some documents have for nothing.
                if key.needed or not (lenient or value[name] is None):
                    raise error.below(name) from None
        return cls(**found, others={name: known for name, known in value.items() if name not in own})

    def to_document(self) -> JsonObject:
        """The document, as it is written."""
        own, written = _keys_of(type(self)), {}
        for name in self.keys():
            value = getattr(self, name)
            if name not in self.LEFT_OUT or value != own[name].default():
                written[name] = _plain(value)
        return written | dict(self.others)


def _plain(value: Any) -> Any:
    if isinstance(value, TypedDocument):
        return value.to_document()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


@dataclass(frozen=True)
class _Key:
    """A key of a document: how its value is read, whether it must be there, and what it is where it is not."""

    read: Reading
    needed: bool
    default: Callable[[], Any]


_KEYS: dict[type[Any], dict[str, _Key]] = {}


def _keys_of(cls: type[TypedDocument]) -> dict[str, _Key]:
    if cls not in _KEYS:
        hints = get_type_hints(cls)
        _KEYS[cls] = {each.name: _key(each, hints[each.name]) for each in fields(cls) if each.name != "others"}
    return _KEYS[cls]


def _key(of: Field[Any], wanted: Any) -> _Key:
    read = _reading(wanted)
    if of.default_factory is not MISSING:
        return _Key(read, False, of.default_factory)
    return _Key(read, of.default is MISSING, lambda: of.default)


def _reading(wanted: Any) -> Reading:
    """What reads a value of the type, one of those that documents are declared with."""
    origin, inner = get_origin(wanted), get_args(wanted)
    if wanted in (Any, object) or wanted == JsonObject:
        return (lambda value, lenient: value) if wanted in (Any, object) else _instance(dict)
    if origin in (Union, types.UnionType):
        return _one_of([_reading(each) for each in inner])
    if origin is tuple:
        return _items(_reading(inner[0]))
    if origin is not None:
        return _entries(_reading(inner[1]))
    if issubclass(wanted, TypedDocument):
        return lambda value, lenient: wanted.from_document(value, lenient=lenient)
    if issubclass(wanted, Enum):
        return lambda value, lenient: _member(wanted, value)
    return _instance((int, float) if wanted is float else wanted)


def _instance(wanted: Any) -> Reading:
    """JSON's own types. A whole number is a number; true is none."""

    def read(value: object, lenient: bool) -> object:
        if isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool)):
            return value
        raise Misfit("not of its type")

    return read


def _member(wanted: type[Enum], value: object) -> Enum:
    try:
        return wanted(value)
    except ValueError:
        raise Misfit(f"{value!r} is none of its values") from None


def _one_of(readings: list[Reading]) -> Reading:
    def read(value: object, lenient: bool) -> Any:
        first = None
        for each in readings:
            try:
                return each(value, lenient)
            except Misfit as error:
                first = first or error
        raise cast(Misfit, first)

    return read


def _items(each: Reading) -> Reading:
    def read(value: object, lenient: bool) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise Misfit("not a list")
        return tuple(_fitting(enumerate(value), each, lenient).values())

    return read


def _entries(each: Reading) -> Reading:
    def read(value: object, lenient: bool) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Misfit("not an object")
        return _fitting(value.items(), each, lenient)

    return read


def _fitting(items: Any, each: Reading, lenient: bool) -> dict[Any, Any]:
    found = {}
    for key, item in items:
        try:
            found[key] = each(item, lenient)
        except Misfit as error:
            if not lenient:
                raise error.below(str(key)) from None
    return found
