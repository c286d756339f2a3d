"""`runner models extend` from the command line: what joins, what is told, what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner.store import model_storing
from tests.conftest import ROOT, Desk

#: What they ask is made once, and that takes longer than a quick test may.
pytestmark = [pytest.mark.slow, pytest.mark.warm]

ROUTER, RATING = "knn_scoring/router", "bradley_terry_scoring/rating"
SUM = "Add {} and 417 and multiply the sum by 3. Give the number alone."
HELLO = "Say hello to guest number {} of our hotel in a friendly way."


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A router and a rating of a matrix of three LLMs, and the outcomes of one that came later."""
    desk = Desk(tmp_path_factory.mktemp("office"))
    for words in (["outcomes.jsonl"], ["newcomer.jsonl", "newcomer"]):
        subprocess.run([sys.executable, ROOT / "examples" / "sample_outcomes.py", *words], cwd=desk.home, check=True)
    outcomes = {"pairs_per_prompt": "all", "score_range": [0, 1]}
    for name, spec in (
        ("router", {"model_type": "knn_scoring"}),
        ("rating", {"model_type": "bradley_terry_scoring", "min_model_occurrences": 1}),
    ):
        document = {"model": {"name": name, "spec": spec}, "data": {"dataset": "outcomes.jsonl", "outcomes": outcomes}}
        desk("train", "--spec-file", desk.write(f"{name}.json", document), "--executor", "local").ok()
    return desk


def rows(desk: Desk) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (desk.home / "newcomer.jsonl").read_text().splitlines()]


def put(desk: Desk, name: str, found: list[dict[str, Any]]) -> str:
    desk.write(name, "".join(json.dumps(row) + "\n" for row in found))
    return name


def extend(desk: Desk, *words: object, model: str = ROUTER, name: str = "extended", ok: bool = True) -> Any:
    done = desk("models", "extend", model, "--new-name", name, "--json", *words)
    return done.ok().json if ok else done


def scores(desk: Desk, model: str, *llms: str, prompts: tuple[str, ...] = (SUM.format(3), HELLO.format(3))) -> Any:
    return desk("infer", "--model", model, "--models-to-score", *llms, "--prompts", *prompts, "--output-path", "-").ok()


@pytest.fixture(scope="module")
def joined(office: Desk) -> dict[str, Any]:
    return extend(office, "--with", "newcomer.jsonl", name="joined")


@pytest.mark.slow
@pytest.mark.warm
def test_the_new_llm_is_scored_by_the_prompt_and_the_others_as_before(office, joined):
    before = scores(office, ROUTER, "large", "middle", "small").json
    after = scores(office, joined["model"], "all").json
    assert {name: after[name] for name in before} == before
    sum_, hello = after["newcomer"]
    assert sum_ > after["small"][0] and hello < after["small"][1]
    alone = scores(office, joined["model"], "newcomer", prompts=(SUM.format(3),)).json["newcomer"]
    assert alone == pytest.approx([sum_], abs=1e-6)


def test_the_report_tells_of_kinds_of_prompts_and_of_other_prompts(joined):
    assert (joined["llm"], joined["prompts"], joined["prompts_foretold"]) == ("newcomer", 48, 0)
    groups = joined["tables"]["extension_clusters"]
    every = [dict(zip(groups["columns"], row, strict=True)) for row in groups["rows"]]
    assert sum(row["prompts"] for row in every[:-1]) == every[-1]["prompts"] == 48
    assert all(row["low"] <= row["against_mean"] <= row["high"] for row in every)
    sums, greetings = ([row for row in every if row["prompts_like"].startswith(word)] for word in ("Add", "Say"))
    assert min(row["against_mean"] for row in sums) > max(row["against_mean"] for row in greetings)
    check = joined["check"]["measured"]
    assert check["the estimate"]["log_loss"] < check["the mean of the known LLMs"]["log_loss"]
    assert joined["check"]["better_than_mean"] and joined["warnings"] == []
    assert joined["amounts"]["cost"] == pytest.approx(0.004, rel=0.1)


def test_it_is_a_stored_model_with_its_lineage(office, joined):
    shown = office("models", "show", joined["model"], "--json").ok().json
    assert shown["lineage"] == [{"field": "extended_from", "model": f"{ROUTER}/v1", "made_from": []}]
    assert "newcomer was added from 48 prompts" in shown["caveats"][0]
    manifest = json.loads((office.home / joined["path"] / "manifest.json").read_text())
    parent = json.loads((office.home / "models" / ROUTER / "v1" / "manifest.json").read_text())
    assert manifest["extension"]["from_sha256"] == parent["sha256"]
    assert len(manifest["extension"]["data_sha256"]) == 64
    office("models", "--verify").ok()


@pytest.mark.slow
@pytest.mark.warm
def test_a_router_chooses_it(office, joined):
    office.write("costs.json", {"small": 0.0002, "middle": 0.002, "large": 0.02, "newcomer": 0.004})
    words = ("--trade-off", 20, "--prompts", SUM.format(77), HELLO.format(77), "--output-path", "-")
    routes = office("route", "--model", joined["model"], "--costs", "costs.json", *words).ok().json["routes"]
    assert routes[0]["model"] == "newcomer" != routes[1]["model"]


@pytest.mark.slow
@pytest.mark.warm
def test_the_same_outcomes_give_the_same_bytes_in_whatever_order_and_form(office):
    joined = extend(office, "--with", "newcomer.jsonl", model=RATING, name="first")
    again = extend(office, "--with", "newcomer.jsonl", model=RATING, name="first")
    bare = [{"Question": row["prompt"], "right": row["score"]} for row in reversed(rows(office))]
    columns = json.dumps({"prompt": "Question", "score": "right"})
    words = ("--with", put(office, "bare.jsonl", bare), "--columns", columns, "--llm", "newcomer")
    other = extend(office, *words, model=RATING, name="bare")
    wide = [{"prompt": row["prompt"], "newcomer/score": row["score"]} for row in rows(office)]
    third = extend(office, "--with", put(office, "wide.jsonl", wide), model=RATING, name="wide")
    assert again["model"].endswith("/v2")
    written = [(office.home / each["path"] / "extension").rglob("*") for each in (joined, again, other, third)]
    first, *others = [{path.name: path.read_bytes() for path in paths} for paths in written]
    assert all(each == first for each in others)


def test_known_llms_may_be_in_the_file_and_comparisons_do(office):
    found = rows(office)
    known = [json.loads(line) for line in (office.home / "outcomes.jsonl").read_text().splitlines()]
    prompts = {row["prompt"] for row in found}
    both = found + [row for row in known if row["prompt"] in prompts]
    matrix = extend(office, "--with", put(office, "both.jsonl", both), model=RATING, name="both")
    score = {(row["prompt"], row["model"]): row["score"] for row in both}
    winner = {1.0: "model_a", 0.0: "tie", -1.0: "model_b"}
    pairs = [
        {
            "prompt": prompt,
            "model_a": "newcomer",
            "model_b": llm,
            "winner": winner[score[prompt, "newcomer"] - score[prompt, llm]],
        }
        for prompt in dict.fromkeys(row["prompt"] for row in found)
        for llm in ("large", "middle", "small")
    ]
    compared = extend(office, "--with", put(office, "pairs.jsonl", pairs), model=RATING, name="pairs")
    assert compared["overall"] == pytest.approx(matrix["overall"])
    assert compared["comparisons"] == matrix["comparisons"] == 48 * 3


@pytest.mark.slow
def test_on_prompts_that_nobody_else_was_scored_on_the_others_are_foretold(office):
    other = [row | {"prompt": row["prompt"].replace("number ", "number 700").replace("Add ", "Add 700")}
             for row in rows(office)]  # fmt: skip
    found = extend(office, "--with", put(office, "elsewhere.jsonl", other), name="elsewhere")
    assert found["prompts_foretold"] == 48
    answers = scores(office, found["model"], "newcomer", "small").json
    assert answers["newcomer"][0] > answers["small"][0] and answers["newcomer"][1] < answers["small"][1]


@pytest.mark.slow
@pytest.mark.warm
def test_a_rating_gets_one_score_and_an_extended_model_is_extended_again(office):
    first = extend(office, "--with", "newcomer.jsonl", model=RATING, name="one")
    second = put(office, "second.jsonl", [row | {"model": "second", "score": 1.0} for row in rows(office)])
    both = extend(office, "--with", second, model=first["model"], name="two")
    answers = scores(office, both["model"], "all").json
    assert set(answers) == {"large", "middle", "small", "newcomer", "second"}
    assert all(np.ptp(values) == pytest.approx(0) for values in answers.values())
    assert answers["newcomer"] == scores(office, first["model"], "newcomer").json["newcomer"]
    assert answers["second"][0] > answers["newcomer"][0]
    lineage = office("models", "show", both["model"], "--json").ok().json["lineage"]
    assert lineage[0]["made_from"][0]["model"] == f"{RATING}/v1"


def test_what_says_nothing_is_warned_of(office):
    known = [json.loads(line) for line in (office.home / "outcomes.jsonl").read_text().splitlines()]
    noise = [row | {"model": "another"} for row in known[:150] if row["model"] == "middle"]
    done = office("models", "extend", RATING, "--with", put(office, "noise.jsonl", noise), "--new-name", "noise").ok()
    assert "mean of the known LLMs" in done.err
    assert "Foretold on other prompts" in done.out and "stored as bradley_terry_scoring/noise/v1" in done.out


@pytest.mark.slow
@pytest.mark.warm
def test_replay_and_a_training_that_starts_from_it_say_that_it_was_not_trained(office, joined):
    done = office("replay", joined["model"])
    assert done.code == 5 and f"runner replay {ROUTER}/v1" in done.err
    first = extend(office, "--with", "newcomer.jsonl", model=RATING, name="one")
    spec = {"model": {"name": "on", "start_state": first["model"]}, "data": {"dataset": "outcomes.jsonl"}}
    done = office("train", "--spec-file", office.write("on.json", spec), "--executor", "local").ok()
    assert "newcomer joined" in done.err


@pytest.mark.parametrize(
    ("change", "words", "code", "told", "hint"),
    [
        pytest.param(lambda r: r[:5], (), 4, "5 different prompts", "more prompts", id="few prompts"),
        pytest.param(
            lambda r: [row | {"prompt": r[0]["prompt"]} for row in r],
            (), 4, "1 different prompts", "more prompts", id="one prompt",
        ),
        pytest.param(
            lambda r: [row | {"score": "NaN"} for row in r], (), 4, "no score, a hole", "greater the better", id="NaN"
        ),
        pytest.param(
            lambda r: [row | {"score": 100 * row["score"]} for row in r],
            (), 4, "reach from 0 to 100", "training's scale", id="another scale",
        ),
        pytest.param(
            lambda r: [row | {"model": "small"} for row in r], (), 5, "knows every LLM", "is new", id="known already"
        ),
        pytest.param(lambda r: r, ("--llm", "small"), 5, "knows 'small' already", "is new", id="a known one is named"),
        pytest.param(lambda r: r, ("--llm", "newcomr"), 5, "no usable row", "did you mean 'newcomer'", id="misspelt"),
        pytest.param(
            lambda r: [row | {"model": f"new {at % 2}"} for at, row in enumerate(r)],
            (), 2, "2 LLMs of the file are new", "--llm 'new 0'", id="two new ones",
        ),
        pytest.param(
            lambda r: [{"prompt": row["prompt"], "score": row["score"]} for row in r],
            (), 4, "missing columns", "--llm NAME", id="no LLM named",
        ),
        pytest.param(
            lambda r: r,
            ("--columns", '{"prompt": "Frage"}'), 4, "there is no column 'Frage'", "there are:", id="column",
        ),
        pytest.param(lambda r: r, ("--columns", '{"promt": "x"}'), 3, "'promt' is no key", "did you mean", id="role"),
        pytest.param(
            lambda r: [{"prompt": row["prompt"], "model_a": "x", "model_b": "y", "winner": "model_a"} for row in r],
            ("--llm", "x"), 4, "nothing compares x with an LLM", "large, middle, small", id="no overlap",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_by_name(office, change, words, code, told, hint):
    file = put(office, "refused.jsonl", change(rows(office)))
    # A rating loads in an instant: what is read of the file is the same for every type.
    done = office("models", "extend", RATING, "--with", file, "--new-name", "refused", *words)
    assert (done.code, told in done.err, hint in done.err) == (code, True, True), done.err
    assert not (office.home / "models/bradley_terry_scoring/refused").exists()


def test_models_that_no_llm_can_join_and_names_that_cannot_be_are_refused(office):
    other = office.home / "models/simple_length_prediction/it/v1"
    other.mkdir(parents=True)
    (other / "manifest.json").write_text("{}")
    done = extend(office, "--with", "newcomer.jsonl", model="simple_length_prediction/it", ok=False)
    assert done.code == 5 and "a model of length" in done.json["message"]
    done = extend(office, "--with", "newcomer.jsonl", model=RATING, name="../up", ok=False)
    assert done.code == 2 and done.json["where"] == "--new-name"
    done = extend(office, "--with", "nowhere.jsonl", model=RATING, ok=False)
    assert done.code == 5 and "no such" in done.json["message"]


def test_a_changed_byte_in_what_was_added_is_refused(office):
    found = extend(office, "--with", "newcomer.jsonl", model=RATING, name="changed")
    path = office.home / found["path"] / "extension" / "llms.json"
    path.write_text(path.read_text().replace('"level": ', '"level": 1'))
    done = office("infer", "--model", found["model"], "--models-to-score", "newcomer", "--prompts", "Hi")
    assert done.code == 4 and "llms.json" in done.err


def test_what_is_cut_short_leaves_no_model_and_is_taken_away_by_the_next(tmp_path: Path):
    artifact = tmp_path / "artifact"
    artifact.mkdir()
    (artifact / "model.json").write_text("{}")

    def cut(folder: Path) -> None:
        (folder / "more.json").write_text("{}")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model_storing.promote(tmp_path / "store", "kind", "it", artifact, model_storing.ModelFacts(), add=cut)
    assert [path.name for path in (tmp_path / "store/kind/it").iterdir() if path.is_dir()] == []
    add = lambda folder: (folder / "more.json").write_text("{}")  # noqa: E731
    stored = model_storing.promote(tmp_path / "store", "kind", "it", artifact, model_storing.ModelFacts(), add=add)
    assert set(stored.manifest().files) == {"model.json", "more.json"}
    assert sorted(path.name for path in artifact.iterdir()) == ["model.json"]
