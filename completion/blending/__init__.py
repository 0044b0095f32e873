"""Putting a filled hole into a picture without a seam, and filling it without a model."""
