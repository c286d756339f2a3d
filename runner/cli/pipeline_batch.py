"""``runner pipeline run`` of a batch."""

from __future__ import annotations

import gc
import shlex
import shutil
from typing import Any

from runner.cli.output import error_text, say, show, table
from runner.cli.program_name import as_called
from runner.errors import ExitCode, Stopped
from runner.workspace import Workspace


def run_batch(data: bytes, source: str, executor: str | None, *, dry_run: bool, as_json: bool) -> int:
    """Check and run every pipeline of a batch; each is shown as it ends, and the table at the end. The exit code is
    that of the first that failed."""
    from runner.cli.infer import progress_shown, sigterm_raises
    from runner.cli.pipeline_watching import watching
    from runner.inference.inferring import Terminated
    from runner.pages.table_text import as_text
    from runner.pipeline.batches import batch_running
    from runner.pipeline.batches.batch_tables import states, tables_of
    from runner.pipeline.batches.expanding import BatchMember, load_batch
    from runner.pipeline.planning import StepsError
    from runner.pipeline.verbs import Watching

    workspace = Workspace.current()
    batch = load_batch(data, source)
    try:
        if dry_run:
            planned = batch_running.check(batch, workspace, executor)
            document = {
                "batch": batch.name,
                "parallel": batch.parallel,
                "pipelines": [
                    {"document": member.pipeline.document.value}
                    | {"done": [each.name for each in planned[member.pipeline.name] if each.done is not None]}
                    for member in batch.members
                ],
            }
            rows = [(name, *_counts(steps)) for name, steps in planned.items()]
            show(document, lambda: table(("PIPELINE", "STEPS", "TO DO"), rows), as_json=as_json)
            return ExitCode.DONE
        gc.enable()
        with sigterm_raises(Terminated), progress_shown() as emit:

            def followed(member: BatchMember) -> Watching:
                if batch.parallel == 1:
                    own: Watching = watching(emit)
                    return own
                return Watching(say=lambda text: say(f"{member.pipeline.name}: {text}"))

            ended = batch_running.run_batch(
                batch,
                workspace,
                executor=executor,
                watching=followed,
                say=say,
                command=f"{as_called()} pipeline run {shlex.quote(source)}",
            )
    except Terminated:
        raise Stopped("stopped: what is done is kept", hint="the same command goes on from there") from None
    except StepsError as error:
        for name, each in error.errors if not as_json else ():
            say(f"{name}: {error_text(each)}")
        raise

    def human() -> str:
        width = shutil.get_terminal_size((120, 24)).columns
        parts = [table(("PIPELINE", "STATE", "WHAT IT CAME TO"), states(ended.members))]
        parts += [as_text(each, width) for each in tables_of(ended.members)]
        return "\n\n".join([*parts, str(ended.page)])

    show(ended.as_dict(), human, as_json=as_json, kept=f"the batch is in {ended.folder}")
    if ended.error is not None:
        if not as_json:
            say(error_text(ended.error))
        return int(ended.error.code)
    return ExitCode.DONE


def _counts(steps: Any) -> tuple[str, str]:
    return ", ".join(each.name for each in steps), ", ".join(
        each.name for each in steps if each.done is None
    ) or "nothing"
