"""Write every third packaged comparison into a CSV file with columns of its own: as a team's table of judgements is.

    python examples/sample_to_csv.py battles.csv

The tutorial begins with this file, so that it can be walked before there is a table of one's own.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from runner.data.comparisons.sources import SAMPLE, read_file

HEADER = ("Question", "Left", "Left answer", "Right", "Right answer", "Verdict", "Topic")
VERDICTS = ("L", "R", "same", "neither")
#: All of them take longer to embed than a walk should wait, and teach little more.
EVERY = 3


def main() -> int:
    path = Path(sys.argv[1])
    rows = read_file(SAMPLE)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        kept = range(0, len(rows), EVERY)
        for at in kept:
            writer.writerow(
                (
                    rows.prompts[at],
                    rows.model_a[at],
                    rows.responses_a[at],
                    rows.model_b[at],
                    rows.responses_b[at],
                    VERDICTS[rows.winner[at]],
                    rows.groups[at],
                )
            )
    print(f"{path}: {len(kept)} comparisons")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
