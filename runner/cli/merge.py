"""``runner merge``"""

from __future__ import annotations

import gc
from typing import Annotated, Literal

from cyclopts import Parameter

from runner.cli.output import say, show
from runner.cli.parameters import Json
from runner.workspace import Workspace


def merge(
    model: Annotated[str, Parameter(help="The adapter: a stored model, TYPE/NAME or TYPE/NAME/vN.")],
    *,
    name: str | None = None,
    dtype: Literal["bfloat16", "float16", "float32"] | None = None,
    json: Json = False,
) -> None:
    """Put a stored adapter into its base: a new stored model, which stands alone.

    Example: runner merge sft/tutor --dtype bfloat16

    Prints how far the merged model's logits are from those of the adapter beside its base; if the base was quantised
    in training, from those too. The adapter stays as it is.

    Parameters
    ----------
    name
        What the new model is called. Without it, NAME-merged.
    dtype
        What its weights are kept in. Without it, as its base's are.
    """
    gc.enable()
    from runner.inference.merged_model import merge as run
    from runner.pages.table_text import as_text

    done = run(Workspace.current(), model, name, dtype=dtype, say=lambda text: say(f"warning: {text}"))
    reference = f"{done.stored.model_type}/{done.stored.name}"
    kept = f"stored as {done.stored.reference}" + (" already, with the same bytes" if done.again else "")
    show(
        done.as_dict(),
        lambda: f"{as_text(done.agreement)}\n\n{kept}\n  runner chat {reference}",
        as_json=json,
        kept=kept,
    )
