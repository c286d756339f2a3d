"""The wizard for supervised fine-tuning: a file, conversations typed in by hand, or a teacher's answers.

It ends in a spec and in one Python script that trains the same, and offers to run it. The walk is that of OpenPipe's
"train-sft" wizard.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runner import registry
from runner.chat.endpoints.addresses import fault_of as address_fault
from runner.contract.quantities import counted
from runner.errors import DataError, Interrupted, RunnerError, SpecError, UsageError
from runner.execution.data_trial import DataTrial, read_data
from runner.spec.checking import load_object
from runner.store.files import write_atomic, write_json
from runner.store.names import name_fault
from runner.tracking.wandb_login import find_key
from runner.training import pretrained
from runner.wizard import sft_rows
from runner.wizard.catalog import models_for
from runner.wizard.consequences import Consequences
from runner.wizard.draft import SavedDraft
from runner.wizard.question_types import Asker, Choice, Command, Question
from runner.wizard.saved_walk import WalkAnswers
from runner.wizard.sft_defaults import ALL_STEPS, SftDefaults, defaults, warmup_ratio
from runner.wizard.sft_script import Teacher, script
from runner.wizard.untended import Untended
from runner.wizard.watched_script import WATCHED, WatchedScript
from runner.workspace import Workspace, absolute, current_folder

FILE, INLINE, DISTILLATION = "file", "inline", "distillation"
SCENARIOS = {
    FILE: "a JSONL file of conversations",
    INLINE: "a few conversations, typed in here",
    DISTILLATION: "the answers of a larger model, a teacher",
}
OWN_PATH = "my own path"
PROJECT = "sft-project"
#: Names that say nothing of what a run is for.
EMPTY_NAMES = ("run", "test", "model", "my-model", "untitled", "foo", "asdf")
SCHEDULES = ("linear", "cosine", "constant")
#: The words for the wizard that do something here.
WORDS = {
    "back": ":back   the question before",
    "help": ":help   what is asked, and these words",
    "show": ":show   the answers so far",
    "quit": ":quit   leave; nothing is started",
}
#: Rows from which on a tenth of them is held out, and characters of a token, about.
HELD_OUT_FROM, HELD_OUT, CHARACTERS = 50, 0.1, 3.5
LENGTHS, DEFAULT_LENGTH, SHORTEST = (256, 512, 1024, 2048, 4096, 8192), 1024, 128
#: Offers of a base model that are shown, and what may be customised.
SHOWN_MODELS = 9
VALUES = {
    "epochs": "how often all rows are gone through",
    "batch_size": "rows of a step",
    "learning_rate": "the highest learning rate",
    "schedule": "how it falls: linear, cosine, constant",
    "warmup_ratio": "the share of the steps in which it rises",
    "max_length": "tokens of a row that are read",
}


@dataclass
class SftResult:
    """What the wizard left."""

    #: The spec, and where it and the script lie.
    document: dict[str, Any]
    spec_path: Path
    script_path: Path
    #: What is learned: a file that is there, or that the script makes.
    data_path: Path
    rows: int
    #: The exit code of the script; None where it was not run, or goes on.
    code: int | None = None
    #: The process that goes on, where one does.
    process: int | None = None


@dataclass
class _Material:
    """What is learned."""

    data: str = ""
    rows: int = 0
    usual: int = 0
    conversations: list[list[dict[str, Any]]] | None = None
    teacher: Teacher | None = None
    #: A file that is read once the run has a name: the source, and whether bad lines are left out.
    unwrapped: tuple[Path, bool] | None = None


def run(
    asker: Asker,
    workspace: Workspace,
    given: Mapping[str, Any] | None = None,
    saved: SavedDraft | None = None,
    left: WalkAnswers | None = None,
) -> SftResult:
    """Ask what is needed, write the spec and the script, and run the script where that is wanted.

    Args:
        asker: who asks.
        workspace: where models are stored.
        given: answers that are not asked for, by the questions' keys: ``scenario``, ``file``, ``base_model``,
            ``project``, ``run_name``, ``teacher``, ``base_url``, ``key_env``, ``prompts``, ``conversations``, the
            values of training, ``script``, ``spec``, ``run``, ``wandb``.
        saved: where the answers are kept after each, until the spec and the script are written.
        left: answers that were kept before, which are given again until something else is asked.

    Raises :class:`UsageError` for an answer in ``given`` that is none, :class:`Interrupted` where it is left.
    """
    return _Walk(asker, workspace, dict(given or {}), saved, left).run()


class _Walk:
    def __init__(
        self,
        asker: Asker,
        workspace: Workspace,
        given: dict[str, Any],
        saved: SavedDraft | None = None,
        left: WalkAnswers | None = None,
    ) -> None:
        self.asker, self.workspace, self.given = asker, workspace, given
        self.saved = saved
        self.before = (left or WalkAnswers()).begin_again()
        self.answers = WalkAnswers(given)
        self.folder = current_folder()
        #: Answers by key: what is offered where a question is asked again.
        self.kept: dict[str, Any] = {}
        self.asked = 0
        self.consequences = Consequences()
        self.material = _Material()
        self.scenario = ""
        self.question: Question | None = None
        self.length = DEFAULT_LENGTH
        self.values = SftDefaults(1, 1, 1.0, 0.0)
        self.document: dict[str, Any] = {}
        unknown = sorted(set(given) - KEYS)
        if unknown:
            raise UsageError(f"there is no answer called {unknown[0]}", hint=f"there are: {', '.join(sorted(KEYS))}")

    def run(self) -> SftResult:
        steps = (self._scenario, self._material, self._base, self._names, self._training, self._written)
        at, trail = 0, list[int]()
        while at < len(steps):
            before = self.asked
            try:
                steps[at]()
            except Command as command:
                if command.name == "back":
                    self._keep()
                    # Within a step its first question comes again; at that, the last step that asked anything.
                    at = at if self.asked > before else trail.pop() if trail else at
                else:
                    self._command(command)
                continue
            if self.asked > before:
                trail.append(at)
            at += 1
        return self._ended()

    def _command(self, command: Command) -> None:
        if command.name in ("quit", "exit"):
            raise Interrupted("left; nothing was started")
        if command.name == "show":
            for key, value in self.kept.items():
                self.asker.say(f"{key}: {value}")
        elif command.name == "help" and self.question is not None:
            told = [self.question.help or self.question.text, "It is called " + self.question.key + "."]
            self.asker.say("\n".join(f"  {line}" for line in (*told, *WORDS.values())))
        else:
            self.asker.say(f"there is no word :{command.name} here; there are :back, :help, :show and :quit")

    def _ask(self, question: Question) -> Any:
        """The answer that was given, or that a person gives now. Raises :class:`UsageError` for a given one that is
        none."""
        if question.key in self.given:
            answer = self.given[question.key]
            known = [choice.value for choice in question.choices]
            if known and not question.free and question.shape == "choice" and answer not in known:
                raise UsageError(f"{answer!r} is none of {', '.join(map(str, known))}", where=question.key)
            if answer is not None and (fault := question.check(answer)):
                raise UsageError(f"{answer!r} {fault}" if isinstance(answer, str) else fault, where=question.key)
            self.kept[question.key] = answer
            return answer
        if question.key in self.kept and question.shape in ("text", "path", "number", "choice"):
            question = replace(question, default=self.kept[question.key])
        self.question = question
        if self.before and self.before.answers(question):
            answer = self.before.take()
        else:
            answer = self.asker.ask(question)
        self.asked += 1
        self.kept[question.key] = answer
        self._keep(answer)
        return answer

    def _keep(self, *answer: Any) -> None:
        """Keep what was answered to the last question, or that it was gone back from."""
        if self.saved is not None and self.question is not None:
            self.answers.answers.append([self.question.key, *answer])
            self.saved.save(self.answers)

    def _scenario(self) -> None:
        choices = [Choice(name, title) for name, title in SCENARIOS.items()]
        self.scenario = self._ask(Question("scenario", "What is it to learn from?", "choice", FILE, choices))

    def _material(self) -> None:
        self.material = {FILE: self._file, INLINE: self._inline, DISTILLATION: self._distillation}[self.scenario]()

    def _file(self) -> _Material:
        while True:
            path = absolute(self._path(), self.folder)
            try:
                found = self._looked(path)
            except RunnerError as error:
                if "file" in self.given:
                    raise
                self.asker.say(f"{error.where or path}: {error.message}" + (f" ({error.hint})" if error.hint else ""))
                found = None
            if found is not None:
                return found
            self.kept.pop("file", None)

    def _path(self) -> str:
        files = [] if "file" in self.given else sft_rows.found_files(self.folder)
        if not files:
            text = "Which file?" if "file" in self.given else "No .jsonl file is here or below. Which file?"
            return str(self._ask(Question("file", text, "path", check=_path_fault)))
        choices = [*(Choice(str(path), str(path)) for path in files), Choice(OWN_PATH, OWN_PATH)]
        question = Question("file", "Which file?", "choice", choices=choices, free=True)
        found = self._ask(question)
        return (
            str(self._ask(Question("own_file", "Its path?", "path", check=_path_fault))) if found == OWN_PATH else found
        )

    def _looked(self, path: Path) -> _Material | None:
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
            self.asker.say(line)
        way_out = [f"{_leaves_out(path)}, and takes rows of several forms"] if otherwise else []
        for line in way_out if "file" not in self.given else []:
            self.asker.say(line)
        leave_out = False
        if checked.faults:
            if "file" in self.given and "bad_lines" not in self.given:
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
        return _Material(str(path), checked.rows, checked.usual, unwrapped=plain)

    def _by_layout(self, path: Path, read: DataTrial) -> _Material:
        """A file whose rows are conversations in other forms, which training reads as well."""
        if read.error is not None:
            raise read.error
        forms = ", ".join(str(name) for name in (read.report.facts.get("forms") or {}))
        self.asker.say(f"valid: {counted(read.report.rows_kept, 'rows')}, read as {forms}")
        return _Material(str(path), read.report.rows_kept)

    def _inline(self) -> _Material:
        if "conversations" in self.given:
            found = self.given["conversations"]
            if not isinstance(found, list) or not found:
                raise UsageError("there is no conversation", where="conversations", hint="a list of lists of turns")
            for number, turns in enumerate(found):
                if fault := sft_rows.row_fault({"messages": turns}):
                    raise UsageError(f"conversation {number + 1}: {fault}", where="conversations")
            conversations = [list(turns) for turns in found]
        else:
            conversations = self._typed()
        usual = max(sum(len(str(turn.get("content"))) for turn in turns) for turns in conversations)
        return _Material(rows=len(conversations), usual=usual, conversations=conversations)

    def _typed(self) -> list[list[dict[str, Any]]]:
        conversations: list[list[dict[str, Any]]] = []
        while True:
            turns: list[dict[str, Any]] = []
            number = len(conversations) + 1
            self.asker.say(f"conversation {number}")
            if system := self._once(Question("system", "The system's turn, if there is one?", optional=True)):
                turns.append({"role": "system", "content": system})
            more = "turn"
            while more == "turn":
                turns.append({"role": "user", "content": self._once(Question("user", "The user says?", check=_said))})
                answer = self._once(Question("assistant", "The assistant answers?", check=_said))
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

    def _once(self, question: Question) -> Any:
        """An answer that is no default for the next question of the same key."""
        answer = self._ask(question)
        self.kept.pop(question.key, None)
        return answer

    def _distillation(self) -> _Material:
        model = self._ask(Question("teacher", "Which model teaches? As its endpoint calls it.", check=_said))
        keyed = self.given.get("key_env", "KEY") is not None
        url = self._ask(
            Question("base_url", "Where is it?", default="https://openrouter.ai/api/v1", check=_address(keyed))
        )
        name = self._ask(
            Question(
                "key_env",
                "Which environment variable holds its key? (its name; nothing where no key is asked for)",
                check=_variable_fault,
                optional=True,
                help="The key itself is never asked for, and is written nowhere.",
            )
        )
        if name and not os.environ.get(name):
            self.asker.say(f"{name} is not set here: export it before the script is run")
        prompts = self._prompts()
        return _Material(rows=len(prompts), teacher=Teacher(model, url, name or None, tuple(prompts)))

    def _prompts(self) -> list[str]:
        if "prompts" in self.given:
            found = self.given["prompts"]
            prompts = _prompts_of(absolute(found, self.folder)) if isinstance(found, str) else list(found)
            if not prompts or not all(isinstance(prompt, str) and prompt.strip() for prompt in prompts):
                raise UsageError("there is no prompt", where="prompts", hint="texts, or a file with one a line")
            return list(dict.fromkeys(prompts))
        choices = [
            Choice("typed", "typed in here"),
            Choice("file", "a text file, a prompt a line, or a table's prompts"),
        ]
        if self._ask(Question("prompts_from", "What is the teacher asked?", "choice", "typed", choices)) == "file":
            while True:
                place = self._once(Question("prompts_file", "Which file?", "path", check=_path_fault))
                try:
                    prompts = _prompts_of(absolute(place, self.folder))
                except RunnerError as error:
                    self.asker.say(f"{error.where or place}: {error.message}")
                    continue
                self.asker.say(counted(len(prompts), "prompts"))
                return prompts
        prompts = [self._once(Question("prompt", "The first prompt?", check=_said))]
        while more := self._once(Question("prompt", "The next one? (nothing where that is all)", optional=True)):
            prompts.append(more)
        return list(dict.fromkeys(prompts))

    def _base(self) -> None:
        offers = models_for("sft", self.workspace)
        shown = [offer for offer in offers if offer.here or offer.recommended][:SHOWN_MODELS]
        choices = [Choice(offer.name, offer.name, offer.sentence()) for offer in shown]
        at_hand = [offer for offer in shown if offer.here and offer.source != "drawn"]
        sure = next((offer for offer in at_hand if offer.recommended), None)
        first = next(iter(at_hand), shown[0])
        text = "Which model is trained on? One of these, a Hub name, or a folder."
        question = Question("base_model", text, "choice", first.name, choices, free=True, check=self._base_fault)
        if isinstance(self.asker, Untended):
            # Nobody is asked: one that is recommended and needs no download is taken, and said.
            question = replace(question, default=sure and sure.name, why=sure.sentence() if sure else "", said=True)
        base = self._ask(question)
        self.base = str(base)
        rows = self.material.usual / CHARACTERS
        length = next((each for each in LENGTHS if each >= rows), LENGTHS[-1]) if rows else DEFAULT_LENGTH
        self.length = next(
            each for each in (length, *reversed(LENGTHS), SHORTEST) if each <= length and self._fits(each)
        )

    def _base_fault(self, name: Any) -> str | None:
        if not isinstance(name, str) or not name.strip():
            return "names no model"
        if name.startswith("sft/") or any(offer.name == name for offer in models_for("sft", self.workspace)):
            return None
        place = absolute(name, self.folder)
        if pretrained.is_hub_name(name) and "/" in name:
            return None
        if not (place / "config.json").is_file():
            return "is no Hub name (ORGANISATION/NAME), and no folder that holds a model"
        return None

    def _fits(self, length: int) -> bool:
        """Whether the base reads so many tokens, as far as its configuration tells; one that is not here may."""
        folder = pretrained.at_hand(self.base, None, self.workspace.cache)
        if folder is None or length == SHORTEST:
            return True
        spec = registry.load("sft").Spec(model_type="sft", base_model_name=self.base, max_length=length)  # type: ignore[call-arg]
        return not spec.misfits({"base_model_name": folder})

    def _names(self) -> None:
        self.project = self._ask(
            Question("project", "What is the project called?", default=PROJECT, check=_project_fault)
        )
        text = "And this run? A name that says what it is for, such as pii-redactor-001."
        self.name = self._ask(Question("run_name", text, check=_run_fault))
        self.wandb = bool(self.given.get("wandb"))
        if "wandb" not in self.given and find_key():
            question = Question("wandb", "Follow it on Weights & Biases? Its key was found.", "yes_no", True)
            self.wandb = bool(self._ask(question))

    def _training(self) -> None:
        found = defaults(self.material.rows, inline=self.scenario == INLINE)
        self.asker.say(found.sentence() + f", max length {self.length}")
        own = {name for name in VALUES if name in self.given}
        if not own and "values" not in self.given:
            choices = [Choice("defaults", "use these (recommended)"), Choice("customise", "change some of them")]
            if self._ask(Question("values", "Train with these?", "choice", "defaults", choices)) == "customise":
                choices = [Choice(name, name, told) for name, told in VALUES.items()]
                own = set(self._ask(Question("which", "Which of them?", "several", choices=choices)) or ())
        values: dict[str, Any] = {name: self._value(name, found) for name in VALUES if name in own}
        self.length = int(values.pop("max_length", self.length))
        self.values = replace(found, **values)
        if "warmup_ratio" not in values:
            ratio = warmup_ratio(self.material.rows, self.values.epochs, self.values.batch_size)
            self.values = replace(self.values, warmup_ratio=ratio)
        self.document = self._spec()
        try:
            load_object(self.document)
        except SpecError as error:
            if self.given.keys() & {*VALUES, "base_model", "run_name", "project"}:
                raise
            for fault in error.faults:
                self.asker.say(f"{fault.pointer}: {fault.message}")
            self._training()

    def _value(self, name: str, found: SftDefaults) -> Any:
        default = self.length if name == "max_length" else getattr(found, name)
        if name == "schedule":
            choices = [Choice(each, each) for each in SCHEDULES]
            return self._ask(Question(name, VALUES[name], "choice", default, choices))
        whole = name in ("epochs", "batch_size", "max_length")
        answer = _number(self._ask(Question(name, VALUES[name], "number", default, check=_number_fault(name))))
        assert answer is not None
        return int(answer) if whole else float(answer)

    def _spec(self) -> dict[str, Any]:
        values = self.values
        held = HELD_OUT if self.material.rows >= HELD_OUT_FROM else 0
        ratio = min(values.warmup_ratio, ALL_STEPS)
        return {
            "model": {
                "name": self.name,
                "spec": {
                    "model_type": "sft",
                    "base_model_name": self.base,
                    "finetuning_spec": {"method": "lora"},
                    "optimizer": {"optimizer_type": "adamw", "learning_rate": values.learning_rate},
                    "schedule": {"schedule_type": values.schedule, "warmup_ratio": ratio},
                    "max_length": self.length,
                },
            },
            "data": {"dataset": self.material.data or f"{self.name}.jsonl", "validation_split": held},
            "epochs": values.epochs,
            "batch_size": values.batch_size,
            "log": {"run_name": f"{self.project}/{self.name}"},
        } | ({"wandb": {"project": self.project, "config_name": self.name}} if self.wandb else {})

    def _written(self) -> None:
        material = self.material
        spec = self._new_file("spec", "Where does the spec go?", f"{self.name}.json", ".json")
        place = self._new_file("script", "Where does the script go?", "sft_train.py", ".py")
        if material.unwrapped is not None or not material.data:
            data = _free(self.folder / f"{self.name}.jsonl")
            self.document["data"]["dataset"] = data.name
            if material.unwrapped is not None:
                source, without_faults = material.unwrapped
                sft_rows.written_plainly(source, data, without_faults=without_faults)
                self.asker.say(f"the rows are in {data.name}, as training reads them")
            elif material.conversations is not None:
                sft_rows.written_pairs(material.conversations, data)
        write_json(spec, self.document)
        text = script(
            self.document,
            path=place.name,
            spec_path=spec.name,
            data_path=self.document["data"]["dataset"],
            conversations=material.conversations,
            teacher=material.teacher,
        )
        write_atomic(place, text.encode())
        self.spec_path, self.script_path = spec, place
        # What is asked now changes none of them.
        if self.saved is not None:
            self.saved.drop()
            self.saved = None
        self.asker.say(f"written: {spec.name}, {place.name}")
        self.asker.say(f"run it: python {place.name}    or: runner train --spec-file {spec.name}")

    def _new_file(self, key: str, text: str, name: str, ending: str) -> Path:
        default = _free(self.folder / name).name
        answer = self._ask(Question(key, text, "path", default, check=_ending(ending, self.folder)))
        return absolute(answer, self.folder)

    def _ended(self) -> SftResult:
        data = absolute(self.document["data"]["dataset"], self.folder)
        result = SftResult(self.document, self.spec_path, self.script_path, data, self.material.rows)
        if data.exists():
            for line in self.consequences.tell(self.document, self.workspace, quick=True):
                self.asker.say(line)
        else:
            self.asker.say(f"the script asks the teacher {counted(self.material.rows, 'prompts')} first")
        try:
            wanted = self._ask(Question("run", "Train it now?", "yes_no", True))
        except Command:
            wanted = False
        return self._watched(result) if wanted else result

    def _watched(self, result: SftResult) -> SftResult:
        running = WatchedScript.start(result.script_path, self.folder)
        self.asker.say(f"it runs; its words are in {running.log.name} too")
        while True:
            result.code = running.watch(self.asker.say, self.given.get("watch_seconds", WATCHED))
            if result.code is not None:
                break
            choices = [
                Choice("watch", "watch on"),
                Choice("background", "let it go on by itself"),
                Choice("stop", "stop it, with a checkpoint"),
            ]
            try:
                then = self._once(Question("then", "It runs still. What now?", "choice", "watch", choices))
            except (Command, Interrupted):
                then = "background"
            if then == "background":
                result.process = running.process.pid
                self.asker.say(f"it goes on as process {result.process}: runner runs logs last --follow")
                return result
            if then == "stop":
                result.code = running.stop()
                break
        for line in running.end_text(result.code):
            self.asker.say(line)
        return result


#: Answers that may be given.
KEYS = {
    "scenario", "file", "own_file", "bad_lines", "conversations", "teacher", "base_url", "key_env", "prompts",
    "base_model", "project", "run_name", "wandb", "values", "spec", "script", "run", "watch_seconds", *VALUES,
}  # fmt: skip
#: Those of them that are yes or no.
FLAGS = ("run", "wandb")
#: What `runner new sft` calls.
walk = run


def given_of(pairs: Sequence[str]) -> dict[str, Any]:
    """Answers that were typed as ``KEY=VALUE``: ``run=no``, ``epochs=3``, ``prompts=prompts.txt``.

    ``conversations`` is JSON: a list of lists of turns. Raises :class:`UsageError` for what is no such pair.
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals:
            raise UsageError(f"{pair!r} is no KEY=VALUE", hint="such as epochs=3")
        found[key] = text
        if key in FLAGS:
            if text.lower() not in ("yes", "no", "true", "false"):
                raise UsageError(f"{text!r} is neither yes nor no", where=key)
            found[key] = text.lower() in ("yes", "true")
        elif key == "conversations":
            try:
                found[key] = json.loads(text)
            except (ValueError, RecursionError) as error:
                raise UsageError(f"is no JSON: {error}", where=key) from None
        elif key == "key_env":
            found[key] = text or None
    return found


def _said(answer: Any) -> str | None:
    return None if isinstance(answer, str) and answer.strip() else "says nothing"


def _leaves_out(path: Path) -> str:
    # Imported here: what it lies beside reads rows, and the first question needs none.
    from runner.data.dialogues.collected import leaves_out

    return leaves_out("process", f"{path}:")


def _path_fault(answer: Any) -> str | None:
    if not isinstance(answer, str) or not answer.strip():
        return "names no file"
    return "has a control character" if any(ord(letter) < 32 for letter in answer) else None


def _address(keyed: bool) -> Callable[[Any], str | None]:
    return lambda answer: address_fault(answer, keyed=keyed) if isinstance(answer, str) else "is no address"


def _variable_fault(answer: Any) -> str | None:
    if answer in (None, ""):
        return None
    if not isinstance(answer, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,127}", answer):
        return "is no variable's name; the key itself is never asked for"
    return None


def _project_fault(answer: Any) -> str | None:
    if not isinstance(answer, str) or not re.fullmatch(r"[^/\\#?%:\x00-\x1f]{1,128}", answer):
        return "is 1 to 128 characters, none of / \\ # ? % :"
    return None


def _run_fault(answer: Any) -> str | None:
    if not isinstance(answer, str):
        return "is no name"
    if fault := name_fault(answer):
        return f"{fault}: a name is one word of letters, digits and dashes, such as math-tutor-001"
    return "says nothing of what it is for" if answer.lower() in EMPTY_NAMES else None


def _number(answer: Any) -> float | None:
    """A number, also where it was typed; None for anything else."""
    if isinstance(answer, bool):
        return None
    try:
        found = float(answer)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def _number_fault(name: str) -> Callable[[Any], str | None]:
    def fault(answered: Any) -> str | None:
        answer = _number(answered)
        if answer is None:
            return "is no number"
        if name in ("epochs", "batch_size", "max_length") and (answer != int(answer) or answer < 1):
            return f"{name} is a whole number, at least 1"
        if name == "max_length" and answer < 8:
            return "max_length is at least 8"
        if name == "learning_rate" and not 0 < answer < 1:
            return "the learning rate is above 0 and below 1"
        if name == "warmup_ratio" and not 0 <= answer <= 1:
            return "the share is from 0 to 1"
        return None

    return fault


def _ending(ending: str, folder: Path) -> Callable[[Any], str | None]:
    def fault(answer: Any) -> str | None:
        if (told := _path_fault(answer)) is not None:
            return told
        if not answer.endswith(ending):
            return f"ends in {ending}"
        place = absolute(answer, folder)
        if place.exists():
            return "is there already: name another"
        return None if place.parent.is_dir() else "is in a folder that is not there"

    return fault


def _free(path: Path) -> Path:
    """The path, or one with a number where that is taken."""
    number, found = 1, path
    while found.exists():
        number += 1
        found = path.with_name(f"{path.stem}_{number}{path.suffix}")
    return found


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
