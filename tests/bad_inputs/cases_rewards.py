"""Rewards that say nothing, functions that fail, and answers without room."""

from __future__ import annotations

from typing import Any

from tests.bad_inputs.case import Bench, Case
from tests.bad_inputs.language_materials import lacking, language, trained, wrong

SPEC = "/model/spec"
REWARDS = f"{SPEC}/rewards"
SHORT = {"reward_type": "length", "target": 2}
CODE = {"reward_type": "code", "column": "completion"}
NO_ENGINE = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
JUDGE = {"reward_type": "judge", "base_url": "https://a.b/v1", "model": "m"}
ENVIRONMENT = f"{SPEC}/environment"
PARTNER = {"partner": {"file": "judge.py"}}
TOOLS = {"tools": {"file": "judge.py", "functions": ["look_up"]}}
LOOK_UP = 'def look_up(word: str):\n    """Look up.\n\n    Args:\n        word: What.\n    """\n    return word\n'
IMPORTS = "import math\nimport nothing_of_that_name\n\n\ndef reward(**columns): ...\n"
UNRUNNABLE = "1 / 0\n\n\ndef reward(**columns): ...\n"
FUNCTION = {"reward_type": "function", "file": "judge.py"}
RIGHT = {"reward_type": "exact_answer", "column": "completion"}


def rewarded(own: Any = None, kind: str = "grpo", **settings: Any) -> dict[str, Any]:
    """A good spec, its one reward ``own``."""
    usual: dict[str, Any] = {"max_new_tokens": 4, "group_size": 2 if kind == "grpo" else "left out"}
    return language(kind, **usual | {"rewards": {"own": own or SHORT}} | settings)


def judge(text: str) -> Any:
    return lambda bench: (bench.home / "judge.py").write_text(text)


def scored(body: str) -> Any:
    return judge(f"def reward(prompts, completions, **columns):\n    {body}\n")


def furnished(bench: Bench) -> None:
    bench.furnish()


CASES: list[Case] = [
    wrong("nothing is rewarded", rewarded(rewards="left out"), "`rewards` is missing"),
    wrong("no reward at all", rewarded(rewards={}), REWARDS),
    wrong("a reward without a sort", rewarded({"target": 2}), f"{REWARDS}/own"),
    wrong("a sort of reward that there is none of", rewarded({"reward_type": "lenght"}), f"{REWARDS}/own/reward_type"),
    wrong("a misspelt field of a reward", rewarded(SHORT | {"wieght": 1}), f"{REWARDS}/own/wieght"),
    wrong("a name that is none", rewarded(rewards={"a/b": SHORT}), REWARDS),
    wrong("a reward that counts nothing", rewarded(SHORT | {"weight": 0}), f"{REWARDS}/own/weight"),
    wrong("a length of nothing", rewarded(SHORT | {"target": 0}), f"{REWARDS}/own/target"),
    wrong(
        "an expression that is none",
        rewarded({"reward_type": "regular_expression", "pattern": "(a"}),
        f"{REWARDS}/own/pattern",
        "no regular expression",
    ),
    wrong("code in a spec", rewarded({"reward_type": "function", "code": "return 1"}), f"{REWARDS}/own/code"),
    wrong("a function from nowhere", rewarded({"reward_type": "function"}), f"{REWARDS}/own"),
    wrong("a function in two places", rewarded(FUNCTION | {"module": "judges"}), f"{REWARDS}/own/file"),
    wrong("a group of one", rewarded(group_size=1), f"{SPEC}/group_size", "at least 2"),
    wrong("no room for an answer", rewarded(max_new_tokens=128), f"{SPEC}/max_new_tokens", "max_length"),
    wrong("no temperature to draw at", rewarded(temperature=0), f"{SPEC}/temperature"),
    wrong(
        "a range where nothing is clipped",
        rewarded(policy_loss="importance_sampling", clip_range=0.1),
        f"{SPEC}/clip_range",
    ),
    wrong("a range in one pass", rewarded(clip_range=0.1), f"{SPEC}/clip_range", "one pass"),
    wrong("a range upwards in one pass", rewarded(clip_range_high=0.3), f"{SPEC}/clip_range_high", "one pass"),
    wrong(
        "a range of ppo in one pass", rewarded(kind="ppo", passes=1, clip_range=0.1), f"{SPEC}/clip_range", "one pass"
    ),
    wrong("more opponents than there are", rewarded(JUDGE | {"opponents": 4}), f"{REWARDS}/own/opponents", "above 1"),
    wrong("a name with a blank", rewarded(rewards={"my reward": SHORT}), f"{REWARDS}/my reward", "no name for a field"),
    wrong(
        "an evaluation outside of the model", rewarded() | {"evaluation": {"every": 1}}, "/evaluation", "/model/spec"
    ),
    wrong("groups of a kind that has none", rewarded(kind="ppo", group_size=4), f"{SPEC}/group_size"),
    wrong("several processes", rewarded(run={"processes": 2, "gpus": 0}), "/run/processes"),
    trained("a file of a reward that is not there", 5, rewarded(FUNCTION), f"{REWARDS}/own/file", "judge.py"),
    trained(
        "a stored reward model that is not there",
        5,
        rewarded({"reward_type": "model", "model_name": "reward/nobody"}),
        f"{REWARDS}/own/model_name",
    ),
    trained(
        "a stored model that scores no answers",
        5,
        rewarded({"reward_type": "model", "model_name": "elo_scoring/ratings"}),
        f"{REWARDS}/own/model_name",
        "a model of reward is needed",
        spoil=furnished,
    ),
    lacking(
        "a column that is not there", rewarded(RIGHT | {"column": "right"}), f"{REWARDS}/own/column", "'completion'"
    ),
    lacking(
        "a column nearly so called",
        rewarded(RIGHT | {"column": "completon"}),
        f"{REWARDS}/own/column",
        "did you mean 'completion'?",
    ),
    lacking(
        "a number that is none",
        rewarded({"reward_type": "numeric_answer", "column": "completion"}),
        f"{REWARDS}/own/column",
        "there is no number in 'two'",
        rows=[{"prompt": f"How many is {at}?", "completion": "two"} for at in range(12)],
    ),
    trained(
        "a file of another content",
        4,
        rewarded(FUNCTION | {"sha256": "0" * 64}),
        f"{REWARDS}/own/sha256",
        spoil=scored("return []"),
    ),
    trained("a file that is no Python", 4, rewarded(FUNCTION), f"{REWARDS}/own/file", spoil=judge("def reward(")),
    trained("a file without the function", 4, rewarded(FUNCTION), f"{REWARDS}/own/function", spoil=judge("x = 1\n")),
    trained(
        "a file that imports what is not there",
        4,
        rewarded(FUNCTION),
        f"{REWARDS}/own/file",
        "judge.py:2: there is no module nothing_of_that_name",
        spoil=judge(IMPORTS),
    ),
    trained(
        "a file that imports from a package it is not of",
        4,
        rewarded(FUNCTION),
        f"{REWARDS}/own/file",
        "judge.py:1: .words is of a package",
        spoil=judge("from .words import reward\n"),
    ),
    trained(
        "a module that is not there",
        4,
        rewarded({"reward_type": "function", "module": "nothing_of_that_name.rewards"}),
        f"{REWARDS}/own/module",
        "there is no module nothing_of_that_name.rewards",
    ),
    lacking("a file that cannot be run", rewarded(FUNCTION), f"{REWARDS}/own/file", spoil=judge(UNRUNNABLE)),
    lacking("prompts that leave no room", rewarded(max_length=9), "no room", f"{SPEC}/max_length"),
    trained(
        "a reward that raises",
        1,
        rewarded(FUNCTION),
        f"{REWARDS}/own",
        "KeyError",
        "line",
        spoil=scored("raise KeyError('answer column missing')"),
        leaves="failed",
    ),
    wrong("code without a column of tests", rewarded({"reward_type": "code"}), f"{REWARDS}/own", "`column` is missing"),
    wrong("code without time", rewarded(CODE | {"timeout": 0}), f"{REWARDS}/own/timeout", "more than 0"),
    trained(
        "code of answers without an engine",
        6,
        rewarded(CODE),
        f"{REWARDS}/own",
        "unix:///nowhere/docker.sock: no Docker Engine answers",
        "runner doctor",
        environment=NO_ENGINE,
    ),
    trained(
        "code of answers in a training in a container",
        6,
        rewarded(CODE, run={"executor": "docker"}),
        f"{REWARDS}/own",
        "cannot start any",
        "--executor local",
        environment=NO_ENGINE,
    ),
    wrong("an environment of nothing", rewarded(environment={}), f"{ENVIRONMENT}:", "has tools, a partner"),
    wrong("an environment of one turn", rewarded(environment=PARTNER | {"max_turns": 1}), f"{ENVIRONMENT}/max_turns"),
    wrong(
        "a partner from two places",
        rewarded(environment={"partner": {"file": "judge.py", "module": "judges"}}),
        f"{ENVIRONMENT}/partner/file",
        "name one of the two",
    ),
    wrong(
        "a tool that is there twice",
        rewarded(environment={"tools": {"file": "judge.py", "functions": ["a", "a"]}}),
        f"{ENVIRONMENT}/tools/functions",
        "there twice",
    ),
    wrong(
        "an environment's reward without one",
        rewarded({"reward_type": "environment"}),
        f"{REWARDS}/own/reward_type",
        "no environment with a partner",
    ),
    trained(
        "a file of a partner that is not there",
        5,
        rewarded(environment=PARTNER),
        f"{ENVIRONMENT}/partner/file",
        "judge.py",
    ),
    trained(
        "a file without the partner",
        4,
        rewarded(environment=PARTNER),
        f"{ENVIRONMENT}/partner/class_name",
        "has no class 'Environment'",
        spoil=judge("x = 1\n"),
    ),
    trained(
        "a partner of another content",
        4,
        rewarded(environment={"partner": {"file": "judge.py", "sha256": "0" * 64}}),
        f"{ENVIRONMENT}/partner/sha256",
        spoil=judge("class Environment: pass\n"),
    ),
    lacking(
        "tools that the template does not tell the model of",
        rewarded(environment=TOOLS),
        f"{ENVIRONMENT}/tools",
        "does not tell the model of tools",
        "chatml",
        spoil=judge(LOOK_UP),
    ),
    lacking(
        "a tool without a description",
        rewarded(environment=TOOLS, chat={"template": "chatml"}),
        f"{ENVIRONMENT}/tools/functions",
        "look_up cannot be described",
        spoil=judge("def look_up(word):\n    return word\n"),
    ),
    wrong(
        "a comparison where there is one answer",
        rewarded(JUDGE, kind="ppo"),
        f"{REWARDS}/own/reward_type",
        "draws one answer to a prompt",
    ),
    wrong(
        "more opponents than there are other answers",
        rewarded(JUDGE | {"opponents": 3}, kind="online_dpo"),
        f"{REWARDS}/own/opponents",
        "has no effect above 1: a group has 2 answers",
    ),
    wrong("a judge with its key", rewarded(JUDGE | {"api_key": "abc"}), f"{REWARDS}/own/api_key", "unknown field"),
    trained(
        "a judge whose key is not there", 6, rewarded(JUDGE | {"key_env": "NO_SUCH_KEY"}), "NO_SUCH_KEY", "export it"
    ),
    trained(
        "a stored model that compares nothing",
        5,
        rewarded({"reward_type": "preference", "model_name": "elo_scoring/ratings"}),
        f"{REWARDS}/own/model_name",
        "a model of reward is needed",
        spoil=furnished,
    ),
    lacking("an address of a judge that is none", rewarded(JUDGE | {"base_url": "a.b"}), f"{REWARDS}/own", "https://"),
]
