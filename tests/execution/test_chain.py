"""Several specs as one chain: the order, what is told before anything starts, and what a failure leaves."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.errors import ConflictError
from runner.execution.chain import SpecsError, load_all, order
from runner.spec.checking import LoadedSpec, load_object
from tests.conftest import ROOT, Desk
from tests.examples import example


def elo(name: str, **changes: object) -> dict:
    document = json.loads((ROOT / "specs" / "elo_scoring.json").read_text()) | changes
    return document | {"model": document["model"] | {"name": name}, "epochs": 1}


def starts(name: str, reference: str) -> dict:
    """A spec that goes on with another's model."""
    return elo(name) | {"model": {"name": name, "start_state": reference}}


def read(*documents: dict) -> list[LoadedSpec]:
    return [load_object(document, source=f"{at}.json") for at, document in enumerate(documents)]


def names(chain: list) -> list[str]:
    return [link.loaded.spec.model.name for link in chain]


@st.composite
def forests(draw: st.DrawFn) -> tuple[list[int | None], list[int]]:
    """Specs of which each starts from an earlier one or from none, and an order to give them in."""
    size = draw(st.integers(1, 8))
    parents = [draw(st.none() | st.integers(0, at - 1)) if at else None for at in range(size)]
    return parents, draw(st.permutations(range(size)))


@settings(max_examples=40, deadline=None)
@given(forests())
def test_each_comes_after_what_it_names_and_nothing_moves_that_need_not(forest):
    parents, shuffle = forest
    documents = [elo(f"m{at}") if up is None else starts(f"m{at}", f"m{up}") for at, up in enumerate(parents)]
    chain = order(read(*(documents[at] for at in shuffle)))
    placed = [int(name[1:]) for name in names(chain)]
    assert sorted(placed) == list(range(len(parents)))
    for at, up in enumerate(parents):
        assert up is None or placed.index(up) < placed.index(at)
    # Every step takes the first of the list, as it was given, that waits for nothing.
    done: set[int] = set()
    for at in placed:
        ready = [other for other in shuffle if other not in done and parents[other] in {None, *done}]
        assert at == ready[0]
        done.add(at)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 6), st.randoms(use_true_random=False))
def test_a_cycle_is_an_error_that_names_its_specs_and_no_other(size, random):
    ring = [starts(f"m{at}", f"m{(at + 1) % size}") for at in range(size)]
    documents = [*ring, elo("apart"), starts("behind", "m0")]
    random.shuffle(documents)
    with pytest.raises(ConflictError) as caught:
        order(read(*documents))
    assert all(f"({'m'}{at})" in caught.value.message for at in range(size))
    assert "apart" not in caught.value.message and "behind" not in caught.value.message


def test_a_type_in_a_reference_tells_two_of_one_name_apart():
    other = json.loads((ROOT / "specs" / "least_squares_scoring.json").read_text())
    other["model"]["name"] = "twin"
    chain = order(read(starts("last", "elo_scoring/twin"), other, elo("twin")))
    assert names(chain) == ["twin", "twin", "last"]
    assert chain[2].needs == {"/model/start_state": 2}
    assert chain[2].kind == "elo_scoring"
    with pytest.raises(ConflictError, match=r"fits 2 specs: 1\.json, 2\.json"):
        order(read(starts("last", "twin"), other, elo("twin")))


def test_two_that_store_under_one_name_are_refused_unless_that_is_meant():
    same = read(elo("one"), elo("one"))
    with pytest.raises(ConflictError, match=r"2 specs store elo_scoring/one: 0\.json, 1\.json"):
        order(same)
    assert len(order(same, repeated=True)) == 2


def test_a_version_and_its_own_name_mean_what_is_stored():
    chain = order(read(starts("one", "one"), starts("two", "elo_scoring/one/v1")))
    assert [link.needs for link in chain] == [{}, {}]


def test_all_errors_of_all_specs_at_once():
    def fail(source: str) -> LoadedSpec:
        return load_object({"model": {"name": source}} if source != "good" else elo("good"), source)

    with pytest.raises(SpecsError) as caught:
        load_all(["first", "good", "third"], fail)
    document = caught.value.as_dict()
    assert [spec["source"] for spec in document["specs"]] == ["first", "third"]
    assert document["exit_code"] == 3
    assert "2 of 3" in document["message"]


def test_a_chain_trains_in_order_and_the_lineage_is_shown(desk: Desk):
    files = [desk.write("b.json", starts("child", "parent")), desk.write("a.json", elo("parent"))]
    done = desk("train", "--spec-file", *files, "--executor", "local", "--json").ok()
    first, second = done.json
    assert (first["model"], second["model"]) == ("elo_scoring/parent/v1", "elo_scoring/child/v1")
    shown = desk("models", "show", "child", "--json").ok().json
    assert shown["parent"] == "elo_scoring/parent/v1"
    assert "elo_scoring/parent/v1" in desk("models", "show", "elo_scoring/child").ok().out


def test_the_order_is_shown_without_training(desk: Desk):
    files = [desk.write("b.json", starts("child", "parent")), desk.write("a.json", elo("parent"))]
    words = ("train", "--spec-file", *files, "--executor", "local", "--dry-run")
    rows = desk(*words, "--json").ok().json
    assert [(row["model"], row["after"]) for row in rows] == [
        ("elo_scoring/parent", {}),
        ("elo_scoring/child", {"/model/start_state": 1}),
    ]
    assert desk(*words).ok().out.splitlines()[-1].split() == [
        "2",
        str(files[0]),
        "elo_scoring/child",
        "1",
        "(start_state)",
    ]
    assert not (desk.home / "runs").exists()


def test_nothing_is_trained_where_one_names_what_is_nowhere_or_is_no_spec(desk: Desk):
    good, lost = desk.write("a.json", elo("good")), desk.write("b.json", starts("lost", "nowhere"))
    bad = desk.write("c.json", elo("bad") | {"epoch": 2})
    words = ("--executor", "local")
    seen = desk("train", "--spec-file", good, lost, *words)
    assert seen.code == 5 and "nowhere" in seen.err and str(lost) in seen.err
    seen = desk("train", "--spec-file", good, bad, desk.home / "none.json", *words)
    assert seen.code == 3 and f"{bad}:" in seen.err and "none.json" in seen.err
    assert "2 of 3 specs cannot be used; nothing was started" in seen.err
    assert not (desk.home / "runs").exists()


@pytest.mark.slow
@pytest.mark.warm
def test_a_failure_ends_the_chain_and_says_how_to_go_on(desk: Desk):
    empty = elo("empty", data={"dataset": "sample", "max_samples": 1})
    files = [desk.write(f"{at}.json", spec) for at, spec in enumerate([elo("one"), empty, elo("three")])]
    seen = desk("train", "--spec-file", *files, "--executor", "local", "--json")
    assert seen.code == 4
    assert [entry["state"] for entry in seen.json] == ["succeeded", "failed", "not started"]
    seen = desk("train", "--spec-file", *files[1:], "--executor", "local")
    assert seen.code == 4
    assert f"runner train --spec-file {files[1]} {files[2]}" in seen.err
    assert "not started" in seen.out


def test_a_file_without_the_flag_is_a_usage_error(desk: Desk):
    seen = desk("train", "spec.json")
    assert seen.code == 2 and "--spec-file spec.json" in seen.err


@pytest.mark.slow
@pytest.mark.warm
def test_a_model_made_from_one_with_another_split_says_that_it_may_have_seen_what_was_held_out(desk):
    first = example("elo_scoring", epochs=1)
    desk("train", "--spec-file", desk.write("first.json", first), "--executor", "local").ok()
    onward = example("elo_scoring", epochs=1)
    onward["model"] = {"name": "onward", "start_state": "elo_scoring/elo"}
    same = desk("train", "--spec-file", desk.write("same.json", onward), "--executor", "local").ok()
    assert "may have seen" not in same.err
    onward["data"]["seed"] = 7
    other = desk("train", "--spec-file", desk.write("other.json", onward), "--executor", "local").ok()
    assert "made from elo_scoring/elo/v1, which has other data and may have seen the held-out prompts" in other.err
    assert "caveat: made from elo_scoring/elo/v1" in desk("models", "show", "elo_scoring/onward").ok().out
