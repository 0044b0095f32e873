"""Faces in photographs: detection, landmarks, alignment to OpenFace's template, and the command dcgan-align."""
