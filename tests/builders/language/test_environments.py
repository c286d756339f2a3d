"""Answers of several turns: what an environment says, that none of it is learned, and how episodes end."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner.builders.language._fields.environment_fields import EnvironmentFields
from runner.builders.language._reinforcing.environments import Surroundings
from runner.builders.language._reinforcing.episode_courses import sentences
from runner.builders.language._reinforcing.episodes import DrawnTurn, Episode, courses, played
from runner.builders.language._reinforcing.experience import Experience
from runner.builders.language._reinforcing.rollouts import Drawn
from runner.builders.language._rewards.judged_answer import JudgedAnswer
from runner.chat.messages import Conversation, Message
from runner.chat.renderer import ChatRenderer
from runner.data.dialogues.row_types import PromptRow
from runner.errors import DataError, RunFailed, Stopped
from tests.builders.language.conftest import REINFORCED, Asked, steps
from tests.conftest import ROOT

GUESSING = """
from runner.tinker import Environment, StepResult

class Guessing(Environment):
    def step(self, message):
        said = message["content"]
        if said == str(self.columns["secret"]):
            return 1.0
        if said == "twice":
            turns = [{"role": "user", "content": text} for text in ("Go", "on")]
            return StepResult(reward=0.25, next_observation=turns)
        if said == "over":
            return StepResult(reward=0.5, next_observation="unread", episode_done=True)
        return "Again"
"""
TOOLS = '''
def add(a: int, b: int) -> int:
    """
    Add two numbers.

    Args:
        a: One of them.
        b: The other.
    """
    return a + b

def undescribed(a):
    return a
'''


@pytest.fixture(scope="session")
def renderer(base: Path) -> ChatRenderer:
    from transformers import AutoTokenizer

    return ChatRenderer.of(AutoTokenizer.from_pretrained(base), "chatml")


def section(tmp_path: Path, **fields: Any) -> EnvironmentFields:
    for name, text in (("game.py", GUESSING), ("tools.py", TOOLS)):
        (tmp_path / name).write_text(text)
    own: dict[str, Any] = {}
    if fields.pop("partner", True):
        own["partner"] = {"file": str(tmp_path / "game.py"), "class_name": "Guessing"}
    if functions := fields.pop("functions", None):
        own["tools"] = {"file": str(tmp_path / "tools.py"), "functions": functions}
    return EnvironmentFields.model_validate_json(json.dumps(own | fields))


def script(renderer: ChatRenderer, *turns: str) -> Any:
    """Says these one after the other, each with its end of turn; a text that ends with ``...`` is cut there."""
    left = list(turns)

    def draw(ids: list[list[int]], seeds: list[list[int]]) -> list[DrawnTurn]:
        found = []
        for _ in ids:
            text, cut, _ = left.pop(0).partition("...")
            end = "" if cut else "<|im_end|>"
            made = renderer.tokenizer(text + end)["input_ids"]
            found.append(DrawnTurn(made, text, renderer.parsed(text), end, bool(cut)))
        return found

    return draw


def play(renderer: ChatRenderer, opened: Surroundings, *said: str, room: int = 5000, **beside: Any) -> Episode:
    (row,) = opened.rows([PromptRow(7, Conversation((Message("user", "Guess"),)), beside)], Path("cache"))
    (episode,) = played(
        [(row, renderer.prompt(row.prompt))], [[1, 0]], opened, renderer, script(renderer, *said), room, 4
    )
    return episode


def written(renderer: ChatRenderer, episode: Episode) -> str:
    return renderer.tokenizer.decode(episode.made)


@pytest.mark.parametrize("template", ["tokenizer", "chatml", "alpaca", "llama", "vicuna", "zephyr", "mistral"])
def test_what_stands_between_two_answers_makes_the_prompt_that_the_template_writes(base, template):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base)
    renderer = ChatRenderer.of(tokenizer, template)
    asked = Conversation((Message("user", "One <|im_end|> or two?"),))
    turns = (Message("assistant", "Two"), Message("user", "Why <|im_start|>?"))
    wanted = renderer.prompt(asked.with_messages((*asked.messages, *turns)))
    behind = renderer.between(asked, turns[1:])
    assert behind == wanted[-len(behind) :]
    assert tokenizer.decode(wanted[: -len(behind)]).endswith("Two")
    end = next(token for token in behind if token in renderer.stop_ids)
    assert renderer.between(asked, turns[1:], tokenizer.decode([end])) == behind[behind.index(end) + 1 :]


def test_the_tokens_that_the_model_made_count_and_no_others(renderer, tmp_path):
    opened = Surroundings.opened(section(tmp_path), renderer)
    episode = play(renderer, opened, "4", "7", secret=7)
    encoded = renderer.tokenizer
    between = encoded("\n<|im_start|>user\nAgain<|im_end|>\n<|im_start|>assistant\n")["input_ids"]
    one, other = (encoded(f"{said}<|im_end|>")["input_ids"] for said in "47")
    assert episode.made == [*one, *between, *other]
    assert episode.own == [True] * len(one) + [False] * len(between) + [True] * len(other)
    judged = JudgedAnswer(episode.row, "7", episode.turns[-1], 4, False)
    rows = Experience.of([Drawn(episode.prompt, episode.made, judged, episode.own)], np.array([True])).rows
    assert rows.weights.tolist() == [0.0] * len(episode.prompt) + [float(own) for own in episode.own]
    assert (episode.given, episode.end) == (1.0, "answered")
    assert [(turn.role, turn.content) for turn in episode.turns] == [
        ("assistant", "4"), ("user", "Again"), ("assistant", "7"),
    ]  # fmt: skip


def test_a_partner_gives_rewards_along_the_way_and_several_turns(renderer, tmp_path):
    opened = Surroundings.opened(section(tmp_path), renderer)
    episode = play(renderer, opened, "twice", "over", secret=7)
    assert episode.given == 0.75
    assert "user\nGo<|im_end|>\n<|im_start|>user\non<|im_end|>" in written(renderer, episode)
    assert "unread" not in written(renderer, episode)


def test_numbers_of_a_partner_that_no_reward_takes_are_told_once(renderer, tmp_path):
    opened = Surroundings.opened(section(tmp_path), renderer)
    course = courses([play(renderer, opened, "twice", "over", secret=7), play(renderer, opened, "7", secret=7)])
    (told,) = sentences(course, asked=False)
    assert told.startswith("the environment's partner gave numbers for 2 answers, which are lost")
    assert sentences(course, asked=True) == []


def test_a_turn_that_is_cut_is_closed_by_what_follows(renderer, tmp_path):
    opened = Surroundings.opened(section(tmp_path), renderer)
    episode = play(renderer, opened, "4...", "7", secret=7)
    assert written(renderer, episode).startswith("4<|im_end|>\n<|im_start|>user\nAgain")
    assert episode.own[:2] == [True, False]


def test_turns_and_room_are_limited_and_counted(renderer, tmp_path):
    opened = Surroundings.opened(section(tmp_path, max_turns=2), renderer)
    endless = play(renderer, opened, "1", "2", "3", secret=7)
    assert (endless.end, len(endless.drawn)) == ("out_of_turns", 2)
    narrow = play(renderer, opened, "1", secret=7, room=len(endless.prompt) + 10)
    assert (narrow.end, narrow.own) == ("no_room", [True] * 2)
    assert courses([endless, narrow]) == {
        "out_of_turns": 1, "no_room": 1, "turns": 3, "calls": 0, "failed_calls": 0,
    }  # fmt: skip


def call(name: str, **arguments: Any) -> str:
    return f"<tool_call>\n{json.dumps({'name': name, 'arguments': arguments})}\n</tool_call>"


def test_tools_are_described_called_and_their_results_told(renderer, tmp_path):
    opened = Surroundings.opened(section(tmp_path, partner=False, functions=["add"]), renderer)
    episode = play(renderer, opened, call("add", a=2, b=3), call("add", a=2), call("take"), "It is 5")
    assert "Add two numbers." in renderer.tokenizer.decode(episode.prompt)
    told = [turn.content for turn in episode.turns if turn.role == "tool"]
    assert told[0] == "5"
    assert "Error: TypeError" in told[1]
    assert told[2] == "Error: LookupError: there is no tool take; there are: add"
    assert "<tool_response>\n5\n</tool_response>" in written(renderer, episode)
    assert (episode.calls, episode.failed_calls, episode.end) == (3, 2, "answered")
    own = renderer.tokenizer.decode([token for token, own in zip(episode.made, episode.own, strict=True) if own])
    assert "tool_response" not in own


def test_a_tool_is_called_before_a_partner_is_asked_and_never_after_the_last_turn(renderer, tmp_path):
    opened = Surroundings.opened(section(tmp_path, functions=["add"], max_turns=3), renderer)
    both = play(renderer, opened, call("add", a=3, b=4), "7", secret=7)
    assert (both.given, both.calls) == (1.0, 1)
    last = play(renderer, opened, "1", "2", call("add", a=3, b=4), secret=7)
    assert (last.end, last.calls) == ("out_of_turns", 0)


def test_a_template_without_tools_and_a_tool_without_a_description_are_refused(renderer, tmp_path):
    tools = section(tmp_path, partner=False, functions=["add"])
    with pytest.raises(DataError, match="does not tell the model of tools") as error:
        Surroundings.opened(tools, ChatRenderer.of(renderer.tokenizer, "tokenizer"))
    assert error.value.where == "/model/spec/environment/tools"
    with pytest.raises(DataError, match="undescribed cannot be described") as error:
        Surroundings.opened(section(tmp_path, partner=False, functions=["undescribed"]), renderer)
    assert error.value.where == "/model/spec/environment/tools/functions"


def partner(tmp_path: Path, body: str) -> dict[str, Any]:
    path = tmp_path / "partner.py"
    indented = body.replace("\n", "\n        ")
    path.write_text(
        "class Environment:\n    def __init__(self, prompt, **columns):\n        self.columns = columns\n"
        f"    def step(self, message):\n        {indented}\n"
    )
    return {"partner": {"file": str(path)}, "max_turns": 2}


GIVEN = {"given": {"reward_type": "environment"}, "digit": {"reward_type": "regular_expression", "pattern": r"\d"}}
DIGITS = "share = sum(letter.isdigit() for letter in message['content'])\nreturn 'More' if share == 0 else float(share)"


@pytest.mark.parametrize("kind", REINFORCED)
def test_a_training_in_an_environment(trained, tmp_path, kind):
    once = {"epochs": 1, "batch_size": 4}
    result, context = trained(kind, context=once, environment=partner(tmp_path, DIGITS), rewards=GIVEN)
    assert result.metrics["reward"] is not None
    (columns, (row,)) = result.tables["environment"]["columns"], result.tables["environment"]["rows"]
    course = dict(zip(columns, row, strict=True))
    answers = result.metrics["train_answers"]
    assert course["answered"] + course["out_of_turns"] == answers < course["turns"] <= 2 * answers
    (told,) = steps(context)
    assert 1 < told["metrics"]["train_turns"] <= 2
    assert "train_reward_given" in told["metrics"]


def test_stopped_it_goes_on_to_the_same_episodes(trained):
    fields: dict[str, Any] = {
        "environment": {"partner": {"module": "tests.builders.language.partners", "class_name": "Again"}},
        "rewards": GIVEN, "evaluation": {"every": 2}, "passes": 2, "max_new_tokens": 2, "max_length": 160,
    }  # fmt: skip
    spent = {"epochs": 1, "batch_size": 2}
    counted = Asked()
    whole, _ = trained("grpo", "whole", context=spent | {"stop_requested": counted}, **fields)
    with pytest.raises(Stopped):
        trained("grpo", "stopped", context=spent | {"stop_requested": Asked(counted.count // 2)}, **fields)
    again, context = trained("grpo", "stopped", context=spent, **fields)
    assert context.emit.of("resumed")
    assert (again.metrics, again.tables) == (whole.metrics, whole.tables)
    assert whole.tables["environment"]["rows"][0][0] > 0


@pytest.mark.slow
def test_the_example_learns_from_its_environment(tmp_path):
    tables = runpy.run_path(str(ROOT / "examples" / "environment.py"))["main"](tmp_path)
    (row,) = tables["rewards"]["rows"]
    before, after = row[3:5]
    assert after > before + 0.15


@pytest.mark.parametrize("body", ["raise KeyError('secret')", "return None", "return [1]"])
def test_an_environment_that_fails_ends_the_training_by_line_and_step(trained, tmp_path, body):
    with pytest.raises(RunFailed, match=r"the environment failed .* line \d+") as error:
        trained("grpo", context={"epochs": 1, "batch_size": 4}, environment=partner(tmp_path, body), rewards=GIVEN)
    assert error.value.where == "/model/spec/environment"


def test_the_base_has_to_be_answered_by_who_is_made_of_it():
    from runner.tinker import Environment, StepResult

    with pytest.raises(NotImplementedError):
        Environment([]).step({"role": "assistant", "content": ""})
    assert StepResult(1.0).ends
    assert StepResult(next_observation="Go on").turns == [{"role": "user", "content": "Go on"}]
