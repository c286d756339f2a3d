"""Writes the packaged sample of labelled texts: messages to a shop, their topic, and how angry they are."""

from __future__ import annotations

import csv
import random
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "runner" / "data" / "labelled_texts" / "sample"
TOPICS = {
    "delivery": ("my parcel did not arrive", "the package is late", "where is my order", "the delivery was delayed",
                 "the tracking shows nothing", "it was shipped to the old address"),
    "billing": ("you charged my card twice", "the invoice is wrong", "i want a refund", "the price on the bill changed",
                "i have not received my money back", "the payment was charged again"),
    "account": ("i cannot log in", "my password does not work", "the reset link is broken", "i am locked out",
                "how do i change my email", "please delete my account and profile"),
    "product": ("the screen is broken", "the phone stopped after a week", "the lamp fell off the table",
                "the app does not start", "a part is missing in the box", "the bottle came in the wrong color"),
}  # fmt: skip
#: How it is said, and how angry that is.
TONES = (
    ("Hello, {}. No hurry, thanks.", 1.0), ("Hi there, {}. Please tell me when you can.", 1.5),
    ("{}. Please help me.", 2.0), ("I wrote yesterday: {}.", 2.5), ("{} again. Please fix it today.", 3.0),
    ("This is the third time that I write, {}!", 4.0), ("Terrible! {} and nobody answers.", 4.5),
    ("{}. This is the worst support ever, I want the manager now!", 5.0),
)  # fmt: skip


def main() -> None:
    rng = random.Random(7)
    rows = [
        (tone.format(said), topic, angry) for topic, all_ in TOPICS.items() for said in all_ for tone, angry in TONES
    ]
    rng.shuffle(rows)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "messages.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["text", "label", "score"])
        writer.writerows(rows)


if __name__ == "__main__":
    main()
