"""The wheels that travel to a machine with a GPU and no network, beside what it has."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

#: What such a machine is taken to have: Python 3.12, and these.
THERE = (
    "torch with CUDA", "transformers", "peft", "accelerate", "tokenizers", "safetensors", "huggingface-hub", "numpy",
    "pandas", "pyarrow", "scipy", "scikit-learn", "numba", "psutil", "rich", "attrs", "urllib3", "requests", "filelock",
)  # fmt: skip
#: What is left out without a group of wheels, and the wheels.
CARRIED: dict[str, tuple[str, tuple[str, ...]]] = {
    "runner": (
        "everything",
        (
            "pydantic==2.14.3", "pydantic-core==2.50.4", "annotated-types", "typing-inspection", "typing-extensions",
            "cyclopts>=5.4,<6", "docstring-parser", "rich-rst", "docker>=7.2,<8", "jsonschema>=4.26,<5",
            "jsonschema-specifications", "referencing", "rpds-py", "platformdirs", "tenacity>=9.1,<10",
        ),
    ),
    "trl": ("every comparison with TRL", ("trl==1.16.0", "datasets==5.2.0", "dill==0.4.1", "multiprocess==0.70.19")),
    "bitsandbytes": ("QLoRA, here and by TRL", ("bitsandbytes==0.50.2",)),
    "xgboost": ("the kinds of gradient boosting", ("xgboost-cpu>=3.2,<4",)),
}  # fmt: skip
PLATFORMS = ("2_28", "2_27", "2_24", "2_17")
MOST = 60e6


def fetch(folder: Path) -> None:
    """Download the wheels for Python 3.12 on Linux x86-64, and print what each weighs."""
    folder.mkdir(parents=True, exist_ok=True)
    platforms = [f"--platform=manylinux_{one}_x86_64" for one in PLATFORMS]
    platforms += ["--platform=manylinux2014_x86_64", "--platform=manylinux1_x86_64"]
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "--python-version=3.12"]
    pip += ["--implementation=cp", *platforms, "-d", str(folder)]
    total = 0
    for group, (lost, wheels) in CARRIED.items():
        before = set(folder.glob("*.whl"))
        done = subprocess.run([*pip, *wheels], check=False, capture_output=True, text=True)
        if done.returncode:
            print(f"{group}: {done.stderr.strip().splitlines()[-1]}; without it is left out: {lost}")
            continue
        new = sorted(set(folder.glob("*.whl")) - before)
        weight = sum(path.stat().st_size for path in new)
        total += weight
        print(f"{group}: {weight / 1e6:.1f} MB; without it is left out: {lost}")
        for path in new:
            print(f"  {path.stat().st_size / 1e6:6.2f} MB  {path.name}")
    print(f"all: {total / 1e6:.1f} MB, of at most {MOST / 1e6:.0f} MB; the machine has: {', '.join(THERE)}")


def unpack(folder: Path, target: Path) -> int:
    """Put the wheels into ``target``, a folder for PYTHONPATH: none of them has more to install. How many they are."""
    wheels = sorted(folder.glob("*.whl"))
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as packed:
            packed.extractall(target)
    return len(wheels)
