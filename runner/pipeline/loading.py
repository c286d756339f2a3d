"""From a pipeline's bytes to checked steps: every fault of the document and of each spec in it at once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from runner.contract import Section
from runner.data.hub_files import is_hub_name
from runner.errors import Fault, RunnerError, SpecError
from runner.pipeline import document as documents
from runner.pipeline.loaded_pipeline import Give, LoadedPipeline, LoadedStep, read_spec
from runner.pipeline.step_products import made_by, merged, model_of, rows_made, stand_in
from runner.pipeline.step_references import Made, Named, Reference, Sort, faults_of, found_in, is_reference
from runner.spec import pointers
from runner.spec.checking import LoadedSpec, load_document
from runner.spec.evaluation_checking import load_task_document, load_task_file
from runner.spec.findings import Finding, find, in_order
from runner.spec.pointers import Path
from runner.spec.reader import Document, read, read_file
from runner.workspace import absolute, current_folder


def load(data: bytes | str, source: str = "<pipeline>") -> LoadedPipeline:
    """Read and check. Raises :class:`SpecError` with every fault, in the order of the text."""
    document = read(data, source)
    reading = _Reading(document)
    steps, findings, warnings = reading.steps()
    faults: list[Finding] = _of_form(document)
    faults += [finding for finding in findings if not any(finding.at[: len(own.at)] == own.at for own in faults)]
    if faults:
        # By itself a file that is not here is told when the steps are planned: elsewhere it may be there.
        faults += reading.absent()
        raise SpecError([finding.fault for finding in in_order(faults)], source=source)
    head = document.value["pipeline"]
    return LoadedPipeline(head["name"], head.get("description"), document, steps, warnings)


def load_pipeline_file(path: FilePath | str) -> LoadedPipeline:
    """The same of a file. Raises SpecError; NotFoundError or EnvironmentProblem if it cannot be read."""
    return load(read_file(FilePath(path)), str(path))


def load_object(value: Mapping[str, Any], source: str = "<pipeline>") -> LoadedPipeline:
    """The same of a document that a program made."""
    return load(json.dumps(value, indent=2, ensure_ascii=False), source)


def _of_form(document: Document) -> list[Finding]:
    """What the published schema, and a step's own rule, say is wrong."""
    try:
        documents.document_class().model_validate_json(json.dumps(document.value))
    except ValidationError as error:
        # Imported here: the schema and jsonschema are for what is wrong alone.
        from runner.spec.pydantic_errors import faults_of as faults_of_form

        return faults_of_form(error, document, document.value, documents.schema())
    return []


class _Reading:
    """The steps of a document, read one after the other; what is wrong with any is kept and told together."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.faults: list[Finding] = []
        self.warnings: list[Fault] = []

    def steps(self) -> tuple[list[LoadedStep], list[Finding], list[Fault]]:
        """The steps that could be read, what is wrong, and what is odd."""
        rough = self._rough()
        before: dict[str, Named] = {}
        steps: list[LoadedStep] = []
        for own, verb, body, changes in rough:
            wrong = faults_of(self.document, own, before, [each[0] for each in rough])
            self.faults += wrong
            step = self._step(own, verb, body, changes, before, {finding.at[:-1] for finding in wrong})
            named = {ref.within: made_by(ref, before) for ref in own.references if ref.sort == "model"}
            trained = {each.name: each.spec for each in steps if each.spec is not None}
            step = replace(
                step,
                kinds={within: made.kind for within, made in named.items() if made is not None and made.kind},
                specs={ref.within: trained[ref.step] for ref in own.references if ref.step in trained},
            )
            if own.name not in before:
                before[own.name] = replace(own, makes=step.makes)
            steps.append(step)
        # What a spec's schema says of a reference that cannot stand there is told better by the reference.
        places = {finding.at for finding in self.faults if finding.sort != "spec"}
        faults = [finding for finding in self.faults if finding.sort != "spec" or finding.at not in places]
        return steps, faults, self.warnings

    def absent(self) -> list[Finding]:
        """The raw files of data steps that are not here, so that they are told with what else is wrong."""
        from runner.pipeline.steps.raw_rows import raw_files

        found = []
        for own, verb, body, _ in self._rough():
            given = body.get("input") if isinstance(body, dict) else None
            if verb in documents.OWN_VERBS or not isinstance(given, str) or is_hub_name(given):
                continue
            try:
                raw_files(given)
            except RunnerError as error:
                at: Path = (*own.place, verb, "input")
                found.append(find(self.document, at, "step", str(error), hint=error.hint))
        return found

    def _rough(self) -> list[tuple[Named, str, Any, Mapping[str, Any]]]:
        """Name, references, verb, what it is told, and ``with``, of every step that has one verb."""
        given = self.document.value.get("steps")
        found, places = list[tuple[Named, str, Any, Mapping[str, Any]]](), dict[str, int]()
        for at, step in enumerate(given if isinstance(given, list) else ()):
            if not isinstance(step, dict):
                continue
            said = [verb for verb in documents.verbs() if step.get(verb) is not None]
            if len(said) != 1:
                self._one_verb(at, step, said)
                continue
            (verb,) = said
            changes = step.get("with")
            if changes is not None and verb != "train":
                self._fault(("steps", at, "with"), f"is of a training, and this is {verb}", "take it out")
            changes = changes if isinstance(changes, dict) else {}
            name = step.get("name")
            name = name if isinstance(name, str) else verb
            if name in places:
                place: Path = ("steps", at, "name") if "name" in step else ("steps", at)
                other = places[name]
                self._fault(place, f"two steps are called {name!r}", f"the other is /steps/{other}: name one otherwise")
            places.setdefault(name, at)
            place = ("steps", at)
            found.append(
                (Named(name, place, self._references(place, verb, step[verb], changes)), verb, step[verb], changes)
            )
        return found

    def _one_verb(self, at: int, step: Mapping[str, Any], said: Sequence[str]) -> None:
        if said:
            self._fault(
                ("steps", at, said[1]),
                f"a step does one thing, and this is {' and '.join(said)}",
                "make two steps of it",
            )
        elif not any(key not in ("name", "with") for key in step):
            self._fault(("steps", at), "the step does nothing", f"give it one of {', '.join(documents.verbs())}")

    def _references(self, place: Path, verb: str, body: Any, changes: Mapping[str, Any]) -> list[Reference]:
        own = [((*place, verb, *path), path, value) for path, value in found_in(body)]
        for pointer, value in changes.items():
            if pointer.startswith("/"):
                start: Path = tuple(pointers.split(pointer))
                own += [((*place, "with", pointer, *path), (*start, *path), each) for path, each in found_in(value)]
        found = []
        for where, within, value in own:
            name = value[documents.REFERENCE]
            # Of one that is written inside a spec no schema tells.
            if len(value) > 1 or not isinstance(name, str):
                self._fault(where, "not what an earlier step made", f'write {{"{documents.REFERENCE}": "STEP"}} alone')
                continue
            sort = _sort_at(verb, within)
            if sort is None:
                self._fault(where, "nothing that a step makes can stand here", "write the value itself")
                continue
            step, _, part = name.partition(".")
            several = sort == "rows" and verb not in documents.OWN_VERBS
            found.append(Reference(step, part or None, where, within, sort, several))
        return found

    def _step(
        self,
        own: Named,
        verb: str,
        body: Any,
        changes: Mapping[str, Any],
        before: Mapping[str, Named],
        wrong: set[Path],
    ) -> LoadedStep:
        place = (*own.place, verb)
        step = LoadedStep(own.name, verb, place, body, changes, own.references, {})
        stand_ins = {ref.within: stand_in(ref, before) for ref in own.references if ref.place not in wrong}

        def give(within: Path, name: str) -> str:
            return stand_ins.get(within, name.replace(".", "-"))

        if verb == "train":
            spec = self._spec(step, give)
            return replace(step, spec=spec, makes={"model": model_of(spec, step, before)} if spec else {})
        section = self._section(verb, body)
        if verb == "evaluate":
            self._tasks(step, give)
            return replace(step, section=section, makes={"figures": Made("figures")})
        if verb == "infer":
            return replace(step, section=section, makes={"answers": Made("rows")})
        if verb == "merge":
            return replace(step, section=section, makes={"model": merged(body, own.references, before)})
        return replace(step, section=section, makes=rows_made(verb, section, own.references, before))

    def _section(self, verb: str, body: Any) -> Section | None:
        own: dict[str, type[Section]] = {
            "evaluate": documents.Evaluate,
            "merge": documents.Merge,
            "infer": documents.Infer,
        }
        told = own[verb] if verb in own else documents.data_body(verb)
        try:
            return told.model_validate_json(json.dumps(body))
        except ValidationError:
            return None  # told by the whole document's own check

    def _spec(self, step: LoadedStep, give: Give) -> LoadedSpec | None:
        try:
            if isinstance(step.body, dict):
                part = self.document.part(pointers.join(step.place))
                loaded = load_document(part, step.told(give))
            elif isinstance(step.body, str):
                document = read_spec(step.body)
                # A file that `with` completes is checked with it, and may lack alone what is put in.
                whole = step.told(give) if step.changes and isinstance(document.value, dict) else None
                loaded = load_document(document, whole)
            else:
                return None
        except SpecError as error:
            self.faults += [self._moved(fault, step) for fault in error.faults]
            return None
        except RunnerError as error:
            self._fault(step.place, str(error), error.hint)
            return None
        self.warnings += [self._moved(fault, step).fault for fault in loaded.warnings]
        return loaded

    def _moved(self, fault: Fault, step: LoadedStep) -> Finding:
        """A fault of a spec as one of the document: where the spec stands, or ``with`` that gave the value."""
        own: Path = tuple(pointers.split(fault.pointer)) if fault.pointer else ()
        for pointer in step.changes:
            if fault.pointer == pointer or fault.pointer.startswith(pointer + "/"):
                place: Path = (*step.place[:-1], "with", pointer, *own[len(pointers.split(pointer)) :])
                return self._placed(fault, place)
        if isinstance(step.body, str):
            message = f"{fault.place(step.body)}: {fault.message}"
            return self._placed(replace(fault, message=message), step.place)
        moved = replace(fault, pointer=pointers.join((*step.place, *own)))
        if fault.line is None:
            return self._placed(fault, (*step.place, *own))
        return Finding(moved, (*step.place, *own), "spec")

    def _placed(self, fault: Fault, place: Path) -> Finding:
        pointer = pointers.join(place)
        line, column = self.document.position(pointer)
        return Finding(replace(fault, pointer=pointer, line=line, column=column), place, "spec")

    def _tasks(self, step: LoadedStep, give: Give) -> None:
        """Check tasks that are written in the document; those of files are read when the pipeline is planned."""
        told = step.told(give)
        tasks = told.get("tasks") if isinstance(told, dict) else None
        names: dict[str, Path] = {}
        for at, task in enumerate(tasks if isinstance(tasks, list) else ()):
            place = (*step.place, "tasks", at)
            try:
                if isinstance(task, str):
                    loaded = load_task_file(absolute(task, current_folder()))
                elif isinstance(task, dict) and not is_reference(task):
                    loaded = load_task_document(self.document.part(pointers.join(place)), task)
                else:
                    continue
            except SpecError as error:
                for fault in error.faults:
                    inner: Path = tuple(pointers.split(fault.pointer)) if isinstance(task, dict) else ()
                    message = fault.message if isinstance(task, dict) else f"{fault.place(str(task))}: {fault.message}"
                    self.faults.append(self._placed(replace(fault, message=message), (*place, *inner)))
                continue
            except RunnerError as error:
                self._fault(place, str(error), error.hint)
                continue
            if loaded.task.name in names:
                self._fault(place, f"two tasks are called {loaded.task.name!r}", "name one otherwise")
            names[loaded.task.name] = place

    def _fault(self, at: Path, message: str, hint: str | None) -> None:
        self.faults.append(find(self.document, at, "step", message, hint=hint))


def _sort_at(verb: str, within: Path) -> Sort | None:
    """What can stand at a place of what a verb is told; None where nothing can that a step makes."""
    first = str(within[0]) if within else ""
    places: dict[str, Sort] = {"input": "rows", "model": "model", "models": "model"}
    if verb == "train":
        places = {"data": "rows", "model": "model"}
        # A model's own name and kind are no other model.
        return None if within[1:] in (("name",), ("spec", "model_type")) else places.get(first)
    if first == "tasks":
        return None if len(within) < 3 else "rows" if within[-1] == "dataset" else "model"
    return places.get(first)
