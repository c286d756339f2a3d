"""Detectors: what each field does, what is refused, and what is learned."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from runner import registry
from runner.builders.vision._detecting.augmented_boxes import mirrored
from runner.builders.vision._detecting.box_batches import found_boxes
from runner.builders.vision._detecting.detector_inputs import DetectorInputs
from runner.builders.vision.object_detection.predictor import Predictor
from runner.contract import LoadContext, Table
from runner.errors import DataError
from runner.training import made_models

KIND = "object_detection"
RATE = {"optimizer_type": "adamw", "learning_rate": 0.003}


@pytest.fixture(scope="session")
def detector(tmp_path_factory) -> Path:
    """The tiny detector's folder."""
    folder = made_models.made("runner/tiny-yolos", tmp_path_factory.mktemp("detector"))
    assert folder is not None
    return folder


@pytest.fixture
def fitted(detector, tmp_path, context_for):
    """``fitted(epochs=1, data={...}, **fields)``: the result and the folder of the model."""
    runs = 0

    def fit(epochs: int = 1, data: dict[str, Any] | None = None, **fields: Any):
        nonlocal runs
        runs += 1
        builder = registry.load(KIND)
        document = {"model_type": KIND, "base_model_name": str(detector), "optimizer": RATE, "schedule": None} | fields
        spec = builder.Spec.model_validate(document)
        section = type(spec).data.model_validate({"dataset": "sample", "max_samples": 12} | (data or {}))
        loaded = section.load(LoadContext(spec, tmp_path, lambda *_, **__: None))
        context = context_for(loaded, f"run-{runs}", epochs=epochs, batch_size=8, seed=spec.seed)
        return builder.train(spec, context), context.artifact

    return fit


def weights(folder: Path) -> str:
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


PLAIN: dict[str, str] = {}


@pytest.fixture
def plain(fitted):
    """The weights of a training with no field named, which is run once."""
    if not PLAIN:
        PLAIN["weights"] = weights(fitted()[1])
    return PLAIN["weights"]


@pytest.mark.parametrize(
    "fields",
    [
        {"augmentation": None}, {"augmentation": {"flip": 1.0}}, {"augmentation": {"colour": 0.0}}, {"image_size": 48},
        {"backbone_rate": 0.1}, {"seed": 7}, {"finetuning_spec": {"method": "lora"}},
        pytest.param({"finetuning_spec": {"method": "last_layers", "num_layers": 1}}, marks=pytest.mark.slow),
        pytest.param({"finetuning_spec": {"method": "bitfit"}}, marks=pytest.mark.slow),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.slow
@pytest.mark.warm
def test_a_field_changes_what_is_learned(fitted, plain, fields):
    assert weights(fitted(**fields)[1]) != plain


def test_the_side_of_pictures_is_stored_as_the_library_reads_it(fitted):
    _, folder = fitted(image_size=48)
    assert json.loads((folder / "preprocessor_config.json").read_text())["size"] == {"height": 48, "width": 48}
    assert json.loads((folder / "config.json").read_text())["id2label"] == {"0": "circle", "1": "square"}


def test_a_backbone_of_timm_is_refused_by_its_name_where_there_is_none(fitted, detector, tmp_path, monkeypatch):
    base = tmp_path / "base"
    base.mkdir()
    for path in detector.iterdir():
        (base / path.name).write_bytes(path.read_bytes())
    config = json.loads((base / "config.json").read_text()) | {"use_timm_backbone": True, "backbone": "resnet50"}
    (base / "config.json").write_text(json.dumps(config))
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *_: None)
    with pytest.raises(DataError, match="resnet50 of the model is made by the package timm"):
        fitted(base_model_name=str(base))


def test_boxes_are_mirrored_with_their_picture():
    assert mirrored(np.array([[1.0, 2, 5, 6]]), 10).tolist() == [[5, 2, 9, 6]]


def test_pictures_are_stretched_and_brought_to_the_models_numbers(detector):
    inputs = DetectorInputs.of(detector, 16)
    pixels = inputs.pixels(Image.new("RGB", (40, 30), (255, 0, 0)))
    assert tuple(pixels.shape) == (3, 16, 16)
    assert pixels[:, 3, 3].tolist() == pytest.approx([1, -1, -1])


def test_a_model_without_an_output_for_nothing_gives_its_surest_pairs():
    import torch
    from transformers.models.yolos.modeling_yolos import YolosObjectDetectionOutput as Output

    places = torch.tensor([[[0.5, 0.5, 0.2, 0.4], [0.25, 0.25, 0.5, 0.5]]])
    output = Output(logits=torch.tensor([[[4.0, 3.0], [-5.0, 1.0]]]), pred_boxes=places)
    (found,) = found_boxes(output, [(40, 30)], 2)
    assert found.labels.tolist() == [0, 1]
    assert np.allclose(found.corners, [[16, 9, 24, 21], [16, 9, 24, 21]])
    (one,) = found_boxes(output, [(40, 30)], 1)
    assert one.labels.tolist() == [0, 0]
    assert np.allclose(one.corners[1], [0, 0, 20, 15])


@pytest.mark.slow
def test_the_library_finds_the_same_in_a_new_process(fitted, tmp_path):
    _, folder = fitted(epochs=2)
    picture = tmp_path / "picture.png"
    Image.effect_noise((60, 44), 90).convert("RGB").save(picture)
    code = (
        "import json, sys\nfrom transformers import AutoImageProcessor, AutoModelForObjectDetection\n"
        "from PIL import Image\n"
        "import torch\nmodel = AutoModelForObjectDetection.from_pretrained(sys.argv[1]).eval()\n"
        "read = AutoImageProcessor.from_pretrained(sys.argv[1], backend='pil')\nimage = Image.open(sys.argv[2])\n"
        "with torch.no_grad():\n    out = model(**read(images=image, return_tensors='pt'))\n"
        "one, = read.post_process_object_detection(out, threshold=0, target_sizes=[image.size[::-1]])\n"
        "print(json.dumps([one['boxes'].tolist(), one['scores'].tolist(), one['labels'].tolist()]))\n"
    )
    said = subprocess.run([sys.executable, "-c", code, folder, picture], capture_output=True, text=True, check=True)
    boxes, scores, labels = json.loads(said.stdout.splitlines()[-1])

    class Pictures:
        def decoded(self, at: int) -> Any:
            return Image.open(picture)

    class Row:
        pictures, at = Pictures(), 0

    ((_, found),) = Predictor.load(folder).predict([Row()])
    assert found.labels.tolist() == labels
    assert np.allclose(found.scores, scores, atol=1e-5)
    assert np.allclose(found.corners, np.clip(boxes, 0, [60, 44, 60, 44]), atol=1e-2)


@pytest.mark.slow
def test_drawn_shapes_are_found_by_a_model_that_knew_nothing(fitted, tmp_path):
    """Its mAP50 is at least 0.1 above that of boxes that do not hang on the picture; a first run had 0.25."""
    sys.path.insert(0, str(Path(__file__).parents[3] / "examples"))
    import io

    import pyarrow as pa
    from make_box_shapes import drawn
    from pyarrow import parquet

    rng, rows = np.random.default_rng(5), []
    for at in range(240):
        image, objects = drawn(rng)
        data = io.BytesIO()
        image.save(data, "PNG")
        rows.append({"image": {"bytes": data.getvalue(), "path": f"{at}.png"}, "objects": objects})
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "shapes.parquet")
    given = {
        "dataset": str(tmp_path / "shapes.parquet"),
        "box_format": "xyxy",
        "box_unit": "pixel",
        "max_samples": None,
    }
    result, _ = fitted(
        epochs=60, data=given, optimizer={"optimizer_type": "adamw", "learning_rate": 0.001},
        schedule={"schedule_type": "linear", "warmup_ratio": 0.1}, evaluation={"measure": "loss"},
    )  # fmt: skip
    table = Table.read(result.tables["baselines"])
    best = max(row[list(table.columns).index("map_50")] or 0 for row in table.rows)
    assert result.metrics["map_50"] > best + 0.1


@pytest.mark.slow
def test_where_blood_cells_are_is_known_better_than_at_random(fitted, shared_data, tmp_path):
    """On 12 real pictures the loss is at most 0.7 of that of the weights as they were drawn.

    Precision is no measure here: of 36 pictures a model that knew nothing finds no more than boxes of another one do.
    """
    source = shared_data / "detect_bccd"
    sides: dict[str, list[str]] = {"train": [], "test": []}
    for line in (source / "index.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        name = f"{Path(row['image']).stem}.png"
        # A quarter of each side: the model reads fewer pixels still.
        Image.open(source / row["image"]).resize((160, 120)).save(tmp_path / name)
        objects = [one | {"bbox": [number / 4 for number in one["bbox"]]} for one in row["objects"]]
        sides[row["split"]].append(json.dumps({"image": name, "objects": objects}) + "\n")
    for side, lines in sides.items():
        (tmp_path / f"{side}.jsonl").write_text("".join(lines), "utf-8")
    given = {
        "dataset": str(tmp_path / "train.jsonl"), "validation_data": str(tmp_path / "test.jsonl"), "max_samples": None,
        "box_format": "xyxy", "box_unit": "pixel",
    }  # fmt: skip
    still, rate = ({"optimizer_type": "adamw", "learning_rate": value} for value in (1e-12, 0.002))
    drawn, _ = fitted(data=given, optimizer=still, max_steps=1)
    learned, _ = fitted(epochs=30, data=given, optimizer=rate, evaluation={"measure": "loss"})
    assert learned.metrics["loss"] < 0.7 * drawn.metrics["loss"], (learned.metrics["loss"], drawn.metrics["loss"])
