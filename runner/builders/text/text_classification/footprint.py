"""What training of classes and labels from texts will take."""

from __future__ import annotations

from typing import Any

from runner.builders.text._labelled import text_estimate
from runner.builders.text._labelled.target_heads import Targets, class_weights
from runner.builders.text.text_classification.training import parts_of
from runner.contract import Footprint, FootprintContext
from runner.data.labelled_texts.labelled_side import LabelledSide


def estimate(spec: Any, context: FootprintContext) -> Footprint:
    """See :func:`runner.builders._memory_estimate.finetuning_estimate.estimate`."""

    def learns(every: LabelledSide, targets: Targets) -> LabelledSide:
        own, _ = parts_of(spec, every, targets, context.seed)
        class_weights(spec.class_weights, targets, own)
        return own

    return text_estimate.estimate(spec, context, learns)
