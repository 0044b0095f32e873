"""Faces in photographs: dlib's detector and landmarks, alignment, the command dcgan-align."""
