"""From a picture to a model's input: changes in training, and the model's own image processor."""
