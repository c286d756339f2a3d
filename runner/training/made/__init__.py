"""Models that are drawn at random and know nothing: ``runner/tiny-bert`` is the module ``tiny_bert``, and so on.

Each has ``write(folder)``, which writes configuration, tokenizer or processor, and weights. numpy's generator gives the
same numbers on every processor, torch's does not (:func:`runner.training.made._drawing.draw`). A model that becomes
another one has :data:`runner.training.made_models.VERSION` raised.
"""
