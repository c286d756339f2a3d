"""What of a conversation the router reads, and what a request needs."""

from __future__ import annotations

import pytest

from runner.gateway.asked_words import asked
from runner.gateway.request_needs import needs_of
from runner.serving.completions import Request, Settings


def user(content):
    return {"role": "user", "content": content}


CALL = {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]}
RESULT = {"role": "tool", "tool_call_id": "c", "content": "a long result"}


def test_the_harness_is_not_read():
    messages = [
        {"role": "system", "content": "You are an agent."},
        {"role": "developer", "content": "Be terse."},
        user("<system-reminder>\nToday is Friday.\n</system-reminder>\nFix the bug"),
        {"role": "assistant", "content": "Looking."},
        CALL,
        RESULT,
        user([{"type": "text", "text": "<environment_context cwd='/x'>ls</environment_context>"},
              {"type": "text", "text": "Now write a test"}, {"type": "image_url", "image_url": {"url": "x"}}]),
        CALL,
        RESULT,
        user("<system-reminder>The file changed.</system-reminder>"),
    ]  # fmt: skip
    row = asked(messages)
    assert row.prompt == "Now write a test"
    assert row.history == ("Fix the bug", "Looking.")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("<system-reminder>never closed", "<system-reminder>never closed"),
        ("a <b>bold</b> word", "a <b>bold</b> word"),
        ("<SYSTEM-REMINDER>x</System-Reminder >y", "y"),
        ("<system-reminder>a</system-reminder>b<command-name>c</command-name>d", "bd"),
        ("<system-reminder>a<system-reminder>b</system-reminder>c", "c"),
        ("<system-reminders>a</system-reminders>", "<system-reminders>a</system-reminders>"),
    ],
)
def test_tags_are_taken_out_with_what_is_in_them(text, left):
    assert asked([user(text)]).prompt == left


def test_tags_of_an_own_harness_are_added():
    text = "<my-notes>x</my-notes> Hello"
    assert asked([user(text)]).prompt == text
    assert asked([user(text)], ["my-notes"]).prompt == "Hello"


def test_many_tags_that_are_never_closed_take_no_time():
    # A scan for each of them would take hours.
    text = "<system-reminder>" * 200_000
    assert asked([user(text)]).prompt == text


def test_where_nothing_is_left_the_last_text_is_read():
    assert asked([{"role": "system", "content": "Only this"}]).prompt == "Only this"
    assert asked([user("<system-reminder>x</system-reminder>")]).prompt == "<system-reminder>x</system-reminder>"
    assert asked([user(None)]).prompt == ""
    assert asked([user("half \ud800 of a character")]).prompt == "half ? of a character"


def test_needs_are_told_by_tools_pictures_and_length():
    assert not needs_of(Request("router", (user("Hi"),), fields={"tools": []})).tools
    assert needs_of(Request("router", (user("Hi"),), fields={"tools": [{"type": "function"}]})).tools
    loop = needs_of(Request("router", (user("Hi"), CALL, RESULT)))
    assert (
        loop.tools
        and loop.in_tool_loop
        and not needs_of(Request("router", (user("Hi"), CALL, RESULT, user("x")))).in_tool_loop
    )
    plain = needs_of(Request("router", (user("x" * 400),)))
    assert plain.prompt_tokens == 104 and plain.longest > plain.prompt_tokens
    longer = needs_of(Request("router", (user("x" * 400),), settings=Settings(max_tokens=1000)))
    assert longer.longest == plain.longest + 1000
    # Of other scripts a token has fewer characters.
    assert needs_of(Request("router", (user("\u4f60" * 400),))).longest == 404
    assert needs_of(Request("router", (user([{"type": "image_url", "image_url": {}}]),))).images
