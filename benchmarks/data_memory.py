"""By how much a training grows with its file of rows: bytes of its peak beside bytes of the file, by kind.

    python benchmarks/data_memory.py [--kinds text_classification sft ...] [--mib 128] [--words 13] [--max-samples 2000]
        [--json]

A process trains on a small Parquet file, of which its libraries and its model are loaded, and then on a large one of
long rows; what its peak of resident memory (VmHWM) is higher by is what the rows took. Pages of files that are mapped
count, although a system that is short of memory takes them back.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.memory_growth import KINDS, document, grown, write_small, written

MIB = 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="+", choices=sorted(KINDS), default=list(KINDS))
    parser.add_argument("--mib", type=float, default=128, help="of the large file")
    parser.add_argument(
        "--words", type=int, default=13, help="of 150 letters, a row; pictures have about as many bytes"
    )
    parser.add_argument("--max-samples", type=int, help="rows of the file that are drawn; all are read")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    arguments = parser.parse_args()
    for kind in arguments.kinds:
        with tempfile.TemporaryDirectory() as scratch:
            home = Path(scratch)
            small, large = home / "small.parquet", home / "large.parquet"
            write_small(small, kind, arguments.words)
            size, rows = written(large, kind, int(arguments.mib * MIB), arguments.words)
            asked = document(kind) | {
                "data": {} if arguments.max_samples is None else {"max_samples": arguments.max_samples}
            }
            found = grown(asked, small, large, home / "runs")
        assert found["rows"] == min(rows, arguments.max_samples or rows)
        share = found["grown"] / size
        row = {"kind": kind, "mib": size / MIB, "rows": rows, "grown_mib": found["grown"] / MIB, "share": share}
        print(
            json.dumps(row)
            if arguments.json
            else f"{kind:22} {row['mib']:5.0f} MiB, {rows:7,} rows: {row['grown_mib']:6.1f} MiB more, {share:.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
