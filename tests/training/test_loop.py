"""The training loop: to the bit across a stop, frozen parameters left alone, the optimizer carried from run to run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from runner.contract import LoadedData, TrainContext
from runner.errors import DataError, IntegrityError, RunFailed, Stopped
from runner.runs.checkpoints import RunCheckpoints
from runner.training.gradient_training import DiagnosedTraining, GradientTraining
from runner.training.loop import fit
from runner.training.optimizer_state import OptimizerState, read_optimizer
from runner.training.optimizers import Adam, AdamW, Muon, make
from runner.training.trainee import Trainee, save_optimizer

ROWS = 40


class Net(torch.nn.Module):
    """A frozen layer, a layer that trains, dropout that draws from the generator, and a buffer that changes."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.frozen = torch.nn.Linear(4, 8).requires_grad_(False)
        self.drop = torch.nn.Dropout(0.3)
        self.norm = torch.nn.BatchNorm1d(8)
        self.head = torch.nn.Linear(8, width)

    def forward(self, x: Any) -> Any:
        return self.head(self.norm(self.drop(self.frozen(x))))


def context(folder: Path, epochs: int = 4, stop: Any = lambda: False, batch_size: int = 8) -> TrainContext:
    events: list[dict[str, Any]] = []
    made = TrainContext(
        data=LoadedData(None, None, "0", {}), epochs=epochs, batch_size=batch_size, seed=3, device="cpu", print_every=1,
        emit=lambda event, **words: events.append({"event": event, **words}),
        checkpoints=RunCheckpoints(folder / "checkpoints", lambda *_, **__: None), stop_requested=stop,
        artifact=folder, start_from=None, cache=folder,
    )  # fmt: skip
    made.events = events  # type: ignore[attr-defined]
    return made


def task(accuracies: list[float | None] | None = None, spec: Any = None, width: int = 8, **words: Any) -> Trainee:
    """Regression on fixed data; the epochs' accuracies are as given, or unknown."""
    torch.manual_seed(0)
    net = Net(width)
    x = torch.randn(ROWS, 4)
    told = iter(accuracies or [None] * 100)
    spec = spec or AdamW(optimizer_type="adamw", learning_rate=0.01, lr_decay_gamma=0.5)

    def loss(rows: Any) -> Any:
        return ((net(x[rows]) - 1) ** 2).mean()

    return Trainee(
        module=net,
        optimizer=make(spec, net.named_parameters()),
        order=lambda rng: rng.permutation(ROWS),
        loss=loss,
        measure=lambda: {"accuracy": next(told)},
        **words,
    )


def values(net: Any) -> dict[str, Any]:
    return {name: tensor.clone() for name, tensor in net.state_dict().items()}


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(
        torch.equal(torch.as_tensor(one[n]), torch.as_tensor(other[n])) for n in one
    )


def test_frozen_parameters_stay_and_are_in_no_checkpoint(tmp_path):
    job = task()
    before = values(job.module)
    fit(job, context(tmp_path))
    after = values(job.module)
    assert all(torch.equal(before[name], after[name]) for name in ("frozen.weight", "frozen.bias"))
    assert not any(torch.equal(before[name], after[name]) for name in ("head.weight", "head.bias", "norm.weight"))
    saved = RunCheckpoints(tmp_path / "checkpoints", print).latest().tensors
    assert not [name for name in saved if "frozen" in name]
    assert {"model/head.weight", "model/norm.running_mean", "best/head.weight"} <= set(saved)


@pytest.mark.parametrize(("max_steps", "told"), [(9, False), (10, False), (11, True)])
def test_max_steps_that_the_epochs_do_not_have_are_told(tmp_path, max_steps, told):
    made = context(tmp_path, epochs=2)  # 5 steps each
    fit(task(max_steps=max_steps), made)
    warnings = [event for event in made.events if event["event"] == "warning"]
    assert [event["pointer"] for event in warnings] == ["/model/spec/max_steps"] * told
    assert all("max_steps is 11, and the training ends after 10 steps" in event["message"] for event in warnings)


@pytest.mark.parametrize("stop_after", [1, 3, 7, 12])
def test_stopped_anywhere_it_ends_to_the_bit_as_if_it_had_not(tmp_path, stop_after):
    accuracies = [0.2, 0.6, 0.4, 0.5]
    whole_task = task(accuracies)
    whole = fit(whole_task, context(tmp_path / "whole"))

    asked = iter([False] * stop_after + [True] * 100)
    first = task(accuracies)
    with pytest.raises(Stopped):
        fit(first, context(tmp_path / "run", stop=lambda: next(asked)))
    done = stop_after // 5
    second = task(accuracies[done:])
    torch.manual_seed(99)  # the generator comes from the checkpoint, not from whoever resumes
    resumed_context = context(tmp_path / "run")
    resumed = fit(second, resumed_context)

    assert resumed_context.events[0]["event"] == "resumed"
    assert resumed.history == whole.history and resumed.best_epoch == whole.best_epoch == 2
    assert same(values(second.module), values(whole_task.module))
    assert same(dict(resumed.optimizer.tensors), dict(whole.optimizer.tensors))
    assert resumed.optimizer.state == whole.optimizer.state


def test_the_best_epochs_weights_and_optimizer_are_kept(tmp_path):
    short = task([0.2, 0.6])
    two = fit(short, context(tmp_path / "two", epochs=2))
    long = task([0.2, 0.6, 0.4, 0.5])
    four = fit(long, context(tmp_path / "four", epochs=4))
    assert (two.best_epoch, four.best_epoch, four.epochs) == (2, 2, 4)
    assert same(values(short.module), values(long.module))
    assert same(dict(two.optimizer.tensors), dict(four.optimizer.tensors))
    assert four.optimizer.state == {"learning_rates": [[0.0025]]}


@pytest.mark.parametrize(
    "spec",
    [
        Adam(optimizer_type="adam", learning_rate=0.01, lr_decay_gamma=0.9),
        AdamW(optimizer_type="adamw", learning_rate=0.01),
        Muon(optimizer_type="muon", lr_decay_gamma=0.9),
    ],
)
def test_a_saved_optimizer_goes_on_as_the_one_that_was_saved(tmp_path, spec):
    """Four epochs are two, stored and started from, and two more (of the same rows, so without dropout)."""

    def plain(**words: Any) -> Trainee:
        job = task(spec=spec, **words)
        job.module.drop.p = 0.0
        job.order = lambda rng: np.arange(ROWS)
        return job

    whole = plain()
    fit(whole, context(tmp_path / "whole", epochs=4))

    first = plain()
    save_optimizer(tmp_path, fit(first, context(tmp_path / "first", epochs=2)))
    second = plain(start_optimizer=read_optimizer(tmp_path))
    second.module.load_state_dict(first.module.state_dict())
    fit(second, context(tmp_path / "second", epochs=2))
    assert same(values(second.module), values(whole.module))

    fresh = plain()
    fresh.module.load_state_dict(first.module.state_dict())
    fit(fresh, context(tmp_path / "fresh", epochs=2))
    assert not same(values(fresh.module), values(whole.module))


def test_a_parameter_of_another_shape_starts_afresh_and_the_others_go_on(tmp_path):
    save_optimizer(tmp_path, fit(task(), context(tmp_path / "a", epochs=1)))
    stored = read_optimizer(tmp_path)
    wider = task(width=9)
    stored.put_into(wider.optimizer)
    names = {key.split("/")[1] for key in wider.optimizer.state()[0]}
    assert names == {"norm.weight", "norm.bias"}
    assert wider.optimizer.learning_rate == 0.005
    stored.without("norm.weight").put_into(narrow := task().optimizer)
    assert {key.split("/")[1] for key in narrow.state()[0]} == {"norm.bias", "head.weight", "head.bias"}


def test_other_groups_keep_their_own_learning_rates(tmp_path):
    muon = task(spec=Muon(optimizer_type="muon"))
    state = fit(muon, context(tmp_path, epochs=1)).optimizer
    adam = task()
    state.put_into(adam.optimizer)
    assert adam.optimizer.learning_rate == 0.01


def test_no_optimizer_is_none_and_a_broken_one_is_refused(tmp_path):
    assert read_optimizer(tmp_path) is None
    (tmp_path / "optimizer.json").write_text('{"learning_rates": "fast"}')
    with pytest.raises(IntegrityError, match="not an optimizer"):
        read_optimizer(tmp_path)


def test_a_checkpoint_wins_over_the_optimizer_to_start_from(tmp_path):
    fit(task(), context(tmp_path, epochs=2))
    poison = OptimizerState({}, {"learning_rates": [[123.0]]})
    again = task(start_optimizer=poison)
    fit(again, context(tmp_path, epochs=2))
    assert again.optimizer.learning_rate == 0.0025


def test_a_loss_that_is_no_number_names_its_batch(tmp_path):
    job = task()
    whole, calls = job.loss, []

    def loss(rows: Any) -> Any:
        calls.append(1)
        return whole(rows) * (float("nan") if len(calls) == 7 else 1.0)

    job.loss = loss
    with pytest.raises(RunFailed, match="nan in epoch 2, batch 2"):
        fit(job, context(tmp_path))


def test_looking_at_the_loss_less_often_changes_nothing(tmp_path, monkeypatch):
    from runner.training import loop

    whole = fit(task(), context(tmp_path / "a"))
    often = loop.StepLosses
    monkeypatch.setattr(loop, "StepLosses", lambda state, every, where: often(state, 3, where))
    assert fit(task(), context(tmp_path / "b")).history == whole.history


def test_rows_come_to_the_loss_as_they_are_drawn(tmp_path):
    seen: list[np.ndarray] = []
    job = task(rows_on_host=True)
    inner = job.loss
    job.loss = lambda rows: (seen.append(rows.numpy().copy()), inner(rows))[1]
    fit(job, context(tmp_path, epochs=1, batch_size=16))
    assert [len(rows) for rows in seen] == [16, 16, 8]
    assert (np.concatenate(seen) == np.random.default_rng([3, 1]).permutation(ROWS)).all()


def course(**fields: Any) -> GradientTraining:
    return GradientTraining.model_validate_json(json.dumps(fields))


@pytest.mark.parametrize(("patience", "epochs", "best"), [(2, 4, 2), (1, 3, 2), (None, 6, 5), (5, 6, 5)])
def test_patience_ends_the_training_after_so_many_epochs_without_a_better_one(tmp_path, patience, epochs, best):
    accuracies = [0.2, 0.6, 0.4, 0.5, 0.7, 0.1]
    section = course(early_stopping=patience and {"patience": patience})
    told = []
    for given in (accuracies, [0.9] * 6):
        # What is over stays so when it is resumed, and is told again.
        at = context(tmp_path, epochs=6)
        result = fit(task(given, section=section), at)
        assert (result.epochs, result.best_epoch) == (epochs, best)
        told.append([event for event in at.events if event["event"] == "stopped_early"])
    early = {"event": "stopped_early", "done": epochs, "total": 6, "unit": "epochs", "patience": patience}
    assert told == [[] if epochs == 6 else [early | {"min_delta": 0.0}]] * 2


def test_an_improvement_too_small_to_count_is_still_the_best_epoch(tmp_path):
    section = course(early_stopping={"patience": 2, "min_delta": 0.1})
    result = fit(task([0.2, 0.6, 0.65, 0.68, 0.9], section=section), context(tmp_path, epochs=5))
    assert (result.epochs, result.best_epoch) == (4, 4)


def test_early_stopping_without_anything_measured_is_told_of(tmp_path):
    at = context(tmp_path, epochs=4)
    assert fit(task(section=course(early_stopping={"patience": 1})), at).epochs == 4
    (warning,) = [event for event in at.events if event["event"] == "warning"]
    assert warning["pointer"] == "/model/spec/early_stopping"
    assert "nothing ends the training early" in warning["message"]


def test_the_steps_of_a_schedule_are_torchs(tmp_path):
    """Four epochs of five steps under a cosine are those of torch's optimizer with torch's own schedulers."""
    from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR

    spec = Adam(optimizer_type="adam", learning_rate=0.01)
    section = course(schedule={"schedule_type": "cosine", "warmup_steps": 6})
    job = task(spec=spec, section=section)
    job.module.drop.p = 0.0
    history = fit(job, context(tmp_path)).history

    other = task()
    other.module.drop.p = 0.0
    theirs = torch.optim.Adam([p for p in other.module.parameters() if p.requires_grad], lr=0.01)
    rise = LinearLR(theirs, start_factor=1 / 6, total_iters=5)
    scheduler = SequentialLR(theirs, [rise, CosineAnnealingLR(theirs, T_max=14)], milestones=[6])
    rates = []
    for epoch in range(1, 5):
        other.module.train()
        for rows in np.random.default_rng([3, epoch]).permutation(ROWS).reshape(5, 8):
            theirs.zero_grad()
            other.loss(torch.from_numpy(rows)).backward()
            rates.append(theirs.param_groups[0]["lr"])
            theirs.step()
            scheduler.step()
    ours, expected = values(job.module), values(other.module)
    assert all(torch.allclose(ours[name], expected[name], rtol=0, atol=1e-7) for name in ours)
    assert [row["learning_rate"] for row in history] == pytest.approx(rates[4::5], abs=1e-12)


@pytest.mark.parametrize("schedule_type", ["constant", "linear", "cosine"])
@pytest.mark.parametrize("stop_after", [1, 7, 13])
def test_a_schedule_and_early_stopping_go_on_to_the_bit(tmp_path, schedule_type, stop_after):
    accuracies = [0.2, 0.6, 0.4, 0.5, 0.3, 0.1]
    section = course(
        schedule={"schedule_type": schedule_type, "warmup_ratio": 0.3}, early_stopping={"patience": 2, "min_delta": 0.1}
    )
    whole_task = task(accuracies, section=section)
    whole = fit(whole_task, context(tmp_path / "whole", epochs=6))
    assert whole.epochs == 4

    asked = iter([False] * stop_after + [True] * 100)
    with pytest.raises(Stopped):
        fit(task(accuracies, section=section), context(tmp_path / "run", epochs=6, stop=lambda: next(asked)))
    second = task(accuracies[stop_after // 5 :], section=section)
    torch.manual_seed(99)
    resumed = fit(second, context(tmp_path / "run", epochs=6))
    assert resumed.history == whole.history
    assert same(values(second.module), values(whole_task.module))
    assert same(dict(resumed.optimizer.tensors), dict(whole.optimizer.tensors))


def test_what_goes_on_from_a_schedules_optimizer_begins_at_its_rate(tmp_path):
    """A rate that a schedule brought down to nothing is not what the next training starts with."""
    spec = Adam(optimizer_type="adam", learning_rate=0.01)
    first = task(spec=spec, section=course(schedule={"schedule_type": "linear"}))
    save_optimizer(tmp_path, fit(first, context(tmp_path / "first")))
    second = task(start_optimizer=read_optimizer(tmp_path))
    fit(second, context(tmp_path / "second", epochs=0))
    assert second.optimizer.learning_rate == 0.01


@pytest.mark.parametrize("rate", [1e38, 1e300])
@pytest.mark.parametrize("optimizer", [Adam, AdamW, Muon])
def test_a_step_that_no_number_holds_is_told_by_the_learning_rate(tmp_path, optimizer, rate):
    name = {Adam: "adam", AdamW: "adamw", Muon: "muon"}[optimizer]
    job = task(spec=optimizer(optimizer_type=name, learning_rate=rate))
    with pytest.raises(RunFailed) as refused:
        fit(job, context(tmp_path))
    assert (refused.value.where, refused.value.hint) == ("/model/spec/optimizer", "lower learning_rate")


def test_a_warm_up_longer_than_the_training_is_refused_before_it(tmp_path):
    section = course(schedule={"schedule_type": "constant", "warmup_steps": 21})
    at = context(tmp_path)
    with pytest.raises(DataError, match="21 steps is longer than the training, which has 20"):
        fit(task(section=section), at)
    assert at.events == []


def test_scaled_losses_go_on_to_the_bit_and_leave_out_a_step_that_overflows(tmp_path):
    """The factor on the loss is found anew from step to step: it is part of what a checkpoint holds."""

    def job() -> Trainee:
        made = task(loss_scaling=True, clip_gradient=1.0)
        inner = made.loss
        # A loss so large that the first factors make its gradients infinite.
        made.loss = lambda rows: inner(rows) * 1e34
        return made

    whole_task = job()
    before = values(whole_task.module)
    at = context(tmp_path / "whole")
    whole = fit(whole_task, at)
    assert not same(before, values(whole_task.module))
    state = RunCheckpoints(tmp_path / "whole" / "checkpoints", print).latest().state
    assert 1.0 <= state["loss_scale"]["scale"] < 2.0**16

    asked = iter([False] * 3 + [True] * 100)
    with pytest.raises(Stopped):
        fit(job(), context(tmp_path / "run", stop=lambda: next(asked)))
    second = job()
    assert fit(second, context(tmp_path / "run")).history == whole.history
    assert same(values(second.module), values(whole_task.module))


def diagnosed(**fields: Any) -> DiagnosedTraining:
    return DiagnosedTraining.model_validate_json(json.dumps({"diagnostics": True} | fields))


def inside(at: TrainContext) -> dict[int, Any]:
    """The diagnostics of each epoch."""
    return {event["epoch"]: event.get("diagnostics") for event in at.events if event["event"] == "epoch"}  # type: ignore[attr-defined]


def test_diagnostics_are_told_where_they_are_asked_for_and_change_nothing(tmp_path):
    without, at = context(tmp_path / "plain"), context(tmp_path / "asked")
    plain = task()
    fit(plain, without)
    asked = task(section=diagnosed(), spread=lambda: {"score_variance/llms": 0.5})
    fit(asked, at)
    assert inside(without) == dict.fromkeys(range(1, 5))
    assert set(inside(at)) == {1, 2, 3, 4}
    assert all(set(told) == {"gradient_norm/head", "gradient_norm/norm", "score_variance/llms"} for told in
               inside(at).values()), "a part that is frozen has no gradient"  # fmt: skip
    assert same(values(asked.module), values(plain.module))
    saved = [RunCheckpoints(tmp_path / name / "checkpoints", print).latest() for name in ("plain", "asked")]
    assert saved[0].state == saved[1].state
    assert same(saved[0].tensors, saved[1].tensors)


def test_a_gradients_norm_is_the_mean_over_the_batches_before_it_is_clipped(tmp_path):
    job = task(section=diagnosed(), clip_gradient=1e-3)
    norms: list[Any] = []
    step = job.loss

    def loss(rows: Any) -> Any:
        value = step(rows)
        own = list(job.module.head.parameters())
        gradients = torch.autograd.grad(value, own, retain_graph=True)
        norms.append(float(torch.cat([each.flatten() for each in gradients]).norm()))
        return value

    job.loss = loss
    at = context(tmp_path, epochs=2)
    fit(job, at)
    found = [told["gradient_norm/head"] for told in inside(at).values()]
    assert found == pytest.approx(np.reshape(norms, (2, -1)).mean(axis=1).tolist(), rel=1e-5)


@pytest.mark.parametrize("stop_after", [1, 7, 12])
def test_diagnostics_of_a_resumed_run_are_the_same_to_the_bit(tmp_path, stop_after):
    whole = context(tmp_path / "whole")
    fit(task(section=diagnosed()), whole)
    asked = iter([False] * stop_after + [True] * 100)
    first, second = context(tmp_path / "run", stop=lambda: next(asked)), context(tmp_path / "run")
    with pytest.raises(Stopped):
        fit(task(section=diagnosed()), first)
    fit(task(section=diagnosed()), second)
    assert inside(first) | inside(second) == inside(whole)
