"""Gradient-boosted trees: XGBoost's own loop, the best round kept, resumable to the bit.

Source: XGBoost (Chen and Guestrin, 2016), histogram method. Sums over rows are in double precision and leaves in
single, so that ``threads`` changes no leaf.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import xgboost as xgb  # noqa: TID253 - only the worker and a predictor load this module

from runner.builders.tabular._learners.course import Course
from runner.builders.tabular._learners.learner import Learner
from runner.builders.tabular._learners.losses import metric_name, row_losses, score, softmax
from runner.builders.tabular._learners.parameters import XgboostParameters
from runner.builders.tabular._learners.table import TrainingTable
from runner.errors import DataError
from runner.training.early_stopping import Waiting, told

TREES = "booster.ubj"
#: Targets, less their mean, whose squares the library can add up in single precision.
LARGEST = 1e15


class Xgboost(Learner):
    """Boosted trees that take missing values and categories as they are. ``length`` is the best round."""

    LENGTH: ClassVar[str | None] = "n_estimators"
    parameters: XgboostParameters
    _booster: xgb.Booster
    #: What is taken off the target before, and added after.
    _center: float = 0.0

    def _fit(self, table: TrainingTable, course: Course) -> None:
        settings = self._settings()
        labels = table.targets
        if self.n_classes is None:
            # The library keeps labels in single precision: large numbers that differ little would be all alike.
            self._center = float(labels.mean())
            labels = labels - self._center
            if np.abs(labels).max() > LARGEST:
                raise DataError(
                    f"the target's numbers are too large for xgboost: up to {np.abs(labels).max():.3g} from their mean",
                    hint="divide the target, or take its logarithm",
                )
        types = ["c" if column in table.categorical else "q" for column in range(self.n_features)]
        matrix = xgb.QuantileDMatrix(
            table.inputs,
            label=labels,
            weight=table.weights,
            feature_types=types,
            enable_categorical=True,
            max_bin=self.parameters.max_bin,
            nthread=self.threads,
        )
        held = None
        if table.validation is not None:
            held = xgb.QuantileDMatrix(
                table.validation[0],
                feature_types=types,
                enable_categorical=True,
                max_bin=self.parameters.max_bin,
                nthread=self.threads,
                ref=matrix,
            )
        booster = xgb.Booster(settings, [matrix] if held is None else [matrix, held])
        state: dict[str, Any] = {"round": 0, "best": None, "best_round": 0, "mark": None, "waited": 0}
        if course.resume is not None:
            state = {name: course.resume.state.get(name, fresh) for name, fresh in state.items()}
            if state["round"]:
                booster.load_model(bytearray(np.asarray(course.resume.tensors["booster"]).tobytes()))

        def snapshot() -> tuple[dict[str, np.ndarray], dict[str, Any]]:
            # A booster without rounds cannot be saved yet.
            raw = bytes(booster.save_raw("ubj")) if state["round"] else b"-"
            return {"booster": np.frombuffer(raw, np.uint8)}, dict(state)

        total, early = self.parameters.n_estimators, self.parameters.early_stopping
        waiting = Waiting(state["mark"], state["waited"])
        metrics: dict[str, float | None] = {}
        while state["round"] < total and not waiting.over(early):
            course.stop_here(state["round"], snapshot)
            if self.parameters.subsample < 1 or self.parameters.colsample_bytree < 1:
                _redraw(booster)
            booster.update(matrix, state["round"])
            state["round"] += 1
            if held is None or table.validation is None:
                state["best_round"] = state["round"]
            else:
                value = self._held_score(booster, held, table.validation[1])
                metrics = {f"validation_{metric_name(self.n_classes is not None)}": value}
                if state["best"] is None or value < state["best"]:
                    state |= {"best": value, "best_round": state["round"]}
                waiting.see(-value, early.min_delta if early is not None else 0.0)
                state |= {"mark": waiting.mark, "waited": waiting.evaluations}
            course.on_progress(state["round"], total, "rounds", metrics)
            last = state["round"] == total or waiting.over(early)
            course.save_sometimes(state["round"], snapshot, last=last)
        if early is not None and state["round"] < total:
            course.on_early_stop(told(early, state["round"], total, "rounds"))
        self.length = state["best_round"]
        self._booster = booster if self.length == state["round"] else booster[: self.length]
        self._booster.set_attr(target_center=repr(self._center))

    def _held_score(self, booster: xgb.Booster, held: xgb.DMatrix, targets: np.ndarray) -> float:
        # The library keeps the margins of a matrix that it knows: only the newest trees are asked.
        losses = row_losses(targets, self._answers(booster.predict(held, output_margin=True)))
        return float(score(losses, self.n_classes is not None))

    def _settings(self) -> dict[str, Any]:
        chosen = self.parameters.model_dump(exclude={"n_estimators", "early_stopping"})
        if self.n_classes is None:
            objective: dict[str, Any] = {"objective": "reg:squarederror"}
        elif self.n_classes == 2:
            objective = {"objective": "binary:logistic"}
        else:
            objective = {"objective": "multi:softprob", "num_class": self.n_classes}
        return {
            **chosen,
            **objective,
            "tree_method": "hist",
            "device": self.device,
            "nthread": self.threads,
            "seed": self.seed,
            # What a round draws follows from (seed, round), so a resumed run draws the same.
            "seed_per_iteration": True,
            "verbosity": 0,
        }

    def _answers(self, margins: np.ndarray) -> np.ndarray:
        margins = np.asarray(margins, np.float64)
        if self.n_classes is None:
            return margins + self._center
        if self.n_classes == 2:
            margins = np.stack([np.zeros(len(margins)), margins.reshape(len(margins))], axis=1)
        return softmax(margins)

    def _predict(self, inputs: np.ndarray) -> np.ndarray:
        types = ["c" if column in self.categorical else "q" for column in range(self.n_features)]
        matrix = xgb.DMatrix(inputs, feature_types=types, enable_categorical=True, nthread=self.threads)
        return self._answers(self._booster.predict(matrix, output_margin=True))

    def _save(self, folder: Path) -> None:
        (folder / TREES).write_bytes(bytes(self._booster.save_raw("ubj")))

    def _load(self, folder: Path) -> None:
        booster = xgb.Booster()
        try:
            booster.load_model(bytearray((folder / TREES).read_bytes()))
        except xgb.core.XGBoostError as error:
            raise ValueError(str(error)) from error
        if booster.num_features() != self.n_features:
            raise ValueError(f"trees of {booster.num_features()} columns, not {self.n_features}")
        booster.set_param({"device": self.device, "nthread": self.threads, "verbosity": 0})
        self._booster, self._center = booster, float(booster.attr("target_center") or 0.0)


def _redraw(booster: xgb.Booster) -> None:
    """Have the next round draw its rows and columns from (seed, round) alone.

    A tree grower draws columns from a generator that lives as long as it does. Asking for the other method and back
    makes a new one, which takes its seed from the round's generator; asking for the configuration puts it in force.
    """
    for method in ("approx", "hist"):
        booster.set_param({"tree_method": method})
        booster.save_config()
