"""A detector of 0.1 million parameters that reads pictures of any size in patches of 8 and finds up to 12 boxes."""

from __future__ import annotations

import json
from pathlib import Path

from runner.training.made._drawing import draw

#: What the channels are brought to before they are read.
MEAN = STANDARD_DEVIATION = (0.5, 0.5, 0.5)
SIDE = 64


def write(folder: Path) -> None:
    """Write the model and its processor."""
    from transformers import YolosConfig, YolosForObjectDetection

    config = YolosConfig(
        hidden_size=64, intermediate_size=128, num_hidden_layers=3, num_attention_heads=4, image_size=[SIDE, SIDE],
        patch_size=8, num_detection_tokens=12, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        dtype="float32",
    )  # fmt: skip
    config.num_labels = 2
    model = YolosForObjectDetection(config)
    # So wide that patches and places differ without any training.
    draw(model, 0.08)
    model.save_pretrained(folder)
    processor = {
        "image_processor_type": "YolosImageProcessor", "do_resize": True, "size": {"height": SIDE, "width": SIDE},
        "resample": 2, "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True, "image_mean": MEAN,
        "image_std": STANDARD_DEVIATION, "do_pad": False, "format": "coco_detection",
    }  # fmt: skip
    (folder / "preprocessor_config.json").write_text(json.dumps(processor, indent=1) + "\n", "utf-8")
