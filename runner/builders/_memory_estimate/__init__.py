"""The memory that a training of a pretrained transformer will take, told from its configuration and its rows alone.

A step is gone through with shapes and no numbers, by the training's own code (:mod:`simulated_step`), and what it
held and computed becomes figures and tables (:mod:`estimate_report`). :mod:`finetuning_estimate` is the whole of it
for kinds that train by ``_finetuning``; what language models add, which have rows, losses and models beside of their
own, is in ``language/_memory_estimate``.
"""
