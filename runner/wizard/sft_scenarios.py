"""The wizard for supervised fine-tuning: a file, conversations typed in by hand, or a teacher's answers.

It ends in a spec and in one Python script that trains the same, and offers to run it. The walk is that of OpenPipe's
"train-sft" wizard.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runner import registry
from runner.contract.quantities import counted
from runner.errors import Interrupted, SpecError, UsageError
from runner.spec.checking import load_object
from runner.store.files import write_atomic, write_json
from runner.tracking.wandb_key import find_key
from runner.training import pretrained
from runner.wizard import sft_answers, sft_rows
from runner.wizard.catalog import models_for
from runner.wizard.draft import SavedDraft
from runner.wizard.prompt_interface import Asker, Choice, Command, Question
from runner.wizard.sft_answers import KEYS, VALUES, WORDS
from runner.wizard.sft_defaults import ALL_STEPS, SftDefaults, defaults, warmup_ratio
from runner.wizard.sft_material import SftMaterial, SftSource
from runner.wizard.sft_saved_answers import WalkAnswers
from runner.wizard.sft_script import script
from runner.wizard.training_forecast import Consequences
from runner.wizard.unattended import Untended
from runner.wizard.watched_script import WATCHED, WatchedScript
from runner.workspace import Workspace, absolute, current_folder

FILE, INLINE, DISTILLATION = "file", "inline", "distillation"
SCENARIOS = {
    FILE: "a JSONL file of conversations",
    INLINE: "a few conversations, typed in here",
    DISTILLATION: "the answers of a larger model, a teacher",
}
PROJECT = "sft-project"
SCHEDULES = ("linear", "cosine", "constant")
#: Rows from which on a tenth of them is held out, and characters of a token, about.
HELD_OUT_FROM, HELD_OUT, CHARACTERS = 50, 0.1, 3.5
LENGTHS, DEFAULT_LENGTH, SHORTEST = (256, 512, 1024, 2048, 4096, 8192), 1024, 128
#: Offers of a base model that are shown, and what may be customised.
SHOWN_MODELS = 9


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
        #: What was said since a person answered last.
        self.told = set[str]()
        self.consequences = Consequences()
        self.material = SftMaterial()
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
            except KeyboardInterrupt:
                raise Interrupted("setup cancelled; nothing was started") from None
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
        elif command.name == "why" and self.question is not None:
            self.asker.say(f"  {sft_answers.why(self.question, self.kept)}")
        else:
            self.asker.say(f"there is no word :{command.name} here; there are :back, :help, :why, :show and :quit")

    def _say(self, text: str) -> None:
        """Tell of what was answered; what was answered before may be gone through more than once, and is told once."""
        if text not in self.told:
            self.asker.say(text)
        self.told.add(text)

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
            self.told.clear()
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
        source = SftSource(self._ask, self._once, self._say, self._forget, self.given, self.folder)
        self.material = {FILE: source.file, INLINE: source.inline, DISTILLATION: source.distillation}[self.scenario]()

    def _forget(self, key: str) -> None:
        self.kept.pop(key, None)

    def _once(self, question: Question) -> Any:
        """An answer that is no default for the next question of the same key."""
        answer = self._ask(question)
        self.kept.pop(question.key, None)
        return answer

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
            Question("project", "What is the project called?", default=PROJECT, check=sft_answers.project_fault)
        )
        text = "And this run? A name that says what it is for, such as pii-redactor-001."
        self.name = self._ask(Question("run_name", text, check=sft_answers.run_fault))
        self.wandb = bool(self.given.get("wandb"))
        if "wandb" not in self.given and find_key():
            question = Question("wandb", "Follow it on Weights & Biases? Its key was found.", "yes_no", True)
            self.wandb = bool(self._ask(question))

    def _training(self) -> None:
        found = defaults(self.material.rows, inline=self.scenario == INLINE)
        self._say(found.sentence() + f", max length {self.length}")
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
        answer = sft_answers.number_of(
            self._ask(Question(name, VALUES[name], "number", default, check=sft_answers.number_fault(name)))
        )
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
            data = sft_answers.free_path(self.folder / f"{self.name}.jsonl")
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
        default = sft_answers.free_path(self.folder / name).name
        answer = self._ask(Question(key, text, "path", default, check=sft_answers.new_file_fault(ending, self.folder)))
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


#: What `runner new sft` calls.
walk = run
