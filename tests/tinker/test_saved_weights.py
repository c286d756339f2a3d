"""The paths of saved weights: each leads to the run of exactly that name, or nowhere."""

from __future__ import annotations

import pytest

from runner.errors import NotFoundError
from runner.runs.run_folder import Run
from runner.tinker.saved_weights import folder_of, path_of
from runner.workspace import Workspace


def test_a_path_means_the_run_of_exactly_that_name(tmp_path):
    workspace = Workspace.below(tmp_path)
    run = Run.create(workspace.runs, "nobody", {})
    saved = run.path / "weights" / "x"
    saved.mkdir(parents=True)
    assert folder_of(workspace, path_of(run.id, "weights", "x"), "weights") == saved
    for name in ("no", "nobody", "last", run.id[:-1]):
        path = path_of(name, "weights", "x")
        with pytest.raises(NotFoundError, match=f"there is no run '{name}'") as refused:
            folder_of(workspace, path, "weights")
        assert refused.value.where == path
        assert run.id in (refused.value.hint or "")
