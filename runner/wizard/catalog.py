"""Pretrained models that a kind can begin with: those of this machine first, then what is shipped, then the Hub.

``models.json`` beside this module says which kinds take which architectures, and lists models by name with what is
public of them: how many parameters, under which licence, whether its owner has to be asked first. A field that is not
known is left out.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from runner import near_names, registry
from runner.contract.sections import names_pretrained
from runner.data import hub
from runner.errors import RunnerError, UsageError
from runner.store.model_lookup import listing
from runner.training import made_models, pretrained
from runner.workspace import Workspace

Source = Literal["stored", "folder", "installed", "cached", "catalog", "drawn", "hub"]
#: Orders: of what is listed here, and those that only the Hub knows, each with what its client calls it.
SORTS = ("usual", "name", "size")
HUB_SORTS = {"trending": "trending_score", "downloads": "downloads", "likes": "likes", "recent": "created_at"}
#: Filters: by parameters ``[from, below)``, and what is on this machine.
SIZES: dict[str, tuple[float, float]] = {"small": (0, 3e9), "medium": (3e9, 10e9), "large": (10e9, float("inf"))}
HERE = "here"
#: Models that are asked of the Hub at once, folders that are looked into, and how deep.
MOST, MOST_FOLDERS, DEEPEST = 20, 2000, 3
#: Seconds that the Hub has to say anything at all.
PATIENCE = 5
#: Folders that hold no model to begin with.
PASSED_OVER = ("runs", "models", "outbox", "inference_outputs", "node_modules", "__pycache__", "venv")


@dataclass(frozen=True)
class Offer:
    """A model that a spec may name."""

    #: What the spec's field takes.
    name: str
    source: Source
    #: Whether nothing has to be fetched for it.
    here: bool
    parameters: int | None = None
    licence: str | None = None
    about: str = ""
    #: Whether its owner has to be asked on its page before it can be fetched.
    gated: bool = False
    recommended: bool = False

    def sentence(self) -> str:
        """``135M, apache-2.0, on this machine: answers``"""
        words = [
            size_text(self.parameters),
            self.licence,
            _PLACES.get(self.source) or ("on this machine" if self.here else None),
            "ask its owner on its page first" if self.gated and not self.here else None,
            "recommended" if self.recommended else None,
        ]
        told = ", ".join(word for word in words if word)
        return f"{told}: {self.about}" if told and self.about else told or self.about

    @property
    def value(self) -> str:
        """What a choice of it answers."""
        return self.name

    @property
    def title(self) -> str:
        """What a choice of it is called."""
        return self.name

    @property
    def note(self) -> str:
        """What stands beside it in a list."""
        return self.sentence()


_PLACES = {
    "stored": "trained here",
    "folder": "a folder here",
    "installed": "an installed package",
    "drawn": "built in",
}


class Offers(list[Offer]):
    """Models, and what there is to say of the list: a lookup that failed, models that a filter left out."""

    def __init__(self, offers: Iterable[Offer] = (), notes: Sequence[str] = ()) -> None:
        super().__init__(offers)
        self.notes = list(notes)


@dataclass(frozen=True)
class Use:
    """Kinds that take the same models."""

    name: str
    kinds: tuple[str, ...]
    #: What the Hub calls their task.
    hub_task: str
    #: How the class ends that ``config.json`` names, and the kinds of models that it names.
    architectures: tuple[str, ...] = ()
    model_types: tuple[str, ...] = ()

    def takes(self, config: dict[str, Any]) -> bool:
        """Whether a model of this configuration is probably one; training looks closer."""
        if "quantization_config" in config or config.get("model_type") is None:
            return False
        if self.model_types and config["model_type"] in self.model_types:
            return True
        named = [str(each) for each in config.get("architectures") or []]
        return any(each.endswith(end) for each in named for end in self.architectures) and not self._only_types()

    def _only_types(self) -> bool:
        # A class that generates from a condition is one of texts or of pictures: only its kind tells.
        return "ForConditionalGeneration" in self.architectures


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(Path(__file__).with_name("models.json").read_text("utf-8"))
    return document


def uses() -> list[Use]:
    """The kinds that begin with a pretrained model, by what they take."""
    return [
        Use(
            name,
            tuple(entry["kinds"]),
            entry["hub_task"],
            tuple(entry.get("architectures", ())),
            tuple(entry.get("model_types", ())),
        )
        for name, entry in _document()["uses"].items()
    ]


def use_of(kind: str) -> Use | None:
    """What a kind takes; None of one that begins with nothing, and of a package's own that does not say."""
    return next((use for use in uses() if kind in use.kinds), None)


def field_of(kind: str) -> str | None:
    """The pointer of the field that names a pretrained model, as ``/model/spec/base_model_name``; None where none does.

    Raises :class:`~runner.errors.NotFoundError` for a kind that does not exist.
    """
    section = registry.load(kind).Spec
    found = [name for name in section.model_fields if names_pretrained(section, name)]
    return f"/model/spec/{found[0]}" if found else None


def models_for(
    kind: str,
    workspace: Workspace,
    words: str | None = None,
    sort: str | None = None,
    filter: str | None = None,
    folder: Path | None = None,
) -> Offers:
    """The models that a kind can begin with; none for a kind that begins with nothing.

    Args:
        kind: the model type.
        workspace: whose stored models are offered.
        words: words that each have to be in the name, the licence or the note; the Hub is asked for them too.
        sort: one of :data:`SORTS`, or of :data:`HUB_SORTS`, for which the Hub is asked.
        filter: one of :data:`SIZES`, or ``here``.
        folder: where folders of models are looked for; the current one unless it is said.

    The Hub is asked only for words and for its own orders, and not for ``here``; where it does not answer, ``notes``
    says so and the others are listed. Raises :class:`UsageError` for an order or a filter that there is not.
    """
    _check(sort, (*SORTS, *HUB_SORTS), "sort")
    _check(filter, (*SIZES, HERE), "filter")
    if field_of(kind) is None:
        return Offers(notes=[f"{kind} begins with no pretrained model"])
    use = use_of(kind)
    found = list(
        _unique([*_stored(kind, use, workspace), *_folders(use, folder or Path.cwd()), *_shipped(use), *_cached(use)])
    )
    found = [offer for offer in found if _has(offer, words)]
    notes: list[str] = []
    if filter != HERE and (words or sort in HUB_SORTS):
        asked, notes = _of_hub(use, words, sort, filter)
        known = {offer.name: offer for offer in found}
        # What the Hub's order puts first comes first; what is here is said of it.
        found = list(_unique([*(known.get(offer.name, offer) for offer in asked), *found]))
    shown = [offer for offer in found if _passes(offer, filter)]
    unknown = sum(offer.parameters is None for offer in found) if filter in SIZES else 0
    if unknown:
        notes.append(f"{unknown} of unknown size are not shown")
    if sort not in HUB_SORTS or not asked:
        shown.sort(key=_order(sort))
    if words and not shown:
        notes.append(f"no model here or in the catalog has {words!r} in its name, licence or note")
    return Offers(shown, notes)


def _check(word: str | None, known: Sequence[str], what: str) -> None:
    if word is not None and word not in known:
        raise UsageError(
            f"there is no {what} {word!r}", hint=near_names.hint(word, known, f"there are: {', '.join(known)}")
        )


def _order(sort: str | None) -> Any:
    if sort == "name":
        return lambda offer: offer.name.lower()
    if sort == "size":
        return lambda offer: (offer.parameters is None, offer.parameters or 0, offer.name)
    # What was trained here comes first, what is drawn at random last, and what has to be fetched behind what has not.
    return lambda offer: (
        offer.source == "drawn",
        offer.source != "stored",
        not offer.here,
        not offer.recommended,
        offer.parameters or float("inf"),
    )


def _has(offer: Offer, words: str | None) -> bool:
    text = f"{offer.name} {offer.licence or ''} {offer.about}".lower()
    return all(word in text for word in (words or "").lower().split())


def _passes(offer: Offer, filter: str | None) -> bool:
    if filter == HERE:
        return offer.here
    if filter is None:
        return True
    least, below = SIZES[filter]
    return offer.parameters is not None and least <= offer.parameters < below


def _unique(offers: Iterable[Offer]) -> Iterator[Offer]:
    seen: set[str] = set()
    for offer in offers:
        if offer.name not in seen:
            seen.add(offer.name)
            yield offer


def _shipped(use: Use | None) -> Iterator[Offer]:
    for entry in _document()["models"]:
        if use is None or use.name not in entry["uses"]:
            continue
        name = entry["name"]
        here = pretrained.available_locally(name)
        packaged = name in pretrained.PACKAGED or made_models.comes_from_package(name)
        source: Source = "catalog" if not here else "installed" if packaged else "cached"
        if name in made_models.DRAWN:
            source = "drawn"
        yield Offer(
            name,
            source,
            here,
            entry.get("parameters"),
            entry.get("licence"),
            entry.get("note", ""),
            entry.get("gated", False),
            entry.get("recommended", False),
        )


def _stored(kind: str, use: Use | None, workspace: Workspace) -> Iterator[Offer]:
    """Stored models of a kind that takes the same, the newest version of each."""
    field_name = (field_of(kind) or "").rpartition("/")[2]
    needed = registry.load(kind).Spec.references.get(field_name)
    if needed is None:
        return
    newest = {f"{model.model_type}/{model.name}": model for model in listing(workspace.store, [])}
    for name, model in sorted(newest.items(), key=lambda pair: -pair[1].version):
        if registry.find(model.model_type) is None:
            continue
        if use is not None and model.model_type not in use.kinds:
            continue
        try:
            if needed.task is not None and registry.task(model.model_type).name != needed.task:
                continue
        except RunnerError:
            continue
        yield Offer(name, "stored", True, about=f"v{model.version} is its newest")


def _cached(use: Use | None) -> Iterator[Offer]:
    """Models of the Hub's cache that training could read as they are."""
    for place in sorted(hub.downloads().glob("models--*")):
        name = place.name.removeprefix("models--").replace("--", "/")
        try:
            found = pretrained.local(name)
        except RunnerError:
            continue
        if found is not None and (offer := _of_folder(name, found, use, "cached")) is not None:
            yield offer


def _folders(use: Use | None, root: Path) -> Iterator[Offer]:
    """Folders below the current one that hold a model: a configuration and safetensors."""
    for seen, (here, folders, names) in enumerate(os.walk(root)):
        if seen == MOST_FOLDERS:
            return
        depth = len(Path(here).relative_to(root).parts)
        folders[:] = [] if depth >= DEEPEST else sorted(_looked_into(folders))
        if "config.json" in names and any(name.endswith(".safetensors") for name in names):
            folders[:] = []
            name = f"./{Path(here).relative_to(root)}"
            if (offer := _of_folder(name, Path(here), use, "folder")) is not None:
                yield offer


def _looked_into(names: Iterable[str]) -> list[str]:
    return [name for name in names if name[0] not in "._" and name not in PASSED_OVER]


def _of_folder(name: str, folder: Path, use: Use | None, source: Source) -> Offer | None:
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(config, dict) or (use is not None and not use.takes(config)):
        return None
    return Offer(name, source, True, about=f"a {config.get('model_type')} model")


def _of_hub(use: Use | None, words: str | None, sort: str | None, filter: str | None) -> tuple[list[Offer], list[str]]:
    """The Hub's models, in its order; and what to say where it cannot be asked."""
    if hub.offline():
        return [], ["the Hub is not asked: HF_HUB_OFFLINE forbids it"]
    told: dict[str, Any] = {"limit": MOST, "sort": HUB_SORTS.get(sort or "", "downloads")}
    if words:
        told["search"] = words
    if use is not None:
        told["pipeline_tag"] = use.hub_task
    if filter in SIZES:
        least, below = SIZES[filter]
        most = {} if below == float("inf") else {"max": int(below)}
        told["num_parameters"] = ",".join(f"{name}:{value}" for name, value in ({"min": int(least)} | most).items())
    try:
        import httpx
        from huggingface_hub import HfApi

        # The client would try again for half a minute; who sits before a prompt is told at once.
        httpx.head(hub.site(), timeout=PATIENCE)
        listed = list(
            HfApi(endpoint=hub.site(), token=hub.token() or False).list_models(
                filter=["transformers", "safetensors"], expand=["safetensors", "gated", "cardData", "config"], **told
            )
        )
    except Exception as error:  # noqa: BLE001 - the client's errors are of many libraries; none of them ends the wizard
        line = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
        return [], [f"the Hub could not be asked ({line}): what is on this machine and in the catalog is listed"]
    offers = [_of_info(info) for info in listed if use is None or _fits(info, use)]
    return offers, [] if offers else [f"the Hub knows no such model{f' of {words!r}' if words else ''}"]


def _fits(info: Any, use: Use) -> bool:
    config = getattr(info, "config", None)
    return not isinstance(config, dict) or use.takes(config)


def _of_info(info: Any) -> Offer:
    weights, card = getattr(info, "safetensors", None), getattr(info, "card_data", None)
    licence = card.get("license") if card is not None and hasattr(card, "get") else None
    here = pretrained.available_locally(info.id)
    return Offer(
        info.id,
        "cached" if here else "hub",
        here,
        parameters=getattr(weights, "total", None),
        licence=licence if isinstance(licence, str) else None,
        gated=bool(getattr(info, "gated", False)),
    )


def size_text(parameters: int | None) -> str | None:
    """``135M``, ``7.6B``; None where it is not known."""
    if parameters is None:
        return None
    if parameters >= 1e9:
        return f"{parameters / 1e9:.1f}B"
    return f"{parameters / 1e6:.0f}M"
