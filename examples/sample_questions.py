"""Write questions with answers as several people would have noted them, for the tutorial on pipelines.

Run it as `python examples/sample_questions.py FOLDER`. It writes `raw.jsonl`: rows with `question` and `answer`, rows
with `instruction`, `input` and `output`, a few twice, and two that nobody answered. The same rows come out each time.
"""

import json
import sys
from pathlib import Path

OPPOSITES = {"hot": "cold", "big": "small", "old": "new", "wet": "dry", "high": "low", "near": "far", "open": "shut"}


def rows() -> list[dict[str, str]]:
    found = [
        {"question": f"How much is {a} plus {b}?", "answer": str(a + b)} for a in range(1, 13) for b in range(1, 13)
    ]
    for word, other in OPPOSITES.items():
        found.append({"instruction": "Say the opposite.", "input": word, "output": other})
        found.append({"instruction": "Say the opposite.", "input": other, "output": word})
    found += found[:6]
    return [*found, {"question": "Who are you?", "answer": ""}, {"question": "And now?"}]


def main(folder: Path) -> None:
    made = rows()
    text = "".join(json.dumps(row) + "\n" for row in made)
    (folder / "raw.jsonl").write_text(text, encoding="utf-8")
    print(f"{len(made)} rows")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
