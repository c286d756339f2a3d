"""Progress on a terminal and elsewhere, and the table that ends a training."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.contract import Table
from runner.runs.event_kinds import read_event
from runner.tracking.event_words import sentence
from runner.tracking.final_table import final_table
from runner.tracking.terminal import TerminalListener, is_terminal

CONTROL = set(map(chr, range(32))) - {"\n"} | {"\x7f"}
METRICS = {"accuracy": 0.8741, "accuracy_low": 0.851, "accuracy_high": 0.896, "log_loss": 0.412}
METRICS |= {"calibration_error": 0.0312, "n_validation": 1204}
BASELINE = {"accuracy_low": 0.671, "accuracy_high": 0.733, "log_loss": 0.601, "calibration_error": 0.022}
TABLES = {
    "baselines": [
        {"model_type": "elo_scoring", "accuracy": 0.698} | BASELINE,
        {"model_type": "bradley_terry_scoring", "accuracy": 0.702} | BASELINE,
    ],
    "leaderboard": [{"model": "SmolLM2 135M, greedy"}, {"model": "--help"}, {"model": "x\x1b[2J"}, {"model": "solver"}],
}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def training(epochs: int, end: str | None = "finished") -> Iterable[dict[str, object]]:
    t = 1000.0
    yield {"t": t, "event": "started", "model_type": "dense_network", "name": "quick", "device": "cpu", "seed": 42}
    yield {"t": t + 1, "event": "data", "record": {"rows_read": 1200, "skipped": {"empty response": 3}}}
    for done in (0, 400, 800, 1200):
        yield {"t": t + 2 + done / 1000, "event": "progress", "done": done, "total": 1200, "unit": "texts"}
    yield {"t": t + 5, "event": "warning", "message": "one LLM never lost", "pointer": "/data/dataset"}
    for epoch in range(1, epochs + 1):
        at = t + 5 + epoch * 2
        for done in (1, 2):
            fields = {"done": done, "total": 2, "unit": "batches", "epoch": epoch, "epochs": epochs}
            yield {"t": at - 2 + done / 2, "event": "progress", "metrics": {"loss": 0.5}} | fields
        metrics = {"train_loss": 0.1 / epoch, "accuracy": 0.7 + epoch / 100}
        yield {"t": at, "event": "epoch", "epoch": epoch, "epochs": epochs, "metrics": metrics, "best": epoch == 1}
    if end:
        yield {"t": t + 6 + epochs * 2, "event": end}


def shown(events: Iterable[dict[str, object]], stream: io.StringIO | None = None, **options: object) -> str:
    stream = stream or io.StringIO()
    with TerminalListener(stream, **options) as listener:  # type: ignore[arg-type]
        for event in events:
            listener.handle(read_event(event))
    return stream.getvalue()


def test_plain_lines() -> None:
    assert shown(training(3)).splitlines() == [
        "training dense_network quick on cpu, seed 42",
        "data: rows read 1,200, skipped (empty response 3)",
        "encoding prompts: 0/1,200 texts",
        "encoding prompts: 1,200/1,200 texts",
        "warning: /data/dataset: one LLM never lost",
        "epoch 1/3  loss 0.1000  accuracy 0.710  best so far",
        "epoch 2/3  loss 0.0500  accuracy 0.720",
        "epoch 3/3  loss 0.0333  accuracy 0.730",
        "finished after 12 s",
    ]


@pytest.mark.parametrize(
    ("every", "epochs", "told"),
    [(1, 4, [1, 2, 3, 4]), (3, 8, [3, 6, 8]), (100, 5, [5]), (5, 10, [5, 10]), (0, 2, [1, 2])],
)
def test_one_line_every_print_every_epochs_and_the_last(every: int, epochs: int, told: list[int]) -> None:
    lines = [line for line in shown(training(epochs), print_every=every).splitlines() if line.startswith("epoch")]
    assert [int(line.split()[1].split("/")[0]) for line in lines] == told


@pytest.mark.parametrize("end", ["stopped", "failed", None])
def test_the_last_epoch_is_told_however_the_run_ends(end: str | None) -> None:
    events = [event for event in training(9, end) if event.get("epoch") not in {8, 9}]
    lines = shown(events, print_every=5).splitlines()
    assert [line for line in lines if line.startswith("epoch")][-1].startswith("epoch 7/9")
    assert (lines[-1] == f"{end} after 24 s") == (end is not None)


def test_a_long_epoch_gives_a_sign_of_life() -> None:
    fields = {"event": "progress", "total": 100, "unit": "batches", "epoch": 1, "epochs": 1, "metrics": {"loss": 0.25}}
    events = [{"t": 1000.0, "event": "started"}] + [{"t": 1000.0 + i, "done": i} | fields for i in range(1, 26)]
    assert shown(events).splitlines()[1:] == [
        "epoch 1: 10/100 batches  loss 0.2500",
        "epoch 1: 20/100 batches  loss 0.2500",
    ]


def steps(count: int, every: int, end: str | None = "finished") -> Iterable[dict[str, object]]:
    """A training that is told by step: one a second, with an evaluation after each ``every``."""
    yield {"t": 1000.0, "event": "started", "model_type": "dense_network", "name": "quick"}
    for at in range(1, count + 1):
        told = {"event": "step", "step": at, "steps": count, "epoch": at / 10, "tokens": 512 * at}
        yield {"t": 1000.0 + at, "metrics": {"loss": 4 / at}} | told
        if at % every == 0:
            yield {"t": 1000.0 + at, "metrics": {"accuracy": 0.5 + at / 100}, "best": at == every} | told
    if end:
        yield {"t": 1001.0 + count, "event": end}


def test_steps_are_told_at_evaluations_at_the_end_and_when_it_is_quiet() -> None:
    assert shown(steps(16, 14)).splitlines() == [
        "training dense_network quick",
        "step 10/16  epoch 1.00  5,120 tokens  loss 0.4000",
        "step 14/16  epoch 1.40  7,168 tokens  accuracy 0.640  best so far",
        "step 16/16  epoch 1.60  8,192 tokens  loss 0.2500",
        "finished after 17 s",
    ]


def test_the_last_step_is_told_however_the_run_ends() -> None:
    told = [*steps(5, 100, None)][:-1]
    lines = shown([*told, {"t": 1005.0, "event": "stopped"}]).splitlines()
    assert lines[-2:] == ["step 4/5  epoch 0.40  2,048 tokens  loss 1.000", "stopped after 5.0 s"]


def test_the_bar_goes_by_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    text = shown(steps(16, 8), Terminal())
    assert "step 8/16  epoch 0.80  4,096 tokens  accuracy 0.580  the best" in text
    assert "step 16/16" in text


TEXT = st.text(max_size=12)
JSON = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXT
    | st.dictionaries(TEXT, TEXT | st.floats(), max_size=3)
)
KINDS = [
    "started",
    "step",
    "data",
    "progress",
    "epoch",
    "warning",
    "stopped_early",
    "checkpoint",
    "metrics",
    "finished",
    "stopped",
    "failed",
    "?",
]
FIELDS = [
    "t", "model_type", "name", "device", "seed", "record", "done", "total", "unit", "epoch", "epochs", "metrics",
    "best", "message", "pointer", "step", "steps", "tokens", "error", "phase",
    "patience", "min_delta",
]  # fmt: skip
EVENTS = st.lists(
    st.fixed_dictionaries({"event": st.sampled_from(KINDS)}, optional=dict.fromkeys(FIELDS, JSON)), max_size=5
)


def test_a_training_that_stopped_early_says_so_below_its_last_epoch() -> None:
    fields = {"done": 5, "total": 9, "unit": "epochs", "patience": 2, "min_delta": 0.0}
    early = {"t": 1016.5, "event": "stopped_early"} | fields
    *epochs, end = training(5)
    assert shown([*epochs, early, end], print_every=10).splitlines()[-3:] == [
        "epoch 5/5  loss 0.0200  accuracy 0.750",
        "stopped early at epoch 5 of 9: no improvement for 2 epochs",
        "finished after 16 s",
    ]
    assert "stopped early at epoch 5 of 9" in shown([*epochs, early, end], Terminal(), terminal=True)
    rounds = {"unit": "rounds", "patience": 1, "min_delta": 0.01, "phase": "fitting left"}
    assert sentence(read_event(early | rounds)) == (
        "fitting left: stopped early at round 5 of 9: no improvement of more than 0.0100 for 1 round"
    )


@given(events=EVENTS)
def test_no_event_breaks_the_lines_or_steers_the_terminal(events: list[dict[str, object]]) -> None:
    text = shown(events)
    assert not CONTROL & set(text)
    assert all(len(sentence(read_event(event)).splitlines()) <= 1 for event in events)


@given(events=EVENTS)
def test_no_event_breaks_the_bar(events: list[dict[str, object]]) -> None:
    stream = Terminal()
    text = shown(events, stream, terminal=True)
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h")


def test_a_terminal_gets_a_bar_and_its_cursor_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("NO_COLOR", raising=False)
    text = shown(training(3), Terminal())
    assert "\x1b[?25l" in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")
    assert "warning: " in text
    assert "epoch 1/3  loss 0.1000  accuracy 0.710  the best" in text
    assert "epoch 3/3  loss 0.0333  accuracy 0.730" in text
    assert "finished after 12 s" in text


def test_the_bar_says_where_it_is_how_fast_and_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    from rich.console import Console

    from runner.tracking.training_bar import LiveView

    def drawn(view: LiveView, width: str) -> str:
        monkeypatch.setenv("COLUMNS", width)
        console = Console(file=io.StringIO(), width=int(width))
        with console.capture() as captured:
            console.print(view._draw())
        return captured.get().rstrip()

    monkeypatch.setenv("COLUMNS", "120")
    view = LiveView(Terminal())
    for event in list(training(4, None))[:-6]:
        view.handle(read_event(event))
    wide, narrow = drawn(view, "120"), drawn(view, "50")
    view.close()
    assert "epoch 2/4  loss 0.0500  accuracy 0.720" in wide
    assert "batches/s" in wide
    assert " left" in wide
    assert "epoch 2/4" in narrow
    assert "batches/s" not in narrow
    assert len(narrow) <= 50
    assert "\n" not in wide
    assert "\n" not in narrow


def test_a_measure_that_is_better_when_lower_is_told_the_right_way_round(regressor: str) -> None:
    columns = ("model", "mae", "mae_low", "mae_high", "r2")
    rows = [
        ["mean", 4000.0, 3500.0, 4500.0, 0.0],
        ["last", 3000.0, 2900.0, 3100.0, 0.25],
        ["none", None, None, None, 1],
    ]
    known = {"baselines": Table("baselines", "Beside baselines", columns, rows).as_dict()}
    own = {"mae": 2500.5, "mae_low": 2400.0, "mae_high": 2950.0, "r2": 0.5, "n_validation": 1200}
    assert final_table(regressor, own, known, None).splitlines() == [
        "                                     MAE  95 % interval             R2",
        "tests_own_regressor (this run)   2,500.5  [2,400.0, 2,950.0]     0.500  best",
        "mean                             4,000.0  [3,500.0, 4,500.0]     0.000",
        "last                             3,000.0  [2,900.0, 3,100.0]     0.250",
        "none                                   -                         1.000",
        "",
        "measured on 1,200 held-out rows",
        "499.5 below the best baseline; the intervals overlap",
    ]
    worse = final_table(regressor, own | {"mae": 3500.0}, known, None)
    assert "NOT better than the best baseline (500.0 above)" in worse


def test_the_rival_that_is_named_is_the_one_with_the_headline() -> None:
    rows = [["base model", 5.9, None], ["the most frequent answer to each question", None, 0.25]]
    known = {"baselines": Table("baselines", "Baselines", ("model", "loss", "exact_match"), rows).as_dict()}
    text = final_table("vision_language", {"loss": 1.9, "exact_match": 0.25, "n_validation": 12}, known, None)
    assert text.splitlines()[-2:] == [
        "4.0000 below the best baseline; how sure that is was not measured",
        "NOT better than the most frequent answer to each question by exact: 0.250, and 0.250",
    ]


def test_a_kind_that_is_not_installed_ends_with_its_first_figure() -> None:
    lines = final_table("of_another_machine", {"f1": 0.5, "n_validation": 10}, TABLES, "of_another_machine/x/v1")
    assert lines.splitlines() == [
        "                                     f1",
        "of_another_machine (this run)     0.500",
        "",
        "measured on 10 held-out rows",
        "stored as of_another_machine/x/v1",
    ]


def test_no_color_means_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    text = shown(training(3), Terminal()) + final_table("x", METRICS, TABLES, "m", terminal=True)
    codes = {part.split("m")[0] for part in text.split("\x1b[") if part.split("m")[0].replace(";", "").isdigit()}
    colours = {str(code) for code in [*range(30, 50), *range(90, 108)]}
    assert not {piece for code in codes for piece in code.split(";")} & colours


def test_what_a_terminal_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert not is_terminal(Terminal())
    monkeypatch.setenv("TERM", "xterm")
    assert is_terminal(Terminal())
    assert not is_terminal(io.StringIO())
    monkeypatch.setenv("RUNNER_PLAIN", "1")
    assert not is_terminal(Terminal())
    closed = io.StringIO()
    closed.close()
    assert not is_terminal(closed)


def test_rich_is_not_loaded_for_plain_lines() -> None:
    script = (
        "import io, sys; from runner.runs.event_kinds import EndedEvent;"
        "from runner.tracking.terminal import TerminalListener as T;"
        "T(io.StringIO()).handle(EndedEvent()); print('rich' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_final_table() -> None:
    text = final_table("dense_network", METRICS, TABLES, "dense_network/quick/v1", "runner infer ...")
    assert text.splitlines() == [
        "                          accuracy  95 % interval   log loss  calibration",
        "dense_network (this run)     0.874  [0.851, 0.896]     0.412        0.031  best",
        "elo_scoring                  0.698  [0.671, 0.733]     0.601        0.022",
        "bradley_terry_scoring        0.702  [0.671, 0.733]     0.601        0.022",
        "",
        "measured on 1,204 held-out comparisons",
        "0.172 above the best baseline",
        "stored as dense_network/quick/v1",
        "",
        "score with it:",
        "  runner infer ...",
    ]


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"accuracy": 0.65}, "NOT better than the best baseline (0.052 below)"),
        ({"accuracy": 0.702}, "NOT better than the best baseline (equal to it)"),
        (
            {"accuracy": 0.71, "accuracy_low": 0.69},
            "0.008 above the best baseline; the intervals overlap",
        ),
    ],
)
def test_the_final_table_is_honest(own: dict[str, float], said: str) -> None:
    assert said in final_table("dense_network", METRICS | own, TABLES, None)


def test_the_final_table_of_a_language_model_has_the_measures_of_its_kind() -> None:
    figures = {"loss": 1.25, "loss_low": 1.0, "loss_high": 1.5, "perplexity": 3.49, "token_accuracy": 0.7}
    columns = ["model", "loss", "loss_low", "loss_high", "perplexity"]
    before = Table("baselines", "Before", columns, [["base model", 2.5, 2.4, 2.6, 12.18]]).as_dict()
    text = final_table("sft", figures | {"n_validation": 48}, {"baselines": before}, "sft/x", "runner infer ...")
    assert text.splitlines() == [
        "                    loss  95 % interval     perplexity  token acc.",
        "sft (this run)    1.2500  [1.0000, 1.5000]       3.490       0.700  best",
        "base model        2.5000  [2.4000, 2.6000]      12.180           -",
        "",
        "measured on 48 held-out rows",
        "1.2500 below the base model",
        "stored as sft/x",
        "",
        "ask it:",
        "  runner infer ...",
    ]


@pytest.mark.parametrize(("own", "worse"), [(0.267, True), (0.5, True), (0.75, False)])
def test_a_baseline_without_the_headline_is_held_against_what_it_has(own: float, worse: bool) -> None:
    figures = {"loss": 2.5, "exact_match": own, "n_validation": 30}
    rows = [["base model", 6.0, None], ["the most frequent answer", None, 0.5]]
    before = Table("baselines", "Before", ["model", "loss", "exact_match"], rows).as_dict()
    text = final_table("vision_language", figures, {"baselines": before}, None)
    assert "3.5000 below the best baseline" in text
    assert (f"NOT better than the most frequent answer by exact: {own:.3f}, and 0.500" in text) is worse


def test_a_loss_on_held_out_rows_is_told_from_that_of_training() -> None:
    metrics = {"train_loss": 0.5, "perplexity": 2.0, "loss": 0.7}
    told = sentence(read_event({"event": "epoch", "epoch": 1, "epochs": 2, "metrics": metrics}))
    assert told == "epoch 1/2  loss 0.5000  held-out loss 0.7000  perplexity 2.000"


def test_the_final_table_without_a_validation_split() -> None:
    text = final_table("elo_scoring", {"accuracy": None, "log_loss": float("nan")}, {}, "elo_scoring/x/v1")
    assert text.splitlines()[0] == "nothing was held out: no pairwise accuracy to tell"
    assert "nan" not in text
    unmeasured = {"baselines": [{"model_type": "x", "accuracy": None}, 3]}
    told = final_table("elo_scoring", {"accuracy": 0.5}, unmeasured, None)
    assert "best" not in told


def test_the_final_table_is_of_what_was_held_out(classifier: str) -> None:
    """No table of nothing where no row was held out, and one row is one."""
    nothing = final_table(classifier, {"f1": None, "log_loss": None, "n_validation": 0}, {}, f"{classifier}/x/v1")
    assert nothing.splitlines() == ["nothing was held out: no F1 to tell", f"stored as {classifier}/x/v1"]
    one = final_table(classifier, {"f1": 1.0, "n_validation": 1}, {}, None)
    assert one.splitlines()[-1] == "measured on 1 held-out text"


LENGTHS = {"relative_accuracy": 0.5289, "relative_accuracy_low": 0.427, "relative_accuracy_high": 0.615}
LENGTHS |= {"mae_tokens": 2.505, "log_r2": 0.0878, "n_validation": 1282}
LENGTH_TABLES = {
    "baselines": [
        {"model_type": "mean of each LLM", "relative_accuracy": -0.4, "relative_accuracy_high": 0.585, "log_r2": 0.0},
        {"model_type": "one mean for all", "relative_accuracy": -0.5, "mae_tokens": 3.66},
    ],
    "lengths": [{"model": "long-winded"}, {"model": "brief"}],
}


def test_the_final_table_of_a_length_model_is_of_lengths() -> None:
    text = final_table("simple_length_prediction", LENGTHS, LENGTH_TABLES, "simple_length_prediction/x/v1")
    assert text.splitlines() == [
        "                                     rel. accuracy  95 % interval   MAE in tokens    log R2",
        "simple_length_prediction (this run)          0.529  [0.427, 0.615]           2.50     0.088  best",
        "mean of each LLM                            -0.400                              -     0.000",
        "one mean for all                            -0.500                           3.66         -",
        "",
        "measured on 1,282 held-out responses",
        "0.929 above the best that does not read the prompt; the intervals overlap",
        "stored as simple_length_prediction/x/v1",
        "",
        "score with it:",
        "  runner infer --model simple_length_prediction/x/v1 --models-to-score long-winded brief --prompts "
        "'Write a haiku about the sea.' 'What is 17 * 23?'",
    ]
    assert "NOT better" in final_table(
        "simple_length_prediction", LENGTHS | {"relative_accuracy": -0.5}, LENGTH_TABLES, None
    )
    held = {"relative_accuracy": None, "mae_tokens": None}
    assert "no relative accuracy to tell" in final_table("simple_length_prediction", held, {"baselines": []}, None)


def test_the_styled_table_says_the_same() -> None:
    import re

    plain = final_table("dense_network", METRICS, TABLES, "dense_network/quick/v1")
    styled = final_table("dense_network", METRICS, TABLES, "dense_network/quick/v1", terminal=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", styled) == plain
    assert styled != plain
