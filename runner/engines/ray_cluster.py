"""A Ray cluster over the REST interface of Ray Jobs, without Ray: what is asked of it, and what it says.

The interface is documented as "Ray Jobs REST API" in Ray's manual: ``POST /api/jobs/``, ``GET /api/jobs/ID``,
``/logs`` and ``/stop``.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.engines.ray_options import POINTER
from runner.errors import EnvironmentProblem

if TYPE_CHECKING:
    import urllib3

#: Seconds to wait for an answer: a head that is gone must not hold up the one who watches.
_PATIENCE = 15.0
#: Variables that hold a cluster's token, or the file with it: as Ray's own commands have them.
TOKEN, TOKEN_FILE = "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"  # names of variables


class Refused(Exception):
    """The cluster answers, and does not do it. ``status`` is HTTP's."""

    def __init__(self, status: int, told: str) -> None:
        super().__init__(told)
        self.status, self.told = status, told


class RayCluster:
    """One cluster. ``token`` is what it asks for where it asks for one; None: the one of Ray's own variables."""

    def __init__(self, address: str, token: str | None = None) -> None:
        import urllib3

        self.address = address.rstrip("/")
        self._token = token
        # A request that was not understood is not sent again by itself: who submits looks whether it came through.
        self._pool = urllib3.PoolManager(timeout=urllib3.Timeout(_PATIENCE), retries=False)

    def version(self) -> str:
        """Ray's version there. Raises :class:`EnvironmentProblem` for what is not there, or is no Ray."""
        with contextlib.suppress(Refused):
            version = self._asked("GET", "/api/version").get("ray_version")
            if isinstance(version, str):
                return version
        raise self._no_ray()

    def submit(self, request: dict[str, Any]) -> None:
        """Submit a job. Raises :class:`Refused`, and :class:`EnvironmentProblem` where nothing answers."""
        self._asked("POST", "/api/jobs/", request)

    def job(self, name: str) -> dict[str, Any] | None:
        """What is known of a job, None of one that is not known. Raises as :meth:`submit` does."""
        try:
            return self._asked("GET", f"/api/jobs/{name}")
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def log(self, name: str) -> str:
        """What the job said, from its beginning. Raises as :meth:`submit` does."""
        return str(self._asked("GET", f"/api/jobs/{name}/logs").get("logs") or "")

    def stop(self, name: str) -> None:
        """Ask a job to stop: one that is not known, or has ended, is left alone. Raises as :meth:`submit` does."""
        try:
            self._asked("POST", f"/api/jobs/{name}/stop")
        except Refused as refused:
            if refused.status != 404:
                raise

    def nodes(self) -> list[dict[str, float]]:
        """What each node has in all, such as ``{"CPU": 8.0, "GPU": 1.0, "memory": 1e9}``, bytes. Empty where the
        cluster does not say: this part of the interface is the dashboard's own, and may change."""
        try:
            found = self._asked("GET", "/api/cluster_status")
            usage = found["data"]["clusterStatus"]["loadMetricsReport"]["usageByNode"]
            return [{name: float(pair[1]) for name, pair in node.items()} for node in usage.values()]
        except (Refused, EnvironmentProblem, KeyError, TypeError, ValueError, IndexError, AttributeError):
            return []

    def _asked(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        import urllib3

        try:
            answer = self._pool.request(method, self.address + path, headers=self._headers(), json=body, redirect=False)
        except urllib3.exceptions.HTTPError as error:
            raise EnvironmentProblem(
                f"the Ray cluster does not answer: {_cause(error)}",
                where=f"{POINTER}/address: {self.address}",
                hint="start it, or name the address of its dashboard; a tunnel to the head may be closed",
                retryable=True,
            ) from error
        return self._understood(answer)

    def _understood(self, answer: urllib3.BaseHTTPResponse) -> dict[str, Any]:
        if answer.status in (401, 403):
            raise EnvironmentProblem(
                "the Ray cluster asks for a token" if answer.status == 401 else "the Ray cluster refuses the token",
                where=self.address,
                hint=f"set {TOKEN}, or {TOKEN_FILE} to the file that holds it",
            )
        text = answer.data.decode(errors="replace")
        if answer.status != 200:
            raise Refused(answer.status, _last_line(text))
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise self._no_ray()
        return found

    def _no_ray(self) -> EnvironmentProblem:
        return EnvironmentProblem(
            "this is no dashboard of Ray", where=f"{POINTER}/address: {self.address}", hint="its port is often 8265"
        )

    def _headers(self) -> dict[str, str]:
        token = self._token or token_here()
        return {"Authorization": f"Bearer {token}"} if token else {}


def token_here() -> str | None:
    """The token that Ray's own commands would send from here: of the variables, else of ``~/.ray/auth_token``."""
    if token := os.environ.get(TOKEN):
        return token.strip()
    file = Path(os.environ.get(TOKEN_FILE) or "~/.ray/auth_token").expanduser()
    try:
        return file.read_text().strip() or None
    except OSError:
        return None


def _last_line(text: str) -> str:
    """What a traceback of Ray's comes to: its last line that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip(" .\t")]
    return lines[-1][:500] if lines else "it does not say why"


def _cause(error: Exception) -> str:
    text = str(error.args[-1] if error.args else error)
    # urllib3 writes the object before the words: "<Connection ...>: Failed to establish ...".
    return text.rpartition("]: " if "]: " in text else ">: ")[2][:300] or type(error).__name__
