"""An agent's whole way, by the SDK's own client over standard streams: from a broken spec to an answer."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from mcp import Client, StdioServerParameters, stdio_client

from tests.conftest import Desk
from tests.examples import example

pytestmark = pytest.mark.slow
#: A step that has not come after so many seconds hangs.
DEADLINE = 300.0


@asynccontextmanager
async def agent(desk: Desk) -> AsyncIterator[Client]:
    words = ["-m", "runner", "mcp", "--folder", str(desk.home)]
    server = StdioServerParameters(command=sys.executable, args=words, env=dict(desk.variables), cwd=desk.home)
    with anyio.fail_after(DEADLINE):
        async with Client(stdio_client(server)) as client:
            yield client


async def told(client: Client, tool: str, **words: Any) -> dict[str, Any]:
    found = await client.call_tool(tool, words)
    assert not found.is_error, found.content
    return dict(found.structured_content or {})


async def refused(client: Client, tool: str, **words: Any) -> dict[str, Any]:
    found = await client.call_tool(tool, words)
    assert found.is_error
    return dict(found.structured_content or {})


async def followed(client: Client, run: str) -> dict[str, Any]:
    """Every event to the end, as an agent asks for them."""
    since, events = 0, []
    while True:
        seen = await told(client, "watch", run=run, since=since, limit=3)
        events += seen["events"]
        since = seen["next"]
        if seen["over"]:
            return seen | {"events": events}
        await anyio.lowlevel.checkpoint()


def test_from_a_broken_spec_to_an_answer(desk):
    async def way() -> None:
        async with agent(desk) as client:
            tools = {tool.name for tool in (await client.list_tools()).tools}
            assert tools >= {
                "validate",
                "fix",
                "schema",
                "dry_run",
                "train",
                "watch",
                "logs",
                "stop",
                "infer",
                "compare",
            }
            page = await client.read_resource("runner://kinds/elo_scoring")
            assert "min_model_occurrences" in page.contents[0].text
            schema = await client.read_resource("runner://schemas/elo_scoring")
            assert json.loads(schema.contents[0].text)["$schema"]
            broken = example("elo_scoring")
            broken["epoch"] = broken.pop("epochs", 1)
            faults = (await refused(client, "validate", spec=broken))["faults"]
            assert [fault["pointer"] for fault in faults] == ["/epoch"]
            spec = (await told(client, "fix", spec=broken))["spec"]
            spec["run"] = {"executor": "local"}
            dry = await told(client, "train", spec=spec)
            assert not dry["started"] and dry["plan"]["fit"]["label"] and dry["plan"]["data"]["train"] > 0
            assert not (desk.home / "runs").exists()
            begun = await told(client, "train", spec=spec, start=True)
            ended = await followed(client, begun["run"])
            assert ended["state"] == "succeeded" and ended["events"][0]["event"] == "started"
            assert [event["event"] for event in ended["events"]][-1] == "finished"
            assert [each["model"] for each in (await told(client, "models"))["models"]] == [ended["model"]]
            answer = await told(client, "infer", model=ended["model"], prompts=["Hi"])
            assert answer["answer"]
            assert (await refused(client, "infer", model="elo_scoring/none", prompts=["Hi"]))["exit_code"] == 5
            assert (await refused(client, "infer", model=ended["model"]))["error"] == "usage"
            assert (await refused(client, "stop", run=begun["run"]))["error"] == "conflict"
            assert (await told(client, "logs", run=begun["run"]))["run"] == begun["run"]

    anyio.run(way)


def test_a_training_goes_on_without_its_server_and_is_stopped_from_another(desk):
    async def way() -> None:
        spec = example("dense_network", epochs=500) | {"run": {"executor": "local"}}
        async with agent(desk) as client:
            run = (await told(client, "train", spec=spec, start=True))["run"]
        async with agent(desk) as client:
            while not (await told(client, "watch", run=run))["events"]:
                await anyio.lowlevel.checkpoint()
            assert (await told(client, "watch", run=run))["state"] == "running"
            assert (await told(client, "stop", run=run))["state"] == "interrupted"

    anyio.run(way)


def test_what_will_not_fit_is_not_begun_and_a_comparison_begins_nothing_unasked(desk):
    async def way() -> None:
        desk.write("a.json", example("elo_scoring"))
        desk.write("b.json", example("least_squares_scoring"))
        async with agent(desk) as client:
            document = example("sft") | {"run": {"memory": "64m", "executor": "local"}}
            told_of = await refused(client, "train", spec=document, start=True)
            assert told_of["exit_code"] == 6 and "will not fit" in told_of["message"]
            checked = await told(client, "compare", specs=["a.json", "b.json"])
            assert not checked["started"] and [plan["file"] for plan in checked["plans"]] == ["a.json", "b.json"]
            assert (await refused(client, "compare", specs=["a.json", "../b.json"]))["error"] == "usage"
        assert not (desk.home / "runs").exists()

    anyio.run(way)
