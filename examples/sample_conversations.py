"""Make the packaged sample of language models' data from the packaged comparisons: three small JSON Lines files.

Run it as `python examples/sample_conversations.py [FOLDER]`; without a folder it writes where the package keeps them.
Conversations and texts have each question with its right answer; preferences have the winner's answer and the loser's.
"""

import ast
import hashlib
import json
import sys
from pathlib import Path

import pyarrow.parquet as parquet

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "runner/data/comparisons/sample/comparisons.parquet"
TARGET = ROOT / "runner/data/dialogues/sample"
ROWS = 240


def said(conversation: object) -> str:
    """What the last turn says."""
    turns = ast.literal_eval(conversation) if isinstance(conversation, str) else conversation
    return turns[-1]["content"][0]["text"]


def asked(conversation: object) -> str:
    """What the first turn says."""
    turns = ast.literal_eval(conversation) if isinstance(conversation, str) else conversation
    return turns[0]["content"][0]["text"]


def drawn(rows: dict[str, dict]) -> list[dict]:
    """Rows in an order that hangs on their prompts alone."""
    order = sorted(rows, key=lambda prompt: hashlib.sha256(prompt.encode()).hexdigest())
    return [rows[prompt] for prompt in order[:ROWS]]


def main() -> None:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    target.mkdir(parents=True, exist_ok=True)
    answers: dict[str, str] = {}
    pairs: dict[str, dict] = {}
    for row in parquet.read_table(SOURCE).to_pylist():
        prompt = asked(row["conversation_a"])
        if row["reference"]:
            answers[prompt] = row["reference"]
        if row["winner"] in ("model_a", "model_b"):
            one, other = said(row["conversation_a"]), said(row["conversation_b"])
            chosen, rejected = (one, other) if row["winner"] == "model_a" else (other, one)
            if chosen.strip() and rejected.strip() and chosen != rejected:
                pairs.setdefault(prompt, {"prompt": prompt, "chosen": chosen, "rejected": rejected})
    turns = {
        prompt: {"messages": [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]}
        for prompt, answer in answers.items()
    }
    texts = {prompt: {"text": f"{prompt} {answer}"} for prompt, answer in answers.items()}
    for name, rows in (("conversations", turns), ("preferences", pairs), ("texts", texts)):
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in drawn(rows)]
        (target / f"{name}.jsonl").write_text("".join(lines), "utf-8")


if __name__ == "__main__":
    main()
