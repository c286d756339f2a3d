"""Verbs of an older command line, and the verbs that do the same here."""

from __future__ import annotations

from collections.abc import Sequence

_FORMER = {
    ("list", "models"): "`runner models` lists the stored models",
    ("list", "logs"): "`runner runs list` lists the trainings, and `runner runs logs RUN` prints the log of one",
    (
        "list",
        "preprocessed",
    ): "`runner data list` lists the prepared data that was stored, and `runner data check SPEC` "
    "tells what training would make of every row",
    ("list",): "`runner models` lists the stored models, `runner runs list` the trainings",
    (
        "export",
    ): "`runner models export TYPE/NAME FOLDER` writes a stored model as a folder or a tar file, and says what "
    "makes GGUF of it",
    ("inspect",): "`runner models show TYPE/NAME` shows a stored model, and `runner runs show RUN` its training; both "
    "take --json",
}


def instead(words: Sequence[str]) -> str | None:
    """What to type in place of such a verb, or None where the words begin with none."""
    return _FORMER.get(tuple(words[:2])) or _FORMER.get(tuple(words[:1]))
