"""The data sets that have a name, and what using one takes. Imports nothing heavy: a spec is checked with this."""

from __future__ import annotations

from pathlib import Path

from runner.data import hub, hub_files

HUB = {
    "lmarena_human_preference": "lmarena-ai/arena-human-preference-140k",
    "chatbot_arena": "lmsys/chatbot_arena_conversations",
}
#: What ``data.dataset`` may be by name; anything else is a path.
NAMES = (*HUB, "both", "sample")
SAMPLE = Path(__file__).parent / "sample" / "comparisons.parquet"


def is_path(dataset: str) -> bool:
    """Whether ``data.dataset`` is the user's own, which may have columns and words of its own."""
    return dataset not in NAMES


def is_local(dataset: str) -> bool:
    """Whether ``data.dataset`` is on this disk: a path that is no name of the Hub."""
    return is_path(dataset) and not hub_files.is_hub_name(dataset)


def network_needed(dataset: str) -> bool:
    """Whether reading it has to ask the Hub: it is a Hub data set that the local cache does not hold whole."""
    if is_path(dataset):
        return hub_files.network_needed(dataset)
    names = list(HUB) if dataset == "both" else [dataset] if dataset in HUB else []
    return any(not whole(hub.cached_snapshot(HUB[name], "dataset")) for name in names)


def whole(snapshot: Path | None) -> bool:
    """Whether a snapshot has its data files, all of them."""
    if snapshot is None:
        return False
    names = parquet(snapshot)
    return bool(names) and not hub.missing_shards(names)


def parquet(snapshot: Path) -> list[str]:
    """The snapshot's data files by their relative paths, without links to nowhere."""
    return sorted(str(path.relative_to(snapshot)) for path in snapshot.rglob("*.parquet") if path.exists())
