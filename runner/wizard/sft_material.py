"""What a supervised fine-tuning learns, asked for: a file, conversations typed in by hand, or a teacher's answers."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.contract.quantities import counted
from runner.errors import DataError, RunnerError, UsageError
from runner.execution.data_trial import DataTrial, read_data
from runner.wizard import sft_rows
from runner.wizard.prompt_interface import Choice, Question
from runner.wizard.sft_answers import address_check, path_fault, said, variable_fault
from runner.wizard.sft_script import Teacher
from runner.workspace import absolute

OWN_PATH = "my own path"


@dataclass
class SftMaterial:
    """What is learned."""

    data: str = ""
    rows: int = 0
    usual: int = 0
    conversations: list[list[dict[str, Any]]] | None = None
    teacher: Teacher | None = None
    #: A file that is read once the run has a name: the source, and whether bad lines are left out.
    unwrapped: tuple[Path, bool] | None = None


class SftSource:
    """Asks for what is learned. ``ask`` asks one question; ``once`` one whose answer is no default for the next."""

    def __init__(
        self,
        ask: Callable[[Question], Any],
        once: Callable[[Question], Any],
        say: Callable[[str], None],
        forget: Callable[[str], None],
        given: Mapping[str, Any],
        folder: Path,
    ) -> None:
        self._ask, self._once, self._say, self._forget = ask, once, say, forget
        self._given, self._folder = given, folder

    def file(self) -> SftMaterial:
        while True:
            path = absolute(self._path(), self._folder)
            try:
                found = self._looked(path)
            except RunnerError as error:
                if "file" in self._given:
                    raise
                self._say(f"{error.where or path}: {error.message}" + (f" ({error.hint})" if error.hint else ""))
                found = None
            if found is not None:
                return found
            self._forget("file")

    def _path(self) -> str:
        files = [] if "file" in self._given else sft_rows.found_files(self._folder)
        if not files:
            text = "Which file?" if "file" in self._given else "No .jsonl file is here or below. Which file?"
            return str(self._ask(Question("file", text, "path", check=path_fault)))
        choices = [*(Choice(str(path), str(path)) for path in files), Choice(OWN_PATH, OWN_PATH)]
        question = Question("file", "Which file?", "choice", choices=choices, free=True)
        found = self._ask(question)
        return (
            str(self._ask(Question("own_file", "Its path?", "path", check=path_fault))) if found == OWN_PATH else found
        )

    def _looked(self, path: Path) -> SftMaterial | None:
        """The material of a file, None where another is to be named. Raises what reading it raises."""
        if path.suffix.lower() != ".jsonl":
            return self._by_layout(path, read_data(str(path), "sft"))
        checked = sft_rows.check_file(path)
        otherwise = sum("there are no messages" in fault for _, fault in checked.faults)
        if otherwise == len(checked.faults) > 0:
            # Rows of another form, or of several: where training reads all of them, none of them is bad.
            read = read_data(str(path), "sft")
            if not checked.rows or (read.error is None and not read.report.rows_dropped):
                return self._by_layout(path, read)
        for line in checked.lines():
            self._say(line)
        way_out = [f"{_leaves_out(path)}, and takes rows of several forms"] if otherwise else []
        for line in way_out if "file" not in self._given else []:
            self._say(line)
        leave_out = False
        if checked.faults:
            if "file" in self._given and "bad_lines" not in self._given:
                raise DataError(
                    "\n".join(checked.lines()),
                    where=str(path),
                    hint="\n  ".join(["mend them, or leave them out: bad_lines leave_out", *way_out]),
                )
            choices = [Choice("other", "name another file, or this one once it is mended")]
            if checked.rows:
                choices.insert(0, Choice("leave_out", f"go on with the {counted(checked.rows, 'rows')} that are right"))
            if self._ask(Question("bad_lines", "What about them?", "choice", "other", choices)) == "other":
                return None
            leave_out = True
        plain = (path, leave_out) if leave_out or checked.wrapped else None
        return SftMaterial(str(path), checked.rows, checked.usual, unwrapped=plain)

    def _by_layout(self, path: Path, read: DataTrial) -> SftMaterial:
        """A file whose rows are conversations in other forms, which training reads as well."""
        if read.error is not None:
            raise read.error
        forms = ", ".join(str(name) for name in (read.report.facts.get("forms") or {}))
        self._say(f"valid: {counted(read.report.rows_kept, 'rows')}, read as {forms}")
        return SftMaterial(str(path), read.report.rows_kept)

    def inline(self) -> SftMaterial:
        if "conversations" in self._given:
            found = self._given["conversations"]
            if not isinstance(found, list) or not found:
                raise UsageError("there is no conversation", where="conversations", hint="a list of lists of turns")
            for number, turns in enumerate(found):
                if fault := sft_rows.row_fault({"messages": turns}):
                    raise UsageError(f"conversation {number + 1}: {fault}", where="conversations")
            conversations = [list(turns) for turns in found]
        else:
            conversations = self._typed()
        usual = max(sum(len(str(turn.get("content"))) for turn in turns) for turns in conversations)
        return SftMaterial(rows=len(conversations), usual=usual, conversations=conversations)

    def _typed(self) -> list[list[dict[str, Any]]]:
        conversations: list[list[dict[str, Any]]] = []
        while True:
            turns: list[dict[str, Any]] = []
            number = len(conversations) + 1
            self._say(f"conversation {number}")
            if system := self._once(Question("system", "The system's turn, if there is one?", optional=True)):
                turns.append({"role": "system", "content": system})
            more = "turn"
            while more == "turn":
                turns.append({"role": "user", "content": self._once(Question("user", "The user says?", check=said))})
                answer = self._once(Question("assistant", "The assistant answers?", check=said))
                turns.append({"role": "assistant", "content": answer})
                choices = [
                    Choice("done", "that is all"),
                    Choice("turn", "this conversation goes on"),
                    Choice("conversation", "another conversation"),
                ]
                more = self._once(Question("more", "And then?", "choice", "done", choices))
            conversations.append(turns)
            if more == "done":
                return conversations

    def distillation(self) -> SftMaterial:
        model = self._ask(Question("teacher", "Which model teaches? As its endpoint calls it.", check=said))
        keyed = self._given.get("key_env", "KEY") is not None
        url = self._ask(
            Question("base_url", "Where is it?", default="https://openrouter.ai/api/v1", check=address_check(keyed))
        )
        name = self._ask(
            Question(
                "key_env",
                "Which environment variable holds its key? (its name; nothing where no key is asked for)",
                check=variable_fault,
                optional=True,
                help="The key itself is never asked for, and is written nowhere.",
            )
        )
        if name and not os.environ.get(name):
            self._say(f"{name} is not set here: export it before the script is run")
        prompts = self._prompts()
        return SftMaterial(rows=len(prompts), teacher=Teacher(model, url, name or None, tuple(prompts)))

    def _prompts(self) -> list[str]:
        if "prompts" in self._given:
            found = self._given["prompts"]
            prompts = _prompts_of(absolute(found, self._folder)) if isinstance(found, str) else list(found)
            if not prompts or not all(isinstance(prompt, str) and prompt.strip() for prompt in prompts):
                raise UsageError("there is no prompt", where="prompts", hint="texts, or a file with one a line")
            return list(dict.fromkeys(prompts))
        choices = [
            Choice("typed", "typed in here"),
            Choice("file", "a text file, a prompt a line, or a table's prompts"),
        ]
        if self._ask(Question("prompts_from", "What is the teacher asked?", "choice", "typed", choices)) == "file":
            while True:
                place = self._once(Question("prompts_file", "Which file?", "path", check=path_fault))
                try:
                    prompts = _prompts_of(absolute(place, self._folder))
                except RunnerError as error:
                    self._say(f"{error.where or place}: {error.message}")
                    continue
                self._say(counted(len(prompts), "prompts"))
                return prompts
        prompts = [self._once(Question("prompt", "The first prompt?", check=said))]
        while more := self._once(Question("prompt", "The next one? (nothing where that is all)", optional=True)):
            prompts.append(more)
        return list(dict.fromkeys(prompts))


def _prompts_of(path: Path) -> list[str]:
    """The prompts of a text file, a line each, or those of a table. Raises what reading it raises."""
    from runner.data.prompts import from_file

    if path.suffix.lower() in (".txt", ".text", ""):
        try:
            lines = path.read_text("utf-8").splitlines()
        except FileNotFoundError:
            raise DataError("there is no such file", where=str(path)) from None
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"cannot be read: {error}", where=str(path)) from None
        found = [line for line in lines if line.strip()]
    else:
        rows = from_file(path)
        rows.check()
        found = [row.prompt for chunk in rows.chunks(1000) for row in chunk]
        rows.close()
    if not found:
        raise DataError("there is no prompt in it", where=str(path))
    return list(dict.fromkeys(found))


def _leaves_out(path: Path) -> str:
    # Imported here: what it lies beside reads rows, and the first question needs none.
    from runner.data.dialogues.collected import leaves_out

    return leaves_out("process", f"{path}:")
