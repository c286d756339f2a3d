"""``runner data check`` and ``runner data show``: the verdict on a file, as a document and as a person reads it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from runner.cli.app import run
from tests.data.outcomes import published

HEADER = "prompt,model_a,model_b,response_a,response_b,winner\n"
ROWS = [f"What is {at}?,{'ab'[at % 2]},{'ba'[at % 2]},x{at},y{at},{('model_a', 'model_b')[at // 2 % 2]}\n"
        for at in range(40)]  # fmt: skip


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.csv").write_text(HEADER + "".join(ROWS))
    return tmp_path / "x.csv"


def told(capsys, *words: str) -> tuple[int, dict]:
    code = run(["data", *words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_good_data_is_accepted(table, capsys):
    code, document = told(capsys, "check", "x.csv", "--kind", "elo_scoring")
    assert (code, document["verdict"], document["errors"]) == (0, "accept", [])
    assert document == {
        "layout": "comparisons", "rows_read": 40, "rows_kept": 40, "rows_dropped": {}, "rows_changed": {},
        "named": {}, "warnings": [], "verdict": "accept", "errors": [],
    }  # fmt: skip


def test_rows_that_are_dropped_are_named(table, capsys):
    table.write_text(HEADER + "".join([*ROWS, "p,a,a,x,y,tie\n", ",a,b,x,y,tie\n", "p,b,b,x,y,tie\n"]))
    code, document = told(capsys, "check", "x.csv", "--kind", "elo_scoring")
    assert (code, document["verdict"], document["rows_kept"]) == (0, "warn", 40)
    assert document["rows_dropped"] == {"same model twice": 2, "empty prompt": 1}
    assert document["named"] == {"same model twice": [42, 44], "empty prompt": [43]}
    assert run(["data", "check", "x.csv", "--kind", "elo_scoring"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len({line.index("COUNT") + 5 for line in lines[:1]} | {lines[2].index("43") + 2}) == 1
    assert lines[-1] == "comparisons: warn" and any("42, 44" in line for line in lines)


def test_what_is_refused_is_told_with_what_to_do(table, capsys):
    table.write_text(HEADER + "".join(row.replace("model_a", "A").replace("model_b", "B") for row in ROWS))
    code, document = told(capsys, "check", "x.csv", "--kind", "elo_scoring")
    assert (code, document["verdict"], document["rows_read"]) == (4, "refuse", 40)
    (error,) = document["errors"]
    assert "'A'" in error["message"] and "winner_values" in error["hint"]
    assert run(["data", "check", "x.csv", "--kind", "elo_scoring"]) == 4
    streams = capsys.readouterr()
    assert "comparisons: refuse" in streams.out and "winner_values" in streams.err


def test_columns_by_their_roles(table, capsys):
    table.write_text(table.read_text().replace("prompt,", "Question,", 1))
    code, document = told(capsys, "check", "x.csv", "--kind", "dense_network")
    assert code == 4 and "dense_network reads prompts" in document["errors"][0]["message"]
    code, document = told(
        capsys, "check", "x.csv", "--kind", "dense_network", "--columns", json.dumps({"prompt": "Question"})
    )
    assert (code, document["verdict"]) == (0, "accept")


def test_a_kind_whose_spec_has_required_fields(table, capsys):
    code, document = told(capsys, "check", "x.csv", "--kind", "transformer_embedding")
    assert (code, document["rows_kept"]) == (0, 40)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["x.csv", "--kind", "elo_skoring"], 5, "did you mean 'elo_scoring'"),
        (["y.csv", "--kind", "elo_scoring"], 5, "x.csv"),
        (["https://example.com/x.csv", "--kind", "elo_scoring"], 4, "curl"),
        (["x.csv", "--kind", "elo_scoring", "--columns", "{"], 2, "not JSON"),
        (["x.csv", "--kind", "elo_scoring", "--columns", '{"promt": "Question"}'], 3, "did you mean 'prompt'"),
        (["x.csv", "--kind", "elo_scoring", "--columns", '{"zzz": "Question"}'], 3, "there are: prompt, model_a"),
        (["x.csv", "--kind", "tabular_regression", "--columns", '{"targt": "y"}'], 3, "did you mean 'target'"),
        (["x.csv", "--kind", "tabular_regression", "--columns", '{"dataset": "y"}'], 3, "--help --kind tabular_reg"),
        (["x.csv", "--kind", "tabular_regression", "--columns", '{"target": []}'], 3, "expected: a list of texts"),
        (["x.csv", "--kind", "tabular_regression", "--columns", '{"target": 3}'], 3, "/data/target_columns: not one"),
        (["sampel", "--kind", "elo_scoring"], 3, 'did you mean "sample"?'),
    ],
)
def test_what_cannot_be_checked(table, capsys, words, code, said):
    assert run(["data", "check", *words]) == code
    assert said in capsys.readouterr().err


def test_how_the_rows_are_read_is_said_beside_the_columns(table, capsys):
    table.write_text(HEADER + "".join(row.replace("model_a", "A").replace("model_b", "B") for row in ROWS))
    words = json.dumps({"winner_values": {"model_a": ["A"], "model_b": ["B"]}})
    code, document = told(capsys, "check", "x.csv", "--kind", "elo_scoring", "--columns", words)
    assert (code, document["verdict"]) == (0, "accept")


@pytest.mark.parametrize("verb", ["check", "show"])
@pytest.mark.parametrize("kind", ["tabular_classification", "tabular_regression", "dense_network"])
def test_help_lists_what_columns_takes_for_a_kind(capsys, verb, kind):
    from runner.spec.kinds import spec_class

    assert run(["data", verb, "--help"]) == 0
    assert "with --kind KIND" in capsys.readouterr().out
    for words in (["--kind", kind], [f"--kind={kind}"]):
        assert run(["data", verb, "--help", *words]) == 0
        shown = " ".join(capsys.readouterr().out.split())
        for role, meaning in spec_class(kind).data.roles().items():
            assert f"{role}: {' '.join(meaning.split())}" in shown
    assert run(["data", verb, "--help", "--kind", "dens_network"]) == 5


def test_rows_as_training_gets_them(table, capsys):
    code, document = told(capsys, "show", "x.csv", "--kind", "elo_scoring", "--rows", "3")
    assert code == 0 and len(document["rows"]) == 3
    assert document["columns"] == ["model_a", "model_b", "winner", "prompt", "response_a", "response_b"]
    assert run(["data", "show", "x.csv", "--kind", "elo_scoring", "--rows", "2"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 4


@pytest.mark.parametrize("tokens", [[], ["--tokens", "--model", "runner/tiny-llama"]])
def test_rows_that_are_left_out_are_told_of_where_the_others_are_shown(tmp_path, monkeypatch, capsys, tokens):
    monkeypatch.chdir(tmp_path)
    kept = json.dumps({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]})
    asked = json.dumps({"messages": [{"role": "user", "content": "Hi"}]})
    lines = [kept, asked, json.dumps({"messages": []}), *[kept] * 7]
    (tmp_path / "chats.jsonl").write_text("\n".join(lines) + "\n")
    words = ["data", "show", "chats.jsonl", "--kind", "sft", *tokens]
    assert run(words) == 0
    streams = capsys.readouterr()
    assert "2 of 10 rows left out: " in streams.err and "1 (2)" in streams.err and "1 (3)" in streams.err
    assert "left out" not in streams.out
    assert run([*words, "--json"]) == 0
    streams = capsys.readouterr()
    document = json.loads(streams.out)
    assert (document["rows_read"], document["rows_kept"], sum(document["rows_dropped"].values())) == (10, 8, 2)
    assert sorted(document["named"][reason] for reason in document["rows_dropped"]) == [[2], [3]]
    assert "left out" in streams.err
    assert document["rows"]


def test_it_needs_no_torch(table):
    code = (
        "import sys; from runner.cli.app import run\n"
        "assert run(['data', 'check', 'x.csv', '--kind', 'dense_network']) == 0\n"
        "print([name for name in ('torch', 'transformers', 'pyarrow', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_matrix_of_outcomes_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    published.wide(tmp_path)
    code, document = told(capsys, "check", "wide.csv", "--kind", "dense_network")
    assert (code, document["layout"], document["verdict"], document["rows_kept"]) == (0, "outcomes", "warn", 24)
    assert document["outcomes"]["format"] == "wide" and document["outcomes"]["holes"] == 0
    assert run(["data", "check", "wide.csv", "--kind", "dense_network"]) == 0
    text = capsys.readouterr().out
    assert "format: wide" in text and text.endswith("outcomes: warn\n")
    assert run(["data", "show", "wide.csv", "--kind", "dense_network", "--rows", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "acme/large cost" in lines[0] and "What is " in lines[2] and len(lines) == 4


def test_roles_of_a_matrix_are_mapped(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = [[f"p{at // 2}", "ab"[at % 2], at // 2 % 3 == at % 2] for at in range(40)]
    published.table(tmp_path / "x.csv", ["Q", "who", "mark"], rows)
    words = '{"prompt": "Q", "model": "who", "score": "mark"}'
    code, document = told(capsys, "check", "x.csv", "--kind", "elo_scoring", "--columns", words)
    assert (code, document["verdict"], document["outcomes"]["llms"]) == (0, "accept", 2)
