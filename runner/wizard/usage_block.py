"""What to type once a language model is trained: its name, where it answers, and a question in Python and by curl."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from runner.errors import RunnerError
from runner.store.model_lookup import find, in_folder
from runner.tracking.wandb_key import base_url
from runner.tracking.wandb_run import IDENTITY, WandbIdentity
from runner.workspace import Workspace

if TYPE_CHECKING:
    from runner.python_api import TrainedModel

#: Where `runner serve` listens unless it is told otherwise.
PORT = 8000
RULE = "=" * 60
QUESTION = "Your prompt here"


def of_trained(trained: TrainedModel, port: int = PORT) -> str:
    """The block of what :meth:`runner.Runner.train` gave."""
    facts = in_folder(trained.folder).manifest()
    return block(
        trained.reference,
        base=_base(facts.spec),
        step=_step(trained.metrics, trained.run_folder),
        tracker=_tracker(trained.run_folder),
        port=port,
    )


def of_stored(reference: str, workspace: Workspace, port: int = PORT) -> str:
    """The block of a stored language model. Raises :class:`~runner.errors.NotFoundError` where there is none."""
    model = find(workspace.store, reference)
    facts = model.manifest()
    run = workspace.runs / facts.run if facts.run else None
    there = run if run is not None and run.is_dir() else None
    return block(
        model.reference,
        base=_base(facts.spec),
        step=_step({}, there),
        tracker=_tracker(there),
        port=port,
    )


def block(reference: str, *, base: str, step: int | None = None, tracker: str = "", port: int = PORT) -> str:
    """The text.

    Args:
        reference: ``TYPE/NAME/vN``, which is the model's name where it is served, too.
        base: the model that training began with.
        step: the last step of its training; None where nobody knows.
        tracker: a link to where its training is shown, or how to see it.
        port: where it is served.
    """
    url = f"http://127.0.0.1:{port}/v1"
    facts = {
        "Model": reference,
        "Base model": base,
        "Training step": "unknown" if step is None else f"{step:,}",
        "Inference URL": url,
        "Run": tracker or "not recorded",
    }
    width = max(map(len, facts)) + 2
    return "\n".join(
        [
            RULE,
            "TRAINING COMPLETE",
            RULE,
            *(f"  {f'{name}:'.ljust(width)} {value}" for name, value in facts.items()),
            RULE,
            "",
            "--- serve it ---",
            "",
            serve_command(reference, port),
            "",
            "--- Python (pip install openai) ---",
            "",
            python_snippet(reference, url),
            "",
            "--- curl ---",
            "",
            curl_snippet(reference, url),
        ]
    )


def serve_command(reference: str, port: int = PORT) -> str:
    """What makes it answer at the URL."""
    return f"runner serve {shlex.quote(reference)} --port {port}"


def python_snippet(reference: str, url: str, prompt: str = QUESTION) -> str:
    """A question by OpenAI's own package. The server asks for no key unless it is told to."""
    return f"""from openai import OpenAI

client = OpenAI(base_url={url!r}, api_key="not-needed")
response = client.chat.completions.create(
    model={reference!r},
    messages=[{{"role": "user", "content": {prompt!r}}}],
)
print(response.choices[0].message.content)"""


def curl_snippet(reference: str, url: str, prompt: str = QUESTION) -> str:
    """The same by curl."""
    body = json.dumps({"model": reference, "messages": [{"role": "user", "content": prompt}]}, indent=2)
    return f"""curl -s {url}/chat/completions \\
  -H "Content-Type: application/json" \\
  -d {shlex.quote(body)}"""


def _base(spec: Mapping[str, Any]) -> str:
    own = spec.get("model", {}).get("spec") or {}
    return str(own.get("base_model_name") or "none")


def _step(metrics: Mapping[str, Any], run: Path | None) -> int | None:
    """The last step that was told of."""
    step = metrics.get("steps")
    if isinstance(step, int):
        return step
    if run is None:
        return None
    from runner.runs.events import EventReader

    steps = [getattr(event, "step", None) for event in EventReader(run).new()]
    known = [step for step in steps if isinstance(step, int)]
    return max(known, default=None)


def _tracker(run: Path | None) -> str:
    """The run on W&B; where it was not followed there, how to see its page."""
    if run is None:
        return ""
    try:
        who = WandbIdentity.from_document(json.loads((run / IDENTITY).read_bytes()))
    except (OSError, ValueError, RunnerError):
        return f"runner runs show {run.name}"
    site = base_url().replace("://api.wandb.ai", "://wandb.ai")
    place = "/".join(quote(part) for part in (who.entity, who.project) if part)
    return f"{site}/{place}/runs/{who.run_id}" if who.entity else f"{place}, run {who.run_id} on {site}"
