"""The words of another program's command line as settings: nothing is run, and no shell reads them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from runner.errors import UsageError
from runner.interchange.importers import launchers
from runner.interchange.leaves import Leaf

_ASSIGNED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)


@dataclass
class Command:
    """A command taken apart: which format's it is, its trainer, the files that it names, its flags, and those of what
    starts it.
    """

    format: str
    trainer: str | None = None
    configs: list[str] = field(default_factory=list)
    leaves: list[Leaf] = field(default_factory=list)


def parse(words: Sequence[str]) -> Command:
    """The command's parts. Raises :class:`UsageError` for a program that is not known."""
    rest = [(index + 1, word) for index, word in enumerate(words)]
    if not rest:
        raise UsageError(
            "there is no command after --", hint="runner spec import -- aitraining llm --train --model ..."
        )
    command, before, flags, aliases = _program(rest)
    command.leaves = [*launchers.read(before), *_flags(flags, command, aliases)]
    return command


Place = tuple[int, str]


def _program(rest: list[Place]) -> tuple[Command, list[Place], list[Place], dict[str, str]]:
    """Which program's words these are: those before its name, those behind it, and other spellings of its flags."""
    words = [word for _, word in rest]
    for index, word in enumerate(words):
        name = re.split(r"[/\\]", word)[-1].removesuffix(".exe")
        found = _known(name, words, index)
        if found is not None:
            command, used, aliases = found
            return command, rest[:index], rest[index + used :], aliases
        if word.startswith("-") and index == 0:
            break
    hint = "known: aitraining, autotrain, axolotl, llamafactory-cli, trl, unsloth, ludwig, routellm.openai_server"
    raise UsageError(f"`{words[0]}` is no program whose command line is known", hint=hint)


def _known(name: str, words: list[str], index: int) -> tuple[Command, int, dict[str, str]] | None:
    after = words[index + 1] if index + 1 < len(words) else ""
    verb = "" if after.startswith("-") else after
    if name in ("aitraining", "autotrain"):
        aliases = {
            "train_batch_size": "batch_size",
            "disable_gc": "disable_gradient_checkpointing",
            "dpo_beta": "dpo_beta",
        }
        return Command(name, verb or None), 2 if verb else 1, aliases
    if name == "axolotl" or re.fullmatch(r"axolotl\.cli\.\w+", name):
        skip = 2 if verb in ("train", "preprocess", "finetune") and name == "axolotl" else 1
        return Command("axolotl"), skip, {}
    if name in ("llamafactory-cli", "lmf"):
        return Command("llamafactory"), 2 if verb in ("train", "export", "chat") else 1, {}
    if name == "train.py" and index and "src" in words[index]:
        return Command("llamafactory"), 1, {}
    if name == "trl":
        return Command("trl", verb or None), 2 if verb else 1, {}
    scripts = ("sft", "dpo", "orpo", "kto", "reward", "grpo", "rloo", "online_dpo", "gkd", "cpo", "reward_modeling")
    script = re.fullmatch(r"(?:dpo_online|(\w+))\.py|trl\.scripts\.(\w+)", name)
    if script:
        trainer = (
            (script.group(1) or script.group(2) or "online_dpo")
            .replace("reward_modeling", "reward")
            .replace("dpo_online", "online_dpo")
        )
        if trainer in scripts:
            return Command("trl", trainer), 1, {}
    if name == "unsloth-cli.py" or (name == "unsloth" and verb in ("train", "")):
        return Command("unsloth"), 2 if verb == "train" else 1, {}
    if name == "ludwig":
        return Command("ludwig"), 2 if verb else 1, {"config_str": "config_str", "c": "config", "cs": "config_str"}
    if name in ("routellm.openai_server", "openai_server.py"):
        return Command("routellm"), 1, {}
    return None


def _flags(rest: list[Place], command: Command, aliases: dict[str, str]) -> list[Leaf]:
    """Flags with what follows them; words that are none are configurations (`train x.yaml`) or `name=value`."""
    leaves: list[Leaf] = []
    seen: dict[str, int] = {}

    def add(name: str, value: Any, at: int, flag: str) -> None:
        name = aliases.get(name, name)
        count = seen[name] = seen.get(name, 0) + 1
        leaves.append(Leaf(name if count == 1 else f"{name}#{count}", value, at, flag=flag))

    index = 0
    while index < len(rest):
        at, word = rest[index]
        index += 1
        if word == "--" or word == "\\":
            continue
        if word.startswith("-") and len(word) > 1:
            flag, equals, value = word.partition("=")
            name = flag.lstrip("-").replace("-", "_")
            values: list[str] = [value] if equals else []
            while (
                not equals
                and index < len(rest)
                and not _is_flag(rest[index][1])
                and not (values and _is_config(rest[index][1]))
            ):
                values.append(rest[index][1])
                index += 1
            given: Any = True if not values else values[0] if len(values) == 1 else values
            if (name == "config" and isinstance(given, str)) or (name == "c" and command.format == "ludwig"):
                command.configs.append(str(given))
                if _remote(str(given)):
                    add(name, given, at, flag)
                continue
            add(name, given, at, flag)
        elif _ASSIGNED.fullmatch(word) or ("=" in word and re.match(r"[\w.]+=", word)):
            name, _, value = word.partition("=")
            add(name, value, at, name)
        elif _is_config(word):
            command.configs.append(word)
            if _remote(word):
                add("config", word, at, word)
        else:
            add(f"word {at}", word, at, word)
    return leaves


def _remote(path: str) -> bool:
    return "://" in path


def _is_config(word: str) -> bool:
    return word.endswith((".yaml", ".yml", ".json"))


def _is_flag(word: str) -> bool:
    return word.startswith("-") and re.fullmatch(r"-\d+(\.\d+)?([eE][+-]?\d+)?", word) is None


Parse = Callable[[Sequence[str]], Command]
