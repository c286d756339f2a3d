"""docs/ray.md: the request that its spec makes, and the table of options."""

from __future__ import annotations

import json

from runner.engines.ray_jobs import RayEngine
from runner.engines.ray_options import OPTIONS, faults
from runner.execution.engine_executor import EngineExecutor
from runner.execution.executor import Job
from runner.spec.checking import load
from tests.docs.documents import ROOT, blocks, files, table

PAGE = ROOT / "docs" / "ray.md"


def test_the_request_is_what_the_spec_makes(tmp_path, monkeypatch):
    for name in ("RAY_AUTH_TOKEN", "RAY_ADDRESS", "RAY_API_SERVER_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "none"))
    section = load(files(PAGE)["spec.json"], source="spec.json").spec.run
    job = Job(run=tmp_path, cwd=tmp_path, cache=tmp_path)
    order = EngineExecutor(section).order(job, "tutor-3f9d2c1b7a60")
    assert faults(order) == []
    (shown,) = [block.text for block in blocks(PAGE) if block.language == "text"]
    assert RayEngine().text(order) == shown
    json.loads("".join(shown.splitlines(keepends=True)[1:-1]))


def test_every_option_is_told():
    assert [row[0].strip("`") for row in table(PAGE, "Option")] == list(OPTIONS)
