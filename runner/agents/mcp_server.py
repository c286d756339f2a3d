"""The server of the Model Context Protocol: the tools of one folder, and pages to read, over standard streams."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ResourceNotFoundError
from mcp_types import ToolAnnotations

from runner import __version__
from runner.agents import pages
from runner.agents.tools import Tools
from runner.errors import RunnerError

INSTRUCTIONS = """Runner trains models from JSON documents (specs). To train one: find the model type (kinds), read
its page (kinds with model_type) and its schema, write a spec, validate it, fix what is unambiguous, then train: without
start that is a dry run, which says how many rows there are, what memory it takes and whether it fits. With start it
begins, and goes on by itself: watch it (give `next` back as `since`), read logs where it failed, stop it to resume it
later. Then infer with the stored model. Errors are documents: `faults` with JSON pointers, `where`, and a `hint` that
says what to do. Paths count from the working folder, and lead nowhere else."""
#: Tools that change nothing.
READING = {"kinds", "schema", "validate", "fix", "dry_run", "watch", "logs", "models", "infer"}


def server(folder: Path) -> MCPServer[Any]:
    """The server of a folder, not yet running."""
    made: MCPServer[Any] = MCPServer(
        "runner", title="Runner", instructions=INSTRUCTIONS, version=__version__, log_level="WARNING"
    )
    for tool in Tools(folder).all():
        reads = tool.__name__ in READING
        made.add_tool(
            tool,
            annotations=ToolAnnotations(read_only_hint=reads, destructive_hint=False, open_world_hint=not reads),
        )

    @made.resource("runner://kinds", name="kinds", mime_type="text/markdown")
    def kinds() -> str:
        """The model types, one a line."""
        found = [(each["model_type"], each["is"]) for each in pages.kinds()]
        lines = [f"- [{name}](runner://kinds/{name}): {text}" for name, text in found]
        return "\n".join(["# Model types", "", *lines]) + "\n"

    @made.resource("runner://kinds/{model_type}", name="kind", mime_type="text/markdown")
    def kind(model_type: str) -> str:
        """What a model type is, and its fields."""
        return _read(pages.page, model_type)

    @made.resource("runner://schemas/{model_type}", name="schema", mime_type="application/schema+json")
    def schema(model_type: str) -> str:
        """The JSON Schema of a model type's spec."""
        return _read(pages.schema, model_type)

    return made


def serve(folder: Path) -> None:
    """Serve a folder on standard input and output until the client leaves."""
    server(folder).run("stdio")


def _read(page: Any, name: str) -> str:
    try:
        return str(page(name))
    except RunnerError as error:
        raise ResourceNotFoundError(f"{error.message}{f' ({error.hint})' if error.hint else ''}") from None
