"""Following a run on Weights & Biases: its events are streamed as they happen, from the worker.

W&B never decides how a training ends. What it cannot take now stays in the run's directory, and
``runner artifacts push`` sends it later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from runner.errors import RunnerError
from runner.runs.event_kinds import Event
from runner.tracking.wandb_key import base_url, find_key
from runner.tracking.wandb_metrics import Rows
from runner.tracking.wandb_run import WandbIdentity, identity, mode, open_run

__all__ = ["WandbListener", "find_key"]

#: Seconds that the start, and the end, of a run may wait for the server.
PATIENCE = 20.0


class WandbListener:
    """Hands a run's events to the W&B SDK. Whatever goes wrong becomes one warning event, never an error.

    ``settings`` is the spec's ``wandb`` section, ``config`` the canonical spec, ``emit`` what takes a warning.
    With a key the run is online; without one, or when the server does not answer or refuses the key, it is offline.
    """

    def __init__(
        self,
        settings: Mapping[str, Any],
        run_dir: Path,
        config: Mapping[str, Any],
        api_key: str | None,
        emit: Callable[..., Any],
    ) -> None:
        self._emit = emit
        self._key = api_key
        self._run: Any = None
        self._rows: Rows | None = None
        self.online = False
        wanted = mode()
        if wanted == "disabled":
            return
        try:
            who = identity(run_dir, settings)
        except (RunnerError, OSError) as error:
            self._warn(f"W&B is off for this run: {error}")
            return
        self._reason = "no API key" if wanted == "online" else "WANDB_MODE is offline"
        if api_key and wanted == "online":
            self.online = self._open(who, run_dir, config, api_key)
        if self.online:
            return
        why = self._reason
        if not self._open(who, run_dir, config, None):
            self._warn(f"W&B is off for this run: {self._reason}")
            return
        self._warn(
            f"W&B is offline ({why}): the run is kept in {run_dir / 'wandb'}; once a key is set, "
            f"`runner artifacts push` sends the metrics with the stored model, `wandb sync "
            f"{self._folder}` the metrics alone"
        )

    def handle(self, event: Event) -> None:
        """Take one event of the run, as it stands in ``events.jsonl``."""
        if self._rows is None:
            return
        try:
            self._rows.add(event)
        except Exception as error:  # noqa: BLE001 - whatever the SDK raises, the training goes on
            self._rows = None
            self._warn(
                f"W&B takes no more of this run ({self._clean(error)}); `runner artifacts push` sends what is missing"
            )

    def close(self, exit_code: int) -> None:
        """End the W&B run; ``exit_code`` 0 marks it finished, any other failed. Waits for the upload a bounded time."""
        run, self._run, self._rows = self._run, None, None
        if run is None:
            return
        try:
            run.finish(exit_code=int(exit_code))
        except TimeoutError:
            self._warn("W&B did not take everything in time; `runner artifacts push` sends what is missing")
        except Exception as error:  # noqa: BLE001 - whatever the SDK raises, the training's result stands
            self._warn(f"W&B could not end the run ({self._clean(error)})")

    def _open(self, who: WandbIdentity, run_dir: Path, config: Mapping[str, Any], key: str | None) -> bool:
        try:
            self._run = open_run(who, run_dir, config=config, key=key, url=base_url(), wait=PATIENCE)
            self._rows = Rows(self._run)
            self._folder = str(self._run.settings.sync_dir)
        except Exception as error:  # noqa: BLE001 - whatever the SDK raises, the training goes on
            self._run, self._reason = None, self._clean(error)
            return False
        return True

    def _clean(self, error: Exception) -> str:
        text = " ".join(str(error).split())[:300] or type(error).__name__
        return text.replace(self._key, "***") if self._key else text

    def _warn(self, message: str) -> None:
        self._emit("warning", message=message, pointer="/wandb")
