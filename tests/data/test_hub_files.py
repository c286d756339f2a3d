"""Data sets of the Hub by name, read by every layout: the real client against a Hub on this machine."""

from __future__ import annotations

import json

import pytest

from runner.data.hub_files import HubName, hub_name
from runner.errors import DataError
from tests.data.hub_server import HubServer

REPO = "someone/some-table"


def csv(first: int, rows: int = 40) -> bytes:
    return (
        "n,town,y\n" + "".join(f"{at},{'GL'[at % 2]},{'ab'[at % 4 // 2]}\n" for at in range(first, first + rows))
    ).encode()


SPLITS = {
    "README.md": b"# A table\n",
    "data/train-00000-of-00002.csv": csv(0),
    "data/train-00001-of-00002.csv": csv(40),
    "data/test-00000-of-00001.csv": csv(900),
}
TWO = b"---\nconfigs:\n- config_name: one\n  data_files: one.csv\n- config_name: two\n  data_files: two.csv\n---\n"


@pytest.fixture
def asking(desk, monkeypatch):
    """The desk, asking a Hub that has these files."""
    for name in ("HF_HUB_CACHE", "HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)

    def at(hub: HubServer):
        desk.environment.update(HF_HOME=str(desk.home / "hf"), HF_ENDPOINT=hub.url)
        return desk

    return at


def check(desk, dataset: str, *words: str, kind: str = "tabular_classification", target: str = "y"):
    return desk("data", "check", dataset, "--kind", kind, "--columns", json.dumps({"target": target}), *words)


@pytest.mark.slow
def test_the_training_split_is_read_and_kept_for_when_there_is_no_network(asking):
    with HubServer(REPO, SPLITS) as hub:
        desk = asking(hub)
        shown = check(desk, f"hub:{REPO}", "--json").ok().json
        assert (shown["layout"], shown["rows_read"], shown["rows_dropped"]) == ("table_rows", 80, {})
        assert any("/resolve/" in path for path in hub.asked)
    desk.environment["HF_HUB_OFFLINE"] = "1"
    assert check(desk, f"hub:{REPO}", "--json").ok().json["rows_read"] == 80


@pytest.mark.slow
def test_files_are_named_and_measured_on_and_no_other_is_fetched(asking):
    with HubServer(REPO, SPLITS) as hub:
        desk = asking(hub)
        assert check(desk, f"hub:{REPO}/data/test-00000-of-00001.csv", "--json").ok().json["rows_read"] == 40
        assert not [path for path in hub.asked if "train" in path and "/resolve/" in path]
        model = {"name": "t", "spec": {"model_type": "tabular_classification", "learner": {"learner_type": "linear"}}}
        data = {"dataset": f"hub:{REPO}", "validation_data": f"hub:{REPO}/data/test-*.csv", "target_columns": "y"}
        desk.write("spec.json", {"model": model, "data": data})
        done = desk("train", "--spec-file", "spec.json", "--executor", "local", "--json").ok().json
        assert (done["metrics"]["n_train"], done["metrics"]["n_validation"]) == (80, 40)
        spec = json.loads((desk.only_run() / "spec.json").read_text())
        assert spec["data"]["dataset"] == f"hub:{REPO}"


@pytest.mark.slow
def test_comparisons_are_read_by_the_same_name(asking):
    rows = [
        {"prompt": f"p{at}", "model_a": "ada", "model_b": "bob", "winner": ("model_a", "tie")[at % 2]}
        for at in range(30)
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    with HubServer(REPO, {"battles.jsonl": lines}) as hub:
        desk = asking(hub)
        done = desk("data", "check", f"hub:{REPO}", "--kind", "elo_scoring", "--json").ok()
        assert (done.json["layout"], done.json["rows_kept"]) == ("comparisons", 30)


@pytest.mark.parametrize(
    ("name", "files", "code", "says"),
    [
        (f"hub:{REPO}/train.csv", SPLITS, 5, f"datasets/{REPO}/tree/main"),
        (f"hub:{REPO}", {"data/test-00000-of-00001.csv": csv(0)}, 4, "there is no split train: test"),
        (f"hub:{REPO}", {"README.md": b"# Nothing\n"}, 4, "the data set has no data file"),
        (f"hub:{REPO}", {"README.md": TWO, "one.csv": csv(0), "two.csv": csv(0)}, 4, f"hub:{REPO}/one.csv"),
        ("hub:someone/other", SPLITS, 6, "it is gated, or it does not exist"),
        ("hub:someone", SPLITS, 4, "hub:OWNER/NAME"),
        (f"hf://datasets/{REPO}/train.csv", SPLITS, 4, f"hub:{REPO}/train.csv"),
    ],
)
@pytest.mark.slow
@pytest.mark.warm
def test_what_cannot_be_read_is_told_with_what_to_name(asking, name, files, code, says):
    with HubServer(REPO, files) as hub:
        done = check(asking(hub), name)
    assert (done.code, says in done.err, "Traceback" in done.err) == (code, True, False), done.err


def test_a_name_has_two_parts_and_files_below():
    assert hub_name("hub:a/b", "") == HubName("a/b", None)
    assert hub_name("hub:a/b/data/*.csv", "") == HubName("a/b", "data/*.csv")
    for odd in ("hub:", "hub:a", "hub:a/", "hub:/a/b", "hub:a/b/", "hub:a/b/../c", "hub:a b/c"):
        with pytest.raises(DataError, match="no name of a data set"):
            hub_name(odd, "/data/dataset")


@pytest.mark.slow
@pytest.mark.warm
def test_conversations_of_the_hub_are_read_by_the_same_names(asking):
    turns = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "Because."}]
    files = {"data/train-00000-of-00001.jsonl": json.dumps({"messages": turns}).encode() + b"\n"}
    with HubServer(REPO, files) as hub:
        shown = asking(hub)("data", "show", f"hub:{REPO}", "--kind", "sft", "--json").ok().json
    assert [row[2:] for row in shown["rows"]] == [["user", "Why?"], ["assistant", "Because."]]
