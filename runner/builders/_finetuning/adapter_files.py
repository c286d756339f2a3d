"""The files of a stored adapter, as PEFT has them, and the base that it was trained beside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.errors import IntegrityError, NotFoundError
from runner.store.files import sha256_file

ADAPTER = "adapter_config.json"


def base_facts(trained: Any) -> dict[str, Any]:
    """What an adapter says of its base: name, revision, and a hash for each file of weights and the configuration.

    ``trained`` has the base's ``source``, ``name`` and ``revision``. A stored base is named ``type/name/vN``; one that
    is an adapter itself is known by its own files.
    """
    configurations = (trained.source / name for name in ("config.json", ADAPTER))
    files = [*sorted(trained.source.glob("*.safetensors")), *(path for path in configurations if path.exists())]
    named = {"name": trained.name} | ({"revision": trained.revision} if trained.revision is not None else {})
    return named | {"files": {path.name: sha256_file(path) for path in files}}


def name_base(folder: Path, trained: Any) -> None:
    """Have PEFT's document name the base, and list names in an order of their own: it keeps them as sets, whose order
    is another one in every process."""
    path = folder / ADAPTER
    document = json.loads(path.read_text("utf-8"))
    document |= {"base_model_name_or_path": trained.name, "revision": trained.revision}
    for name, value in document.items():
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            document[name] = sorted(value)
    path.write_text(json.dumps(document, indent=2, sort_keys=True) + "\n", "utf-8")


def found_base(folder: Path, base: Mapping[str, Any], cache: Path | None, store: Path | None = None) -> Path:
    """The folder of a stored adapter's base, found by its name and checked by its hashes.

    ``store`` is where stored models are, where the adapter is not one of them. Raises :class:`IntegrityError` for a
    base of other bytes, and what resolving a name raises, told as the adapter's.
    """
    from runner.training import pretrained

    # A stored base lies in the same store: <store>/<type>/<name>/<version>.
    beside = (store or folder.parents[2]) / base["name"] if len(folder.parents) > 2 else folder
    stored = beside != folder and any((beside / name).exists() for name in ("config.json", ADAPTER))
    try:
        found = beside if stored else pretrained.resolve(base["name"], base.get("revision"), cache)
    except NotFoundError as error:
        error.message = f"the adapter was trained beside {base['name']}, which is not here"
        error.hint = "put the base back that it was trained on, or train anew"
        raise
    for name, wanted in base["files"].items():
        path = found / name
        if not path.exists() or sha256_file(path) != wanted:
            raise IntegrityError(
                f"the adapter was trained beside another {base['name']}: {name} has other bytes",
                where=str(path),
                hint="put the base back that it was trained on, or train anew",
            )
    return found
