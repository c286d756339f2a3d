"""The W&B server with a sweep: it takes what ``wandb sweep`` sends, and tells ``wandb agent`` what to do."""

from __future__ import annotations

import json
from typing import Any

from tests.tracking.wandb_server import WandbServer, entity

SWEEP = "s1w2e3p4"


class SweepServer(WandbServer):
    """Gives its agents the trials in ``asked`` one after another, and stops those runs that are in ``stopping``."""

    def __init__(self, key: str, asked: list[dict[str, Any]]) -> None:
        super().__init__(key)
        self.asked = asked
        self.given = 0
        self.stopping: set[str] = set()
        #: The sweep as ``wandb sweep`` sent it, YAML.
        self.config = ""
        self.projects: set[str] = set()

    def do_UpsertSweep(self, variables: dict[str, Any]) -> dict[str, Any]:
        self.config = variables["config"]
        project = {"id": "p1", "name": variables["projectName"], "entity": entity()}
        return {"upsertSweep": {"sweep": {"name": SWEEP, "project": project}, "configValidationWarnings": []}}

    def do_SweepWithRuns(self, variables: dict[str, Any]) -> dict[str, Any]:
        known = {"id": "i1", "name": SWEEP, "method": "bayes", "state": "RUNNING", "config": self.config}
        found = known | {"runs": {"edges": []}} if variables["sweep"] == SWEEP else None
        return {"project": {"sweep": found}}

    def do_CreateAgent(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"createAgent": {"agent": {"id": "a1"}}}

    def do_Heartbeat(self, variables: dict[str, Any]) -> dict[str, Any]:
        running = list(json.loads(variables["runState"]))
        commands: list[dict[str, Any]] = [{"type": "stop", "run_id": run} for run in running if run in self.stopping]
        if not running and self.given < len(self.asked):
            args = {place: {"value": value} for place, value in self.asked[self.given].items()}
            commands = [{"type": "run", "run_id": f"trial{self.given}", "program": "", "args": args}]
            self.given += 1
        elif not running:
            commands = [{"type": "exit"}]
        return {"agentHeartbeat": {"agent": {"id": "a1"}, "commands": json.dumps(commands)}}
