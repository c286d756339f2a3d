"""``runner mcp``"""

from __future__ import annotations

import gc
import importlib.util
import os
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from runner.errors import EnvironmentProblem, NotFoundError
from runner.workspace import current_folder


def mcp(
    *,
    folder: Annotated[
        Path | None, Parameter(help="The working folder: all that an agent sees. Default: this one.")
    ] = None,
) -> None:
    """Serve this folder to agents and editors, by the Model Context Protocol on standard input and output.

    Their tools check and repair specs, tell what a training would do, train where they are told to start, watch, stop,
    and ask stored models. Paths lead nowhere out of the folder.

    Example: runner mcp

    Example: runner mcp --folder projects/tutor
    """
    if importlib.util.find_spec("mcp") is None:
        raise EnvironmentProblem(
            "serving agents needs the package mcp, which is not installed", hint="pip install 'runner[agents]'"
        )
    wanted = current_folder() if folder is None else folder
    if not wanted.is_dir():
        hint = "name one that is there: --folder FOLDER"
        raise NotFoundError("there is no such folder", where=str(wanted), hint=hint)
    gc.enable()
    # Runs and models are where commands that are typed in the folder have them.
    os.chdir(wanted)
    from runner.agents.mcp_server import serve

    serve(current_folder())
