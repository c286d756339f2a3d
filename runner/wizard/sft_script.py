"""One complete Python script for a supervised fine-tuning: the same spec, trained by this program's own API."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: Characters of a line of Python that holds an object.
SHORT = 80


@dataclass(frozen=True)
class Teacher:
    """Who answers the prompts of a distillation."""

    model: str
    base_url: str
    key_env: str | None
    prompts: tuple[str, ...]


def script(
    document: Mapping[str, Any],
    *,
    path: str,
    spec_path: str,
    data_path: str,
    conversations: Sequence[Sequence[Mapping[str, Any]]] | None = None,
    teacher: Teacher | None = None,
) -> str:
    """The script's text.

    Args:
        document: the spec.
        path: what the script's file is called.
        spec_path: where the same spec lies as JSON.
        data_path: what is learned: a file that is there, or that the script writes.
        conversations: those that the script writes into it.
        teacher: who answers the prompts whose conversations the script writes into it.
    """
    base = document["model"]["spec"]["base_model_name"]
    made, material, imports = "", "", ["from runner import Runner", "from runner.errors import RunnerError"]
    imports += ["from runner.tracking.terminal import TerminalListener", "from runner.wizard import usage_block"]
    if conversations is not None:
        material = f"\n#: What is learned.\nCONVERSATIONS = {_written([list(turns) for turns in conversations])}\n"
        made = f"    written_pairs(CONVERSATIONS, Path({data_path!r}))\n"
        imports.append("from runner.wizard.sft_rows import written_pairs")
    elif teacher is not None:
        material = f"\n#: What the teacher is asked.\nPROMPTS = {_written(list(teacher.prompts))}\n"
        made = (
            "    # The key is read from the environment. What was answered before is kept, and not asked again.\n"
            f"    teach(\n        PROMPTS,\n        {data_path!r},\n        model={teacher.model!r},\n"
            f"        base_url={teacher.base_url!r},\n        key_env={teacher.key_env!r},\n    )\n"
        )
        imports.append("from runner.wizard.sft_teacher_answers import teach")
    whence = f"the answers of {teacher.model}" if teacher else "the conversations below" if conversations else data_path
    needs = f"\nIt needs the environment variable {teacher.key_env}.\n" if teacher and teacher.key_env else ""
    library = "import sys\n" + ("from pathlib import Path\n" if conversations is not None else "")
    return f'''"""Supervised fine-tuning of {base} on {whence}.

Written by `runner new sft`. Run it with: python {path}
{needs}The same spec lies in {spec_path}, for: runner train --spec-file {spec_path}
"""

{library}
{chr(10).join(sorted(imports))}
{material}
#: What is trained, on what, and how.
SPEC = {_written(dict(document))}


def main() -> None:
    """Train, then say how to ask what was trained."""
{made}    progress = TerminalListener()
    try:
        trained = Runner().train(SPEC, on_event=progress.handle)
    finally:
        progress.close()
    for note in trained.notes:
        print(f"note: {{note}}")
    print(usage_block.of_trained(trained))


if __name__ == "__main__":
    try:
        main()
    except RunnerError as error:
        print(f"error: {{error}}" + (f"\\n  {{error.hint}}" if error.hint else ""), file=sys.stderr)
        sys.exit(int(error.code))
'''


def _written(value: Any, indent: str = "") -> str:
    """A value of JSON as Python that is laid out over lines."""
    deeper = indent + "    "
    if isinstance(value, dict) and value:
        parts = [f"{json.dumps(name, ensure_ascii=False)}: {_written(each, deeper)}" for name, each in value.items()]
        return _over_lines("{", parts, "}", indent)
    if isinstance(value, list) and value:
        return _over_lines("[", [_written(each, deeper) for each in value], "]", indent)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _over_lines(opening: str, parts: Sequence[str], closing: str, indent: str) -> str:
    short = f"{opening}{', '.join(parts)}{closing}"
    if len(indent) + len(short) <= SHORT and "\n" not in short:
        return short
    return f"{opening}\n" + "".join(f"{indent}    {part},\n" for part in parts) + f"{indent}{closing}"
