"""The page on Slurm shows the script that its spec makes, and every option that there is."""

from __future__ import annotations

import json
import re
from pathlib import Path

from runner.engines import slurm_options
from runner.engines.slurm import unfit
from runner.engines.slurm_script import script
from runner.execution.engine_executor import EngineExecutor
from runner.execution.executor import Job
from runner.spec.checking import load_object
from tests.docs.documents import ROOT, blocks, files, table

PAGE = ROOT / "docs" / "slurm.md"


def test_the_script_is_what_the_spec_makes(tmp_path: Path) -> None:
    section = load_object(json.loads(files(PAGE)["spec.json"]), "spec.json").spec.run
    job = Job(run=tmp_path, cwd=tmp_path, cache=tmp_path, secrets=dict.fromkeys(section.env, "secret"))
    order = EngineExecutor(section).order(job, "tutor-3f9d2c1b7a60")
    assert unfit(order) == []
    (shown,) = [block.text for block in blocks(PAGE) if block.language == "text"]
    assert shown == script(order)


def test_every_option_is_told() -> None:
    told = {name for row in table(PAGE, "Option") for name in re.findall(r"`([a-z-]+)`", row[0])}
    assert told == set(slurm_options.LINES | slurm_options.SHAPING)
