"""Where the face lies in an aligned picture that may be misplaced, and how sure that is."""

ALIGNER_SIZE = 64  # side of the frame that the network sees, in pixels
EDGE = 0.1  # of the frame's side, which is not seen on each side
PLACES = 4  # shift to the right and down, in sides; logarithm of the factor; turn in radians, counter-clockwise
UNITS = (0.05, 0.05, 0.1, 0.1)  # of each, in the network's outputs
WIDTHS = (32, 64, 128, 256)
