"""Arrow columns of raw comparisons, read without a Python object per message."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from runner.data.category_tags import TAG_COLUMN, TAGS, tag_number
from runner.data.comparisons.json_conversations import json_turns
from runner.data.comparisons.raw_layouts import (
    GROUP_COLUMN,
    OTHER,
    ROLES,
    Rows,
    Turns,
    add,
)
from runner.data.comparisons.winner_words import WinnerWords, llm_names
from runner.errors import DataError

Texts = Callable[[np.ndarray], list[str]]


def add_arrow(rows: Rows, batch: Any, where: str, words: WinnerWords, numbers: Sequence[int]) -> None:
    """Check a ``pyarrow.RecordBatch`` (or Table) that has the required columns, and append its good rows.

    ``numbers`` are the rows' places in the file ``where``. Raises :class:`DataError` for a column of a type that
    neither layout has.
    """
    names = set(batch.schema.names)
    n = batch.num_rows
    model_a, model_b = (llm_names(_cells(batch, side), side, where, numbers) for side in ("model_a", "model_b"))
    add(
        rows,
        model_a,
        model_b,
        words.read(_cells(batch, "winner"), model_a, model_b, where, numbers),
        turns(batch, "conversation_a", where),
        turns(batch, "conversation_b", where),
        tags(batch, where) if TAG_COLUMN in names else np.full((n, len(TAGS)), np.nan, np.float32),
        strings(batch, GROUP_COLUMN, where) if GROUP_COLUMN in names else [None] * n,
        numbers,
    )


def strings(batch: Any, name: str, where: str) -> list[str | None]:
    """A column of strings, null where it has none. A dictionary-encoded one is as good."""
    import pyarrow as pa

    column = _column(batch, name)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_null(column.type):
        return [None] * len(column)
    if not _is_string(column.type):
        raise _wrong_type(name, column.type, "strings", where)
    return column.to_pylist()


def turns(batch: Any, name: str, where: str) -> Turns:
    """A column of conversations, ``list<struct<role, content>>``, content a string or a list of parts."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = _column(batch, name)
    expected = "a list of {role, content}"
    if _is_string(column.type) or (_is_list(column.type) and _is_sharegpt(column.type.value_type)):
        return json_turns(column.to_pylist())
    if not _is_list(column.type) or not pa.types.is_struct(column.type.value_type):
        raise _wrong_type(name, column.type, expected, where)
    fields = {field.name: field.type for field in column.type.value_type}
    if "role" not in fields or "content" not in fields or not _is_string(fields["role"]):
        raise _wrong_type(name, column.type, expected, where)
    starts = _starts(column)
    messages = pc.list_flatten(column)
    found = pc.index_in(pc.struct_field(messages, "role"), value_set=pa.array(list(ROLES), fields["role"]))
    role = np.array([*ROLES.values(), OTHER], np.int8)[_numpy(pc.fill_null(found, len(ROLES)))]
    content = pc.struct_field(messages, "content")
    if _is_string(content.type):
        texts, wordless = _plain(content), _numpy(pc.is_null(content))
    elif _is_list(content.type) and pa.types.is_struct(content.type.value_type):
        texts, wordless = _parts(content, name, where)
    else:
        raise _wrong_type(name, column.type, expected + ", content a string or a list of parts", where)

    return Turns(starts, role, wordless, texts)


def _cells(batch: Any, name: str) -> list[Any]:
    return _column(batch, name).to_pylist()


def tags(batch: Any, where: str) -> np.ndarray:
    """The category annotations, float32 ``[rows, 12]``, NaN where there is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = _column(batch, TAG_COLUMN)
    table = np.full((len(column), len(TAGS)), np.nan, np.float32)
    if not pa.types.is_struct(column.type):
        if pa.types.is_null(column.type):
            return table
        raise _wrong_type(TAG_COLUMN, column.type, "an object of annotations", where)
    for at, (group, name) in enumerate(TAGS.values()):
        if column.type.get_field_index(group) < 0:
            continue
        annotation = pc.struct_field(column, [group])
        if not pa.types.is_struct(annotation.type) or annotation.type.get_field_index(name) < 0:
            continue
        values = pc.struct_field(annotation, [name])
        table[:, at] = [tag_number(value) for value in values.to_pylist()]
    return table


def _plain(content: Any) -> Texts:
    import pyarrow as pa

    return lambda at: content.take(pa.array(at)).to_pylist()


def _parts(content: Any, name: str, where: str) -> tuple[Texts, np.ndarray]:
    """Messages made of parts: how to read their texts, and which of them hold something else than text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    fields = {field.name: field.type for field in content.type.value_type}
    if not {"type", "text"} <= set(fields) or not _is_string(fields["text"]) or not _is_string(fields["type"]):
        raise _wrong_type(name, content.type, "parts of {type, text}", where)
    starts = _starts(content)
    parts = pc.list_flatten(content)
    text = pc.struct_field(parts, "text")
    is_text = pc.and_(pc.equal(pc.fill_null(pc.struct_field(parts, "type"), ""), "text"), pc.is_valid(text))
    if "image" in fields:
        is_text = pc.and_(is_text, pc.is_null(pc.struct_field(parts, "image")))
    total = np.concatenate([[0], np.cumsum(~_numpy(is_text).astype(bool))])

    def texts(at: np.ndarray) -> list[str]:
        first, last = starts[at], starts[at + 1]
        if (last - first == 1).all():
            return text.take(pa.array(first)).to_pylist()
        return ["\n".join(text.slice(i, j - i).to_pylist()) for i, j in zip(first, last, strict=True)]

    return texts, (total[starts[1:]] > total[starts[:-1]]) | _numpy(pc.is_null(content))


def _column(batch: Any, name: str) -> Any:
    import pyarrow as pa

    column = batch.column(name)
    if not isinstance(column, pa.ChunkedArray):
        return column
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def _starts(column: Any) -> np.ndarray:
    """Offsets into the flattened list; a null list is an empty one. int64 ``[rows + 1]``."""
    import pyarrow.compute as pc

    lengths = _numpy(pc.fill_null(pc.list_value_length(column), 0)).astype(np.int64)
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _numpy(values: Any) -> np.ndarray:
    return values.to_numpy(zero_copy_only=False)


def _is_string(kind: Any) -> bool:
    import pyarrow as pa

    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _is_sharegpt(kind: Any) -> bool:
    """Whether a message has ``from`` and ``value`` in place of ``role`` and ``content``."""
    import pyarrow as pa

    return pa.types.is_struct(kind) and {"from", "value"} <= {field.name for field in kind}


def _is_list(kind: Any) -> bool:
    import pyarrow as pa

    return pa.types.is_list(kind) or pa.types.is_large_list(kind)


def _wrong_type(name: str, found: Any, expected: str, where: str) -> DataError:
    shown = str(found)
    shown = shown if len(shown) <= 160 else shown[:157] + "..."
    return DataError(f"column {name} holds {shown}", where=where, hint=f"it should hold {expected}")
