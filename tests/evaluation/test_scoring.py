"""Asking a stored model, whatever its kind takes."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from runner.data.category_tags import TAGS
from runner.errors import RunFailed
from runner.tasks.ranking.asking import ask
from runner.tasks.ranking.calibration import fit_temperature, winner_margins
from runner.tasks.ranking.comparing import temperature
from runner.tasks.ranking.llm_predictor import llm_predictor


class Plain:
    """A kind of somebody else's: prompts and LLMs, nothing more."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def predict(self, prompts, models, batch_size=128):
        self.asked.append(list(prompts))
        return np.array([[float(len(prompt)) + 10 * int(name[1:]) for prompt in prompts] for name in models])


class Reader(Plain):
    """A kind that takes all there is."""

    def predict(self, prompts, models, batch_size=128, *, histories=None, tags=None):
        self.given = histories, tags
        return super().predict(prompts, models, batch_size)


def test_each_prompt_is_asked_about_once_and_the_sides_are_looked_up(made):
    data = made.some(80, prompts=6)
    predictor = Plain()
    answer = ask(llm_predictor(predictor), data, ("m3", "m0", "m1", "m2"))
    assert len(predictor.asked[-1]) == len(set(predictor.asked[-1])) == len(np.unique(data.prompt))
    wanted = [len(data.prompts[p]) + 10 * b for p, b in zip(data.prompt, data.model_b, strict=True)]
    assert answer.of(data, data.model_b).tolist() == wanted
    assert answer.reads_prompts
    assert answer.per_thousand == pytest.approx(1e6 * answer.seconds / (4 * len(np.unique(data.prompt))))


def test_a_model_that_says_the_same_of_every_prompt_does_not_read_it(made):
    data = made.some(30)
    assert not made.answer(data, 1, reads=False).reads_prompts
    assert made.answer(data, 1).reads_prompts


def test_histories_and_tags_are_given_to_who_takes_them(made):
    nan = np.nan
    rows = [(0, 0, 1, 0), (0, 0, 1, 0), (2, 0, 1, 1)]
    first, *_, last = TAGS
    tags = {first: np.array([nan, 2, 5], np.float32), last: np.array([3, 4, nan], np.float32)}
    data = made.comparisons(rows, ["m0", "m1"], 3, tags=tags, histories=[("before",), (), ("earlier", "later")])
    predictor = Reader()
    ask(llm_predictor(predictor), data, ("m0", "m1"))
    histories, given = predictor.given
    assert histories == [("before",), ("earlier", "later")]
    # Of a prompt's rows, the first that has the tag.
    np.testing.assert_array_equal(given[:, [0, -1]], [[2, 3], [5, nan]])
    assert given.shape == (2, len(TAGS))
    assert np.isnan(given[:, 1:-1]).all()
    ask(llm_predictor(predictor), made.some(9), ("m0",))
    assert predictor.given[1] is None


def test_a_score_that_is_no_number_is_a_failure_that_names_the_llm(made):
    class Lost(Plain):
        def predict(self, prompts, models, batch_size=128):
            return np.array([[np.nan if name == "m2" else 1.0 for _ in prompts] for name in models])

    with pytest.raises(RunFailed, match="m2"):
        ask(llm_predictor(Lost()), made.some(20), ("m0", "m1", "m2"))


def test_a_kind_without_a_temperature_gets_one_from_the_training_part(made):
    data, train = made.some(50), made.some(200, seed=9)
    predictor = llm_predictor(Plain())
    answer = ask(predictor, data, data.models)
    told = SimpleNamespace(parameter={"temperature": 2.5}.get)
    assert temperature(told, answer, predictor, train) == 2.5
    said = ask(predictor, train, train.models)
    fitted = fit_temperature(winner_margins(said.of(train, train.model_a), said.of(train, train.model_b), train))
    found = temperature(SimpleNamespace(parameter={}.get), answer, predictor, train)
    assert found == pytest.approx(fitted)
