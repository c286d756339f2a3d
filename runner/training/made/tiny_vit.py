"""A vision transformer of 0.1 million parameters, which reads 32 times 32 pixels in pieces of 8 times 8."""

from __future__ import annotations

from pathlib import Path

from runner.training.made._drawing import draw


def write(folder: Path) -> None:
    """Write the model and its image processor."""
    from transformers import ViTConfig, ViTModel
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    processor = ViTImageProcessorPil(
        size={"height": 32, "width": 32}, image_mean=[0.5, 0.5, 0.5], image_std=[0.5, 0.5, 0.5]
    )
    processor.save_pretrained(folder)
    config = ViTConfig(
        image_size=32, patch_size=8, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, dtype="float32",
    )  # fmt: skip
    model = ViTModel(config, add_pooling_layer=False)
    draw(model, 0.05)
    model.save_pretrained(folder)
