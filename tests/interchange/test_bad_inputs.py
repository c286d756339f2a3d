"""Configurations that are none, or that ask for what is not safe: each is told of with its place."""

import pytest

from runner.errors import NotFoundError, SpecError, UsageError
from runner.interchange import importing

BAD = {
    "broken": (b"a: 1\nb: [1, 2\nc: 3\n", 3, "is no YAML"),
    "a tab": (b"a:\n\tb: 1\n", 2, "has a tab: YAML is indented with spaces alone"),
    "a list at the top": (b"- a\n- b\n", 1, "has a list at the top"),
    "a word": (b"hello\n", 1, "has a single value at the top"),
    "given twice": (b"a: 1\nb: 2\na: 3\n", 3, "'a' is given twice, here and in line 1"),
    "given twice below": (b"a:\n  b: 1\n  b: 2\n", 3, "'b' is given twice"),
    "empty": (b"", 1, "is empty"),
    "blank": (b"\n  \n", 1, "is empty"),
    "comments alone": (b"# nothing\n", 1, "is empty"),
    "binary": (b"a: 1\n\x00\x01", 2, "is a binary file"),
    "another encoding": ("a: caf\xe9\n".encode("latin-1"), 1, "is no UTF-8 text"),
    "a control character": (b"a: 1\nb: \x01\n", 2, "has a character that YAML does not allow: U+0001"),
    "two documents": (b"a: 1\n---\nb: 2\n", 3, "has a second document (---)"),
    "no anchor": (b"a: *x\n", 1, "undefined alias"),
    "itself": (b"a: &x\n  b: *x\n", 1, "holds itself"),
    "a merge of itself": (b"a: &x\n  <<: *x\n", 2, "holds itself"),
    "a list as a name": (b"? [a, b]\n: 1\n", 1, "a name has to be a word"),
    "an open quote": (b'a: "x\n', 2, "is no YAML"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_configuration_is_told_with_its_place(name):
    data, line, message = BAD[name]
    with pytest.raises(SpecError) as caught:
        importing.import_data(data, "config.yaml")
    (fault,) = caught.value.faults
    assert message in fault.message
    assert fault.line == line
    assert fault.column is not None


def test_json_is_read_as_strictly_as_a_spec():
    with pytest.raises(SpecError, match="base_model"):
        importing.import_data(b'{"base_model": "a/b", "base_model": "c/d"}', "config.json")


def test_a_bomb_of_aliases_is_told_of():
    bomb = b"a: &a [x, x, x, x, x, x, x, x, x]\n"
    for before, name in zip("abcdef", "bcdefg", strict=True):
        bomb += (
            f"{name}: &{name} [*{before}, *{before}, *{before}, *{before}, *{before}, *{before}, *{before}]\n".encode()
        )
    with pytest.raises(SpecError, match="fault") as caught:
        importing.import_data(bomb, "config.yaml")
    assert "settings" in caught.value.faults[0].message


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.system", "!!python/name:os.system", "!mine", "!!python/tuple"]
)
def test_a_tag_that_makes_an_object_is_refused_by_name_and_the_rest_is_read(tag, tmp_path):
    text = f"base_model: a/b\nsequence_len: 64\nmicro_batch_size: 1\nlr_scheduler: {tag} [x]\nnum_epochs: 1"
    report = importing.import_data(text.encode(), "config.yaml")
    (found,) = [entry for entry in report.entries if entry.key == "lr_scheduler"]
    assert (found.outcome, found.effect, found.line) == ("refused", True, 4)
    assert tag in found.what
    assert report.spec["model"]["spec"]["max_length"] == 64


def test_a_tag_within_a_list_is_refused_too():
    report = importing.import_data(
        b"base_model: a/b\nsequence_len: 8\nmicro_batch_size: 1\nplugins: [!!python/name:os.system '']\n", "c.yaml"
    )
    assert [entry.outcome for entry in report.entries if entry.key == "plugins"] == ["refused"]


def test_an_include_that_is_not_there(tmp_path):
    (tmp_path / "run.yaml").write_text("tuning: {}\ninclude: nowhere.yaml\n")
    with pytest.raises(NotFoundError, match=r"includes nowhere.yaml, which is not there") as caught:
        importing.import_file("run.yaml", cwd=tmp_path)
    assert caught.value.where == "run.yaml:2"


@pytest.mark.parametrize("first", ["run.yaml", "base.yaml"])
def test_an_include_that_goes_round(tmp_path, first):
    (tmp_path / "run.yaml").write_text(f"include: {first}\nmodel: {{name: a/b}}\n")
    (tmp_path / "base.yaml").write_text("include: run.yaml\n")
    with pytest.raises(SpecError) as caught:
        importing.import_file("run.yaml", cwd=tmp_path)
    assert "includes it again" in caught.value.faults[0].message


def test_an_address_is_not_fetched():
    with pytest.raises(UsageError, match="not fetched"):
        importing.import_file("https://example.org/x.yaml")
    report = importing.import_command(["aitraining", "--config", "https://example.org/x.yaml", "--project-name", "p"])
    (found,) = [entry for entry in report.entries if entry.key == "--config"]
    assert (found.outcome, found.effect) == ("refused", True)


def test_a_file_that_is_not_there():
    with pytest.raises(NotFoundError):
        importing.import_file("nowhere.yaml")


def test_names_that_no_format_has():
    with pytest.raises(UsageError, match="no format has names such as these: x, y"):
        importing.import_data(b"x: 1\ny: 2\n", "config.yaml")


def test_a_format_that_is_not_known_has_a_near_one():
    with pytest.raises(UsageError) as caught:
        importing.import_data(b"x: 1\n", "config.yaml", "axolotel")
    assert caught.value.hint == "did you mean 'axolotl'?"


def test_a_spec_is_no_foreign_configuration():
    with pytest.raises(UsageError, match="is a spec of Runner's already"):
        importing.import_data(b'{"model": {"name": "x", "spec": {"model_type": "sft"}}}', "spec.json")


def test_a_script_that_is_no_python():
    with pytest.raises(SpecError) as caught:
        importing.import_data(b"x = (\n", "train.py")
    assert caught.value.faults[0].line == 1


@pytest.mark.parametrize(
    ("data", "source", "hint"),
    [
        (b"#!/bin/bash\ntrl sft --model_name_or_path a/b\n", "<stdin>", "spec import -- trl sft"),
        (b"trl sft --model_name_or_path a/b\n", "train.sh", "spec import -- trl sft"),
        (b'{"cells": [], "nbformat": 4}', "sft.ipynb", "jupyter nbconvert --to script sft.ipynb"),
    ],
)
def test_a_script_of_a_shell_and_a_notebook_are_no_configurations(data, source, hint):
    with pytest.raises(UsageError) as caught:
        importing.import_data(data, source)
    assert hint in str(caught.value.hint) and caught.value.where == source


def test_data_that_is_code_is_nobodys_path():
    text = "base_model: a/b\nadapter: lora\nmicro_batch_size: 1\ndatasets: [{path: !!python/name:os.system ''}]\n"
    report = importing.import_data(text.encode(), "config.yaml", "axolotl")
    assert [entry.outcome for entry in report.entries if entry.key == "datasets[0].path"] == ["refused"]
    assert "dataset" not in report.spec.get("data", {})
