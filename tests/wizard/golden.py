"""What each family's conversation looks like on plain lines: ``python -m tests.wizard.golden`` writes the files anew.

Every one is typed at a real terminal; a person who looks at a change sees what a user would see.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.wizard.window import Window

GUIDE = Path(__file__).parents[2] / "docs" / "wizard.md"
MARK = "<!-- transcript: made by python -m tests.wizard.golden -->\n"
FOLDER = Path(__file__).with_name("golden")


@dataclass(frozen=True)
class Script:
    """A conversation: for each line what is waited for, and what is typed then."""

    family: str
    kind: str
    lines: tuple[tuple[str, str], ...]


def script(family: str, kind: str, *lines: tuple[str, str]) -> Script:
    """A conversation of a family on its packaged sample, or table, to the end; nothing is started."""
    return Script(
        family,
        kind,
        (
            ("Choose a family", family),
            ("Which kind?", kind),
            ("called?", "example"),
            *lines,
            ("group by group?", ""),
            ("Which file", ""),
            ("Is this right?", ""),
            ("Start the training now?", "n"),
        ),
    )


SHARE, SAMPLES = ("validation_split:", ""), ("max_samples:", "")
SPLIT = (("Which rows are held out", ""), SHARE)
COLUMNS = ("Is that right?", "")
SCRIPTS = (
    script("routing", "elo_scoring", ("trained on?", "sample"), SHARE, SAMPLES, ("epochs:", "2")),
    script("tabular", "tabular_classification", ("trained on?", "wine"), COLUMNS, *SPLIT, SAMPLES),
    script(
        "text", "text_classification", ("trained on?", "sample"), *SPLIT, SAMPLES, ("start from?", "runner/tiny-bert")
    ),
    script("language", "sft", ("trained on?", "sample"), *SPLIT, SAMPLES, ("start from?", "runner/tiny-llama")),
    script(
        "embeddings", "cross_encoder", ("trained on?", "sample"), *SPLIT, SAMPLES, ("start from?", "runner/tiny-bert")
    ),
    script(
        "vision", "image_classification", ("trained on?", "sample"), *SPLIT, SAMPLES, ("start from?", "runner/tiny-vit")
    ),
)


def transcript(of: Script, home: Path) -> tuple[str, int]:
    """All that was shown in a window of 80 columns, line breaks as a file has them; and the exit code."""
    with Window(["new", "--plain"], home, columns=80, RUNNER_HOME=str(home), RUNNER_PLAIN="1") as window:
        for waited, typed in of.lines:
            window.comes(waited).settles().type(typed)
        code = window.end()
    lines = [line.rstrip() for line in window.raw.replace("\r", "").splitlines()]
    return "\n".join(_steady(lines)) + "\n", code


def _steady(lines: list[str]) -> Iterator[str]:
    """The lines that are the same on every machine: not its models, nor what a training would take there."""
    listing = telling = False
    for line in lines:
        # What does not fit into the window goes on in the next line.
        telling = line.startswith("  \u00b7 ") or (telling and line.startswith("    "))
        if telling:
            continue
        if listing and line == "  or type another":
            yield "  ..."
            listing = False
        if not listing:
            typed = line.partition("] ")[2]
            yield f"[...] {typed}" if line.startswith("[") and "/" in line.lower().replace("[y/n]", "") else line
        listing = listing or line.endswith("stored model, TYPE/NAME.")


def main() -> None:
    """Write every file anew."""
    FOLDER.mkdir(exist_ok=True)
    for each in SCRIPTS:
        with tempfile.TemporaryDirectory() as home:
            text, code = transcript(each, Path(home))
            assert code == 0, text
            (FOLDER / f"{each.family}.txt").write_text(text, encoding="utf-8")
    before, _, rest = GUIDE.read_text("utf-8").partition(MARK)
    GUIDE.write_text(before + MARK + shown() + rest.partition("\n```\n")[2], encoding="utf-8")


def shown() -> str:
    """The transcript that the guide has, fenced."""
    return "```text\n" + (FOLDER / "tabular.txt").read_text("utf-8").rstrip() + "\n```\n"


if __name__ == "__main__":
    main()
