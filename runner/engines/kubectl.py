"""``kubectl``, asked: the one client that takes every kubeconfig, with its certificates and its plug-ins for logins."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runner.errors import EnvironmentProblem

#: Seconds that a cluster may take to answer one question.
PATIENCE = 20


class NotThere(Exception):
    """The cluster answered, and has no such thing."""


class AlreadyThere(Exception):
    """The cluster has a thing of this name already."""


@dataclass(frozen=True)
class Kubectl:
    """One cluster and namespace, as ``kubectl`` reaches them; None: those that the kubeconfig names."""

    namespace: str | None = None
    context: str | None = None

    def ask(self, *words: str, document: Any = None) -> str:
        """What a command prints. ``document`` is its standard input, as JSON.

        Raises :class:`NotThere`, :class:`AlreadyThere`, or :class:`~runner.errors.EnvironmentProblem` with what
        ``kubectl`` said.
        """
        program = shutil.which("kubectl")
        if program is None:
            raise EnvironmentProblem(
                "kubectl is not here", where="/run/executor", hint="install it: kubernetes.io/docs/tasks/tools"
            )
        line = [program, f"--request-timeout={PATIENCE}s", *self._place(), *words]
        try:
            done = subprocess.run(
                line,
                input="" if document is None else json.dumps(document),
                capture_output=True,
                text=True,
                errors="replace",
                timeout=3 * PATIENCE,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EnvironmentProblem(f"kubectl does not answer: {error}", retryable=True) from None
        if done.returncode == 0:
            return done.stdout
        said = done.stderr.strip() or done.stdout.strip()
        if "(NotFound)" in said:
            raise NotThere(said)
        if "(AlreadyExists)" in said:
            raise AlreadyThere(said)
        raise EnvironmentProblem(f"kubectl: {_last(said) or f'exit code {done.returncode}'}", retryable=True)

    def get(self, *words: str) -> Any:
        """A thing of the cluster, or a list of things, as the document that it is."""
        return json.loads(self.ask("get", *words, "--output=json"))

    def create(self, document: Any) -> Any:
        """Create a thing and return it as the cluster has it."""
        # What the document may say is checked by the cluster, not by a schema that has to be fetched first.
        return json.loads(self.ask("create", "--filename=-", "--validate=false", "--output=json", document=document))

    def _place(self) -> Sequence[str]:
        given = {"--namespace": self.namespace, "--context": self.context}
        return [f"{name}={value}" for name, value in given.items() if value is not None]


def _last(said: str) -> str:
    lines = [line for line in said.splitlines() if line.strip()]
    return lines[-1].removeprefix("error: ").removeprefix("Error from server: ") if lines else ""
