"""Complete a face with onnxruntime, numpy and pillow alone: complete_with_onnxruntime.py MODEL PICTURE MASK RESULT.

MODEL is what `dcgan-export faces-128 --format onnx` writes; PICTURE is an aligned face, in MASK white is missing.
"""

import os
import sys

import numpy as np
from PIL import Image

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime

if len(sys.argv) != 5:
    sys.exit(__doc__)
model, picture, mask, result = sys.argv[1:]
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
_, height, width, channels = session.get_inputs()[0].shape
face = Image.open(picture).convert("RGB" if channels == 3 else "L").resize((width, height))
hole = Image.open(mask).convert("L").resize((width, height), Image.Resampling.NEAREST)
pictures = np.asarray(face).reshape(1, height, width, channels)  # uint8
masks = (np.asarray(hole)[None] > 127).astype(np.uint8)  # 1 = missing
(completed,) = session.run(["completed"], {"pictures": pictures, "masks": masks})
Image.fromarray(completed[0].squeeze()).save(result)
