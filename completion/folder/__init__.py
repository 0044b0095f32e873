"""Completing files: inputs, masks, outputs, the manifest."""
