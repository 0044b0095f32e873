import subprocess
import sys
from pathlib import Path

PHOTOGRAPHS = Path(__file__).parents[3] / "examples" / "photographs"

CODE = """
import sys, threading
from dcgan.faces.detector import FaceDetector
from dcgan.pictures.files import read_picture
from dcgan.pictures.values import resize_picture

pictures = [resize_picture(read_picture(path), shape) for path in sys.argv[1:] for shape in ((256, 200), (320, 240))]
detector = FaceDetector(min_score=-1.0)

def faces(picture):
    return [(face.box, face.score, face.landmarks.tolist()) for face in detector.detect(picture)]

expected, differing = [faces(picture) for picture in pictures], []

def work(step):
    for number in range(24):
        index = number * step % len(pictures)
        if faces(pictures[index]) != expected[index]:
            differing.append(index)

threads = [threading.Thread(target=work, args=(step,)) for step in (1, 3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sum(map(len, expected)) > 0, differing)
"""


def test_threads_that_share_a_detector_find_what_one_finds():
    """In a process of its own: dlib's detector crashes the process where two threads use one."""
    paths = [str(PHOTOGRAPHS / name) for name in ("astronaut.jpg", "hopper.jpg")]
    found = subprocess.run([sys.executable, "-c", CODE, *paths], capture_output=True, text=True, timeout=300)
    assert (found.returncode, found.stdout) == (0, "True []\n"), found.stderr
