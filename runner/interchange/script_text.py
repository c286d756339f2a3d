"""A Python script's settings, read off its text: literal arguments of the calls that set a training up.

Nothing of the script is run. What is no literal (a variable that is set to a literal in the script is one) is told of
as code.
"""

from __future__ import annotations

import ast
import re
from typing import Any

from runner.errors import Fault, SpecError
from runner.interchange.leaves import Leaf, Leaves, Unsafe

#: Calls, by the end of their names, and the prefix of their arguments.
CALLS = {
    "from_pretrained": "model",
    "get_peft_model": "peft",
    "SFTConfig": "args",
    "DPOConfig": "args",
    "KTOConfig": "args",
    "ORPOConfig": "args",
    "GRPOConfig": "args",
    "RewardConfig": "args",
    "TrainingArguments": "args",
    "SFTTrainer": "trainer",
    "UnslothTrainingArguments": "args",
    "UnslothTrainer": "trainer",
    "DPOTrainer": "trainer",
    "GRPOTrainer": "trainer",
    "KTOTrainer": "trainer",
    "ORPOTrainer": "trainer",
    "RewardTrainer": "trainer",
    "LoraConfig": "peft",
    "load_dataset": "dataset",
    "get_chat_template": "template",
    "train_on_responses_only": "responses",
    "BitsAndBytesConfig": "bits",
}
#: Arguments that are objects of the script, and no settings.
OBJECTS = frozenset(
    [
        "model",
        "tokenizer",
        "processing_class",
        "train_dataset",
        "eval_dataset",
        "args",
        "config",
        "data_collator",
        "peft_config",
        "formatting_func",
        "reward_funcs",
        "callbacks",
        "compute_metrics",
        "quantization_config",
        "trainer",
        "ref_model",
    ]
)
TRAINERS = {
    "SFT": "sft",
    "DPO": "dpo",
    "KTO": "kto",
    "ORPO": "orpo",
    "GRPO": "grpo",
    "Reward": "reward",
    "Unsloth": "sft",
}
POSITIONS = {
    "load_dataset": ("path", "name"),
    "from_pretrained": ("model_name",),
    "get_chat_template": ("tokenizer", "chat_template"),
}


def read_script(data: bytes, source: str) -> Leaves:
    """The settings: ``model.max_seq_length``, ``peft.r``, ``args.learning_rate``. Raises :class:`SpecError`."""
    try:
        text = data.decode("utf-8-sig")
        tree = ast.parse(text)
    except UnicodeDecodeError:
        raise SpecError([Fault("is no UTF-8 text")], source=source) from None
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line, column = getattr(error, "lineno", None), getattr(error, "offset", None)
        raise SpecError([Fault(f"is no Python: {error}", line=line, column=column)], source=source) from None
    known = _constants(tree)
    leaves: list[Leaf] = []
    counts: dict[str, int] = {}
    trainer = None
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = _name(node.func)
        if name not in CALLS or (name == "from_pretrained" and not _is_model(node.func)):
            continue
        if name.endswith(("Config", "Trainer")):
            trainer = next((TRAINERS[word] for word in TRAINERS if name.startswith(word)), trainer)
        prefix = CALLS[name]
        for argument, value in _arguments(node, name):
            if argument in OBJECTS and not isinstance(value, ast.Constant):
                continue
            key = f"{prefix}.{argument}"
            counts[key] = counts.get(key, 0) + 1
            given = _literal(value, known)
            leaves.append(Leaf(key if counts[key] == 1 else f"{key}#{counts[key]}", given, value.lineno, source=source))
        if name == "train_on_responses_only":
            leaves.append(Leaf("responses.only", True, node.lineno, source=source))
    if not leaves:
        raise SpecError(
            [Fault("has no call that sets up a training: FastLanguageModel.from_pretrained, SFTConfig, ...")],
            source=source,
        )
    if trainer:
        leaves.append(Leaf("(trainer)", trainer, None, flag=f"{trainer} (the trainer's class)"))
    leaves.sort(key=lambda leaf: leaf.line or 0)
    return Leaves(leaves, source)


_BY_MACHINE = re.compile(r"(not )?(\w+\.)*(is_bfloat16_supported|is_bf16_supported)\(\)")


def _arguments(node: ast.Call, name: str) -> list[tuple[str, ast.expr]]:
    positions = POSITIONS.get(name, ())
    found = [(positions[at], value) for at, value in enumerate(node.args) if at < len(positions)]
    return found + [(keyword.arg, keyword.value) for keyword in node.keywords if keyword.arg]


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _is_model(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and "Tokenizer" not in ast.unparse(node.value)
        and "Processor" not in ast.unparse(node.value)
    )


def _constants(tree: ast.Module) -> dict[str, Any]:
    """Names that the script's top sets to a literal, once."""
    found: dict[str, list[ast.expr]] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, []).append(node.value)
    constants = {}
    for name, values in found.items():
        if len(values) == 1:
            value = _literal(values[0], {})
            if not isinstance(value, Unsafe):
                constants[name] = value
    return constants


def _literal(node: ast.expr, known: dict[str, Any]) -> Any:
    if isinstance(node, ast.Name) and node.id in known:
        return known[node.id]
    if isinstance(node, ast.Attribute) and ast.unparse(node).startswith("torch."):
        return ast.unparse(node)
    try:
        value = ast.literal_eval(node)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        code = ast.unparse(node)
        if _BY_MACHINE.fullmatch(code):
            # The one question that scripts ask their machine: bfloat16 where it has it, else float16.
            return "auto"
        return Unsafe(f"the code `{code if len(code) < 60 else code[:57] + '...'}`")
    return list(value) if isinstance(value, tuple | set) else value
