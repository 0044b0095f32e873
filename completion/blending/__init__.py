"""Blending a generated region into a picture without a seam, and classical filling without a model."""
