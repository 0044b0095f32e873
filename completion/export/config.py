"""What can be exported, and in which formats. Uses the standard library only."""

__all__ = ["FORMATS", "PARTS", "SUFFIXES"]

FORMATS = ("onnx", "savedmodel", "keras")
PARTS = ("completion", "generator", "discriminator", "encoder")
SUFFIXES = {"onnx": ".onnx", "savedmodel": "", "keras": ".keras"}  # of the names; a SavedModel is a folder
