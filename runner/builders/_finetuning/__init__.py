"""What kinds share that train a pretrained transformer on and are no causal language models.

A kind hands over how its rows become batches, and gets the rest: opening a model with a head that is drawn from the
seed, every fine-tuning method, the loop with accumulation, precision, automatic batch size, resuming, stopping, and
storing what transformers and PEFT load as it stands. Its ``Spec`` has ``FinetunedSpec`` as a base
(``_fields/finetuned_spec.py``), with ``measures`` and ``data``. Its ``training.py`` is about this::

    HEAD = Head("AutoModelForSequenceClassification", "MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES", "SEQ_CLS",
                settings={"num_labels": 3, "id2label": {0: "a", ...}, "label2id": {"a": 0, ...}})

    def train(spec, context):
        base = pretrained_base.find(spec, context, HEAD)      # refuses before weights are read
        tokenizer = ...                                       # rows become tokens here: errors in data come first
        opened = open_model(spec, context, base, HEAD)
        rows = BatchedRows(
            count=len(train),
            batch=lambda some: {"input_ids": ..., "attention_mask": ...},   # or {"pixel_values": ...}: on the CPU
            loss=lambda output, some: cross_entropy(output.logits.float(), labels[some], reduction="sum"),
            lengths=tokens.lengths,                                  # None for pictures
        )
        fitted = tune(spec, context, opened, rows, measure)          # measure() -> the figures of spec.measures
        model = store(spec, context, opened, {"labels": [...]}, tokenizer)  # what is stored is what is measured
        metrics = ...
        finetuned_card.write(context.artifact, spec, opened.name, TASK, metrics, pipeline=..., code=...)
        return TrainResult(metrics, fitted.epochs, fitted.best_epoch, tables, fitted.parameters)

``measure`` and the last figures go over ``forward_batches(model, measured_batches(lengths), batch, device)``. A
``Predictor`` reads ``finetuned_model.read(folder)`` and ``finetuned_model.load(folder, stored_head(document), device,
cache)``. ``Head.drawn="lacking"`` keeps what of a head fits (detection's boxes, a sequence model's unembedding);
``task_type`` is PEFT's. A loss that needs the whole batch goes by ``tune(..., parts=...)``. Models drawn for examples
are modules of ``runner/training/made``: ``tiny_vit.py`` is ``runner/tiny-vit``.

What chooses the tokens of an answer is here as well (``sampling.py``, ``stop_texts.py``): models of every family that
write texts draw them alike.
"""
