import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.errors import SpecError
from runner.spec.checking import load
from runner.spec.repair import fix

WRONG = """// a spec
{
  'model': { # what
    "name": "m",
    "start_state": None,
    "spec": {
      "model_type": "dense_netwrk",
      "hidden_dim": [256,],
      "optimizer": {"optimizer_type": "adamW", "learning_rate": "0.1"}
    },
  },
  /* data
     here */
  "data": {"valiation_split": 0.1}
  "epochs": "3",
  "batchsize": 3
}
"""
RIGHT = """{
  "model": {
    "name": "m",
    "start_state": null,
    "spec": {
      "model_type": "dense_network",
      "hidden_dims": [256],
      "optimizer": {"optimizer_type": "adamw", "learning_rate": 0.1}
    }
  },
  "data": {"validation_split": 0.1},
  "epochs": 3,
  "batch_size": 3
}
"""


def test_everything_unambiguous_is_repaired_in_place():
    text, changes = fix("\ufeff" + WRONG)
    assert text == RIGHT
    assert load(text).warnings == []
    places = {(change.line, change.what) for change in changes}
    assert {(7, 'put "dense_network" for "dense_netwrk"'), (8, "renamed hidden_dim to hidden_dims")} <= places
    assert {(14, "renamed valiation_split to validation_split"), (15, 'put 3 for "3"')} <= places


def test_an_older_spelling_and_its_value_are_replaced_together(tiny):
    text = (
        '{"model": {"name": "m", "spec": {"model_type": "tiny",\n  "shape": {"size": "large", "layers": 2, '
        '"bits" :  8}}}, "data": {"path": "p"}, "epochs": 1}'
    )
    fixed, changes = fix(text)
    assert fixed == text.replace('"layers": 2', '"depth": 2').replace('"bits" :  8', '"dense" :  false')
    assert [change.what for change in changes] == ["renamed layers to depth", "put dense: false for bits: 8"]
    assert load(fixed).warnings == []


def test_older_words_are_replaced_where_they_stand(tiny):
    text = '{"model": {"name": "m", "spec": {"model_type": "tiny", "marks": ["line",  "dot"]}},'
    text += ' "data": {"path": "p"}, "epochs": 1}'
    fixed, changes = fix(text)
    assert fixed == text.replace('"dot"', '"point"')
    assert [(change.what, change.column) for change in changes] == [('put "point" for "dot"', text.index('"dot"') + 1)]
    assert load(fixed).warnings == []


def test_an_older_spelling_whose_value_means_nothing_is_not_repaired(tiny):
    text = '{"model": {"name": "m", "spec": {"model_type": "tiny", "shape": {"size": "large", "depth": 1, "bits": 5}}},'
    with pytest.raises(SpecError) as caught:
        fix(text + ' "data": {"path": "p"}, "epochs": 1}')
    assert [fault.pointer for fault in caught.value.faults] == ["/model/spec/shape/bits"]


def test_what_is_right_stays_as_it_is():
    assert fix(RIGHT) == (RIGHT, [])


def test_what_cannot_be_repaired_is_told_at_its_place_in_the_text_as_given():
    text = WRONG.replace('"epochs": "3"', '"epochs": -1')
    with pytest.raises(SpecError) as caught:
        fix(text)
    (fault,) = caught.value.faults
    assert (fault.pointer, fault.line, fault.column) == ("/epochs", 15, 13)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"epochs": 3', '"epoch": 3, "epoch_s": 3'),  # two that could be meant for one
        ('"epochs": 3', '"epochs": 3, "epoch": 3'),  # what is meant is there already
        ('"validation_split"', '"valiation_split": 0.2, "validation_split"'),
        ('"adamw"', '"adamx"'),  # adam, or adamw
        ("0.1}", "0.1"),
        ('"epochs": 3', '"epochs": 3, "epochs": 4'),
        ('"learning_rate": 0.1', '"learning_rate": NaN'),
    ],
)
def test_what_is_ambiguous_is_left(old, new):
    with pytest.raises(SpecError):
        fix(RIGHT.replace(old, new, 1))


def test_a_spec_beside_start_state_is_taken_out():
    text, (change,) = fix(
        '{\n  "model": {\n    "name": "m",\n    "start_state": "old",\n    "spec": {"x": 1}\n  }\n}\n'
    )
    assert json.loads(text) == {"model": {"name": "m", "start_state": "old"}}
    assert change.pointer == "/model/spec"
    first, _ = fix('{"model": {"spec": {"x": [1]}, "name": "m", "start_state": "old"}}')
    assert json.loads(first) == {"model": {"name": "m", "start_state": "old"}}


def test_python_s_repr_of_a_dict_becomes_json():
    document = json.loads(RIGHT)
    document["model"]["name"] = 'it\'s "m"'
    text, changes = fix(repr(document))
    assert json.loads(text) == document
    assert changes


def test_windows_line_ends_stay():
    text, _ = fix(WRONG.replace("\n", "\r\n"))
    assert text == RIGHT.replace("\n", "\r\n")


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_fix_ends_in_a_valid_spec_or_in_an_error(data):
    text = RIGHT
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        piece = data.draw(
            st.sampled_from([",", "'", '"', "/* x */", "//y\n", "#z\n", "[", "}", "x", "1", "-", " ", "True"])
        )
        text = text[:at] + piece + text[at + data.draw(st.integers(0, 2)) :]
    try:
        fixed, _ = fix(text)
    except SpecError as error:
        lines = text.split("\n")
        assert all(fault.line is None or fault.line <= len(lines) for fault in error.faults)
        return
    load(fixed)
    assert fix(fixed) == (fixed, [])
