"""Base models that are offered: this machine's, the shipped list's, the Hub's, and what is said where it is silent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from runner import registry
from runner.errors import UsageError
from runner.training import made_models
from runner.wizard import catalog
from runner.wizard.catalog import HUB_SORTS, field_of, models_for, uses
from runner.workspace import Workspace
from tests.talking_models import keep

BASED = [kind for kind in registry.built_in() if field_of(kind) is not None]
#: The tables of transformers that say which kinds of models can have a kind's head.
TABLES = {
    "language": ("MODEL_FOR_CAUSAL_LM_MAPPING_NAMES",),
    "encoders": (
        "MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES",
        "MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES",
        "MODEL_FOR_QUESTION_ANSWERING_MAPPING_NAMES",
        "MODEL_MAPPING_NAMES",
    ),
    "text_to_text": ("MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES",),
    "pictures": ("MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES",),
    "detectors": ("MODEL_FOR_OBJECT_DETECTION_MAPPING_NAMES",),
    "pictures_and_texts": ("MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES",),
    "sentence_vectors": ("MODEL_MAPPING_NAMES",),
}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """An empty one, on a machine without a Hub and without its cache."""
    # The client reads the environment once, and keeps it for the tests after this one.
    import huggingface_hub.constants  # noqa: F401

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "no-token"))
    return Workspace.below(tmp_path)


def model_folder(folder: Path, kind: str, architecture: str, **more: Any) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"model_type": kind, "architectures": [architecture]} | more))
    (folder / "model.safetensors").write_bytes(b"")
    return folder


def test_kinds_with_a_base_model_are_in_the_catalog_and_all_kinds_of_it_are_there():
    named = [kind for use in uses() for kind in use.kinds]
    assert sorted(named) == sorted(BASED)
    known = {use.name for use in uses()}
    assert all(set(entry["uses"]) <= known for entry in catalog._document()["models"])
    assert set(TABLES) == known


@pytest.mark.parametrize("kind", BASED)
def test_each_kind_with_a_base_model_is_offered_some(kind: str, workspace: Workspace):
    offers = models_for(kind, workspace)
    assert len(offers) >= 3
    assert offers.notes == []
    assert len({offer.name for offer in offers}) == len(offers)
    assert all(offer.sentence() for offer in offers)


@pytest.mark.parametrize("kind", ["elo_scoring", "tabular_classification"])
def test_a_kind_that_begins_with_nothing_is_said_to(kind: str, workspace: Workspace):
    offers = models_for(kind, workspace)
    assert (list(offers), offers.notes) == ([], [f"{kind} begins with no pretrained model"])


@pytest.mark.slow  # transformers brings torch, and with it most of its seconds
def test_every_entry_is_of_an_architecture_that_its_kinds_train():
    from transformers.models.auto import modeling_auto

    for entry in catalog._document()["models"]:
        for use in entry["uses"]:
            for table in TABLES[use]:
                assert entry["model_type"] in getattr(modeling_auto, table), (entry["name"], table)


def test_every_entry_says_what_is_known_and_no_more():
    fields = {"name", "uses", "model_type", "parameters", "licence", "note", "gated", "recommended"}
    for entry in catalog._document()["models"]:
        assert set(entry) <= fields
        assert entry.get("parameters", 1) > 0
        drawn = entry["name"] in made_models.DRAWN
        assert drawn == ("knows nothing" in entry.get("note", ""))
    assert {entry["name"] for entry in catalog._document()["models"]} >= set(made_models.DRAWN)


def test_words_are_honoured_whatever_the_order(workspace: Workspace):
    """Upstream's search went by nothing while it sorted by what is trending."""
    for sort in (None, "name", "size", *HUB_SORTS):
        offers = models_for("sft", workspace, words="qwen 0.5b", sort=sort)
        assert offers
        assert all("qwen" in offer.name.lower() and "0.5b" in offer.name.lower() for offer in offers)
        assert "the Hub is not asked: HF_HUB_OFFLINE forbids it" in offers.notes
    nothing = models_for("sft", workspace, words="no-such-model-anywhere")
    assert list(nothing) == []
    assert "no model here or in the catalog has 'no-such-model-anywhere'" in nothing.notes[-1]


def test_sizes_filter_and_unknown_ones_are_told(workspace: Workspace):
    small = models_for("sft", workspace, filter="small")
    large = models_for("sft", workspace, filter="large")
    assert all((offer.parameters or 0) < 3e9 for offer in small)
    assert [offer.name for offer in large] == ["OpenPipe/Qwen3-14B-Instruct", "Qwen/Qwen3-30B-A3B-Instruct-2507"]
    assert small.notes == ["1 of unknown size are not shown"]
    ordered = [offer.parameters for offer in models_for("sft", workspace, sort="size") if offer.parameters]
    assert ordered == sorted(ordered)


@pytest.mark.parametrize(
    ("words", "said"),
    [({"sort": "dowloads"}, "did you mean 'downloads'"), ({"filter": "tiny"}, "there are: small, medium, large, here")],
)
def test_an_order_or_a_filter_that_there_is_not_is_refused(workspace: Workspace, words: Any, said: str):
    with pytest.raises(UsageError) as caught:
        models_for("sft", workspace, **words)
    assert said in str(caught.value.hint)


def test_models_of_this_machine_come_first(workspace: Workspace, tmp_path: Path):
    model_folder(tmp_path / "bases" / "mine", "llama", "LlamaForCausalLM")
    model_folder(tmp_path / "bases" / "packed", "llama", "LlamaForCausalLM", quantization_config={"quant_method": "x"})
    model_folder(tmp_path / "bases" / "reader", "bert", "BertModel")
    model_folder(tmp_path / "hub" / "models--org--cached" / "snapshots" / "1", "qwen2", "Qwen2ForCausalLM")
    (tmp_path / "hub" / "models--org--cached" / "refs").mkdir()
    (tmp_path / "hub" / "models--org--cached" / "refs" / "main").write_text("1")
    for name in ("sft/first", "sft/first", "reward/judge", "text_classification/topics"):
        made = tmp_path / "made"
        made.mkdir(exist_ok=True)
        (made / "x.json").write_text("{}")
        keep(tmp_path, name, made)
    offers = models_for("dpo", workspace)
    by_name = {offer.name: offer for offer in offers}
    assert offers[0].name == "sft/first"
    assert by_name["sft/first"].about == "v2 is its newest"
    assert by_name["sft/first"].note == "trained here: v2 is its newest"
    assert by_name["./bases/mine"].source == "folder"
    assert by_name["org/cached"].source == "cached"
    assert not by_name.keys() & {"reward/judge", "text_classification/topics", "./bases/packed", "./bases/reader"}
    here = [offer.here for offer in offers if offer.source != "drawn"]
    assert here == sorted(here, reverse=True)
    assert all(offer.here for offer in models_for("dpo", workspace, filter="here"))
    texts = {offer.name for offer in models_for("token_classification", workspace)}
    assert {"text_classification/topics", "./bases/reader"} <= texts
    assert not texts & {"sft/first", "./bases/mine"}


class Hub:
    """A server that lists models, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, list[str]]] = []
        self.status = 200
        self.models: list[dict[str, Any]] = []


@pytest.fixture
def hub(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    found = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(200)
            self.end_headers()

        def do_GET(self) -> None:
            asked, status = urlsplit(self.path), found.status
            if asked.path == "/api/models":
                found.asked.append(parse_qs(asked.query))
            else:
                # The client asks who uses it, and keeps the answer on this machine.
                status = 404
            body = json.dumps(found.models if status == 200 else {"error": "out of order"}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    yield found
    server.shutdown()
    server.server_close()


def test_the_hub_is_asked_with_the_words_the_order_and_the_size(hub: Hub, workspace: Workspace):
    hub.models = [
        {
            "id": "org/far", "gated": "manual", "cardData": {"license": "mit"},
            "safetensors": {"parameters": {"BF16": 5_000_000_000}, "total": 5_000_000_000},
            "config": {"model_type": "llama", "architectures": ["LlamaForCausalLM"]},
        },
        {"id": "org/picture", "config": {"model_type": "vit", "architectures": ["ViTModel"]}},
        {"id": "org/packed", "config": {"model_type": "llama", "quantization_config": {}}},
    ]  # fmt: skip
    offers = models_for("sft", workspace, words="far", sort="likes", filter="medium")
    assert [offer.name for offer in offers] == ["org/far"], offers.notes
    (offer,) = offers
    assert (offer.parameters, offer.licence, offer.gated, offer.source) == (5_000_000_000, "mit", True, "hub")
    assert "ask its owner" in offer.sentence()
    (asked,) = hub.asked
    assert (asked["search"], asked["pipeline_tag"], asked["sort"]) == (["far"], ["text-generation"], ["likes"])
    assert "direction" not in asked
    assert asked["num_parameters"] == ["min:3000000000,max:10000000000"]


def test_the_hub_s_order_is_kept_and_what_is_here_is_said_of_it(hub: Hub, workspace: Workspace):
    hub.models = [{"id": "org/new"}, {"id": "Qwen/Qwen3-4B"}]
    offers = models_for("sft", workspace, sort="trending")
    assert [offer.name for offer in offers[:2]] == ["org/new", "Qwen/Qwen3-4B"]
    assert offers[1].licence == "apache-2.0"
    assert hub.asked[0]["sort"] == ["trendingScore"]


def test_the_hub_is_not_asked_where_nobody_searches(hub: Hub, workspace: Workspace):
    assert models_for("sft", workspace)
    assert models_for("sft", workspace, words="qwen", filter="here").notes[-1].startswith("no model here")
    assert hub.asked == []


def test_a_lookup_that_failed_says_so_and_the_rest_is_listed(hub: Hub, workspace: Workspace):
    hub.status = 400
    offers = models_for("sft", workspace, words="qwen")
    assert offers
    assert "the Hub could not be asked" in offers.notes[0]


def test_a_hub_that_is_not_there_is_told_at_once(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    offers = models_for("sft", workspace, words="qwen")
    assert offers
    assert "the Hub could not be asked" in offers.notes[0]


def test_bare_names_of_the_hub_are_no_paths(workspace: Workspace):
    """Upstream took bert-base-uncased for a folder that is not there, and asked to be forced."""
    from runner.training import pretrained

    for entry in catalog._document()["models"]:
        assert pretrained.is_hub_name(entry["name"])
