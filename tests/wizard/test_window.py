"""The conversation at a real terminal: what is shown in a window, typed there, pasted there, and how it ends."""

from __future__ import annotations

import json
import re
import signal

import pytest

from tests.wizard.golden import FOLDER, SCRIPTS, transcript
from tests.wizard.window import CLEAR, CTRL_C, CTRL_D, DOWN, ENTER, Window

pytestmark = pytest.mark.slow

ROWS = "review,label\n" + "".join(f"word {n} of it,{'ab'[n % 2]}\n" for n in range(60))
GIVEN = ["new", "tabular_classification", "--set", "name=rows"]


@pytest.fixture(autouse=True)
def rows(tmp_path):
    (tmp_path / "rows.csv").write_text(ROWS)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.family)
def test_a_family_is_asked_as_its_transcript_shows(script, tmp_path):
    (tmp_path / "rows.csv").unlink()
    text, code = transcript(script, tmp_path)
    assert code == 0
    assert text == (FOLDER / f"{script.family}.txt").read_text("utf-8"), (
        "python -m tests.wizard.golden writes them anew"
    )
    assert json.loads((tmp_path / "example.json").read_text())["model"]["spec"]["model_type"] == script.kind


def test_a_bare_command_begins_it_and_arrows_and_letters_choose(tmp_path):
    with Window([], tmp_path) as window:
        window.waits("Choose a family").press("tab").waits("tabular").press(ENTER)
        window.waits("Which kind?").press(DOWN + ENTER).waits("called?")
        assert "Which kind? tabular_regression" in window.shown
        window.press(CTRL_C)
        assert window.end() == 130
        assert "setup cancelled; nothing was started" in window.shown


@pytest.mark.parametrize("key", [CTRL_C, CTRL_D], ids=["interrupt", "end-of-input"])
@pytest.mark.parametrize("mode", [[], ["--plain"]], ids=["arrows", "plain"])
@pytest.mark.parametrize("shape", ["list", "line"])
def test_it_is_cancelled_at_any_prompt_with_130(tmp_path, key, mode, shape):
    words = ["new", *mode] if shape == "list" else [*GIVEN, *mode]
    with Window(words, tmp_path) as window:
        window.wait("Choose a family" if shape == "list" else "trained on?")
        window.wait("by the data" if shape == "list" else "hub:OWNER/NAME.")
        window.press(key)
        assert window.end() == 130
        assert "Traceback" not in window.raw and "nothing was started" in window.shown
    assert not (tmp_path / "runs").exists()


def test_a_colon_in_a_list_begins_a_command(tmp_path):
    with Window(["new"], tmp_path) as window:
        window.waits("Choose a family").press("text" + ENTER).waits("Which kind?")
        window.press(":").waits("command").type("back").wait("command :back").waits("by the data")
        assert "[family]" in window.last
        window.press(":").waits("command").type("bakc").wait("did you mean 'back'?")
        window.press(CTRL_C)
        assert window.end() == 130


def test_what_is_wrong_is_said_below_the_line_and_can_be_typed_again(tmp_path):
    with Window(GIVEN, tmp_path) as window:
        window.waits("trained on?").type("nowhere.csv").wait("there is no such data file")
        window.type(CLEAR + "rows.csv").wait("60 rows")
        window.waits("[Y/n]").press(CTRL_C)
        assert window.end() == 130


def test_what_is_pasted_with_line_breaks_is_one_answer(tmp_path):
    with Window(GIVEN, tmp_path) as window:
        window.waits("trained on?").paste("rows.csv\r\n\n").waits("> rows.csv")
        assert "60 rows" not in window.shown
        window.press(ENTER).wait("60 rows")
        window.waits("[Y/n]").press(CTRL_C)
        assert window.end() == 130


@pytest.mark.parametrize("columns", [40, 200])
def test_words_are_whole_in_a_narrow_window_and_in_a_wide_one(tmp_path, columns):
    with Window(GIVEN, tmp_path, columns=columns, lines=70) as window:
        window.waits("trained on?" if columns > 60 else "hub:OWNER/NAME").type("rows.csv").waits("Is that right?")
        window.waits("[Y/n]").type("n").waits("target_columns:").waits("for commands")
        text = " ".join(window.shown.split())
        assert "What is it trained on? The path of a file or folder, or hub:OWNER/NAME." in text
        assert "Enter takes what is in brackets; :help tells what else can be typed." in text
        assert "(arrows or letters; : for commands)" in text
        window.press(CTRL_C)
        window.end()


@pytest.mark.parametrize("columns", [40, 200])
def test_the_review_fits_the_window(tmp_path, columns):
    words = ["new", "elo_scoring", "--plain", "--set", "name=a", "--set", "data=sample", "--set", "epochs=1"]
    with Window([*words, "--set", "validation_split=0.3"], tmp_path, columns=columns) as window:
        for waited in ("max_samples:", "group by group?", "Which file"):
            window.comes(waited).settles().type()
        window.comes("Is this right?").settles()
        lines = window.raw.replace("\r", "").splitlines()
        assert max(map(len, lines)) < columns
        table = [line for line in lines if re.search(r"(default|flag|you)$", line)]
        assert len(table) > 10 and any(line.split()[1:] == ["0.3", "flag"] for line in table)
        window.press(CTRL_C)
        assert window.end() == 130


@pytest.mark.parametrize("variables", [{"TERM": "dumb"}, {"RUNNER_PLAIN": "1"}, {}], ids=["dumb", "variable", "flag"])
def test_plain_prompts_move_no_cursor(tmp_path, variables):
    with Window([*GIVEN, *([] if variables else ["--plain"])], tmp_path, **variables) as window:
        window.comes("trained on?").settles().type("rows.csv")
        window.comes("Is that right?").settles().type(":quit")
        assert window.end() == 75
        assert "\x1b" not in window.raw
        assert "go on with it" in window.raw and "--resume" in window.raw


def test_it_is_gone_on_with_where_it_was_left(tmp_path):
    with Window([*GIVEN, "--plain"], tmp_path) as window:
        window.comes("trained on?").settles().type("rows.csv")
        window.comes("Is that right?").settles().type(":quit")
        assert window.end() == 75
    with Window(["new", "--resume", "--plain"], tmp_path) as window:
        window.comes("Going on after").comes("Is that right?").settles().type()
        window.comes("Which rows are held out").settles().press(CTRL_D)
        assert window.end() == 130
    (draft,) = (tmp_path / "drafts").glob("*.json")
    assert json.loads(draft.read_text())["document"]["data"]["target_columns"] == "label"


def test_a_fine_tuning_is_asked_and_ends_in_a_script(tmp_path):
    turns = [{"role": "user", "content": "2 and 3?"}, {"role": "assistant", "content": "5"}]
    (tmp_path / "chats.jsonl").write_text(2 * (json.dumps({"messages": turns}) + "\n"))
    answers = [("learn from?", "1"), ("Which file?", "1"), ("trained on?", "runner/tiny-llama"),
               ("project called?", ""), ("this run?", "adder-001"), ("Train with these?", ""),
               ("spec go?", ""), ("script go?", ":back"), ("spec go?", "sums.json"), ("script go?", "")]  # fmt: skip
    with Window(["new", "sft", "--plain", "--no-start"], tmp_path, NETRC=str(tmp_path / "none")) as window:
        for waited, typed in answers:
            window.comes(waited).settles().type(typed)
        assert window.end() == 0, window.raw
        assert "run it: python sft_train.py    or: runner train --spec-file sums.json" in window.raw
    assert json.loads((tmp_path / "sums.json").read_text())["model"]["name"] == "adder-001"
    assert "SPEC = " in (tmp_path / "sft_train.py").read_text()


@pytest.mark.parametrize("end", ["interrupt", "closed-terminal"])
@pytest.mark.parametrize("mode", [[], ["--plain"]], ids=["arrows", "plain"])
def test_a_fine_tuning_goes_on_after_ctrl_c_and_after_its_terminal_was_closed(tmp_path, mode, end):
    turns = [{"role": "user", "content": "2 and 3?"}, {"role": "assistant", "content": "5"}]
    (tmp_path / "chats.jsonl").write_text(2 * (json.dumps({"messages": turns}) + "\n"))

    def asked(window, text):
        return window.comes(text).settles() if mode else window.waits(text)

    variables = {"NETRC": str(tmp_path / "none")}
    with Window(["new", "sft", "--no-start", *mode], tmp_path, **variables) as window:
        for waited, typed in [("learn from?", ""), ("Which file?", ""), ("trained on?", "runner/tiny-llama")]:
            # In a list of arrows Enter alone takes what is pointed at.
            asked(window, waited).type("1" if mode and not typed else typed)
        asked(window, "project called?")
        if end == "interrupt":
            window.press(CTRL_C)
            assert window.end() == 130
            assert "new --resume" in window.raw
        else:
            assert window.hangs_up() == -signal.SIGHUP
    with Window(["new", "--resume", "--no-start", *mode], tmp_path, **variables) as window:
        window.waits("Going on after 3 answers")
        for waited, typed in [("project called?", "sums"), ("this run?", "adder-001"), ("Train with these?", ""),
                              ("spec go?", ""), ("script go?", "")]:  # fmt: skip
            asked(window, waited).type(typed)
        assert window.end() == 0, window.raw
        assert "learn from?" not in window.raw and "trained on?" not in window.raw
    spec = json.loads((tmp_path / "adder-001.json").read_text())
    assert spec["model"]["spec"]["base_model_name"] == "runner/tiny-llama"
    assert spec["data"]["dataset"].endswith("chats.jsonl") and not (tmp_path / "drafts").exists()


def test_the_family_of_language_models_leads_to_the_script_too(tmp_path):
    with Window(["new", "--plain"], tmp_path) as window:
        window.comes("Choose a family").settles().type("language")
        window.comes("Which kind?").settles().type("sft, with a script")
        window.comes("learn from?").settles().type(":help")
        window.comes(":quit   leave").settles().type(":quit")
        assert window.end() == 130
        assert "left; nothing was started" in window.raw
    assert not (tmp_path / "drafts").exists()


def test_a_token_is_not_shown(tmp_path):
    words = ["new", "sft", "--plain", "--set", "name=tutor", "--set", "data=hub:someone/rows"]
    offline = {"HF_HUB_OFFLINE": "1", "HF_TOKEN": "-", "HF_HOME": str(tmp_path / "hf")}
    with Window(words, tmp_path, **offline) as window:
        window.comes("A token of the Hugging Face Hub").settles().type("hf_not_to_be_seen")
        window.comes("not checked").press(CTRL_C)
        assert window.end() == 130
        assert "hf_not_to_be_seen" not in window.raw
    assert all("hf_not" not in path.read_text() for path in tmp_path.rglob("*.json"))


def test_a_spec_that_lacks_something_is_asked_for_it_and_trained(tmp_path):
    own = {"model_type": "elo_scoring", "min_model_occurrences": 5}
    (tmp_path / "part.json").write_text(json.dumps({"model": {"spec": own}, "data": {"dataset": "sample"}}))
    with Window(["train", "--spec-file", "part.json", "--executor", "local"], tmp_path, RUNNER_PLAIN="1") as window:
        answers = [("called?", "ratings"), ("validation_split:", ""), ("max_samples:", "300"), ("epochs:", "1"),
                   ("group by group?", ""), ("Which file", "whole.json"), ("Is this right?", ""),
                   ("Start the training now?", "")]  # fmt: skip
        for waited, typed in answers:
            window.comes(waited).settles().type(typed)
        assert window.end() == 0, window.raw
        assert "runner infer" in window.raw
    assert (tmp_path / "models" / "elo_scoring" / "ratings" / "v1" / "manifest.json").is_file()
    assert not (tmp_path / "drafts").exists()


def test_train_without_a_spec_asks(tmp_path):
    with Window(["train"], tmp_path) as window:
        window.waits("Choose a family").press(CTRL_C)
        assert window.end() == 130


def test_ci_is_asked_nothing(tmp_path):
    with Window(["train"], tmp_path, CI="true") as window:
        assert window.end() == 2
        assert "CI is set; missing: kind, /model/name, /data/dataset" in " ".join(window.shown.split())
    with Window([], tmp_path, CI="true") as window:
        assert window.end() == 0
        assert "Usage: runner COMMAND" in window.shown
