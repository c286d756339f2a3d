"""A Python script's settings, read off its text: literal arguments of the calls that set a training up.

Nothing of the script is run. What is no literal (a variable that is set to a literal in the script is one) is told of
as code.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
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
        "quantization_config",
        "trainer",
        "ref_model",
    ]
)
#: Arguments that are functions or objects of the script, and change what is learned: told of by their names.
BY_NAME = frozenset(["formatting_func", "reward_funcs", "callbacks", "compute_metrics"])
#: Calls that change rows before they are learned: methods of a data set, and functions.
ROW_METHODS = frozenset(
    ["map", "filter", "select", "shuffle", "train_test_split", "rename_column", "rename_columns", "remove_columns"]
)
ROW_FUNCTIONS = frozenset(
    [
        "concatenate_datasets",
        "interleave_datasets",
        "standardize_sharegpt",
        "standardize_data_formats",
        "to_sharegpt",
        "apply_chat_template",
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

    def add(key: str, value: Any, line: int) -> None:
        counts[key] = counts.get(key, 0) + 1
        leaves.append(Leaf(key if counts[key] == 1 else f"{key}#{counts[key]}", value, line, source=source))

    for node in _reached(tree):
        if not isinstance(node, ast.Call):
            continue
        name = _name(node.func)
        for key, value in (*_of_rows(node, name), *_of_storing(node, name, known)):
            add(key, value, node.end_lineno or node.lineno)
        if name not in CALLS or (name == "from_pretrained" and not _is_model(node.func)):
            continue
        if name.endswith(("Config", "Trainer")):
            trainer = next((TRAINERS[word] for word in TRAINERS if name.startswith(word)), trainer)
        prefix = CALLS[name]
        for argument, value in _arguments(node, name):
            if argument in OBJECTS and not isinstance(value, ast.Constant):
                continue
            given = _by_name(value) if argument in BY_NAME else _literal(value, known)
            add(f"{prefix}.{argument}", given, value.lineno)
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


def _reached(node: ast.AST) -> Iterator[ast.AST]:
    """Every node but those below `if False:`, which scripts of notebooks are full of."""
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(node, ast.If) and _never(node.test) and child in node.body:
            continue
        yield from _reached(child)


def _never(test: ast.expr) -> bool:
    return isinstance(test, ast.Constant) and not test.value


def _of_rows(node: ast.Call, name: str) -> Iterator[tuple[str, Any]]:
    """A call that makes other rows of a data set's, as its text."""
    method = isinstance(node.func, ast.Attribute)
    if name in ROW_METHODS and method:
        yield f"rows.{name}", _shortened(f"{name}({', '.join(map(ast.unparse, [*node.args, *node.keywords]))})")
    elif name in ROW_FUNCTIONS and not method:
        yield f"rows.{name}", _shortened(ast.unparse(node))


def _of_storing(node: ast.Call, name: str, known: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """A call that stores the model in another form than the trainer does, or sends it away."""
    if not isinstance(node.func, ast.Attribute) or "token" in ast.unparse(node.func.value).casefold():
        return
    given = {keyword.arg: _literal(keyword.value, known) for keyword in node.keywords if keyword.arg}
    if name.endswith("_gguf") and name.startswith(("save_pretrained", "push_to_hub")):
        yield "saved.save_gguf", True
    elif name in ("save_pretrained_merged", "push_to_hub_merged"):
        yield "saved.save_method", given.get("save_method", "merged_16bit")
    if name in ("push_to_hub", "push_to_hub_merged", "push_to_hub_gguf"):
        yield "saved.push_model", True
        if node.args:
            yield "saved.hub_path", _literal(node.args[0], known)
        if "token" in given:
            yield "saved.token", given["token"]


def _by_name(node: ast.expr) -> Any:
    """Functions and objects by what the script calls them."""
    each = node.elts if isinstance(node, ast.List | ast.Tuple) else [node]
    names = [str(one.value) if isinstance(one, ast.Constant) else _shortened(ast.unparse(one)) for one in each]
    return names if isinstance(node, ast.List | ast.Tuple) else names[0]


def _shortened(code: str) -> str:
    return code if len(code) < 60 else code[:57] + "..."


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
        return Unsafe(f"the code `{_shortened(code)}`")
    return list(value) if isinstance(value, tuple | set) else value
