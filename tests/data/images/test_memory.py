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

LIMIT = 32 * 2**20
CHILD = """
import sys
from pathlib import Path
from runner.contract import LoadContext
from runner.data.images.section import ClassImages
from runner.spec.kinds import spec_class
from runner.training.peak_memory import peak_memory
import numpy, pyarrow.parquet
from PIL import Image
Image.init()
context = LoadContext(spec_class("image_classification").model_construct(), Path(sys.argv[3]), lambda *_, **__: None)
def read(path):
    loaded = ClassImages(dataset=path).load(context)
    for at in range(len(loaded.train)):
        loaded.train.pictures.decoded(at)
    return len(loaded.train) + len(loaded.validation)
# What a few rows take is what the program takes by itself, and one page of a file.
read(sys.argv[1])
before = peak_memory()
print(read(sys.argv[2]), peak_memory() - before)
"""


@pytest.mark.slow
def test_a_file_four_times_as_large_as_the_memory_it_may_take_is_read(tmp_path):
    rng = np.random.default_rng(0)
    rows, size = [], 0
    while size < 4 * LIMIT:
        file = io.BytesIO()
        Image.fromarray(rng.integers(0, 255, (120, 120, 3), dtype=np.uint8)).save(file, "PNG", compress_level=0)
        rows.append({"image": file.getvalue(), "label": "ab"[len(rows) % 2]})
        size += len(rows[-1]["image"])
    # Groups of a hundred rows, as the library datasets writes pictures: a page, which is read as a whole, has up to
    # 1,024 rows of a group.
    small, large = tmp_path / "small.parquet", tmp_path / "large.parquet"
    for path, some in ((small, rows[:200]), (large, rows)):
        parquet.write_table(pa.Table.from_pylist(some), path, row_group_size=100, compression="none")
    words = [sys.executable, "-c", CHILD, small, large, tmp_path / "cache"]
    # Each thread has a heap of its own: how many there are is the machine's matter.
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=environment)
    count, taken = map(int, done.stdout.split())
    assert count == len(rows)
    assert taken < LIMIT
