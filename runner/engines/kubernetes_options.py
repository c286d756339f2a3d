"""``run.engine.options`` of Kubernetes: what a cluster wants to be told beside what every engine is told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, ValidationError

from runner.contract import Section, option
from runner.errors import SpecError

#: Where options stand in a spec.
POINTER = "/run/engine/options"

_Label = Annotated[
    str,
    StringConstraints(max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"),
    Field(json_schema_extra={"x-expected": "small letters, digits, hyphens and dots"}),
]
_Folder = Annotated[
    str,
    StringConstraints(pattern=r"^/[^:]*$", min_length=2),
    Field(json_schema_extra={"x-expected": 'an absolute path, as in "/shared"'}),
]


class Volume(Section):
    """A volume that the cluster has already, in the run's pods."""

    claim: _Label = option(description="The PersistentVolumeClaim's name.")
    mount: _Folder = option(description="Where it is in the pod.")
    read_only: bool = option(False, description="Whether the pod may only read it.")


class Toleration(Section):
    """A taint of nodes that the run may go to all the same."""

    key: str | None = option(None, description="The taint's key. null: any.")
    operator: Literal["Exists", "Equal"] = option("Exists", description="Whether the taint's value counts.")
    value: str | None = option(None, description="The taint's value, with Equal.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = option(
        None, description="The taint's effect. null: any."
    )


class KubernetesOptions(Section):
    """The settings of the engine ``kubernetes``."""

    context: str | None = option(None, description="The context of the kubeconfig. null: the current one.")
    namespace: _Label | None = option(None, description="The namespace. null: the context's.")
    service_account: _Label | None = option(
        None, description="The pods' service account, for storage that knows it. Its token is not mounted."
    )
    secret: _Label | None = option(
        None, description="The Secret of the namespace that has the variables which are secret, each by its name."
    )
    volumes: tuple[Volume, ...] = option((), description="Volumes of the cluster in the pods.")
    node_selector: dict[str, str] = option(factory=dict, description="Labels that a node must have.")
    tolerations: tuple[Toleration, ...] = option((), description="Taints of nodes that are put up with.")
    gpu_resource: str = option("nvidia.com/gpu", description="What the cluster calls a GPU.")
    priority_class: _Label | None = option(None, description="The pods' PriorityClass.")
    image_pull_secret: _Label | None = option(None, description="The Secret that the image is pulled with.")
    user: int = option(1000, ge=1, description="The user's and the group's number in the pod. Never 0.")
    ttl: int = option(86400, ge=0, description="Seconds after its end that the cluster forgets the Job.")


def read_options(options: Mapping[str, Any]) -> KubernetesOptions:
    """The options, checked. Raises :class:`~runner.errors.SpecError`, each fault by its pointer in the spec."""
    from runner.spec.pydantic_errors import faults_of
    from runner.spec.reader import read

    text = json.dumps({"run": {"engine": {"options": dict(options)}}})
    try:
        return KubernetesOptions.model_validate_json(json.dumps(dict(options)))
    except ValidationError as error:
        part = read(text, "run.engine.options").part(POINTER)
        found = faults_of(error, part, part.value, KubernetesOptions.model_json_schema())
        raise SpecError([_placed(finding.fault) for finding in found]) from None


def _placed(fault: Any) -> Any:
    from dataclasses import replace

    # The lines are those of a text that nobody wrote.
    return replace(fault, pointer=f"{POINTER}{fault.pointer}", line=None, column=None)
