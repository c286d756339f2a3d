"""How prompts read answers: numbered lines, arrow keys, and nobody; and a typed text as the value of a field."""

from __future__ import annotations

import io
from typing import Any

import pytest
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from runner.errors import Interrupted
from runner.spec.json_schemas import schema_for
from runner.wizard.arrow_prompts import ArrowPrompts
from runner.wizard.field_groups import field_at
from runner.wizard.field_values import expected, fault, value_of
from runner.wizard.numbered_prompts import NumberedPrompts
from runner.wizard.prompt_interface import Choice, Command, NotAnAnswer, Question, Unanswered, answer_of
from runner.wizard.text_wrapping import wrapped
from runner.wizard.unattended import Untended

FRUIT = Question(
    "fruit", "Which?", "choice", default="plum", choices=[Choice("plum", "plum"), Choice("pear", "pear", "green")]
)


def typed(question: Question, text: str) -> tuple[Any, str]:
    """What plain prompts make of lines, and what they show."""
    out = io.StringIO()
    return NumberedPrompts(io.StringIO(text), out, 60).ask(question), out.getvalue()


@pytest.mark.parametrize(
    ("text", "answer"), [("\n", "plum"), ("2\n", "pear"), ("PEAR\n", "pear"), ("pear\n", "pear"), ("3\n1\n", "plum")]
)
def test_a_choice_is_a_number_or_a_name(text, answer):
    found, shown = typed(FRUIT, text)
    assert found == answer
    assert "1  plum" in shown and "2  pear  green" in shown
    assert ("a number from 1 to 2" in shown) == text.startswith("3")


def test_a_name_that_is_nearly_one_is_asked_back():
    assert "did you mean 'pear'?" in typed(FRUIT, "paer\n2\n")[1]


@pytest.mark.parametrize(("text", "answer"), [("y\n", True), ("No\n", False), ("\n", True), ("maybe\n0\n", False)])
def test_yes_and_no(text, answer):
    assert typed(Question("q", "Is it?", "yes_no", default=True), text)[0] is answer


def test_several_are_numbers_or_names_with_commas():
    several = Question("q", "Which?", "several", choices=FRUIT.choices)
    assert typed(several, "1, pear\n")[0] == ["plum", "pear"]
    assert typed(several, "none\n")[0] == []


def test_an_answer_without_default_is_asked_again_and_an_optional_one_is_none():
    assert "an answer is needed" in typed(Question("q", "Name?"), "\nx\n")[1]
    assert typed(Question("q", "Name?", optional=True), "\n")[0] is None


@pytest.mark.parametrize("line", ["", "half a line without its end"])
def test_the_end_of_input_is_an_interruption(line):
    if line:
        assert typed(Question("q", "Name?"), line)[0] == line
        return
    with pytest.raises(Interrupted):
        typed(Question("q", "Name?"), line)


@pytest.mark.parametrize("shape", ["text", "number", "yes_no", "choice", "several", "path"])
@pytest.mark.parametrize(
    ("line", "name", "words"), [(":back", "back", ""), (":set a = b", "set", "a = b"), (":q", "quit", "")]
)
def test_a_command_is_one_at_every_prompt(shape, line, name, words):
    with pytest.raises(Command) as caught:
        answer_of(Question("q", "?", shape, choices=FRUIT.choices), line)
    assert (caught.value.name, caught.value.words) == (name, words)


def test_a_colon_is_typed_with_two_and_a_command_that_is_none_is_said():
    assert answer_of(Question("q", "?"), "::back") == ":back"
    with pytest.raises(NotAnAnswer, match="did you mean 'save'"):
        answer_of(Question("q", "?"), ":sav")
    assert answer_of(Question("q", "?", "secret"), ":back") == ":back"


def test_a_path_may_stand_in_quotes_and_end_in_a_line_break():
    assert answer_of(Question("q", "?", "path"), "'my rows.csv'\n") == "my rows.csv"


def pressed(question: Question, keys: str) -> Any:
    """What arrow prompts make of keys."""
    with create_pipe_input() as pipe:
        pipe.send_text(keys)
        return ArrowPrompts(input=pipe, output=DummyOutput()).ask(question)


DOWN, ENTER = "\x1b[B", "\r"


def test_arrows_choose_and_enter_takes_the_default():
    assert pressed(FRUIT, ENTER) == "plum"
    assert pressed(FRUIT, DOWN + ENTER) == "pear"
    assert pressed(FRUIT, "pe" + ENTER) == "pear"


def test_an_optional_choice_is_none_by_default():
    question = Question("q", "Which?", "choice", choices=FRUIT.choices, optional=True, free=True)
    assert pressed(question, ENTER) is None
    assert pressed(question, "another" + ENTER + "melon" + ENTER) == "melon"


def test_a_default_that_is_not_listed_is_there_to_take():
    question = Question("q", "Which?", "choice", default="melon", choices=FRUIT.choices, free=True)
    assert pressed(question, ENTER) == "melon"


def test_space_marks_several():
    assert pressed(Question("q", "Which?", "several", choices=FRUIT.choices), " " + DOWN + " " + ENTER) == [
        "plum",
        "pear",
    ]
    assert pressed(Question("q", "?", "several", default=["pear"], choices=FRUIT.choices), ENTER) == ["pear"]


def test_ctrl_c_while_a_question_is_written_is_an_interruption():
    class Interrupting(io.StringIO):
        def flush(self) -> None:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        NumberedPrompts(io.StringIO("x\n"), Interrupting()).ask(Question("q", "Name?"))


@pytest.mark.parametrize(
    "question", [FRUIT, Question("q", "Name?"), Question("q", "?", "several", choices=FRUIT.choices)]
)
@pytest.mark.parametrize("key", ["\x03", "\x04"])
def test_ctrl_c_and_ctrl_d_end_every_prompt(question, key):
    with pytest.raises(Interrupted):
        pressed(question, key)


def test_a_colon_in_a_list_begins_a_command():
    with pytest.raises(Command) as caught:
        pressed(FRUIT, ":back data" + ENTER)
    assert (caught.value.name, caught.value.words) == ("back", "data")


@pytest.mark.parametrize("taken_back", ["\x7f" + ENTER, ENTER])
def test_a_colon_that_is_taken_back_leads_to_the_list_again(taken_back):
    assert pressed(FRUIT, ":" + taken_back + DOWN + ENTER) == "pear"


def test_what_is_pasted_is_one_line():
    assert pressed(Question("q", "Name?"), "\x1b[200~one\r\ntwo\n\x1b[201~" + ENTER) == "one two"


def test_nobody_takes_defaults_and_guesses_are_none():
    nobody = Untended()
    assert nobody.ask(FRUIT) == "plum"
    assert nobody.ask(Question("q", "?", optional=True)) is None
    for question in (Question("a", "?"), Question("b", "?", default="x", guessed=True)):
        with pytest.raises(Unanswered):
            nobody.ask(question)
    assert [question.key for question in nobody.missing] == ["a", "b"]


@pytest.mark.parametrize(
    ("kind", "pointer", "text", "value"),
    [
        ("sft", "/epochs", "3", 3),
        ("sft", "/batch_size", "auto", "auto"),
        ("sft", "/batch_size", "1_024", 1024),
        ("sft", "/run/gpus", "all", "all"),
        ("sft", "/run/gpus", "none", None),
        ("sft", "/run/network", "yes", True),
        ("sft", "/run/env", "A, B", ["A", "B"]),
        ("sft", "/data/validation_split", "0.25", 0.25),
        ("sft", "/data/role_words", "human=user, bot=assistant", {"human": "user", "bot": "assistant"}),
        ("kto", "/data/label_words", '{"good": true}', {"good": True}),
        ("sft", "/model/spec/optimizer/betas", "0.8, 0.95", [0.8, 0.95]),
        ("dense_network", "/model/spec/hidden_dims", "64, 32", [64, 32]),
        ("dense_network", "/model/spec/hidden_dims", "[64]", [64]),
        ("tabular_classification", "/model/spec/imputation", "0", 0),
        ("tabular_classification", "/data/target_columns", "one", "one"),
        ("tabular_classification", "/model/spec/class_weights", "a=1, b=2", {"a": 1, "b": 2}),
    ],
)
def test_a_text_is_the_value_that_the_field_takes(kind, pointer, text, value):
    root = schema_for(kind)
    schema, _ = field_at(root, {}, pointer) or pytest.fail(pointer)
    found = value_of(text, schema, root)
    assert found == value and type(found) is type(value)
    assert fault(found, schema, root) is None


@pytest.mark.parametrize(
    ("pointer", "text", "says"),
    [
        ("/epochs", "0", "a whole number, at least 1"),
        ("/epochs", "1.5", "a whole number"),
        ("/epochs", "three", "a whole number"),
        ("/data/validation_split", "nan", "a number"),
        ("/data/validation_split", "1", "below 1"),
        ("/model/name", "../x", "no / or"),
        ("/run/executor", "y", "auto, local, docker"),
        ("/run/memory", "4 GB", "a whole number and k, m, g or t"),
        ("/hub/repository", "me", "OWNER/NAME"),
        ("/model/spec/precision", "y", "bfloat16"),
        ("/model/spec/optimizer/betas", "0.9", "2 values"),
        ("/run/env", "hf secret", "the name alone"),
    ],
)
def test_a_text_that_the_field_does_not_take_is_refused_with_what_it_takes(pointer, text, says):
    root = schema_for("sft")
    schema, _ = field_at(root, {}, pointer) or pytest.fail(pointer)
    assert says in expected(schema, root)
    try:
        wrong = fault(value_of(text, schema, root), schema, root)
    except ValueError as error:
        wrong = str(error)
    assert wrong is not None


def test_lines_break_between_words_and_a_path_stays_whole():
    path = "/a/very/long/path/that/has/to/be/copied/as/it/stands.json"
    text = wrapped(f"The spec is in {path}. And more.", 30)
    assert path + "." in text.split()
    assert all(len(line) <= 30 or path in line for line in text.splitlines())
