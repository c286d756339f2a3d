"""``runner doctor``"""

from __future__ import annotations

import sys

from runner.cli.output import show
from runner.cli.parameters import Json
from runner.errors import ExitCode
from runner.workspace import Workspace

MARKS = {"ok": "ok     ", "note": "note   ", "missing": "MISSING"}


def doctor(*, json: Json = False) -> int:
    """Check the engine, the GPU, keys, disk, packages and cached models, and say what to do about what is missing.

    Example: runner doctor

    Exits 6 when nothing can train here: neither in a container nor as a local process.
    """
    from runner.execution.machine_check import diagnose

    workspace = Workspace.current()
    findings = diagnose(workspace)
    able = any(finding.name in {"image", "packages"} and finding.state != "missing" for finding in findings)
    document = {"able_to_train": able, "findings": [vars(finding) for finding in findings]}

    def human() -> str:
        width = max(len(finding.name) for finding in findings)
        lines = []
        for finding in findings:
            lines.append(f"{MARKS[finding.state]}  {finding.name.ljust(width)}  {finding.message}")
            if finding.hint:
                lines.append(" " * (width + 11) + finding.hint)
        if not able:
            lines.append("\nnothing can train here yet: neither in a container nor as a local process")
        return "\n".join(lines)

    show(document, human, as_json=json)
    sys.stdout.flush()
    return ExitCode.DONE if able else ExitCode.ENVIRONMENT
