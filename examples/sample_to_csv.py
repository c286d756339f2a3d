"""Write the packaged comparisons as a CSV file with columns of its own: what a team's table of judgements looks like.

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


def main() -> int:
    path = Path(sys.argv[1])
    rows = read_file(SAMPLE)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for at in range(len(rows)):
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
    print(f"{path}: {len(rows)} comparisons")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
