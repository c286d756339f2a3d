"""Pictures are never all in memory: those of a Parquet file are laid down on disk, and decoded one by one."""

import io
import os
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

LIMIT = 48 * 2**20
CHILD = """
import resource, sys
from pathlib import Path
from runner.contract import LoadContext
from runner.data.images.section import ClassImages
from runner.spec.kinds import spec_class
import numpy, pyarrow.parquet
from PIL import Image
Image.init()
context = LoadContext(spec_class("image_classification").model_construct(), Path(sys.argv[2]), lambda *_, **__: None)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
loaded = ClassImages(dataset=sys.argv[1]).load(context)
for at in range(len(loaded.train)):
    loaded.train.pictures.decoded(at)
print(len(loaded.train) + len(loaded.validation), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
def test_a_file_four_times_as_large_as_the_memory_it_may_take_is_read(tmp_path):
    rng = np.random.default_rng(0)
    rows, size = [], 0
    while size < 4 * LIMIT:
        file = io.BytesIO()
        Image.fromarray(rng.integers(0, 255, (400, 400, 3), dtype=np.uint8)).save(file, "PNG", compress_level=0)
        rows.append({"image": file.getvalue(), "label": "ab"[len(rows) % 2]})
        size += len(rows[-1]["image"])
    # One group of rows, as most writers make them.
    parquet.write_table(
        pa.Table.from_pylist(rows), tmp_path / "a.parquet", row_group_size=len(rows), compression="none"
    )
    words = [sys.executable, "-c", CHILD, tmp_path / "a.parquet", tmp_path / "cache"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    count, taken = map(int, done.stdout.split())
    assert count == len(rows)
    assert taken * 1024 < LIMIT
