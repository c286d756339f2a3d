"""Lengths in tokens: how they are counted, the scale that they are learned on, and what predictions are measured by."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from runner.data.comparisons import TIE, A, B, Comparisons
from runner.errors import DataError, Stopped
from runner.tasks.length import length_rows, measuring
from runner.tasks.length.length_rows import LengthRows, LengthScale, TokenCounter, continued, split_rows
from runner.training.pretrained import resolve

NAMES = ("a", "b", "c")


@pytest.fixture(scope="module")
def counter() -> TokenCounter:
    return TokenCounter.load(resolve("all-MiniLM-L6-v2"))


def rows(*listed: tuple[int, int, float]) -> LengthRows:
    prompt, model, tokens = zip(*listed, strict=True) if listed else ((), (), ())
    return LengthRows(np.array(prompt, np.int64), np.array(model, np.int64), np.array(tokens, np.float64))


def comparisons(*listed: tuple[int, int, int, int, str, str]) -> Comparisons:
    """(prompt, a, b, winner, response of a, response of b)."""
    prompt, a, b, winner, one, other = zip(*listed, strict=True)
    prompts = tuple(f"prompt {number}" for number in range(max(prompt) + 1))
    return Comparisons(
        models=NAMES,
        prompts=prompts,
        histories=((),) * len(prompts),
        prompt=np.array(prompt, np.int32),
        model_a=np.array(a, np.int32),
        model_b=np.array(b, np.int32),
        winner=np.array(winner, np.int8),
        responses_a=one,
        responses_b=other,
        tags={},
        groups=("",) * len(prompts),
    )


def test_tokens_are_counted_as_the_models_own_tokenizer_splits_them(counter):
    from transformers import AutoTokenizer

    texts = ["The sea.", "unbelievably", "x = {'a': 1}", "Grüße, 世界!", "", "two\n\nlines", "The sea."]
    own = AutoTokenizer.from_pretrained(resolve("all-MiniLM-L6-v2"), local_files_only=True)
    expected = [max(1, len(own(text, add_special_tokens=False)["input_ids"])) for text in texts]
    assert counter.count(texts).tolist() == expected
    assert counter.count([]).shape == (0,)


def test_a_long_response_is_counted_to_its_end_and_half_a_character_is_text(counter):
    assert counter.count(["word " * 5000]).tolist() == [5000]
    assert counter.count(["\ud800 word"])[0] >= 1


def test_counting_stops_when_the_run_is_asked_to(counter, context_for, data, monkeypatch):
    monkeypatch.setattr(length_rows, "CHUNK", 2)
    looks = iter([False, False, True])
    with pytest.raises(Stopped, match="4 of 6 responses"):
        counter.count(map(str, range(6)), context_for(data, stop_requested=lambda: next(looks)))
    assert counter.count(map(str, range(6)), context_for(data)).tolist() == [1.0] * 6


def test_a_saved_tokenizer_counts_the_same(counter, tmp_path):
    counter.save(tmp_path)
    texts = ["The sea is unbelievably wide.", "日本語"]
    assert TokenCounter.load(tmp_path).count(texts).tolist() == counter.count(texts).tolist()


def test_a_folder_without_a_tokenizer_is_an_error(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(DataError, match="no tokenizer"):
        TokenCounter.load(tmp_path)


def test_a_tokenizer_that_has_only_its_vocabulary_counts_the_same(counter, tmp_path):
    for name in ("config.json", "vocab.txt", "tokenizer_config.json"):
        shutil.copy(resolve("all-MiniLM-L6-v2") / name, tmp_path)
    texts = ["The sea is unbelievably wide.", "Grüße"]
    assert TokenCounter.load(tmp_path).count(texts).tolist() == counter.count(texts).tolist()


def test_both_sides_of_a_comparison_are_rows_whoever_won_and_a_response_is_one_row(counter):
    data = comparisons(
        (0, 0, 1, A, "one two", "one"),
        (0, 0, 2, TIE, "one two", "one two three"),
        (1, 1, 0, B, "one", "one two"),
    )
    found = LengthRows.of(data, counter)
    listed = set(zip(found.prompt.tolist(), found.model.tolist(), found.tokens.tolist(), strict=True))
    assert listed == {(0, 0, 2.0), (0, 1, 1.0), (0, 2, 3.0), (1, 1, 1.0), (1, 0, 2.0)}
    assert len(found) == 5
    with pytest.raises(DataError, match="no response"):
        split_rows(data.take(np.zeros(3, bool)), data, counter)


def test_the_scale_is_each_llms_mean_log_length_and_one_deviation():
    scale = LengthScale.fit(rows((0, 0, 10), (1, 0, 1000), (0, 1, 5), (1, 1, 5)), 3)
    log = np.log
    assert scale.mean == pytest.approx([log(100), log(5), (2 * log(100) + 2 * log(5)) / 4])
    assert scale.deviation == pytest.approx(np.sqrt((2 * log(10) ** 2 + 0) / 4))
    assert scale.standardise(np.array([1000.0, 5.0]), np.array([0, 1])) == pytest.approx([np.sqrt(2), 0.0])


def test_the_way_back_is_the_inverse_within_what_was_seen():
    scale = LengthScale.fit(rows((0, 0, 10), (1, 0, 1000), (0, 1, 5), (1, 1, 7)), 2)
    tokens, model = np.array([1.0, 42.0, 1000.0, 7.0]), np.array([0, 0, 1, 1])
    assert scale.tokens(scale.standardise(tokens, model), model) == pytest.approx(tokens, rel=1e-12)
    assert scale.tokens(np.array([1e6, -1e6]), np.array([0, 1])) == pytest.approx([1000.0, 1.0])
    assert scale.tokens(np.zeros((2, 3)), np.arange(2)[:, None]).shape == (2, 3)
    again = LengthScale.from_json(scale.as_json())
    assert again.mean.tolist() == scale.mean.tolist()
    assert (again.deviation, again.overall, again.longest) == (scale.deviation, scale.overall, scale.longest)


def test_responses_of_one_length_have_a_scale_too():
    scale = LengthScale.fit(rows((0, 0, 4), (1, 0, 4)), 1)
    assert scale.deviation == 1.0
    assert scale.tokens(0.0, np.zeros(1, int)) == pytest.approx([4.0])


def test_a_model_that_goes_on_keeps_its_scale_and_a_new_llm_has_its_mean_in_the_data():
    stored = LengthScale(np.log([10.0, 20.0]), 0.5, np.log(14.0), 90.0)
    fresh = LengthScale(np.log([7.0, 30.0]), 2.0, np.log(15.0), 60.0)
    names, scale = continued(fresh, ("new", "old"), stored, ("gone", "old"))
    assert names == ("new", "old", "gone")
    assert np.exp(scale.mean) == pytest.approx([7, 20, 10])
    assert (scale.deviation, scale.longest) == (0.5, 90.0)


def test_the_metrics_are_their_formulas():
    held = rows((0, 0, 10), (0, 1, 4), (1, 0, 20), (1, 1, 2))
    scale = LengthScale.fit(rows((5, 0, 8), (6, 0, 18), (5, 1, 2), (6, 1, 8)), 2)
    found = measuring.point_metrics(np.array([5.0, 4.0, 30.0, 6.0]), held, scale)
    assert found["relative_accuracy"] == pytest.approx((0.5 + 1.0 + 0.5 - 1.0) / 4)
    assert found["mae_tokens"] == pytest.approx((5 + 0 + 10 + 4) / 4)
    assert found["mean_ratio"] == pytest.approx((0.5 + 1 + 1.5 + 3) / 4)
    assert found["std_ratio"] == pytest.approx(np.std([0.5, 1, 1.5, 3]))
    assert found["total_ratio"] == pytest.approx(45 / 36)
    error = np.log([0.5, 1, 1.5, 3])
    around = np.log([10 / 12, 4 / 4, 20 / 12, 2 / 4])
    assert found["log_r2"] == pytest.approx(1 - (error**2).sum() / (around**2).sum())


def test_nothing_held_out_measures_nothing():
    scale = LengthScale.fit(rows((0, 0, 8), (1, 1, 18)), 2)
    assert set(measuring.measure(np.zeros(0), rows(), scale, 1).values()) == {None}
    assert measuring.baselines(rows(), scale, 1) == []
    assert measuring.length_calibration(np.zeros(0), np.zeros(0)) == []
    table = measuring.lengths(("a", "b"), rows((0, 0, 8), (1, 1, 18)), rows(), np.zeros(0))
    assert [(row["model"], row["training_mean"], row["mae_tokens"]) for row in table] == [
        ("b", 18, None),
        ("a", 8, None),
    ]


def test_intervals_hold_the_metric_and_draw_a_prompts_responses_together():
    rng = np.random.default_rng(0)
    tokens = rng.integers(5, 50, 200).astype(float)
    scale = LengthScale.fit(rows((0, 0, 8), (1, 0, 18)), 1)
    predicted = tokens * rng.uniform(0.5, 1.5, 200)
    apart = measuring.measure(predicted, LengthRows(np.arange(200), np.zeros(200, int), tokens), scale, 3)
    assert apart["mae_tokens_low"] < apart["mae_tokens"] < apart["mae_tokens_high"]
    assert apart["relative_accuracy_low"] < apart["relative_accuracy"] < apart["relative_accuracy_high"]
    # The same response ten times under one prompt tells no more than once.
    copied = LengthRows(np.repeat(np.arange(200), 10), np.zeros(2000, int), np.repeat(tokens, 10))
    together = measuring.measure(np.repeat(predicted, 10), copied, scale, 3)
    assert together["mae_tokens_low"] == pytest.approx(apart["mae_tokens_low"])


def test_the_baselines_are_the_means_of_the_training_rows():
    scale = LengthScale.fit(rows((0, 0, 4), (1, 0, 16), (0, 1, 2), (1, 1, 2)), 2)
    each, whole = measuring.baselines(rows((7, 0, 16), (7, 1, 2)), scale, 1)
    assert each["mae_tokens"] == pytest.approx((8 + 0) / 2)
    assert each["log_r2"] == 0
    overall = (4 * 16 * 2 * 2) ** (1 / 4)
    assert whole["mae_tokens"] == pytest.approx((16 - overall + overall - 2) / 2)


def test_the_tables_say_what_was_predicted_for_whom():
    train = rows((0, 0, 4), (1, 0, 8), (0, 1, 20))
    held = rows((2, 0, 10), (3, 0, 20))
    short, unseen = measuring.lengths(NAMES, train, held, np.array([8.0, 30.0]))[1:]
    assert short == {
        "model": "a", "training_responses": 2, "training_mean": 6.0, "responses": 2, "mean_actual": 15.0,
        "mean_predicted": 19.0, "mae_tokens": 6.0, "relative_accuracy": pytest.approx(0.65),
    }  # fmt: skip
    assert (unseen["model"], unseen["training_mean"], unseen["responses"]) == ("c", None, 0)


def test_the_calibration_has_ten_groups_of_equal_size_by_prediction():
    predicted = np.random.default_rng(1).permutation(np.arange(1.0, 101.0))
    table = measuring.length_calibration(predicted, predicted * 2)
    assert [row["count"] for row in table] == [10] * 10
    assert [(row["low"], row["high"]) for row in table[:2]] == [(1, 10), (11, 20)]
    assert table[0] | {"predicted": 5.5, "actual": 11.0, "mean_actual": 11.0} == table[0]
    assert len(measuring.length_calibration(np.arange(3.0) + 1, np.arange(3.0) + 1)) == 3
