"""`runner route` from the command line: costs, rules, lengths, what is written, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Desk
from tests.data.outcomes import published
from tests.examples import example

COSTS = {"quoter": 0.001, "dictionary": 0.002, "smollm2-135m": 0.01}
PROMPTS = [f"What is {n} + {n * 7 % 13}?" for n in range(30)] + ["Name the capital of France.", "Write a haiku."]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A router that reads the prompt, one that does not, a length model, prompts and costs."""
    desk = Desk(tmp_path_factory.mktemp("office"))
    for kind in ("dense_network", "elo_scoring", "simple_length_prediction"):
        document = example(kind)
        document["model"]["name"] = "it"
        desk("train", "--spec-file", desk.write(f"{kind}.json", document), "--executor", "local").ok()
    desk.write("costs.json", COSTS)
    (desk.home / "prompts.txt").write_text("\n".join(PROMPTS) + "\n")
    return desk


WORDS = ("route", "--model", "dense_network/it", "--prompts-file", "prompts.txt")


def routes(desk: Desk, *words: object) -> dict:
    return desk(*WORDS, "--costs", "costs.json", *words, "--output-path", "-").ok().json


@pytest.mark.slow
@pytest.mark.warm
def test_without_a_rule_the_best_score_is_chosen_whatever_it_costs(office):
    document = routes(office)
    assert len(document["routes"]) == len(PROMPTS)
    for row in document["routes"]:
        assert row["scores"][row["model"]] == max(row["scores"].values())
        assert row["qualities"][row["model"]] == max(row["qualities"].values())
        assert sum(row["qualities"].values()) == pytest.approx(len(COSTS) / 2)
        assert row["expected_cost"] == row["costs"][row["model"]] == COSTS[row["model"]]
    summary = document["summary"]
    assert summary["mean_expected_cost"] == pytest.approx(np.mean([r["expected_cost"] for r in document["routes"]]))
    assert sum(row["share"] for row in summary["models"].values()) == pytest.approx(1)


def test_a_greater_trade_off_is_cheaper_and_a_budget_is_kept(office):
    spent = [routes(office, "--trade-off", rate)["summary"]["mean_expected_cost"] for rate in (0, 20, 1e9)]
    assert spent == sorted(spent, reverse=True)
    assert spent[-1] == pytest.approx(0.001)
    assert routes(office, "--budget", 0.003)["summary"]["mean_expected_cost"] <= 0.003


def test_a_share_of_strong_calls_and_its_threshold_on_other_prompts(office):
    two = ("--strong", "smollm2-135m", "--weak", "quoter")
    document = routes(office, *two, "--strong-share", 0.25)
    strong = [row["model"] == "smollm2-135m" for row in document["routes"]]
    assert sum(strong) == round(0.25 * len(PROMPTS))
    margins = [row["scores"]["smollm2-135m"] - row["scores"]["quoter"] for row in document["routes"]]
    assert min(m for m, s in zip(margins, strong, strict=True) if s) > max(
        m for m, s in zip(margins, strong, strict=True) if not s
    )
    threshold = document["summary"]["threshold"]
    assert routes(office, *two, "--threshold", threshold)["routes"] == document["routes"]
    (office.home / "other.txt").write_text("Reverse the word stone.\nHi\n")
    other = routes(office, *two, "--strong-share", 0.5, "--calibrate-on", "other.txt")
    assert other["summary"]["threshold"] != pytest.approx(threshold)


def test_a_threshold_that_is_set_on_a_few_prompts_says_so(office):
    two = ("--strong", "smollm2-135m", "--weak", "quoter", "--strong-share", 0.5, "--output-path", "-")
    (office.home / "few.txt").write_text("Reverse the word stone.\nHi\n")
    done = office(*WORDS, "--costs", "costs.json", *two, "--calibrate-on", "few.txt").ok()
    assert "the threshold for --strong-share is set on only 2 prompts" in done.err
    assert "is set on only" not in office(*WORDS, "--costs", "costs.json", *two).ok().err


BLIND = ("route", "--model", "elo_scoring/it", "--prompts-file", "prompts.txt", "--costs", "costs.json",
         "--strong", "smollm2-135m", "--weak", "quoter", "--strong-share", 0.25, "--output-path", "-")  # fmt: skip


def test_a_share_that_equal_prompts_cannot_meet_is_said(office):
    done = office(*BLIND).ok()
    assert done.json["summary"]["models"]["smollm2-135m"]["share"] == 0
    for told in (
        "25.0% of 32 prompts were to go to smollm2-135m",
        "0.0% do",
        "32 prompts have the same chance",
        "quoter",
    ):
        assert told in done.err
    assert "same chance" not in office(*WORDS, *BLIND[5:]).ok().err


def test_ties_are_broken_at_random_by_a_seed(office):
    def strong(*words: object) -> list[int]:
        done = office(*BLIND, "--ties", "random", *words).ok()
        assert "same chance" not in done.err
        return [row["index"] for row in done.json["routes"] if row["model"] == "smollm2-135m"]

    first, again, other = strong("--seed", 1), strong("--seed", 1), strong("--seed", 2)
    assert len(first) == len(other) == 8 and first == again != other


def test_a_share_of_equal_prompts_is_carried_over_from_other_prompts(office):
    (office.home / "eight.txt").write_text("".join(f"Count to {n}\n" for n in range(8)))
    told = office(*BLIND, "--calibrate-on", "eight.txt").ok().err
    assert "25.0% of 8 prompts" in told
    document = office(*BLIND, "--calibrate-on", "eight.txt", "--ties", "random").ok().json
    assert document["summary"]["models"]["smollm2-135m"]["share"] == 0.25


def test_prices_for_tokens_take_a_length_model_or_a_length(office):
    office.write("tokens.json", {"quoter": 0.001, "smollm2-135m": {"input": 1, "output": 2}})
    refused = office(*WORDS, "--costs", "tokens.json", "--output-path", "-")
    assert refused.code == 2 and "--lengths" in refused.err
    words = ("--costs", "tokens.json", "--lengths", "simple_length_prediction/it", "--output-path", "-")
    document = office(*WORDS, *words).ok().json
    lengths = ("infer", "--model", "simple_length_prediction/it", "--models-to-score", "smollm2-135m")
    tokens = office(*lengths, "--prompts-file", "prompts.txt", "--output-path", "-").ok().json["smollm2-135m"]
    stored = json.loads((office.home / "models/simple_length_prediction/it/v1/manifest.json").read_text())
    scale = stored["metrics"]["total_ratio"]
    for row, prompt, answer in zip(document["routes"], PROMPTS, tokens, strict=True):
        assert row["costs"]["smollm2-135m"] == pytest.approx((len(prompt) / 4 + 2 * answer / scale) / 1e6)
    office.write("said.json", {"quoter": 0.001, "smollm2-135m": {"input": 0, "output": 2, "answer_tokens": 500}})
    document = office(*WORDS, "--costs", "said.json", "--output-path", "-").ok().json
    assert document["routes"][0]["costs"]["smollm2-135m"] == pytest.approx(0.001)


def test_files_are_written_with_their_provenance_and_a_page(office):
    done = office(*WORDS, "--costs", "costs.json", "--output-path", "r.jsonl", "--html", "r.html", "--check").ok()
    rows = [json.loads(line) for line in (office.home / "r.jsonl").read_text().splitlines()]
    assert [row["index"] for row in rows] == list(range(len(PROMPTS)))
    beside = json.loads((office.home / "r.provenance.json").read_text())
    assert beside["model"] == "dense_network/it/v1" and beside["costs"]["quoter"]["call"] == 0.001
    assert beside["summary"]["held_out"]["comparisons"] > 0
    page = (office.home / "r.html").read_text()
    assert "On held-out comparisons" in page and "Beside other ways to choose" in page
    assert "chance of the better answer over" in page and "how often its answer was better over" in page
    assert "this routing" in done.out


def test_what_was_held_out_is_what_training_held_out(office):
    document = routes(office, "--check")["summary"]["held_out"]
    points = document["points"]
    assert points[0]["share"] == 0 and points[-1]["share"] == 1
    assert points[0]["mean_cost"] < points[-1]["mean_cost"]
    for point in points:
        assert 0 <= point["low"] <= point["better"] <= point["high"] <= 1
    # A prompt-agnostic router calls by pair alone; it was trained on the whole sample, with another split.
    other = office("route", "--model", "elo_scoring/it", "--costs", "costs.json", "--prompts", "Hi", "--check",
                   "--output-path", "-").ok().json  # fmt: skip
    assert other["summary"]["held_out"]["comparisons"] != document["comparisons"]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--strong", "quoter"), 2, "--weak"),
        (("--strong", "quoter", "--weak", "dictionary"), 2, "--strong-share"),
        (("--strong-share", "0.5"), 2, "--strong"),
        (("--trade-off", "1", "--budget", "1"), 2, "two rules"),
        (("--trade-off", "-1"), 2, "0 or more"),
        (("--strong", "a", "--weak", "a", "--threshold", "0.5"), 2, "two LLMs"),
        (("--threshold", "1.5", "--strong", "a", "--weak", "b"), 2, "between 0 and 1"),
        (("--ties", "random", "--strong", "a", "--weak", "b", "--threshold", "0.5"), 2, "no --strong-share"),
        (("--seed", "1", "--strong", "a", "--weak", "b", "--strong-share", "0.5"), 2, "at random"),
        (("--budget", "0.0001"), 2, "even the cheapest"),
        (("--models-to-score", "nobody"), 2, "no cost"),
        (("--calibrate-on", "prompts.txt"), 2, "--strong-share"),
        (("--output-path", "x.parquet"), 2, "json"),
        (("--lengths", "elo_scoring/it"), 5, "a model of ranking"),
    ],
)
def test_what_cannot_be_is_refused_without_an_output(office, words, code, told):
    refused = office(*WORDS, "--costs", "costs.json", *words)
    assert (refused.code, told in refused.err) == (code, True), refused.err
    assert not list(Path(office.home / "inference_outputs").glob("*"))


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        ("", 4, "not a table"),
        ("[]", 4, "JSON object"),
        ('{"quoter": -1}', 4, "quoter"),
        ('{"quoter": {"inptu": 1}, "dictionary": "x"}', 4, "dictionary"),
        ('{"quoter": 1, "quoter": 2}', 4, "comes twice"),
        ('{"quoter": {}}', 4, "no price"),
        ('{"quoter": {"input": 1}}', 4, "quoter: a price for input and none for output"),
        ('{"quoter": {"call": 1, "output": 1}}', 4, "quoter: a price for output and none for input"),
        ('{"quoter": 1e300}', 4, "quoter"),
        ('{"nobody-knows-me": 1}', 5, "nobody-knows-me"),
    ],
)
def test_a_bad_table_of_costs_is_told(office, text, code, told):
    (office.home / "bad.json").write_text(text)
    refused = office(*WORDS, "--costs", "bad.json")
    assert (refused.code, told in refused.err) == (code, True), refused.err


def test_a_missing_table_and_a_length_model_as_router(office):
    assert office(*WORDS, "--costs", "none.json").code == 5
    words = ("route", "--model", "simple_length_prediction/it", "--costs", "costs.json", "--prompts", "Hi")
    refused = office(*words)
    assert refused.code == 5 and "a model of length" in refused.err


def test_a_matrix_is_checked_on_with_its_own_costs(desk):
    published.wide(desk.home)
    spec = {"model_type": "elo_scoring", "min_model_occurrences": 1}
    data = {"dataset": "wide.csv", "outcomes": {"pairs_per_prompt": "all"}}
    desk.write("spec.json", {"model": {"name": "m", "spec": spec}, "data": data, "epochs": 1})
    trained = desk("train", "--spec-file", "spec.json", "--executor", "local", "--json").ok().json
    said = (
        "Its first choice is the same for all held-out prompts: always acme/large, the best single LLM of training, so "
        "it is no better than that."
    )
    assert trained["tables"]["verdict"]["note"] == said
    assert trained["metrics"]["gain_over_single"] == 0 < trained["metrics"]["gain_over_random"]
    page = desk("runs", "show", "last", "--html", "--json").ok().json["report"]
    assert page and said in Path(desk.home / page).read_text()
    desk.write("costs.json", dict.fromkeys(published.MODELS, 1.0))
    words = ("route", "--model", "elo_scoring/m", "--costs", "costs.json", "--prompts", "Hi", "--check")
    done = desk(*words, "--output-path", "r.json", "--html", "r.html").ok()
    found = json.loads((desk.home / "r.json").read_text())["summary"]["held_out"]
    first, last = found["points"][0], found["points"][-1]
    assert (found["measure"], found["costs"]) == ("quality", "the data's own")
    assert first["mean_cost"] < last["mean_cost"] < 0.02 and first["quality"] < last["quality"]
    page = (desk.home / "r.html").read_text()
    assert "mean score" in done.out and "mean score of its answer" in page
    # Of comparisons and of prompts there are two figures, with two names.
    assert "gap recovered, by comparisons" in done.out and "APGR)" not in done.out + page
    assert found["gap_recovered_by"] == "comparisons"
    desk.write("low.json", dict.fromkeys(published.MODELS, 0.003))
    words = (*words[:4], "low.json", *words[5:], "--budget", "0.003", "--output-path", "b.json", "--html", "b.html")
    over = "Its choices cost 0.02 a prompt on the held-out prompts, above the budget of 0.003"
    assert over in desk(*words).ok().out and over in (desk.home / "b.html").read_text()
    assert "above the budget" not in done.out
    single = {row["policy"]: row for row in found["verdict"]["policies"]}["single"]
    assert single["cost"] == pytest.approx(0.02) and found["verdict"]["always"] == "acme/large"


def test_a_training_and_a_check_end_with_a_verdict(office):
    stored = json.loads((office.home / "models/dense_network/it/v1/manifest.json").read_text())
    assert stored["tables"]["verdict"]["note"] and stored["metrics"]["gain_over_single"] is not None
    done = office(*WORDS, "--costs", "costs.json", "--trade-off", 20, "--check", "--output-path", "v.json", "--json",
                  "--html", "v.html").ok()  # fmt: skip
    found = done.json["summary"]["held_out"]["verdict"]
    names = [row["policy"] for row in found["policies"]]
    assert names == ["router", "routing", "single", "random", "shuffled", "oracle"]
    assert (found["better_than_single"] is None) is (found["prompts"] < 10) and found["best_single"] in COSTS
    assert found["strong_and_weak"] is None and any(
        "APGR and CPT are not measured: of only" in said for said in found["sentences"]
    )
    assert all(row["quality"]["value"] <= found["policies"][-1]["quality"]["value"] for row in found["policies"])
    assert {"gain_over_single", "gain_over_random", "gain_over_shuffled", "gap_to_oracle"} <= set(found["measures"])
    page = (office.home / "v.html").read_text()
    for sentence in found["sentences"]:
        assert sentence in page
    assert "Beside other ways to choose" in page
    human = office(*WORDS, "--costs", "costs.json", "--check", "--output-path", "h.json").ok().out
    assert "shuffled scores" in human and "better than a fixed order" in human.lower()


def test_routers_are_compared_by_what_they_would_have_bought(desk):
    published.wide(desk.home)
    for kind in ("bradley_terry_scoring", "greedy_ranking"):
        desk.write(f"{kind}.json", {"model": {"name": "m", "spec": {"model_type": kind, "min_model_occurrences": 1}},
                                    "data": {"dataset": "wide.csv"}})  # fmt: skip
    specs = ("bradley_terry_scoring.json", "greedy_ranking.json")
    done = desk("compare", *specs, "--executor", "local", "--output-dir", "c").ok()
    found = json.loads((desk.home / "c" / "comparison.json").read_text())["tasks"]["ranking"]["outcomes"]
    assert f"is gained on the best LLM alone, {found['best_single']}" in " ".join(done.out.split())
    assert {row["label"] for row in found["routers"]} == {"bradley_terry_scoring/m", "greedy_ranking/m"}
    assert found["llms"][0]["cost"] == pytest.approx(0.02) and found["oracle"]["quality"] >= 0.8
