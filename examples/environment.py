"""Train in an environment of yours: a class that answers the model's turns, and says what they are worth.

Run it as `python examples/environment.py [FOLDER]`; the run and the model are put into the folder, or a temporary one.
The game is one that a model of random weights can learn in a minute: it is asked for a year, and told "Digits!" where
it says none. A first answer that has digits is worth more than a second one.
"""

import json
import sys
import tempfile
from pathlib import Path

from runner import Runner
from runner.tinker import Environment, StepResult

YEARS = ["the moon landing", "the first film", "the last eclipse", "the great fire"]


class Year(Environment):
    """One is made for every answer, with the prompt's turns and the row's columns."""

    turns = 0

    def step(self, message):
        self.turns += 1
        text = message["content"]
        share = sum(letter.isdigit() for letter in text) / max(1, len(text))
        if share == 0:
            # A text goes on, and is worth nothing.
            return "Digits!"
        # StepResult(reward, next_observation) gives both; a number alone ends the episode too.
        return StepResult(reward=share / self.turns, episode_done=True)


SPEC = {
    "model": {
        "name": "years",
        "spec": {
            "model_type": "grpo",
            "base_model_name": "runner/tiny-llama",
            "environment": {"partner": {"file": __file__, "class_name": "Year"}, "max_turns": 2},
            "rewards": {"game": {"reward_type": "environment"}},
            "group_size": 8,
            "max_new_tokens": 6,
            "max_length": 192,
            "max_grad_norm": None,
            "optimizer": {"optimizer_type": "adamw", "learning_rate": 0.01},
        },
    },
    "data": {"dataset": "years.jsonl", "validation_split": 0.25},
    "epochs": 1,
    "batch_size": 4,
}


def main(folder: Path) -> dict:
    """Write the prompts, train, and show how the episodes went."""
    rows = [{"prompt": f"When was {event}?", "number": at} for at, event in enumerate(YEARS * 16)]
    (folder / "years.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    spec = SPEC | {"data": SPEC["data"] | {"dataset": str(folder / "years.jsonl")}}
    trained = Runner(root=folder).train(spec, executor="local")
    for name in ("baselines", "rewards", "environment"):
        table = trained.tables[name]
        print(table["title"])
        for row in table["rows"]:
            print("  ", dict(zip(table["columns"], row, strict=True)))
    return trained.tables


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as made:
            main(Path(made))
