"""A sweep as a document: a base spec, and what is varied in it."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import Field, JsonValue, model_validator

from runner.contract import Section, invalid, option

Number = int | float
#: A place in the base spec, by JSON pointer or by a dotted path.
Place = Annotated[str, Field(min_length=1, max_length=400)]
Goal = Literal["maximize", "minimize"]
Method = Literal["grid", "random", "tpe", "gp", "cma-es", "halving"]


class Parameter(Section):
    """What one place of the base spec takes: one of some values, or a number of a range."""

    values: Annotated[list[JsonValue], Field(min_length=1)] | None = option(
        None, description="The values to choose from.", older=("categories", "choices")
    )
    min: Number | None = option(None, description="The least value of a range.", older=("low", "lower"))
    max: Number | None = option(None, description="The greatest value of a range.", older=("high", "upper"))
    log: bool = option(
        False, description="Whether the range is drawn from by order of magnitude: as many from 1 to 10 as to 100."
    )
    step: Annotated[Number, Field(gt=0)] | None = option(
        None,
        description="The distance of neighbouring values, counted from min: max is one of them. null: any of the "
        "range.",
        older=("q",),
    )
    type: Literal["int", "float"] | None = option(
        None,
        description="null: whole numbers where min, max and step are such and the field takes no other.",
    )
    when: dict[Place, JsonValue] | None = option(
        None,
        description="The parameter is only varied where others have these values; a list is one of several. Where it "
        "is not varied, the base spec's value stays.",
        examples=[{"/model/spec/finetuning_spec/method": ["lora", "dora"]}],
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        ranged = [name for name in ("min", "max") if getattr(self, name) is not None]
        if (self.values is None) == (not ranged):
            raise invalid((), "what_is_varied", "either `values`, or `min` and `max`")
        if self.values is not None:
            for name in ("log", "step", "type"):
                if getattr(self, name) not in (None, False):
                    raise invalid((name,), "of_a_range", "belongs to a range, and there are values")
            if len({repr(value) for value in self.values}) < len(self.values):
                raise invalid(("values",), "repeated", "the same value stands there twice")
            return self
        if len(ranged) < 2:
            missing = "max" if self.max is None else "min"
            raise invalid((), "half_a_range", f"a range has both ends: `{missing}` is missing")
        assert self.min is not None and self.max is not None
        if self.min >= self.max:
            raise invalid(("max",), "empty_range", f"is not greater than min, {self.min:g}")
        if self.step is not None and self.step > self.max - self.min:
            raise invalid(("step",), "one_value", f"is longer than the range: min, {self.min:g}, is all that it has")
        if not self.at_a_step(self.max):
            below, above = self._ends()
            message = f"does not reach max, {self.max:g}: the nearest that it reaches are {below} and {above}"
            raise invalid(("step",), "end_not_reached", message)
        if self.log and self.min <= 0:
            raise invalid(("min",), "log_of_nothing", "a logarithmic range begins above 0")
        if self.log and self.step is not None:
            raise invalid(("step",), "log_has_no_step", "a logarithmic range has no step: list its values instead")
        if self.type == "int" and not all(float(end).is_integer() for end in (self.min, self.max, self.step or 1)):
            raise invalid(("type",), "not_whole", "an end or the step is no whole number")
        return self

    @property
    def whole(self) -> bool:
        """Whether the numbers of the range are whole ones."""
        if self.type is not None:
            return self.type == "int"
        return all(isinstance(end, int) for end in (self.min, self.max, 1 if self.step is None else self.step))

    def at_a_step(self, value: Number) -> bool:
        """Whether a number of the range lies a whole number of steps above its least."""
        if self.step is None or self.log:
            return True
        assert self.min is not None
        steps = (value - self.min) / self.step
        # What is reckoned with floats, such as 0.1 + 2 * 0.3, is a little beside.
        return abs(steps - round(steps)) < 1e-6

    def _ends(self) -> tuple[str, str]:
        """The last number of steps before the greatest value, and the first behind it."""
        least, step = Decimal(str(self.min)), Decimal(str(self.step))
        last = least + (Decimal(str(self.max)) - least) // step * step
        return f"{last.normalize():f}", f"{(last + step).normalize():f}"

    def stepped(self, most: int | None = None) -> list[Any] | None:
        """All values, from the least, where they can be counted; None for a range without a step, and for more than
        ``most``."""
        if self.values is not None:
            return list(self.values)
        assert self.min is not None and self.max is not None
        step = self.step or (1 if self.whole and not self.log else None)
        if step is None:
            return None
        count = int((self.max - self.min) / step + 1e-9) + 1
        if most is not None and count > most:
            return None
        return [
            int(self.min + at * step) if self.whole else min(float(self.min + at * step), self.max)
            for at in range(count)
        ]


class Metric(Section):
    """What is made better."""

    name: Annotated[str, Field(min_length=1, max_length=200)] | None = option(
        None, description="A metric of the runs. null: what the kind's models are judged by."
    )
    goal: Goal | None = option(
        None, description="null: as the metric is judged by the kind's task.", older=("direction", "mode")
    )
    at: Literal["last", "best"] = option(
        "last",
        description="last: what the run's model was measured with. best: the best of what was told while it trained.",
    )


class Pruning(Section):
    """When a run is stopped that will not be the best."""

    kind: Literal["median", "halving", "hyperband"] = option(
        description="median: it is worse than half of the others at that step. halving: after min_step, min_step*eta "
        "and so on the best of every eta go on. hyperband: several halvings that begin at different steps.",
        older=("type",),
    )
    min_step: Annotated[int, Field(ge=1)] = option(
        1,
        description="The first epoch, or step where a kind counts by steps, after which a run may be stopped.",
        older=("min_iter",),
    )
    eta: Annotated[int, Field(ge=2)] = option(3, description="halving, hyperband: of how many one goes on.")
    warmup_trials: Annotated[int, Field(ge=0)] = option(
        4, description="median: how many trials end before one is stopped."
    )

    @model_validator(mode="after")
    def _of_its_kind(self) -> Self:
        if self.kind == "median" and self.eta != 3:
            raise invalid(("eta",), "of_halving", "has no effect: it belongs to halving and hyperband")
        if self.kind != "median" and self.warmup_trials != 4:
            raise invalid(("warmup_trials",), "of_median", "has no effect: it belongs to median")
        return self


class SweepSection(Section):
    """How the base spec is varied, and for how long."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")] = option(
        description="What the sweep is called: its folder, and the beginning of its models' names.",
        examples=["learning-rate"],
    )
    method: Method = option(
        "tpe",
        description="grid: every combination. random. tpe, gp, cma-es: what was measured decides what is tried next. "
        "halving: random, and the best of every few go on.",
        older=("backend",),
        older_words={"optuna": "tpe", "bayes": "tpe", "cmaes": "cma-es"},
    )
    trials: Annotated[int, Field(ge=1, le=100_000)] | None = option(
        None,
        description="Runs in all, however often the sweep is interrupted. null: all of a grid; 20 of another method.",
        older=("n_trials", "num_samples", "run_cap"),
    )
    parallel: Annotated[int, Field(ge=1, le=64)] = option(1, description="How many train at a time.", older=("n_jobs",))
    seed: Annotated[int, Field(ge=0, lt=2**31)] = option(42, description="Seeds what is tried.")
    metric: Metric | Annotated[list[Metric], Field(min_length=2, max_length=2)] = option(
        Metric(),
        description="What is made better. Of two metrics there is no best trial but a front: those to which no other "
        "is better in one and as good in the other. None of them is stored under the base spec's name.",
    )
    space: Annotated[dict[Place, Parameter | list[JsonValue]], Field(min_length=1)] = option(
        description="What is varied: a place of the base spec -> the values it takes.",
        older=("parameters",),
        examples=[{"/model/spec/optimizer/learning_rate": {"min": 1e-5, "max": 1e-2, "log": True}}],
    )
    prune: Pruning | None = option(
        None, description="Stops runs that will not be the best. null: none.", older=("early_terminate",)
    )
    constraints: list[Annotated[str, Field(min_length=1, max_length=400)]] = option(
        factory=list,
        description="What has to hold between places, such as `batch_size * model.spec.max_length <= 8192`. What does "
        "not fit is not trained.",
    )
    on_fail: Literal["continue", "stop"] = option("continue", description="What a run that fails means for the others.")
    max_failures: Annotated[int, Field(ge=1)] | None = option(
        None, description="How many runs may fail before no other is begun. null: as many as do."
    )
    time_budget: Annotated[float, Field(gt=0)] | None = option(
        None, description="Seconds of training, all runs together, after which no other is begun. null: no limit.",
        older=("time_budget_s",),
    )  # fmt: skip
    keep_models: Literal["all", "best"] = option(
        "all", description="best: when the sweep is over, of its stored models only the best is kept."
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.method == "halving" and self.prune is not None and self.prune.kind == "median":
            raise invalid(("prune", "kind"), "halving_prunes", "the method halving stops runs by halving")
        if self.on_fail == "stop" and self.max_failures is not None:
            raise invalid(("max_failures",), "stops_at_once", "has no effect: the first failure ends the sweep")
        if isinstance(self.metric, list):
            self._of_two(self.metric)
        return self

    def _of_two(self, metrics: list[Metric]) -> None:
        if self.method in ("halving", "cma-es"):
            message = f"{self.method} goes by one metric, and there are two: take grid, random, tpe or gp"
            raise invalid(("method",), "one_metric", message)
        if self.prune is not None:
            raise invalid(("prune",), "one_metric", "goes by one metric, and there are two: leave it out")
        for at, each in enumerate(metrics):
            if each.at == "best":
                message = "the best of two metrics may be of different epochs, and the model is of one: leave it out"
                raise invalid(("metric", at, "at"), "one_metric", message)

    @property
    def metrics(self) -> list[Metric]:
        """What is made better: one, or two."""
        return self.metric if isinstance(self.metric, list) else [self.metric]

    @property
    def pruning(self) -> Pruning | None:
        """What stops runs: as the document says, or as the method does."""
        return self.prune or (Pruning(kind="halving") if self.method == "halving" else None)


class SweepDocument(Section):
    """A sweep: many runs as one document."""

    schema_uri: str | None = option(
        None, alias="$schema", description="The JSON Schema that an editor completes this document with."
    )
    sweep: SweepSection = option(description="How the base spec is varied.")
    base: dict[str, JsonValue] | Annotated[str, Field(min_length=1)] = option(
        description="The spec that is varied, or the path of its file, as seen from this one."
    )
