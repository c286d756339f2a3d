"""Chains of steps from raw files to a trained, evaluated model, as one document; and batches of them."""
