"""``runner chat`` at a terminal and in a pipe."""

from __future__ import annotations

import json

import pytest

from runner.errors import ExitCode
from tests.cli.terminals import CTRL_C, CTRL_D, at_a_terminal
from tests.conftest import Desk
from tests.talking_models import CHATS, GOES_ON, RANKS

SHORT = ("--set", "max_new_tokens=4")


@pytest.mark.slow
@pytest.mark.warm
def test_a_session_at_a_terminal(talking: Desk, tmp_path):
    kept = tmp_path / "kept.json"
    # Only Ctrl-C ends such an answer soon.
    words = ["chat", CHATS, "--set", "min_new_tokens=1900", "--set", "max_new_tokens=1900"]
    with at_a_terminal(words, talking.home, talking.variables | {"TERM": "dumb"}) as terminal:
        assert f"{CHATS}/v1" in terminal.wait_for("> $")
        terminal.type("Hi")
        terminal.wait_for(r"Hi\r\n[\s\S]")
        terminal.press(CTRL_C)
        terminal.wait_for(r"\(stopped\)\r\n> $")
        # At the prompt it takes back what was typed, and ends nothing.
        terminal.wait_for("\n> $", key=CTRL_C)
        terminal.type("/set max_new_tokens=3")
        assert "min_new_tokens" in terminal.wait_for("> $")
        terminal.type("/set min_new_tokens=0")
        terminal.wait_for("> $")
        terminal.type("/set max_new_tokens=3")
        terminal.wait_for("> $")
        terminal.type("And?")
        assert "cut at max_new_tokens, 3" in terminal.wait_for("> $")
        terminal.type("/sett temperature=1")
        assert "did you mean /set?" in terminal.wait_for("> $")
        terminal.type("/set temprature=1")
        assert "did you mean 'temperature'?" in terminal.wait_for("> $")
        terminal.type("/set temperature=-1")
        assert "greater than or equal to 0" in terminal.wait_for("> $")
        terminal.type(f"/save {kept}")
        terminal.wait_for("saved as .*\r\n> $")
        terminal.press(CTRL_D)
        assert terminal.end() == 0
    turns = json.loads(kept.read_text())["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user", "assistant"]
    assert [turns[0]["content"], turns[2]["content"]] == ["Hi", "And?"]
    assert 0 < len(turns[1]["content"]) < 1900


def test_lines_of_a_pipe_are_turns_of_one_conversation(talking: Desk):
    said = talking("chat", CHATS, *SHORT, "--system", "Be brief.", "--json", stdin="Hi\n\nAnd?\r\n").ok().json
    assert said["model"] == f"{CHATS}/v1" and said["options"]["max_new_tokens"] == 4
    assert [turn["role"] for turn in said["messages"]] == ["system", "user", "assistant", "user", "assistant"]
    assert said["messages"][0]["content"] == "Be brief." and said["messages"][3]["content"] == "And?"
    plain = talking("chat", CHATS, *SHORT, "--system", "Be brief.", stdin="Hi\n\nAnd?").ok()
    assert plain.out == "".join(turn["content"] + "\n" for turn in said["messages"] if turn["role"] == "assistant")
    assert talking("chat", CHATS, stdin="").ok().out == ""


def test_a_conversation_is_kept_taken_up_begun_anew_and_ended(talking: Desk, tmp_path):
    kept = tmp_path / "kept.json"
    lines = ["Hi", f"/save {kept}", "/system Rhyme.", "/reset", "//etc is what?", "/quit", "never asked"]
    said = talking("chat", CHATS, *SHORT, "--json", stdin="\n".join(lines)).ok().json
    assert [turn["content"] for turn in said["messages"] if turn["role"] != "assistant"] == ["Rhyme.", "/etc is what?"]
    again = talking("chat", CHATS, "--load", kept, "--json", stdin="And?\n").ok().json
    before = json.loads(kept.read_text())
    assert again["messages"][:2] == before["messages"] and len(again["messages"]) == 4
    assert again["options"]["max_new_tokens"] == 4
    loaded = talking("chat", CHATS, *SHORT, "--json", stdin=f"/load {kept}\n/system\n").ok().json
    assert loaded["messages"] == before["messages"]


@pytest.mark.parametrize("end", ["/quit", "/exit"])
def test_both_ways_to_end_are_among_the_commands(talking: Desk, end):
    ran = talking("chat", CHATS, stdin=f"/help\n{end}\n/help\n").ok()
    assert ran.err.count(f"{end} ") == 1


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("/resett", ExitCode.USAGE, "did you mean /reset?"),
        ("/save", ExitCode.USAGE, "/save takes FILE"),
        ("/reset now", ExitCode.USAGE, "/reset takes nothing"),
        ("/set temperature", ExitCode.USAGE, "error: /set: 'temperature' is not key=value"),
        ("/set temperature=hot", ExitCode.USAGE, "error: /set temperature=...: temperature is"),
        ("/set stop=END", ExitCode.USAGE, 'a list is written as JSON: stop=["...", "..."]'),
        ("/set n=3", ExitCode.USAGE, "all answers would be the same"),
        ("/set num_beams=3", ExitCode.USAGE, "no effect in a chat"),
        ("/load nowhere.json", ExitCode.NOT_FOUND_OR_CONFLICT, "no such file"),
    ],
)
def test_a_command_of_a_script_that_cannot_be_done_is_told_and_the_rest_is_done(talking: Desk, line, code, words):
    ran = talking("chat", CHATS, *SHORT, "--json", stdin=f"Hi\n{line}\nAnd?\n")
    assert ran.code == code and words in ran.err and "Traceback" not in ran.err
    assert [turn["content"] for turn in ran.json["messages"] if turn["role"] == "user"] == ["Hi", "And?"]


def test_what_an_option_is_now_is_said(talking: Desk):
    ran = talking("chat", CHATS, stdin='/set temperature=0.7\n/set stop=["END"]\n').ok()
    assert ran.err.splitlines() == ["temperature = 0.7", "stop = ['END']"] and ran.out == ""


def test_the_line_of_a_command_is_named_and_the_first_that_fails_gives_the_code(talking: Desk):
    ran = talking("chat", CHATS, *SHORT, stdin="/rset\n/load nowhere.json\n/quit\nHi\n")
    assert ran.code == ExitCode.USAGE and "standard input:1" in ran.err and ran.out == ""


def test_a_turn_that_cannot_be_answered_ends_a_script(talking: Desk):
    ran = talking("chat", CHATS, stdin=f"{'x' * 3000}\nnever asked\n")
    assert ran.code == ExitCode.DATA and "reads at most 2,048" in ran.err and "Traceback" not in ran.err
    assert ran.out == ""


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "no json",
        '{"messages": 3}',
        '{"messages": [{"role": "bogus", "content": "Hi"}]}',
        '{"messages": [], "options": {"temprature": 1}}',
        '{"messages": [], "options": 3}',
    ],
)
def test_a_file_that_holds_no_conversation_is_refused_by_its_name(talking: Desk, tmp_path, text):
    file = tmp_path / "no.json"
    file.write_text(text)
    ran = talking("chat", CHATS, "--load", file, stdin="Hi\n")
    assert ran.code == ExitCode.DATA and str(file) in ran.err and "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([RANKS], ExitCode.NOT_FOUND_OR_CONFLICT, "a model of ranking, which does not talk"),
        ([GOES_ON], ExitCode.NOT_FOUND_OR_CONFLICT, "runner infer --model causal_lm/goer"),
        (["sft/nobody"], ExitCode.NOT_FOUND_OR_CONFLICT, "nobody"),
        ([CHATS, "--set", "temprature=1"], ExitCode.USAGE, "did you mean 'temperature'?"),
        ([CHATS, "--set", "logprobs=true"], ExitCode.USAGE, "no effect in a chat"),
        ([CHATS, "--set", "system=A", "--system", "B"], ExitCode.USAGE, "given twice"),
    ],
)
def test_what_cannot_talk_is_refused_before_anything_is_said(talking: Desk, words, code, said):
    ran = talking("chat", *words, stdin="Hi\n")
    assert ran.code == code and said in ran.err and ran.out == ""


def test_a_line_that_is_no_text_is_named(talking: Desk):
    ran = talking("chat", CHATS, *SHORT, stdin=b"Hi\n\xff\xfe\n")
    assert ran.code == ExitCode.DATA and "standard input:2" in ran.err


def test_one_document_is_for_a_conversation_that_is_piped_in(talking: Desk):
    words = ["chat", CHATS, "--json"]
    with at_a_terminal(words, talking.home, talking.variables | {"TERM": "dumb"}) as terminal:
        assert "pipe the turns in" in terminal.wait_for("pipe the turns in")
        assert terminal.end() == ExitCode.USAGE
