"""Make the packaged sample of sources and targets: facts in a short notation, and sentences that say them.

Run it as `python examples/sample_sources.py [FILE]`; without a file it writes where the package keeps it. Every third
row has two targets, each of them right.
"""

import itertools
import json
import random
import sys
from pathlib import Path

TARGET = Path(__file__).parent.parent / "runner/data/dialogues/sample/source_targets.jsonl"
ROWS = 160
ANIMALS = ("fox", "hare", "owl", "wren", "toad", "mole")
COLOURS = ("red", "grey", "brown", "white")
PLACES = ("forest", "garden", "barn", "valley")
FOODS = ("seeds", "worms", "berries", "beetles")
SENTENCES = (
    "The {colour} {animal} lives in the {place} and eats {food}.",
    "In the {place} lives a {colour} {animal} that eats {food}.",
)


def main() -> None:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    facts = list(itertools.product(ANIMALS, COLOURS, PLACES, FOODS))
    lines = []
    for number, (animal, colour, place, food) in enumerate(random.Random(7).sample(facts, ROWS)):
        words = {"animal": animal, "colour": colour, "place": place, "food": food}
        texts = [sentence.format(**words) for sentence in SENTENCES]
        row = {
            "source": ", ".join(f"{name}[{value}]" for name, value in words.items()),
            "target": texts if number % 3 == 0 else texts[0],
        }
        lines.append(json.dumps(row) + "\n")
    target.write_text("".join(lines), "utf-8")


if __name__ == "__main__":
    main()
