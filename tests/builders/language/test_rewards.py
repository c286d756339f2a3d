"""What answers are worth, by each sort of reward, and what becomes of a reward that fails."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter

from runner.builders.language._fields.reward_fields import Reward
from runner.builders.language._memory_estimate import rewarded_estimate
from runner.builders.language._rewards.judged_answer import JudgedAnswer
from runner.builders.language._rewards.reference_rewards import number_in
from runner.builders.language._rewards.weighted_rewards import WeightedRewards, Worth, need_columns
from runner.chat.messages import Conversation, Message
from runner.contract.foreign_code import CodeLimits, Program
from runner.data.dialogues.row_types import PromptRow
from runner.errors import DataError, EnvironmentProblem, RunFailed, Stopped
from runner.execution import code_driver
from tests.inference.collecting.endpoint import serving

READ = TypeAdapter(Reward)


def sections(**rewards: dict[str, Any]) -> dict[str, Any]:
    return {name: READ.validate_json(json.dumps(section)) for name, section in rewards.items()}


def answers(*texts: str, line: int = 7, **beside: Any) -> list[JudgedAnswer]:
    row = PromptRow(line, Conversation((Message("user", "How many?"),)), beside)
    return [JudgedAnswer(row, text, Message("assistant", text), len(text.split()) + 1, False) for text in texts]


def worth(context_for: Any, said: list[JudgedAnswer], group: int | None = None, **rewards: dict[str, Any]) -> Worth:
    from tests.builders.language.conftest import loaded

    opened = WeightedRewards.opened(sections(**rewards), context_for(loaded([], 0), "run"))
    return opened.worth(said, group or len(said), 4)


def one(context_for: Any, said: list[JudgedAnswer], **section: Any) -> list[float]:
    found: list[float] = worth(context_for, said, own=section).total.tolist()
    return found


@pytest.mark.parametrize(
    ("section", "values"),
    [
        ({"target": 2}, [0.5, 1.0, 0.0, 0.0]),
        ({"target": 2, "shape": "at_most"}, [1.0, 1.0, 0.0, 1.0]),
        ({"target": 4, "unit": "characters"}, [0.5, 0.5, 0.0, 0.0]),
        ({"target": 2, "unit": "tokens"}, [1.0, 0.5, 0.0, 0.5]),
    ],
)
def test_length(context_for, section, values):
    said = (
        answers("ab", "a b", "one two three four", "")
        if section.get("unit") != "characters"
        else answers("ab", "abcdef", "a" * 9, "")
    )
    found = one(context_for, said, reward_type="length", **section)
    assert found[:3] == pytest.approx(values[:3])
    assert found[3] == pytest.approx(values[3])


def test_format(context_for):
    right = "<think>2 + 2\nis 4</think>\n<answer>4</answer>"
    said = answers(
        right, right + " so", "<think></think><answer>4</answer>", "<answer>4</answer>", right + right,
        "<think>a<answer>4</answer></think><answer>4</answer>", "<think> </think><answer>4</answer>",
    )  # fmt: skip
    assert one(context_for, said, reward_type="format") == [1, 0, 0, 0, 0, 1, 0]
    assert one(context_for, said, reward_type="format", tags=["answer"])[3] == 1


def test_regular_expression(context_for):
    said = answers("Yes, so", "no. Yes")
    assert one(context_for, said, reward_type="regular_expression", pattern="^Yes") == [1, 0]
    assert one(context_for, said, reward_type="regular_expression", pattern="(?i).*yes", where="whole") == [0, 1]


def test_exact_answer(context_for):
    said = answers("Paris", " paris\n", "It is Paris", "It is: Rome. It is: Paris", town=["Paris", "Lutetia"])
    section = {"reward_type": "exact_answer", "column": "town"}
    assert one(context_for, said, **section) == [1, 1, 0, 0]
    assert one(context_for, said, **section, ignore_case=False) == [1, 0, 0, 0]
    assert one(context_for, said, **section, pattern=r"is:? (\w+)") == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("#### 990", 990), ("so 3 + 4 = 7.", 7), ("$1,234.50 in all", 1234.5), ("-3", -3), ("10-8", 8), ("x=.5", 0.5),
        ("3/4", 0.75), ("1e3", 1000), ("there are 1,2", 2), ("none", None), ("7 #### eight", None), ("1/0", None),
        ("\u22125", -5), (12, 12), ("a 5%", 5), ("v2", None), ("9" * 400, None), ("18.", 18),
    ],
)  # fmt: skip
def test_the_number_of_a_text(text, number):
    assert number_in(text) == number


def test_numeric_answer(context_for):
    section = {"reward_type": "numeric_answer", "column": "final_answer"}
    said = answers("6 * 3 = 18", "17.9", "18 or 19", "eighteen", final_answer="18")
    assert one(context_for, said, **section) == [1, 0, 0, 0]
    assert one(context_for, said, **section, tolerance=0.01) == [1, 1, 0, 0]
    assert one(context_for, said, **section, pattern=r"(\d+) or") == [0, 0, 1, 0]


def test_a_sum_of_rewards_is_weighted_and_leaves_out_those_that_do_not_apply(context_for):
    said = [*answers("a b", "a", right="a"), *answers("a", "b", line=8)]
    found = worth(
        context_for, said, 2, short={"reward_type": "length", "target": 1, "weight": -2.0},
        right={"reward_type": "exact_answer", "column": "right", "weight": 10.0},
    )  # fmt: skip
    assert found.total.tolist() == [0.0, 8.0, -2.0, -2.0]
    assert [math.isnan(value) for value in found.each[1]] == [False, False, True, True]


def test_rows_without_the_column_that_is_compared_with_are_told_and_no_row_with_it_is_refused():
    rewards = sections(right={"reward_type": "exact_answer", "column": "right"})
    rows = [answers("a", right="a")[0].row, answers("a", line=9, other=1)[0].row]
    (sentence,) = need_columns(rewards, rows)
    assert "1 of 2 rows" in sentence
    assert "line 9" in sentence
    with pytest.raises(DataError) as error:
        need_columns(rewards, rows[1:])
    assert error.value.where == "/model/spec/rewards/right/column"
    assert "'other'" in error.value.message


def test_an_estimate_tells_of_columns_before_it_asks_for_a_model(monkeypatch):
    rows = [answers("a", right="a")[0].row, answers("a", line=9, other=1)[0].row]
    told: list[str] = []
    monkeypatch.setattr(rewarded_estimate.language_estimate, "estimate", lambda *_: "what it takes")

    def estimated(column: str) -> Any:
        spec: Any = SimpleNamespace(rewards=sections(own={"reward_type": "exact_answer", "column": column}))
        data = SimpleNamespace(train=rows, validation=[])
        context: Any = SimpleNamespace(data=data, emit=lambda event, **fields: told.append(fields["message"]))
        return rewarded_estimate.estimate(spec, context, 2, lambda *_: None, reference=False)

    with pytest.raises(DataError, match="no row has a column 'wrong'"):
        estimated("wrong")
    assert told == []
    assert estimated("right") == "what it takes"
    assert len(told) == 1
    assert told[0].startswith("1 of 2 rows have no 'right'")


def function(tmp_path: Path, text: str, **more: Any) -> dict[str, Any]:
    path = tmp_path / "judge.py"
    path.write_text(text)
    return {"reward_type": "function", "file": str(path), **more}


def test_a_function_sees_the_turns_the_answers_and_the_columns(context_for, tmp_path):
    text = """
def judge(prompts, completions, right, **others):
    assert not others and prompts[0] == [{"role": "user", "content": "How many?"}]
    return [float(one == two) for one, two in zip(completions, right)]
"""
    said = answers("a", "b", right="a")
    assert one(context_for, said, **function(tmp_path, text, function="judge")) == [1, 0]


def test_a_function_that_says_none_does_not_apply(context_for, tmp_path):
    text = "def reward(completions, **kwargs):\n    return [None, 1.0]"
    assert str(one(context_for, answers("a", "b"), **function(tmp_path, text))) == "[nan, 1.0]"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("raise KeyError('answer column missing')", "raised KeyError: 'answer column missing'"),
        ("raise SystemExit(3)", "raised SystemExit: 3"),
        ("return [float('nan')] * len(completions)", "gave nan"),
        ("return [float('inf'), 0]", "gave inf"),
        ("return [10 ** 400, 0]", "gave a whole number that is too large"),
        ("return [1.0]", "gave 1 value for 2 answers"),
        ("return [1.0 / len(kwargs['nothing']) for _ in completions]", "KeyError: 'nothing' (judge.py:2)"),
        ("return ['good', 'bad']", "gave str and no number"),
        ("return 1.0", "no list of numbers"),
    ],
)
def test_a_function_that_fails_is_told_by_name_row_and_step(context_for, tmp_path, body, says):
    section = function(tmp_path, f"def reward(completions, **kwargs):\n    {body}")
    with pytest.raises(RunFailed) as error:
        worth(context_for, answers("a", "b", line=31), own=section)
    assert says in error.value.message
    assert "the reward own" in error.value.message
    assert "line 31" in error.value.message
    assert "step 5" in error.value.message
    assert error.value.where == "/model/spec/rewards/own"


@pytest.mark.parametrize(
    ("text", "more", "place"),
    [
        ("def reward(", {}, "file"),
        ("import nothing_of_that_name", {}, "file"),
        ("import sys\nsys.exit(0)\ndef reward(): ...", {}, "file"),
        ("x = 1", {}, "function"),
        ("def reward(): ...", {"sha256": "0" * 64}, "sha256"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(context_for, tmp_path, text, more, place):
    with pytest.raises(DataError) as error:
        worth(context_for, answers("a"), own=function(tmp_path, text, **more))
    assert error.value.where == f"/model/spec/rewards/own/{place}"


def checked(tmp_path: Path, text: str, **more: Any) -> None:
    (section,) = sections(own=function(tmp_path, text, **more)).values()
    section.check_code("/model/spec/rewards/own", tmp_path)


@pytest.mark.parametrize(
    ("text", "place", "says", "hint"),
    [
        ("x = 1\ndef reward(:\n", "file", "judge.py:2: SyntaxError", ""),
        ("def rewards(**kwargs): ...\n", "function", "no function 'reward'", "did you mean 'rewards'?"),
        ("class Judge:\n    def reward(self): ...\n", "function", "no function 'reward'", "the file has Judge"),
        ("return 1\n", "file", "'return' outside function", ""),
    ],
)
def test_a_file_is_read_before_anything_of_it_is_run(tmp_path, text, place, says, hint):
    with pytest.raises(DataError) as error:
        checked(tmp_path, f"{text}")
    assert error.value.where == f"/model/spec/rewards/own/{place}"
    assert says in error.value.message
    assert hint in (error.value.hint or "")


@pytest.mark.parametrize(
    "text",
    [
        "from judges import reward",
        "from judges import anything as reward",
        "from judges import *",
        "if True:\n    reward = len",
        "try:\n    import fast\nexcept ImportError:\n    def reward(): ...",
        "globals()['reward'] = len",
        "def make():\n    global reward\n    reward = len\nmake()",
        "def __getattr__(name): return len",
        "raise RuntimeError('never run here')\ndef reward(): ...",
    ],
)
def test_a_name_that_a_file_may_well_have_is_not_refused(tmp_path, text):
    checked(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("import math, nothing_of_that_name.inner", "judge.py:1: there is no module nothing_of_that_name.inner"),
        ("import math\nfrom nothing_of_that_name import it", "judge.py:2: there is no module nothing_of_that_name"),
        ("from . import words", "judge.py:1: . is of a package"),
    ],
)
def test_modules_that_a_file_imports_are_looked_for_before_it_is_run(tmp_path, text, says):
    with pytest.raises(DataError) as error:
        imported(tmp_path, text)
    assert error.value.where == "/model/spec/rewards/own/file" and says in error.value.message


@pytest.mark.parametrize(
    "text",
    [
        "import json, os.path, numpy.linalg\nfrom runner.tinker import Environment",
        "import words",
        "try:\n    import nothing_of_that_name\nexcept ImportError: ...",
        "if 1 > 2:\n    import nothing_of_that_name",
        "def reward():\n    import nothing_of_that_name",
        "import sys\nsys.path.insert(0, 'rewards')\nimport nothing_of_that_name",
        "from sys import path\npath.append('rewards')\nimport nothing_of_that_name",
    ],
)
def test_a_module_that_may_well_be_there_is_not_refused(tmp_path, text):
    (tmp_path / "words.py").write_text("raise RuntimeError('never run here')")
    imported(tmp_path, text)


def imported(tmp_path: Path, text: str) -> None:
    """Look for the modules of a file, as a run in its folder would."""
    (section,) = sections(own=function(tmp_path, text)).values()
    section.check_modules("/model/spec/rewards/own", tmp_path)


def test_a_module_that_is_not_installed_is_refused(context_for):
    with pytest.raises(DataError) as error:
        worth(context_for, answers("a"), own={"reward_type": "function", "module": "nothing_of_that_name"})
    assert error.value.where == "/model/spec/rewards/own/module"


# ---- Code


class HereInAProcess:
    """What tries programs in a container, as a process here: for programs that the tests themselves wrote."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def run(self, programs: Sequence[Program], limits: CodeLimits) -> list[list[str]]:
        self.batches.append(len(programs))
        asked = {"token": "t", "timeout": limits.timeout, "memory": limits.memory, "programs": [
            {"source": each.source, "tests": [test.as_dict() for test in each.tests]} for each in programs
        ]}  # fmt: skip
        words = [sys.executable, "-I", code_driver.__file__]
        done = subprocess.run(words, input=json.dumps(asked) + "\n", capture_output=True, text=True, check=True)
        said = [json.loads(line) for line in done.stdout.splitlines()]
        assert [(each["token"], each["at"]) for each in said] == [("t", at) for at in range(-1, len(programs))]
        return [each["ends"] for each in said[1:]]


def tried(context_for: Any, said: list[JudgedAnswer], **section: Any) -> tuple[Worth, HereInAProcess]:
    from tests.builders.language.conftest import loaded

    runner = HereInAProcess()
    context = replace(context_for(loaded([], 0), "run"), code=runner)
    opened = WeightedRewards.opened(sections(own={"reward_type": "code", "column": "tests"} | section), context)
    return opened.worth(said, len(said) // 2, 4), runner


def test_code_is_tried_by_the_tests_of_its_row_and_all_answers_of_a_step_together(context_for):
    fenced = "So:\n```python\ndef twice(x):\n    return 2 * x\n```\nThat is it."
    said = answers(
        "def twice(x): return 2 * x", fenced, "def twice(x): return x + 1", "import os\nos._exit(0)",
        "nonsense(", "twice = lambda x: 1 / 0", tests=["assert twice(1) == 2", "assert twice(3) == 6"],
    )  # fmt: skip
    found, runner = tried(context_for, said)
    assert found.total.tolist() == [1, 1, 0, 0, 0, 0]
    assert runner.batches == [6]
    assert found.ways == {"own/passed": 2, "own/failed": 4}
    shared, _ = tried(context_for, said, counts="share")
    assert shared.total.tolist() == [1, 1, 0.5, 0, 0, 0]


def test_code_that_reads_and_writes(context_for):
    tests = [{"input": "3\n", "output": "9"}, {"input": "4\n", "output": "16\n"}]
    said = answers("print(int(input()) ** 2)", "print(9)", "raise SystemExit(print(int(input()) ** 2))", tests=tests)
    found, _ = tried(context_for, [*said, *answers("print(1)")], counts="share")
    assert str(found.total.tolist()) == "[1.0, 0.5, 1.0, nan]"


def test_code_that_comes_to_no_end_is_worth_nothing_and_counted(context_for):
    said = answers(
        "while True: pass", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "x = 'a' * 10**12", "x = 1",
        tests="assert x == 1",
    )  # fmt: skip
    found, _ = tried(context_for, said, timeout=0.5, counts="share")
    assert found.total.tolist() == [0, 0, 0, 1]
    assert found.ways == {"own/timeout": 1, "own/killed": 1, "own/failed": 1, "own/passed": 1}


def test_code_has_so_much_memory(context_for):
    said = answers("x = len('a' * (200 * 2**20))", "x = 1", tests="assert x")
    assert tried(context_for, said, memory=512)[0].total.tolist() == [1, 1]
    assert tried(context_for, said, memory=128)[0].total.tolist() == [0, 1]


def test_code_sees_neither_our_environment_nor_what_another_left(context_for, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "s")
    said = answers(
        "import os\nopen('left', 'w').close()\nx = 'SECRET_KEY' in os.environ",
        "import os\nx = os.path.exists('left')",
        tests="assert not x",
    )
    found, _ = tried(context_for, said)
    assert found.total.tolist() == [1, 1]


@pytest.mark.parametrize("value", [[], "", [1], [{"input": "1"}], {"output": 2}, [{"output": "1", "inputs": "2"}]])
def test_tests_that_are_none_are_told_by_their_line(value):
    rewards = sections(own={"reward_type": "code", "column": "tests"})
    with pytest.raises(DataError, match=r"line 7: .*tests are a Python text") as error:
        need_columns(rewards, [answers("a", tests=value)[0].row])
    assert error.value.where == "/model/spec/rewards/own/column"


# ---- Comparisons


@pytest.fixture(scope="session")
def scoring(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a model that gives one score, of random weights."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = tmp_path_factory.mktemp("scoring")
    torch.manual_seed(0)
    AutoModelForSequenceClassification.from_pretrained(base, num_labels=1).save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return folder


def test_a_reward_model_scores_and_prefers_within_a_group(context_for, scoring):
    said = [*answers("one", "two three", "four", "one"), *answers("five", "six", "seven", "eight", line=8)]
    named = {"model_name": str(scoring)}
    found = worth(
        context_for, said, 4, score=named | {"reward_type": "model"}, win=named | {"reward_type": "preference"}
    )  # fmt: skip
    scores, wins = found.each.reshape(2, 2, 4)
    assert len(set(scores.ravel())) == 7
    for group, won in zip(scores, wins, strict=True):
        wanted = [(sum(one > group) + (sum(one == group) - 1) / 2) / 3 for one in group]
        assert won.tolist() == pytest.approx(wanted)
    assert wins.mean() == pytest.approx(0.5)


def test_a_model_that_was_never_to_score_gives_no_rewards(context_for, base):
    with pytest.raises(DataError, match="has no head that gives a score: score") as error:
        worth(context_for, answers("one"), own={"reward_type": "model", "model_name": str(base)})
    assert (error.value.where or "").startswith("/model/spec/rewards/own/model_name")


def test_answers_to_held_out_prompts_are_compared_with_those_of_the_first_measurement(context_for, scoring):
    from tests.builders.language.conftest import loaded

    rewards = sections(win={"reward_type": "preference", "model_name": str(scoring)})
    opened = WeightedRewards.opened(rewards, context_for(loaded([], 0), "run"))
    first, later = ([*answers(one), *answers(other, line=8)] for one, other in (("one", "two"), ("two", "one")))
    assert opened.worth(first, 1, others=first).total.tolist() == [0.5, 0.5]
    assert sorted(opened.worth(later, 1, others=first).total.tolist()) == [0.0, 1.0]
    assert np.isnan(opened.worth(first, 1).total).all()


def judged(context_for: Any, url: str, said: list[JudgedAnswer], **fields: Any) -> WeightedRewards:
    from tests.builders.language.conftest import loaded

    own = {"reward_type": "judge", "base_url": url, "model": "judge"} | fields
    return WeightedRewards.opened(sections(own=own), context_for(loaded([], 0), "run"))


def test_a_judge_compares_each_answer_with_others_of_its_group_in_both_places(context_for, monkeypatch):
    monkeypatch.setenv("JUDGE_KEY", "open sesame")
    said = answers("it is right", "wrong", "no idea", "wrong")
    with serving() as endpoint:
        fields = {"key_env": "JUDGE_KEY", "max_new_tokens": 50, "temperature": 0.3}
        opened = judged(context_for, endpoint.url, said, **fields, opponents=3)
        assert opened.worth(said, 4).total.tolist() == pytest.approx([1.0, 1 / 3, 1 / 3, 1 / 3])
        # Six pairs, of which one says the same twice, and two pairs ask the same question.
        assert endpoint.asked["judge"] == 6
        assert endpoint.keys == {"Bearer open sesame"}
        assert {(body["max_tokens"], body["temperature"]) for body in endpoint.bodies} == {(50, 0.3)}
        assert opened.worth(said, 4).total.tolist() == pytest.approx([1.0, 1 / 3, 1 / 3, 1 / 3])
        assert endpoint.asked["judge"] == 6, "what was judged is kept"
        other = answers("right", "b", "c", "d", "e", "f")
        assert judged(context_for, endpoint.url, other, opponents=1).worth(other, 6).total[0] == 1.0
        assert endpoint.asked["judge"] == 6 + 2 * 6


def test_a_judge_that_says_nothing_does_not_apply_and_one_that_fails_ends_the_run(context_for):
    said = answers("a", "b")
    with serving() as endpoint:
        endpoint.answer = lambda body: "Both are fine."
        opened = judged(context_for, endpoint.url, said)
        assert np.isnan(opened.worth(said, 2).total).all()
        endpoint.faults["judge"] = [(400, {}, "no such thing")]
        with pytest.raises(EnvironmentProblem, match="HTTP 400") as error:
            opened.worth(answers("c", "d"), 2)
        assert error.value.where == "/model/spec/rewards/own"


def test_what_a_judge_said_without_a_verdict_is_told_and_asked_again(context_for):
    said = answers("it is right", "wrong")
    with serving() as endpoint:
        given, endpoint.answer = endpoint.answer, lambda body: "The first\none."
        opened = judged(context_for, endpoint.url, said)
        assert np.isnan(opened.worth(said, 2).total).all()
        assert "2 of 2 times the judge gave no verdict" in opened.unread["own"].told()
        assert "'The first one.'" in opened.unread["own"].told()
        endpoint.answer = given
        mended = judged(context_for, endpoint.url, said)
        assert mended.worth(said, 2).total.tolist() == [1.0, 0.0], "the judge was mended, and is asked again"
        assert not mended.unread


def test_a_judge_that_never_gives_a_verdict_is_not_asked_on_and_on(context_for):
    with serving() as endpoint:
        endpoint.answer = lambda body: "A" * 500 + " is better."
        said = answers(*"abcdefghijklm")
        opened = judged(context_for, endpoint.url, said)
        with pytest.raises(EnvironmentProblem, match=r"no verdict, which is \[\[A\]\]") as error:
            opened.worth(said, len(said))
        assert error.value.where == "/model/spec/rewards/own"
        assert "A is better." in error.value.message
        assert len(error.value.message) < 250
        assert "max_new_tokens" in (error.value.hint or "")


def test_who_asks_to_stop_does_not_wait_for_a_judge_that_hangs(context_for):
    from tests.builders.language.conftest import loaded

    with serving() as endpoint:
        endpoint.slow["judge"] = threading.Event()
        own = {"reward_type": "judge", "base_url": endpoint.url, "model": "judge"}
        context = replace(context_for(loaded([], 0), "run"), stop_requested=lambda: endpoint.asked["judge"] > 0)
        opened, before = WeightedRewards.opened(sections(own=own), context), set(threading.enumerate())
        with pytest.raises(Stopped):
            opened.worth(answers("a", "b"), 2)
        assert not endpoint.slow["judge"].is_set()
        left = set(threading.enumerate()) - before
        assert left, "the questions are still open"
        assert all(thread.daemon for thread in left), "the end of a process would wait for them"


def test_a_judge_of_held_out_answers_compares_them_with_the_first(context_for):
    first, later = answers("a"), answers("it is right")
    with serving() as endpoint:
        opened = judged(context_for, endpoint.url, first)
        assert opened.worth(first, 1, others=first).total.tolist() == [0.5]
        assert opened.worth(later, 1, others=first).total.tolist() == [1.0]
