"""Which format a configuration is in: by its names, or as it is said. Never by chance where two fit alike."""

from __future__ import annotations

from runner.errors import UsageError
from runner.interchange.format import Format
from runner.interchange.importers import (
    autotrain,
    axolotl,
    launchers,
    llama_factory,
    ludwig,
    routellm,
    sft_play,
    trl,
    unsloth,
)
from runner.interchange.leaves import Leaves
from runner.interchange.rules import Dead, Lost, Rule
from runner.near_names import hint

FORMATS: dict[str, Format] = {
    one.name: one
    for one in (
        autotrain.REFERENCE,
        autotrain.AUTOTRAIN,
        sft_play.FORMAT,
        axolotl.FORMAT,
        llama_factory.FORMAT,
        trl.FORMAT,
        unsloth.FORMAT,
        ludwig.FORMAT,
        routellm.FORMAT,
    )
}
#: Other spellings of their names.
ALIASES = {
    "llama-factory": "llamafactory",
    "llama_factory": "llamafactory",
    "sft_play": "sft-play",
    "sftplay": "sft-play",
    "xyne-play": "sft-play",
    "autotrain-advanced": "autotrain",
}
#: What a command line has beside the program's settings.
COMMAND_WORDS: dict[str, Rule] = {"config": Dead("read: its settings are below"), "help": Dead("asks for help")}

#: The formats whose program starts a launcher itself, and passes its flags on.
_PASS_ON = ("trl", "axolotl")


def command_words(name: str) -> dict[str, Rule]:
    """The rules of what stands in a command line beside the program's own settings: variables, and a launcher's."""
    variable = Lost(
        "an environment variable", "set it where the run begins; run.env names those that it gets", effect=False
    )
    return {"env.**": variable} | launchers.TABLE | (launchers.OWN if name in _PASS_ON else {})


def named(name: str) -> Format:
    """The format of that name. Raises :class:`UsageError` with the nearest."""
    word = ALIASES.get(name.casefold(), name.casefold())
    if word not in FORMATS:
        raise UsageError(
            f"there is no format {name!r}", where="--from", hint=hint(word, FORMATS, f"there are {', '.join(FORMATS)}")
        )
    return FORMATS[word]


def detect(leaves: Leaves) -> tuple[Format, Format | None]:
    """The format that fits best, and one that reads the same settings with other defaults, where there is one.

    Raises :class:`UsageError` where none does, or two do as well as each other.
    """
    if leaves.has("model.spec.model_type"):
        raise UsageError("is a spec of Runner's already", where=leaves.source, hint="runner validate checks it")
    scores = {name: one.fits(leaves) for name, one in FORMATS.items()}
    best = max(scores.values())
    found = [name for name, score in scores.items() if score == best]
    if best == 0:
        shown = ", ".join(leaves.top()[:5])
        raise UsageError(
            f"no format has names such as these: {shown}",
            where=leaves.source,
            hint=f"say it: --from {'|'.join(FORMATS)}",
        )
    if found == ["aitraining", "autotrain"]:
        return FORMATS["aitraining"], FORMATS["autotrain"]
    if len(found) > 1:
        raise UsageError(
            f"fits {' and '.join(found)} alike", where=leaves.source, hint=f"say it: --from {' or --from '.join(found)}"
        )
    return FORMATS[found[0]], None
