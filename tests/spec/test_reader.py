import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.errors import EnvironmentProblem, NotFoundError, SpecError
from runner.spec import pointers
from runner.spec.reader import LARGEST, read, read_file

text = st.text(st.characters(exclude_categories=["Cs"]))
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4))
objects = st.dictionaries(text, values, max_size=5)


def faults(data):
    with pytest.raises(SpecError) as caught:
        read(data, "s.json")
    return caught.value.faults


def everywhere(value, path=()):
    yield path, value
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in members:
        yield from everywhere(item, (*path, key))


@given(objects, st.sampled_from([None, 2]), st.booleans())
@settings(max_examples=200, deadline=None)
def test_reads_what_json_reads_and_knows_where_it_stands(value, indent, ascii_only):
    written = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    document = read(written.encode(), "s.json")
    assert document.value == value
    lines = written.split("\n")
    for path, part in everywhere(value):
        pointer = pointers.join(path)
        assert json.loads(document.written(pointer)) == part
        assert pointers.get(document.value, pointer) == part
        line, column = document.position(pointer)
        start = sum(len(each) + 1 for each in lines[: line - 1]) + column - 1
        assert start == document.span(pointer)[0]
        if path and isinstance(path[-1], str):
            start, end = document.key_span(pointer)
            assert json.loads(written[start:end]) == path[-1]


@given(st.text(max_size=80) | st.binary(max_size=80))
@settings(max_examples=300, deadline=None)
def test_any_input_is_read_or_refused_with_places(data):
    try:
        assert isinstance(read(data, "s.json").value, dict)
    except SpecError as error:
        assert error.faults
        assert all(fault.line and fault.column for fault in error.faults)


@given(objects, st.data())
@settings(max_examples=200, deadline=None)
def test_never_accepts_what_json_refuses(value, data):
    written = json.dumps(value)
    at = data.draw(st.integers(0, len(written)))
    mutated = (
        written[:at] + data.draw(st.sampled_from('{}[]",:0.1eE+- \\x')) + written[at + data.draw(st.integers(0, 1)) :]
    )
    try:
        accepted = read(mutated, "s.json").value
    except SpecError:
        return
    assert accepted == json.loads(mutated)


@pytest.mark.parametrize("number", ["1.0", "1e3", "-0.0", "1E+2", "12345678901234567890"])
def test_an_integral_number_is_an_integer(number):
    value = read(f'{{"n": {number}}}', "s.json").value["n"]
    assert type(value) is int
    assert value == float(number) or value == int(number)


def test_a_fraction_stays_a_float():
    assert type(read('{"n": 1.5}', "s.json").value["n"]) is float


def test_all_duplicates_are_told_with_both_places():
    found = faults('{"a": 1,\n "a": 2, "b": {"c": 1, "c": 1}}')
    assert [(fault.pointer, fault.line, fault.column) for fault in found] == [("/a", 2, 2), ("/b/c", 2, 24)]
    assert "line 1, column 2" in found[0].hint


def test_faults_of_the_text_do_not_hide_each_other():
    assert len(faults('{\'a\': True, // why\n "b": [1,], c: NaN, "d": 01}')) == 7


def test_depth_and_size_are_limited():
    assert read('{"a":' + "[" * 63 + "]" * 63 + "}", "s.json").value
    assert "deep" in faults('{"a":' + "[" * 64 + "]" * 64 + "}")[0].message
    assert "deep" in faults("[" * 1_000_000)[0].message
    assert "large" in faults(b" " * (LARGEST + 1))[0].message


def test_a_file_past_any_size_is_not_read_to_its_end(tmp_path):
    path = tmp_path / "large.json"
    with path.open("wb") as stream:
        stream.truncate(50 * 2**20)
    with pytest.raises(SpecError, match="1 fault"):
        read_file(path)


def test_what_cannot_be_read_is_said(tmp_path):
    with pytest.raises(NotFoundError):
        read_file(tmp_path / "none.json")
    with pytest.raises(NotFoundError, match="folder"):
        read_file(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(EnvironmentProblem):
        read_file(tmp_path / "loop")


def test_many_faults_are_not_told_without_end():
    assert len(faults("{" + "a: 1, " * 5000 + "}")) == 50


@given(st.lists(text | st.integers(0, 99)))
def test_pointers_come_back(path):
    assert pointers.split(pointers.join(path)) == [str(part) for part in path]
