"""The verbs, each by the name of the module that does it, and the one place where errors are printed."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from runner import __version__
from runner.cli import streams
from runner.cli.output import error_text, print_json
from runner.cli.streams import ReaderGone
from runner.errors import ExitCode, Interrupted, RunnerError, UsageError

if TYPE_CHECKING:
    from cyclopts import App

#: verb -> (module:function, help line). Help is written here so that listing the verbs imports none of them.
VERBS = {
    "new": ("runner.cli.new:new", "Make a spec by questions, and train it: `runner` alone does so at a terminal."),
    "train": ("runner.cli.train:train", "Train a model from a spec."),
    "quickstart": ("runner.cli.quickstart:quickstart", "Train a first model here, on sample data that it writes."),
    "infer": ("runner.cli.infer:infer", "Answer rows with a stored model."),
    "chat": ("runner.cli.chat:chat", "Talk with a stored language model."),
    "serve": ("runner.cli.serve:serve", "Serve stored models over HTTP, as OpenAI's clients ask for them."),
    "mcp": ("runner.cli.mcp:mcp", "Serve this folder to agents and editors (Model Context Protocol)."),
    "merge": ("runner.cli.merge:merge", "Put a stored adapter into its base: a model that stands alone."),
    "route": ("runner.cli.route:route", "Choose an LLM for every prompt, by score and cost."),
    "evaluate": (
        "runner.cli.evaluate:evaluate",
        "Ask language models the tasks of some files; figures with intervals.",
    ),
    "compare": ("runner.cli.compare:compare", "Train several specs on one split, side by side in one table."),
    "validate": ("runner.cli.validate:validate", "Check specs; every fault at once."),
    "schema": ("runner.cli.schema:schema", "Print the published JSON Schema."),
    "models": ("runner.cli.models:models", "List stored models, and the model types that exist."),
    "replay": ("runner.cli.replay:replay", "Run a stored model's spec again and report the differences."),
    "clean": ("runner.cli.clean:clean", "Remove what can be made again; shown first, done with --yes."),
    "completion": ("runner.cli.completion:completion", "Install completion for your shell."),
    "doctor": ("runner.cli.doctor:doctor", "Check the engine, GPU, key, disk and cached models."),
    "worker": ("runner.cli.worker:worker", "Execute a planned run's directory (what executors start)."),
}
GROUPS = {
    "spec": (
        "Write specs.",
        {
            "fix": ("runner.cli.spec:fix", "Repair what is unambiguous and say what changed."),
            "import": ("runner.cli.spec_import:import_", "Make a spec of another program's configuration or command."),
            "export": ("runner.cli.spec_export:export_", "Write a spec as another program's configuration."),
        },
    ),
    "data": (
        "Look at data before training on it, and prepare it.",
        {
            "check": ("runner.cli.data:check", "What training would make of every row, and what to do."),
            "show": ("runner.cli.data:show_rows", "Print rows as a model would get them."),
            "convert": ("runner.cli.data_convert:convert", "Write data in the one form of a kind's rows."),
            "process": ("runner.cli.data_steps:process", "Make rows to train on of raw files of any container."),
            "style": ("runner.cli.data_steps:style", "Put a style's words into every system turn."),
            "dedupe": ("runner.cli.data_steps:dedupe", "Leave each row in once: equal ones, and nearly equal ones."),
            "split": ("runner.cli.data_steps:split", "Divide rows into train, validation and test, by what they ask."),
            "render": ("runner.cli.data_steps:render", "Write rows as the texts that a model reads and writes."),
            "stats": ("runner.cli.data_stats:stats", "Rows, turns, lengths, repeated rows and scripts."),
            "list": ("runner.cli.data_sets:list_sets", "List the stored data sets."),
            "store": ("runner.cli.data_sets:store", "Store what a step made as dataset/NAME/vN."),
            "remove": ("runner.cli.data_sets:remove", "Remove stored data sets; shown first, done with --yes."),
            "collect": ("runner.cli.data_collect:collect", "Make a matrix of outcomes: ask LLMs, grade and price."),
            "from-log": ("runner.cli.data_from_log:from_log", "Make rows to train on of what a gateway logged."),
        },
    ),
    "sweep": (
        "Many runs of one spec, with what is varied in it.",
        {
            "run": ("runner.cli.sweep:run", "Run a sweep, or go on with it where it was stopped."),
            "show": ("runner.cli.sweep:show_sweep", "Its trials: tried, became of it, came to; --html writes a page."),
            "best": ("runner.cli.sweep:best", "The best trial: its values, its model, its spec."),
            "add": ("runner.cli.sweep:add", "Ask for a trial of your own."),
            "export": ("runner.cli.sweep:export", "Write its trials as CSV or JSON."),
            "array": ("runner.cli.sweep:array", "Write its trials as a job array of Slurm."),
            "wandb": ("runner.cli.sweep_wandb:wandb", "Write it as a configuration of W&B, whose agents drive it."),
            "trial": ("runner.cli.sweep_wandb:trial", "Train one trial by values that another program chose."),
            "list": ("runner.cli.sweep:list_sweeps", "List sweeps."),
        },
    ),
    "gateway": (
        "Look at what a gateway logged.",
        {
            "report": ("runner.cli.gateway_report:report", "What the router, in shadow, would have saved and cost."),
            "replay": ("runner.cli.gateway_report:replay", "A proposed router over a log, before it is served."),
        },
    ),
    "runs": (
        "Look at runs, follow them, stop them.",
        {
            "list": ("runner.cli.runs:list_runs", "List runs, newest first."),
            "show": ("runner.cli.runs:show_run", "One run: state, metrics, failure; --html writes a page."),
            "logs": ("runner.cli.runs:logs", "Print a run's log; --follow stays with it."),
            "watch": ("runner.cli.runs_watch:watch", "Watch a run live: curves, rates, memory, the end of its log."),
            "tensorboard": ("runner.cli.runs_tensorboard:tensorboard", "Show a run in TensorBoard, and end that."),
            "stop": ("runner.cli.runs:stop", "Ask a run to checkpoint and stop."),
            "remove": ("runner.cli.runs_removal:remove", "Remove runs; shown first, done with --yes."),
            "prune": ("runner.cli.runs_removal:prune", "Remove old runs that are over; shown first."),
        },
    ),
    "remote": (
        "Look after runs on engines, by their directories.",
        {
            "status": ("runner.cli.remote:status", "Where a run on an engine stands, and what the engine says."),
            "logs": ("runner.cli.remote:logs", "Print what a run on an engine said; --follow stays with it."),
            "cancel": ("runner.cli.remote:cancel", "Close a run on an engine, and wait for its last process."),
            "stage": ("runner.cli.remote:stage", "Make a run's directory ready for whatever starts its entry command."),
            "fetch": ("runner.cli.remote:fetch", "Bring the model that a run on an engine made, and store it."),
        },
    ),
    # What `models` alone does is in VERBS.
    "models": (
        VERBS["models"][1],
        {
            "export": ("runner.cli.models_export:export", "Write a stored model as a folder or file that works alone."),
            "extend": ("runner.cli.models_extend:extend", "Let a new LLM join a stored router."),
            "deduplicate": ("runner.cli.models_deduplication:deduplicate", "Make one file of copies in the store."),
            "remove": ("runner.cli.models_removal:remove", "Remove stored models; shown first, done with --yes."),
            "prune": ("runner.cli.models_removal:prune", "Remove old versions of stored models; shown first."),
        },
    ),
    "pipeline": (
        "Run steps from raw files to a trained, evaluated model.",
        {
            "run": ("runner.cli.pipeline:run", "Do a pipeline's steps, or a batch's; what is done is not done again."),
            "show": ("runner.cli.pipeline:show_pipeline", "One pipeline: its steps and what each came to."),
            "list": ("runner.cli.pipeline:list_pipelines", "List pipelines, newest first."),
        },
    ),
    "artifacts": (
        "The queue of models to upload.",
        {
            "status": ("runner.cli.artifacts:status", "What is queued, uploaded, failed."),
            "push": ("runner.cli.artifacts:push", "Upload what is queued."),
        },
    ),
    "image": (
        "The container image that runs execute in.",
        {
            "build": ("runner.cli.image:build", "Build the image from this installation."),
            "list": (
                "runner.cli.image:list_images",
                "List the images that exist, and whether they are current.",
            ),
        },
    ),
}
#: Modules that have something to finish when the process ends: threads, services, secrets on disk.
LONG_LIVED = {
    "torch",
    "wandb",
    "mcp",
    "docker",
    "pyarrow",
    "runner.execution.train_and_resume",
    "runner.execution.worker",
}
EPILOGUE = """Examples:
  runner train --spec-file specs/quickstart.json
  cat spec.json | runner train
  runner infer --model dense_network/quickstart --models-to-score A B --prompts "P1" "P2"

`runner VERB --help` shows one verb's words with an example."""


def build(words: Sequence[str], name: str = "runner") -> App:
    """The application. Verbs are import paths: none is loaded before it is called.

    The help lines here are for the list of all verbs; a verb's own help is its docstring, which has an example.
    """
    from cyclopts import App

    listing = not words or words[0].startswith("-")
    group_listing = len(words) < 2 or words[1].startswith("-")
    app = App(
        name=name,
        help="A training run is a JSON document: check it, run it in a container, keep the model.",
        help_epilogue=EPILOGUE,
        help_format="plaintext",
        version=f"runner {__version__}",
        result_action="return_value",
        exit_on_error=False,
        print_error=False,
        suppress_keyboard_interrupt=False,
    )
    for verb, (path, help_line) in VERBS.items():
        if verb in GROUPS and not listing and words[0] in (verb, "completion"):
            continue
        more = ""
        if verb == "infer" and words[:1] == ["infer"] and "--help" in words:
            from runner.cli.infer_flags import model_options

            more = model_options(words)
        app.command(
            path, name=verb, show=verb != "worker", help_epilogue=more, **({"help": help_line} if listing else {})
        )
    for group, (help_line, verbs) in GROUPS.items():
        if group not in VERBS:
            sub = App(name=group, help=help_line, help_epilogue="", help_format="plaintext")
        elif not listing and words[0] in (group, "completion"):
            # A verb that has verbs of its own: what it does alone is loaded, so that its flags are known.
            sub = App(name=group, help_epilogue="", help_format="plaintext")
            sub.default(_load(VERBS[group][0]))
        else:
            continue
        for verb, (path, line) in verbs.items():
            more = ""
            if group == "data" and list(words[:2]) == [group, verb] and "--help" in words:
                from runner.cli.data_roles import roles_of_kind

                more = roles_of_kind(words)
            sub.command(path, name=verb, help_epilogue=more, **({"help": line} if group_listing else {}))
        app.command(sub)
    return app


def _load(path: str) -> Callable[..., object]:
    module, _, name = path.partition(":")
    loaded: Callable[..., object] = getattr(import_module(module), name)
    return loaded


def _alone() -> Sequence[str]:
    """What the program does without a word: a conversation, where a person is at a terminal; else its help."""
    from runner.wizard.terminal import interactive

    return ["new"] if interactive() else []


def _called(words: Sequence[str]) -> object:
    """What the verb of these words returns. Words that make no command are a :class:`UsageError`."""
    if words[:1] == ["validate"]:
        from runner.cli.document_checks import check_documents, only_documents

        if only_documents(words[1:]):
            files = [Path(word) for word in words[1:] if word != "--json"]
            return check_documents(files, as_json="--json" in words)
    if words[:1] == ["new"]:
        from runner.cli.begin_new import begin, plainly

        if (arguments := plainly(words[1:])) is not None:
            return begin(**arguments)
    from cyclopts import CycloptsError

    try:
        return build(words)(list(words))
    except CycloptsError as error:
        from runner.cli.former_verbs import instead

        usual = "see `runner --help`, or `runner VERB --help`; a value that begins with a dash: --flag=-VALUE"
        raise UsageError(" ".join(str(error).split()), hint=instead(words) or usual) from error


def run(words: Sequence[str]) -> int:
    """Run one command line and return its exit code. Every error that leaves the program is printed here."""
    as_json = "--json" in words
    try:
        if words[:1] == ["infer"] and "--help" not in words:
            from runner.cli.infer_flags import as_settings

            words = ["infer", *as_settings(words[1:])]
        result = _called(words or _alone())
    except RunnerError as error:
        if as_json:
            print_json(error.as_dict())
        else:
            print(error_text(error), file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        if as_json:
            print_json(Interrupted("interrupted").as_dict())
        else:
            print("interrupted", file=sys.stderr)
        return ExitCode.INTERRUPTED
    except ReaderGone:
        return ExitCode.DONE
    except Exception as error:  # noqa: BLE001 - the last line of defence: a bug of ours, said as one
        import traceback

        traceback.print_exc()
        print(f"this is a bug in runner {__version__}: please report the lines above", file=sys.stderr)
        if as_json:
            message = f"{type(error).__name__}: {error}"
            print_json({"error": "internal", "exit_code": int(ExitCode.BUG), "message": message, "hint": None})
        return ExitCode.BUG
    return result if isinstance(result, int) else ExitCode.DONE


def main() -> NoReturn:
    """The entry point of ``runner``, ``cli`` and ``python -m runner``."""
    # A light command lives for a third of a second, and would spend a fifth of that on collecting garbage: what it
    # makes, it needs. The long ones collect again (they call `gc.enable`).
    gc.disable()
    # pydantic would read the metadata of everything that is installed, to find plugins that nobody asked for.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    streams.guard()
    code = streams.settled(run(sys.argv[1:]))
    if not sys.modules.keys() & LONG_LIVED:
        # Nothing is open, nothing waits to be closed: skip taking thousands of objects apart one by one.
        os._exit(code)
    sys.exit(code)
