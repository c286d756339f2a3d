"""What supervised fine-tuning begins with where nobody says otherwise: epochs and warm-up by how many rows there are.

The formula is that of OpenPipe's ART: about 10,000 rows are seen in all, within 1 to 10 epochs, and the learning rate
rises over a twentieth of an epoch, within 10 to 1,000 steps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from runner.errors import DataError

BATCH, RATE = 2, 2e-4
#: Of conversations that are typed in by hand, which are few.
INLINE_BATCH, INLINE_RATE = 1, 1e-5
MOST_EPOCHS, SEEN = 10, 10_000
LEAST_WARMUP, MOST_WARMUP, WARMUP_SHARE = 10, 1000, 0.05
#: What a spec says for all of the steps: its own share is below 1, and is rounded up to whole steps.
ALL_STEPS = 0.9999


@dataclass(frozen=True)
class SftDefaults:
    """The values, in the words of a spec."""

    epochs: int
    batch_size: int
    learning_rate: float
    warmup_ratio: float
    schedule: str = "linear"

    def sentence(self) -> str:
        return (
            f"epochs {self.epochs}, batch size {self.batch_size}, learning rate {self.learning_rate:g}, "
            f"schedule {self.schedule}, warm-up ratio {self.warmup_ratio:g}"
        )


def defaults(rows: int, *, inline: bool = False) -> SftDefaults:
    """The values for so many rows. Raises :class:`DataError` for none."""
    if rows < 1:
        raise DataError("there is no row to learn from", hint="name a file with conversations")
    # Python rounds halves to even: 2.5 epochs are 2.
    epochs = max(1, min(MOST_EPOCHS, round(SEEN / rows)))
    batch = INLINE_BATCH if inline else BATCH
    return SftDefaults(epochs, batch, INLINE_RATE if inline else RATE, warmup_ratio(rows, epochs, batch))


def warmup_ratio(rows: int, epochs: int, batch_size: int) -> float:
    """The share of all steps over which the learning rate rises; at most 1, which is all of a short training."""
    steps = math.ceil(rows * epochs / batch_size)
    rising = max(LEAST_WARMUP, min(MOST_WARMUP, round(math.ceil(rows / batch_size) * WARMUP_SHARE)))
    return min(1.0, round(rising / steps, 4))
