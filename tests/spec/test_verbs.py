"""``validate``, ``spec fix`` and ``schema`` as they are typed."""

import io
import json
import sys
from types import SimpleNamespace

import pytest

from runner.cli.app import run
from runner.spec import json_schemas


@pytest.fixture
def type_in(monkeypatch):
    def give(data):
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data), isatty=lambda: False))

    return give


@pytest.fixture
def good(document, tmp_path):
    path = tmp_path / "good.json"
    path.write_text(json.dumps(document, indent=2))
    return path


@pytest.fixture
def bad(document, tmp_path):
    document["data"]["valiation_split"] = "0.1"
    document["epocs"] = document.pop("epochs")
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(document, indent=2))
    return path


def test_validate_says_what_is_valid(good, capsys):
    assert run(["validate", str(good)]) == 0
    assert capsys.readouterr().out == f"{good}: a valid spec of elo_scoring\n"


def test_validate_tells_all_faults_of_all_files(good, bad, capsys):
    assert run(["validate", str(bad), str(good), str(bad.parent / "none.json")]) == 5
    said = capsys.readouterr()
    assert "/epocs: unknown field" in said.err
    assert "/data/valiation_split: wrong type" in said.err
    assert "there is no such file" in said.err
    assert "good.json: a valid spec" in said.out


def test_validate_reads_standard_input(good, bad, type_in, capsys):
    type_in(good.read_bytes())
    assert run(["validate"]) == 0
    type_in(bad.read_bytes())
    assert run(["validate", "-"]) == 3
    line = bad.read_text()[: bad.read_text().index('"epocs"')].count("\n") + 1
    assert f"<stdin>:{line}:3: /epocs: unknown field" in capsys.readouterr().err


def test_validate_prints_one_document(good, bad, capsys):
    assert run(["validate", str(bad), "--json"]) == 3
    result = json.loads(capsys.readouterr().out)
    assert result["valid"] is False
    assert {fault["pointer"] for fault in result["faults"]} == {"/data/valiation_split", "/epocs"}
    assert run(["validate", str(good), str(bad), "--json"]) == 3
    assert [spec["valid"] for spec in json.loads(capsys.readouterr().out)["specs"]] == [True, False]


def test_validate_warns(good, capsys):
    good.write_text(good.read_text().replace('"dataset"', '"valiation_split": 0.1, "dataset"'))
    assert run(["validate", str(good)]) == 0
    assert "warning: an older spelling of `validation_split`" in capsys.readouterr().out


def test_fix_prints_and_leaves_the_file(bad, capsys):
    before = bad.read_bytes()
    assert run(["spec", "fix", str(bad)]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["data"]["validation_split"] == 0.1
    assert "renamed epocs to epochs" in said.err
    assert bad.read_bytes() == before


def test_fix_writes_when_told_to_and_keeps_the_mode(bad, capsys):
    bad.chmod(0o640)
    assert run(["spec", "fix", str(bad), "--write"]) == 0
    assert json.loads(bad.read_text())["epochs"] == 3
    assert bad.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in bad.parent.iterdir()] == ["bad.json"]
    assert run(["validate", str(bad)]) == 0


def test_fix_refuses_what_it_cannot_and_writes_nothing(bad, capsys):
    bad.write_text(bad.read_text().replace('"0.1"', "7"))
    before = bad.read_bytes()
    assert run(["spec", "fix", str(bad), "--write"]) == 3
    assert "too large" in capsys.readouterr().err
    assert bad.read_bytes() == before


def test_fix_writes_no_standard_input(type_in):
    type_in(b"{}")
    assert run(["spec", "fix", "--write"]) == 2


def test_fix_prints_one_document(bad, type_in, capsys):
    type_in(bad.read_bytes())
    assert run(["spec", "fix", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert len(result["changes"]) == 3
    assert json.loads(result["text"])["epochs"] == 3


def test_schema_prints_the_published_one(capsys):
    assert run(["schema", "elo_scoring"]) == 0
    assert json.loads(capsys.readouterr().out) == json_schemas.schema_for("elo_scoring")
    assert run(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json_schemas.union()
    assert run(["schema", "elo_scorin"]) == 5
    assert "did you mean 'elo_scoring'?" in capsys.readouterr().err


MORE = b"::::::::::::::\n/home/me/spec.json\n::::::::::::::\n"


def test_what_more_writes_above_a_spec_is_passed_over(good, bad, type_in, capsys):
    type_in(MORE + good.read_bytes())
    assert run(["validate", "-"]) == 0
    type_in(bad.read_bytes())
    assert run(["validate", "-"]) == 3
    told = capsys.readouterr()
    type_in(MORE + bad.read_bytes())
    assert run(["validate", "-"]) == 3
    assert capsys.readouterr().err == told.err, "lines are those of the file"
    type_in(MORE.replace(b"\n", b"\r\n") + bad.read_bytes())
    assert run(["spec", "fix"]) == 0
    assert json.loads(capsys.readouterr().out)


def test_colons_in_another_place_are_no_json(type_in, good, capsys):
    type_in(good.read_bytes() + b"\n" + MORE)
    assert run(["validate", "-"]) == 3


def test_where_an_older_system_kept_its_files_is_ignored_with_a_warning(good, capsys):
    good.write_text(good.read_text().replace('"model":', '"jar_base_path": "/data/jar",\n  "model":', 1))
    assert run(["validate", str(good)]) == 0
    assert "/jar_base_path: warning: ignored" in capsys.readouterr().out
    assert run(["spec", "fix", str(good), "--write"]) == 0
    assert "jar_base_path" not in good.read_text()


@pytest.mark.parametrize(
    ("words", "verb"),
    [
        (["list", "models"], "`runner models`"),
        (["list", "logs"], "`runner runs list`"),
        (["list", "preprocessed"], "`runner data check SPEC`"),
        (["list"], "`runner models`"),
        (["inspect", "--model", "dense_network/a"], "`runner models show TYPE/NAME`"),
    ],
)
def test_a_verb_of_another_name_is_answered_with_the_one_that_does_it(words, verb, capsys):
    assert run(words) == 2
    assert verb in capsys.readouterr().err
