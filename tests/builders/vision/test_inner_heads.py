"""Detectors whose heads lie within their bodies, as RT-DETR's do: fewer classes, adapters, and pictures too small."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.errors import DataError


@pytest.fixture(scope="session")
def inner(tmp_path_factory) -> Path:
    """A tiny RT-DETR of five classes and of forty queries."""
    import torch
    import transformers as t

    torch.manual_seed(0)
    backbone = t.RTDetrResNetConfig(
        embedding_size=8, hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1], layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )  # fmt: skip
    config = t.RTDetrConfig(
        backbone_config=backbone, use_pretrained_backbone=False, encoder_in_channels=[8, 16, 16],
        decoder_in_channels=[16, 16, 16], encoder_hidden_dim=16, d_model=16, encoder_ffn_dim=16, decoder_ffn_dim=16,
        encoder_attention_heads=2, decoder_attention_heads=2, decoder_layers=2, num_queries=40, num_denoising=10,
        num_labels=5,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("rtdetr")
    t.RTDetrForObjectDetection(config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("method", [{"method": "full"}, {"method": "lora"}], ids=lambda method: method["method"])
@pytest.mark.slow
@pytest.mark.warm
def test_classes_get_a_new_layer_within_the_body(studio, weights, inner, method):
    result, folder = studio.train(
        "object_detection", base_model_name=str(inner), image_size=64, max_steps=1, epochs=1, finetuning_spec=method
    )
    assert result.metrics["loss"] > 0
    stored = weights(folder)
    # Two classes: each box has a score for each, and none for nothing.
    shapes = {value.shape for name, value in stored.items() if ".decoder.class_embed." in name}
    assert shapes == {(2, 16), (2,)}


def test_pictures_with_fewer_places_than_are_looked_at_are_refused(studio, inner):
    with pytest.raises(
        DataError, match="pictures of 32 pixels a side have 21 places, and the model looks at 40"
    ) as told:
        studio.train("object_detection", base_model_name=str(inner), image_size=32, epochs=1)
    assert told.value.where == "/model/spec/image_size"
    assert told.value.hint == "at least 64"
