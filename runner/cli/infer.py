"""``runner infer``"""

from __future__ import annotations

import gc
import json as jsonlib
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from runner.cli.output import Dash, Json, say, show
from runner.workspace import Workspace

Words = Parameter(consume_multiple=True, negative="")


def infer(
    *,
    model: Annotated[str, Parameter(help="The stored model: TYPE/NAME, or TYPE/NAME/vN.")],
    models_to_score: Annotated[list[str], Words],
    prompts: Annotated[list[str], Words],
    batch_size: int = 128,
    output_path: Annotated[Path | None, Dash] = None,
    unknown: Literal["zero", "null", "error"] = "zero",
    device: Literal["cpu", "cuda"] = "cpu",
    json: Json = False,
) -> None:
    """Score prompts with a stored model.

    Example: runner infer --model dense_network/quickstart --models-to-score A B --prompts "P1" "P2"

    Writes {"A": [score of P1, score of P2], "B": [...]}.

    Parameters
    ----------
    models_to_score
        The LLMs to score: several words after one flag.
    prompts
        The prompts: several words after one flag. A prompt that begins with a dash is written --prompts=-...
    batch_size
        Prompts per batch.
    output_path
        Where the scores go: a file, or - for standard output.
        Without it, inference_outputs/TIMESTAMP_NAME.json.
    unknown
        What an LLM unseen in training gets: a score of zero (with a warning), null, or an error.
    device
        Where to compute.
    """
    gc.enable()
    from runner.inference.scoring import reserve, score, write_scores
    from runner.store.names import parse_reference

    workspace = Workspace.current()
    to_stdout = output_path is not None and str(output_path) in ("-", "/dev/stdout")
    name = parse_reference(model).name
    path = None if to_stdout else reserve(workspace, output_path, name)
    try:
        result = score(
            workspace, model, models_to_score, prompts, batch_size=batch_size, unknown=unknown, device=device
        )
    except BaseException:
        if path is not None and output_path is None:
            path.unlink(missing_ok=True)
        raise
    for warning in result.warnings:
        say(f"warning: {warning}")
    if path is None:
        show(result.scores, lambda: jsonlib.dumps(result.scores, indent=2, ensure_ascii=False), as_json=json)
        return
    beside = write_scores(path, result)
    document = {"output_path": str(path), "scores": result.scores, "provenance": result.provenance}
    show(document, f"{path}\n{beside}", as_json=json)
