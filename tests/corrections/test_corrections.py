"""Ten things that the system whose specs these are got wrong, each shown to be right here, through the command line."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.conftest import ROOT, Desk
from tests.examples import example, files

CLOSED_FORMS = ["greedy_ranking", "mcmf_scoring", "least_squares_scoring", "bradley_terry_scoring"]


def train(desk: Desk, document: dict[str, Any]) -> dict[str, Any]:
    return desk("train", "--spec-file", desk.write("spec.json", document), "--executor", "local", "--json").ok().json


def with_spec(kind: str, **fields: Any) -> dict[str, Any]:
    document = example(kind)
    document["model"]["spec"] |= fields
    return document


def battle(a: str, b: str, winner: str, number: int) -> dict[str, Any]:
    talk = [{"role": "user", "content": f"question {number}"}, {"role": "assistant", "content": "an answer"}]
    return {"model_a": a, "model_b": b, "winner": winner, "conversation_a": talk, "conversation_b": talk}


@pytest.mark.slow
@pytest.mark.warm
def test_1_start_state_goes_on_from_a_stored_model(desk):
    first = train(desk, example("elo_scoring", epochs=1))
    for reference in ("elo", "elo_scoring/elo", "elo_scoring/elo/v1"):
        document = example("elo_scoring", epochs=1)
        document["model"] = {"name": "onward", "start_state": reference}
        second = train(desk, document)
        # Two epochs' worth of wins lie further apart than one's.
        assert spread(second) > spread(first)


def spread(document: dict[str, Any]) -> float:
    scores = [row["score"] for row in document["tables"]["leaderboard"]]
    return max(scores) - min(scores)


def test_2_an_unknown_key_is_an_error_and_an_older_spelling_a_warning(desk):
    document = example("elo_scoring")
    document["model"]["spec"]["k_facter"] = 16
    refused = desk("validate", desk.write("unknown.json", document))
    assert refused.code == 3
    assert "k_facter" in refused.err and "k_factor" in refused.err
    document = example("elo_scoring")
    document["data"]["valiation_split"] = document["data"].pop("validation_split")
    told = desk("validate", desk.write("older.json", document)).ok()
    assert "validation_split" in told.err + told.out
    document["data"]["validation_split"] = 0.2
    assert desk("validate", desk.write("both.json", document)).code == 3


@pytest.mark.slow
@pytest.mark.warm
@pytest.mark.parametrize(
    ("older", "present"),
    [
        ({"method": "last_layers", "num_unfrozen_layers": 3}, {"method": "last_layers", "num_layers": 3}),
        ({"method": "qlora", "bits": 4}, {"method": "qlora", "load_in_4bit": True}),
        ({"method": "qlora", "bits": 8}, {"method": "qlora", "load_in_4bit": False}),
    ],
)
def test_2_the_older_spellings_of_fine_tuning(desk, older, present):
    old = desk.write("old.json", with_spec("transformer_embedding", finetuning_spec=older))
    new = desk.write("new.json", with_spec("transformer_embedding", finetuning_spec=present))
    assert "warning" in desk("validate", old).ok().out
    shown = [
        desk("train", "--dry-run", "--executor", "local", "--json", "--spec-file", path).ok() for path in (old, new)
    ]
    resolved = [done.json["spec"]["model"]["spec"]["finetuning_spec"] for done in shown]
    assert resolved[0] == resolved[1]


@pytest.mark.parametrize("kind", CLOSED_FORMS)
@pytest.mark.slow
@pytest.mark.warm
def test_3_no_epochs_no_batches_no_split_and_no_limit_are_fine_for_a_closed_form(desk, kind):
    document = with_spec(kind, min_model_occurrences=1)
    document |= {"epochs": 0, "batch_size": 0}
    document["data"] |= {"validation_split": 0.0, "max_samples": None}
    done = train(desk, document)
    assert done["metrics"]["n_validation"] == 0
    assert done["metrics"]["accuracy"] is None


def test_3_epochs_given_to_a_closed_form_are_ignored_with_a_warning(desk):
    document = example("greedy_ranking") | {"epochs": 7}
    told = desk("validate", desk.write("spec.json", document)).ok()
    assert "/epochs: warning: ignored" in told.out


def test_4_a_filter_that_empties_the_data_is_found_before_training_with_both_places_and_what_would_do(desk):
    document = with_spec("elo_scoring", min_model_occurrences=1000)
    document["data"]["max_samples"] = 300
    refused = desk("train", "--spec-file", desk.write("spec.json", document), "--executor", "local")
    assert refused.code == 4
    assert "/model/spec/min_model_occurrences" in refused.err and "/data/max_samples" in refused.err
    largest = int(re.search(r"at most (\d+)", refused.err)[1])
    document["model"]["spec"]["min_model_occurrences"] = largest
    train(desk, document)
    document["model"]["spec"]["min_model_occurrences"] = largest + 1
    assert desk("train", "--spec-file", desk.write("spec.json", document), "--executor", "local").code == 4


@pytest.mark.slow
@pytest.mark.warm
def test_5_elo_depends_on_its_seed_and_on_nothing_else(desk):
    runs = []
    for seed in (7, 7, 8):
        document = example("elo_scoring", epochs=2)
        document["data"]["seed"] = seed
        runs.append(files(desk, train(desk, document)))
    assert runs[0] == runs[1]
    assert runs[0]["scores.safetensors"] != runs[2]["scores.safetensors"]


@pytest.mark.slow
@pytest.mark.warm
def test_6_every_type_is_measured_on_the_same_held_out_comparisons_by_the_same_measures(desk):
    measured = {}
    for kind in ("greedy_ranking", "mcmf_scoring", "elo_scoring"):
        document = with_spec(kind, min_model_occurrences=20)
        document["data"] = {"dataset": "sample", "validation_split": 0.2, "seed": 42}
        measured[kind] = train(desk, document)["metrics"]
    first = measured["elo_scoring"]
    for metrics in measured.values():
        for name in ("n_validation", "n_decided"):
            assert metrics[name] == first[name] > 0
        assert metrics["accuracy_low"] < metrics["accuracy"] < metrics["accuracy_high"]
        assert metrics["log_loss"] is not None and metrics["calibration_error"] is not None


@pytest.mark.slow
@pytest.mark.warm
def test_7_what_is_not_connected_and_who_only_won_or_only_lost_is_said_by_name(desk):
    rows = [battle("ada", "bob", "model_a", n) for n in range(5)]
    rows += [battle("cyd", "dee", ("model_a", "model_b")[n % 2], 10 + n) for n in range(6)]
    data = desk.write("battles.jsonl", "\n".join(map(json.dumps, rows)))
    for kind in ("greedy_ranking", "mcmf_scoring", "least_squares_scoring", "elo_scoring"):
        document = with_spec(kind, min_model_occurrences=1)
        document["data"] = {"dataset": str(data), "validation_split": 0}
        told = desk("train", "--spec-file", desk.write("spec.json", document), "--executor", "local").ok().err
        assert re.search(r"only won[^\n]*ada|ada[^\n]*only won", told), told
        assert re.search(r"only lost[^\n]*bob|bob[^\n]*only lost", told), told
        assert re.search(r"cyd[^\n]*dee", told), told


def test_8_an_unknown_model_is_zero_with_a_warning_null_or_an_error_and_the_provenance_says_so(desk):
    train(desk, example("elo_scoring", epochs=1))
    words = ("infer", "--model", "elo_scoring/elo", "--models-to-score", "quoter", "nobody", "--prompts", "Hi")
    output = desk.home / "scores.json"
    zero = desk(*words, "--output-path", output).ok()
    assert "nobody" in zero.err
    assert json.loads(output.read_text())["nobody"] == [0.0]
    beside = json.loads((desk.home / "scores.provenance.json").read_text())
    assert (beside["known_models"], beside["unknown_models"]) == (["quoter"], ["nobody"])
    desk(*words, "--unknown", "null", "--output-path", output).ok()
    assert json.loads(output.read_text())["nobody"] == [None]
    refused = desk(*words, "--unknown", "error", "--output-path", output)
    assert refused.code == 5 and "nobody" in refused.err


def test_9_a_name_with_a_slash_is_refused_and_nothing_writes_over_anything(desk):
    document = example("elo_scoring", epochs=1)
    document["model"]["name"] = "team/elo"
    refused = desk("validate", desk.write("slash.json", document))
    assert refused.code == 3 and "/model/name" in refused.err
    done = train(desk, example("elo_scoring", epochs=1))
    words = ("infer", "--model", "elo_scoring/elo", "--models-to-score", "quoter", "--prompts", "Hi")
    outputs = {desk(*words).ok().out.splitlines()[0] for _ in range(3)}
    assert len(outputs) == 3
    kept = [path for path in desk.home.rglob("*") if path.is_file()]
    assert not [path for path in kept if path.suffix in (".pkl", ".pickle", ".pt", ".bin", ".npy")]
    assert all(path.read_bytes()[:1] != b"\x80" for path in kept if path.suffix not in (".safetensors", ".sqlite"))
    assert set(files(desk, done)) == {"model.json", "scores.safetensors"}


@pytest.mark.slow
def test_10_the_ratings_of_bradley_terry_are_those_of_arena_rank(desk):
    import pandas as pd
    from arena_rank.models.bradley_terry import BradleyTerry
    from arena_rank.utils.data_utils import PairDataset

    from runner.data.comparisons.sources import SAMPLE, read_file

    document = with_spec("bradley_terry_scoring", min_model_occurrences=1, bootstrap_samples=0)
    document["data"] = {"dataset": "sample", "validation_split": 0}
    rows = read_file(SAMPLE)
    words = {0: "model_a", 1: "model_b", 2: "tie", 3: "both_bad"}
    frame = pd.DataFrame(
        {"model_a": rows.model_a, "model_b": rows.model_b, "winner": [words[code] for code in rows.winner]}
    )
    data = PairDataset.from_pandas(frame)
    theirs = BradleyTerry(n_competitors=len(data.competitors), ftol=0.0, gtol=1e-12).compute_ratings_and_cis(data)
    expected = dict(zip(theirs["competitors"], map(float, theirs["ratings"]), strict=True))
    ours = {row["model"]: row["rating"] for row in train(desk, document)["tables"]["leaderboard"]}
    mean = sum(ours.values()) / len(ours) - sum(expected.values()) / len(expected)
    for name, rating in expected.items():
        assert ours[name] - mean == pytest.approx(rating, abs=1e-4)


def test_the_documents_of_the_other_system_are_accepted_unchanged(desk):
    shown = ROOT.parent / "shared" / "reference" / "seeds" / "router_cli.md"
    if not shown.exists():
        pytest.skip("no ../shared beside the checkout")
    blocks = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", shown.read_text(), re.S)]
    whole = [block for block in blocks if "model" in block and "epochs" in block and isinstance(block["model"], dict)]
    assert len(whole) == 3
    for number, block in enumerate(whole):
        desk("validate", desk.write(f"{number}.json", block)).ok()
