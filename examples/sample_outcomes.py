"""Write a small outcome matrix: prompts, three LLMs, what each answer was worth and what it cost.

    python examples/sample_outcomes.py outcomes.jsonl
    python examples/sample_outcomes.py newcomer.jsonl newcomer

The guide "Routing from an outcome matrix" begins with this file. The outcomes are made up: the small LLM greets well,
the middle one translates too, and sums are for the large one. With a second word, the file has an LLM that came later,
on a few of the prompts: it is good at sums and at nothing else.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

#: LLM -> dollars a call, and how often it is right about each kind of prompt.
LLMS = {
    "small": (0.0002, {"greeting": 0.95, "translation": 0.3, "sum": 0.1}),
    "middle": (0.002, {"greeting": 0.95, "translation": 0.9, "sum": 0.4}),
    "large": (0.02, {"greeting": 0.95, "translation": 0.9, "sum": 0.95}),
}
#: LLMs that came later.
LATER = {"newcomer": (0.004, {"greeting": 0.4, "translation": 0.2, "sum": 0.9})}
PROMPTS = {
    "greeting": "Say hello to guest number {} of our hotel in a friendly way.",
    "translation": "Translate into German: the train number {} leaves late today.",
    "sum": "Add {} and 417 and multiply the sum by 3. Give the number alone.",
}


def chance(*told: object) -> float:
    """A number from 0 to 1 that hangs on the words alone."""
    digest = hashlib.sha256(" ".join(map(str, told)).encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def main() -> int:
    path, later = Path(sys.argv[1]), sys.argv[2:]
    rows = [
        {
            "prompt": text.format(number),
            "group": kind,
            "model": llm,
            "score": float(chance(llm, kind, number) < right[kind]),
            "cost": round(price * (0.8 + 0.4 * chance("cost", llm, kind, number)), 7),
        }
        for number in (range(1, 17) if later else range(1, 101))
        for kind, text in PROMPTS.items()
        for llm, (price, right) in ({name: LATER[name] for name in later} or LLMS).items()
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    print(f"{path}: {len(rows)} outcomes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
