"""The tools, each a function whose text and arguments are what an agent sees of it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from mcp_types import CallToolResult
from pydantic import Field

from runner.agents import commands, pages
from runner.agents.confined import check_spec, inside, run_id
from runner.agents.tool_results import Refused, answered, told
from runner.errors import EnvironmentProblem, UsageError
from runner.runs.events import EventReader
from runner.runs.run_folder import Run, find_run
from runner.spec.canonical import canonical
from runner.spec.checking import load
from runner.spec.reader import read_file
from runner.spec.repair import fix as repair
from runner.tracking.watched_run import Watched
from runner.workspace import Workspace

Spec = Annotated[
    dict[str, Any] | str,
    Field(description="The training spec: the document itself, its JSON text, or the path of its file in the folder."),
]
RunName = Annotated[str, Field(description='A run: its id, a part of one, or "last".')]
#: Lines of a log, and events, that one answer has at most.
MOST_LINES, MOST_EVENTS = 1000, 500
#: Bytes of a log's end that are looked at.
LOG_END = 1 << 20
#: What to do with a run that is not running, and is not over.
CLOSED_BY = "call stop with cancel true to close it for good; a person goes on with it: runner train --resume RUN"


class Tools:
    """What an agent may do in one folder. Every function gives a document, or an error with its place and a hint."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        #: Trainings that were begun here.
        self.begun: list[int] = []

    def all(self) -> list[Any]:
        """The functions, in the order in which an agent will want them."""
        return [
            self.kinds, self.schema, self.validate, self.fix, self.dry_run, self.train, self.watch, self.logs,
            self.stop, self.models, self.infer, self.compare,
        ]  # fmt: skip

    def kinds(
        self,
        model_type: Annotated[str | None, Field(description="One type, whose page is wanted; none lists all.")] = None,
    ) -> CallToolResult:
        """List the model types that can be trained, or give the page of one: what it is for, and its fields."""
        with told() as box:
            if model_type is None:
                box.append(answered({"kinds": pages.kinds()}))
            else:
                box.append(answered({"model_type": model_type, "page": pages.page(model_type)}))
        return box[0]

    def schema(
        self, model_type: Annotated[str, Field(description='A model type, or "evaluation-task".')]
    ) -> CallToolResult:
        """Give the JSON Schema of a model type's training spec: what `validate` enforces."""
        with told() as box:
            box.append(answered({"model_type": model_type, "schema": json.loads(pages.schema(model_type))}))
        return box[0]

    def validate(self, spec: Spec) -> CallToolResult:
        """Check a training spec: every fault at once, each with its JSON pointer and what to do. Trains nothing."""
        with told() as box:
            loaded = load(self._text(spec), self._source(spec))
            warnings = [asdict(each) for each in loaded.warnings]
            document = {"valid": True, "model_type": loaded.kind, "warnings": warnings, "spec": canonical(loaded.spec)}
            box.append(answered(document))
        return box[0]

    def fix(self, spec: Spec) -> CallToolResult:
        """Repair what is unambiguous in a training spec, and say what changed. Writes no file: the text is returned."""
        with told() as box:
            text, changes = repair(self._text(spec), self._source(spec))
            made = [asdict(each) for each in changes]
            box.append(answered({"text": text, "spec": json.loads(text), "changes": made}))
        return box[0]

    async def dry_run(self, spec: Spec) -> CallToolResult:
        """Tell what a training would do, and start nothing: rows, memory, time, whether it fits, where it is kept."""
        with told() as box:
            box.append(answered(await self._planned(spec)))
        return box[0]

    async def train(
        self,
        spec: Spec,
        start: Annotated[
            bool, Field(description="Begin the training. Without it, this is a dry run and nothing is started.")
        ] = False,
    ) -> CallToolResult:
        """Train a model. Without start this is a dry run. One that will not fit the machine is refused.

        A training that is begun goes on by itself: follow it with watch, end it with stop.
        """
        with told() as box:
            plan = await self._planned(spec)
            if not start:
                hint = "nothing was started: call train with start true to begin it"
                box.append(answered({"started": False, "hint": hint, "plan": plan}))
            else:
                fit = plan["fit"]
                if fit["label"] == "will not fit":
                    raise EnvironmentProblem(
                        f"the training will not fit: {fit['sentence']}",
                        where="/run/memory" if "/run/memory" in fit["sentence"] else None,
                        hint="change the spec, or have a person begin it: runner train --spec-file SPEC --anyway",
                    )
                commands.reap(self.begun)
                run, pid = await commands.begin(["train"], self.folder, self._text(spec))
                self.begun.append(pid)
                document = {"started": True, "run": run, "fit": fit, "stored_as": plan["stored_as"]}
                box.append(answered(document | {"hint": f"follow it: watch with run {run}"}))
        return box[0]

    def watch(
        self,
        run: RunName = "last",
        since: Annotated[int, Field(ge=0, description="Events that were seen already: `next` of the last answer.")] = 0,
        limit: Annotated[int, Field(ge=1, le=MOST_EVENTS, description="At most this many events.")] = 100,
    ) -> CallToolResult:
        """Tell how a run goes: its state, how far it is, the newest figures, and its events since a place.

        The answer's `next` is what to give as `since` the next time. `over` says that no more will come.
        """
        with told() as box:
            commands.reap(self.begun)
            found = self._run(run)
            # Asked before the events are read: what was told until then is read then.
            state = found.state()
            events = list(EventReader(found.path).documents())
            watched = Watched(found.path)
            watched.look()
            seen = events[since : since + limit]
            over = state.state not in ("running", "pending")
            document = {
                "run": found.id,
                "state": state.state,
                "over": over and since + len(seen) >= len(events),
                "position": f"{watched.label} {watched.position}".strip(),
                "seconds_left": watched.left(),
                "figures": watched.figures,
                "events": seen,
                "next": min(since, len(events)) + len(seen),
                "model": state.model,
                "failure": state.failure.to_document() if state.failure else None,
            }
            box.append(answered(document))
        return box[0]

    def logs(
        self,
        run: RunName = "last",
        lines: Annotated[int, Field(ge=1, le=MOST_LINES, description="The last so many lines.")] = 100,
    ) -> CallToolResult:
        """Give the end of what a run's worker printed: where to look when a run failed."""
        with told() as box:
            found = self._run(run)
            try:
                with (found.path / "log.txt").open("rb") as file:
                    size = file.seek(0, 2)
                    file.seek(max(0, size - LOG_END))
                    text = file.read().decode("utf-8", "replace")
            except FileNotFoundError:
                text = ""
            box.append(answered({"run": found.id, "lines": text.splitlines()[-lines:]}))
        return box[0]

    async def stop(
        self,
        run: RunName,
        cancel: Annotated[bool, Field(description="Close the run for good: it cannot be resumed.")] = False,
    ) -> CallToolResult:
        """Ask a run to save a checkpoint and stop; it can be resumed. Waits until it has."""
        with told() as box:
            words = ["runs", "stop", self._run(run).id, *(["--cancel"] if cancel else [])]
            try:
                document = await commands.run(words, self.folder)
            except Refused as error:
                # The command's hint names its flag, which an agent has not.
                if "--cancel" in (error.document.get("hint") or ""):
                    error.document["hint"] = CLOSED_BY
                raise
            commands.reap(self.begun)
            box.append(answered(document))
        return box[0]

    async def models(self) -> CallToolResult:
        """List the stored models, with their metrics."""
        with told() as box:
            document = await commands.run(["models"], self.folder)
            box.append(answered({"models": document["models"]}))
        return box[0]

    async def infer(
        self,
        model: Annotated[str, Field(description="A stored model: TYPE/NAME or TYPE/NAME/vN.")],
        prompts: Annotated[list[str] | None, Field(description="Texts to answer.")] = None,
        messages: Annotated[
            list[list[dict[str, Any]]] | None, Field(description="Conversations: turns with role and content.")
        ] = None,
        rows: Annotated[list[dict[str, Any]] | None, Field(description="Rows, as the model's data has them.")] = None,
        options: Annotated[
            dict[str, Any] | None, Field(description="Options of the model's task, such as max_new_tokens.")
        ] = None,
    ) -> CallToolResult:
        """Ask a stored model: scores, classes, numbers or texts, as its task is. One of prompts, messages, rows."""
        with told() as box:
            if model.startswith(("/", ".", "~")):
                model = str(inside(self.folder, model, "model"))
            for at, row in enumerate(rows or ()):
                check_spec(self.folder, {"rows": {str(at): row}})
            check_spec(self.folder, {"options": options or {}})
            job = {"model": model, "prompts": prompts, "messages": messages, "rows": rows, "options": options}
            box.append(answered(await commands.work(job, self.folder)))
        return box[0]

    async def compare(
        self,
        specs: Annotated[list[str], Field(min_length=2, description="Paths of spec files in the folder.")],
        data: Annotated[str | None, Field(description="A data set or a file in place of every spec's.")] = None,
        start: Annotated[
            bool, Field(description="Train them and measure. Without it, the specs are only checked.")
        ] = False,
    ) -> CallToolResult:
        """Train several specs on one split, into one table with intervals. Without start they are only checked."""
        with told() as box:
            if data is not None:
                check_spec(self.folder, {"data": data})
            files = [inside(self.folder, name, f"specs/{at}") for at, name in enumerate(specs)]
            plans = [await self._planned(str(file)) | {"file": name} for name, file in zip(specs, files, strict=True)]
            if not start:
                keys = ("file", "stored_as", "data", "fit", "estimate")
                hint = "nothing was started: call compare with start true to train and measure them"
                known = [{key: plan[key] for key in keys} for plan in plans]
                box.append(answered({"started": False, "hint": hint, "plans": known}))
            else:
                if unfit := [plan["file"] for plan in plans if plan["fit"]["label"] == "will not fit"]:
                    raise EnvironmentProblem(
                        f"{', '.join(unfit)} will not fit this machine", hint="dry_run says what takes how much"
                    )
                words = ["compare", *map(str, files), *(["--data", data] if data is not None else [])]
                document = await commands.run(words, self.folder)
                box.append(answered({"started": True} | document))
        return box[0]

    async def _planned(self, spec: dict[str, Any] | str) -> dict[str, Any]:
        data = self._text(spec)
        loaded = load(data, self._source(spec))
        check_spec(self.folder, canonical(loaded.spec))
        document = await commands.run(["train", "--dry-run"], self.folder, data)
        if not isinstance(document, dict):
            raise Refused({"error": "internal", "exit_code": 70, "message": "a dry run gave no document", "hint": None})
        return document

    def _text(self, spec: dict[str, Any] | str) -> bytes:
        if isinstance(spec, dict):
            return json.dumps(spec, ensure_ascii=False, indent=2).encode("utf-8", "surrogatepass")
        if spec.lstrip().startswith(("{", "[")):
            return spec.encode("utf-8", "surrogatepass")
        return read_file(inside(self.folder, spec, "spec"))

    def _source(self, spec: dict[str, Any] | str) -> str:
        return spec if isinstance(spec, str) and not spec.lstrip().startswith(("{", "[")) else "<spec>"

    def _run(self, name: str) -> Run:
        found = find_run(Workspace.current().runs, run_id(name))
        if not found.path.resolve().is_relative_to(Workspace.current().runs.resolve()):
            raise UsageError(f"{name!r} is a link that leads out of the runs", where="run")
        return found
