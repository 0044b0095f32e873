"""complete-images --faces with dlib's detector. The one face is scikit-image's astronaut, the cat is its chelsea."""

import re
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

pytest.importorskip("dlib")

from completion.blending.quick_fill import QuickFiller
from completion.completer import Completer
from completion.config import SearchConfig
from completion.placing import FILLED_UNKNOWNS_MAX
from dcgan.faces.align_folder import align_folder
from dcgan.faces.align_config import AlignConfig
from dcgan.faces.alignment import alignment_transform, compose_transforms, crop_face
from dcgan.faces.detector import FaceDetector
from dcgan.faces.locate import FaceLocator
from dcgan.faces.turning import Turn
from tests.completion.helpers import contents, read, records

FACE = np.s_[70:180, 170:275]  # of the astronaut
CHEEK = np.s_[118:150, 185:215]
MIDDLE = np.s_[100:140, 205:245]
FACES = "balanced, fast, best, latent, yeh2017, amos2016, hmc"  # the methods that complete them


@pytest.fixture(scope="module")
def astronaut():
    return data.astronaut()


@pytest.fixture(scope="module")
def finder():
    return FaceDetector()


def make_mask(*parts, shape=(512, 512)):
    mask = np.zeros(shape, bool)
    for part in parts:
        mask[part] = True
    return mask


def save_mask(path, mask):
    Image.fromarray(mask.astype(np.uint8) * 255).save(path)
    return path


@pytest.fixture
def folder(tmp_path, astronaut):
    """Photographs with a mask each."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "masks").mkdir()
    Image.fromarray(astronaut).save(tmp_path / "photos" / "astronaut.png")
    save_mask(tmp_path / "masks" / "astronaut.png", make_mask(MIDDLE))
    return tmp_path


def complete(run, folder, *arguments, code=0):
    given = ["--faces", "--mask-dir", folder / "masks", "--output", folder / "out"]
    return run(*given, *arguments, folder / "photos", code=code)


@pytest.mark.parametrize("hole", [MIDDLE, CHEEK, np.s_[140:175, 180:265]])
def test_a_face_is_found_behind_a_hole(finder, astronaut, hole):
    locator, fill = FaceLocator(64, finder), QuickFiller("biharmonic", unknowns_max=FILLED_UNKNOWNS_MAX)
    corner, mask = make_mask(np.s_[500:, 500:]), make_mask(hole)
    (whole,) = [face for face in locator.locate(fill(astronaut, corner), corner) if face.score > 0.5]
    near = [
        face
        for face in locator.locate(fill(astronaut, mask), mask)
        if np.abs(np.array(face.box) - whole.box).max() < 20 and face.score > -0.5
    ]
    assert len(near) == 1
    middle = np.array([222.0, 120.0, 1.0])
    assert np.abs(near[0].placement.transform @ middle - whole.placement.transform @ middle).max() < 5


def test_a_photograph(run, folder, astronaut):
    result = complete(run, folder)
    assert result.output.endswith(f"1 completed: {folder / 'out'}\n")
    completed = read(folder / "out" / "astronaut.png")
    mask = make_mask(MIDDLE)
    assert np.array_equal(completed[~mask], astronaut[~mask])
    assert not np.array_equal(completed[mask], astronaut[mask])
    (line,) = records(folder / "out")
    assert (line["method"], line["status"], line["beyond"]) == ("latent", "completed", 0.0)
    assert [face["source"] for face in line["faces"]] == ["detected"]
    assert np.shape(line["faces"][0]["transform"]) == (2, 3)


def test_several_photographs_and_faces(run, folder, astronaut):
    """Two faces in one photograph, none in the next, and one that cannot be read."""
    Image.fromarray(np.concatenate([astronaut, astronaut], axis=1)).save(folder / "photos" / "two.png")
    save_mask(folder / "masks" / "two.png", np.concatenate([make_mask(MIDDLE), make_mask(CHEEK)], axis=1))
    Image.fromarray(data.chelsea()).save(folder / "photos" / "cat.png")
    save_mask(folder / "masks" / "cat.png", make_mask(np.s_[10:30, 10:30], shape=(300, 451)))
    (folder / "photos" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and then nothing")
    result = complete(run, folder, code=1)
    assert "2 completed, 2 failed" in result.output
    lines = {line["input"].rsplit("/", 1)[-1]: line for line in records(folder / "out")}
    assert len(lines["two.png"]["faces"]) == 2
    assert len(lines["two.png"]["contextual_loss"]) == 2
    assert lines["cat.png"]["error"].endswith(
        "cat.png: expected a face, found none; say where it is: --face-box x,y,w,h or --landmarks-file"
    )
    assert "failed: " + lines["cat.png"]["error"] in result.output
    assert sorted(contents(folder / "out")) == ["astronaut.png", "two.png"]
    alone = read(folder / "out" / "two.png")
    again = complete(run, folder, "--skip-existing", code=1)
    assert "2 existing, 2 failed" in again.output
    assert np.array_equal(read(folder / "out" / "two.png"), alone)


def test_the_user_is_told_what_lies_beyond(run, folder, astronaut):
    save_mask(folder / "masks" / "astronaut.png", make_mask(MIDDLE, np.s_[300:340, 20:60]))
    result = complete(run, folder, "--beyond", "ns")
    share = records(folder / "out")[0]["beyond"]
    assert share == pytest.approx(0.5, abs=0.02)
    line = f"note: {folder / 'photos' / 'astronaut.png'}: {share:.0%} of the hole is in no face's frame; ns fills it"
    assert line in result.output
    quiet = complete(run, folder, "--overwrite", "--quiet")
    assert quiet.output == ""


def test_a_hole_that_touches_no_face(run, folder, astronaut):
    save_mask(folder / "masks" / "astronaut.png", make_mask(np.s_[300:320, 20:40]))
    result = complete(run, folder)
    found = r"[0-9]+,[0-9]+,[0-9]+,[0-9]+ score [0-9.]+"
    note = (
        rf"the hole touches none of the faces found \({found}; {found}\); telea fills it\. If it hides a face, --face"
    )
    assert re.search(note, result.output)
    (line,) = records(folder / "out")
    assert (line["method"], line["faces"], line["model_sha256"]) == ("telea", [], None)
    surer = complete(run, folder, "--overwrite", "--min-score", 0.5)  # the other one is no face
    assert surer.output.count("score") == 1
    mask = make_mask(np.s_[300:320, 20:40])
    assert np.array_equal(read(folder / "out" / "astronaut.png")[~mask], astronaut[~mask])


def test_a_hidden_face_that_the_user_locates(run, folder, tmp_path):
    """Nothing of the face is left: the detector cannot find it, the user gives its place."""
    Image.fromarray(data.astronaut()[:250, 100:350]).save(folder / "photos" / "astronaut.png")
    save_mask(folder / "masks" / "astronaut.png", make_mask(np.s_[50:195, 60:185], shape=(250, 250)))
    result = complete(run, folder, code=1)
    assert "expected a face, found none; say where it is" in result.output
    assert not (folder / "out" / "astronaut.png").exists()
    complete(run, folder, "--face-box", "75,76,91,91")
    assert records(folder / "out")[-1]["faces"][0]["source"] == "box"
    landmarks = {"photograph": "astronaut.png", "faces": [{"landmarks": [[112, 104], [137, 106], [122, 156]]}]}
    (tmp_path / "faces.jsonl").write_text(json.dumps(landmarks))
    complete(run, folder, "--overwrite", "--landmarks-file", tmp_path / "faces.jsonl")
    assert records(folder / "out")[-1]["faces"][0]["source"] == "landmarks"


def test_a_box_is_a_place_in_one_photograph(run, folder, astronaut):
    Image.fromarray(astronaut).save(folder / "photos" / "second.png")
    result = complete(run, folder, "--face-box", "170,70,105,110", code=2)
    assert "--face-box is a place in one photograph, received 2 pictures; --landmarks-file gives" in result.output
    assert not (folder / "out").exists()


def complete_as_it_is(run, folder, *arguments, code=0):
    """Complete without saying that the pictures are photographs."""
    given = ["--mask-dir", folder / "masks", "--output", folder / "out"]
    return run(*given, *arguments, folder / "photos", code=code)


def test_what_a_picture_is_is_found_out(run, folder, astronaut):
    """The same face as a photograph, and cut out as the model's frame has it."""
    face = FaceDetector().detect(astronaut, min_score=0.5)[0]
    transform = alignment_transform(face.landmarks, framing="innerEyesAndBottomLip", size=300)
    Image.fromarray(crop_face(astronaut, transform, 300)).save(folder / "photos" / "cut.png")
    save_mask(folder / "masks" / "cut.png", make_mask(np.s_[100:200, 100:200], shape=(300, 300)))
    result = complete_as_it_is(run, folder)
    modes = {line["input"].rsplit("/", 1)[-1]: line["mode"] for line in records(folder / "out")}
    assert modes == {"astronaut.png": "photograph", "cut.png": "aligned"}
    assert (
        "1 picture taken as a photograph, 1 as an aligned face; --faces or --aligned decides for all\n" in result.output
    )
    found = contents(folder / "out")
    complete(run, folder, "--output", folder / "photographs")
    assert contents(folder / "photographs")["astronaut.png"] == found["astronaut.png"]
    complete_as_it_is(run, folder, "--aligned", "--output", folder / "aligned")
    assert contents(folder / "aligned")["cut.png"] == found["cut.png"]
    assert contents(folder / "aligned")["astronaut.png"] != found["astronaut.png"]


def test_a_photograph_with_its_hole_elsewhere_is_one(run, folder):
    save_mask(folder / "masks" / "astronaut.png", make_mask(np.s_[300:320, 20:40]))
    complete_as_it_is(run, folder)
    assert [(line["mode"], line["method"]) for line in records(folder / "out")] == [("photograph", "telea")]


ADVICE = "for a photograph give --mask-file, --mask-dir or --mask-color; --aligned takes it as an aligned face"


@pytest.mark.parametrize(
    ("arguments", "mask"), [([], "the mask center, as none was given"), (["--mask", "left"], "a named mask")]
)
def test_a_photograph_needs_a_mask_of_its_own(run, folder, astronaut, arguments, mask):
    """Whether its sides show it, or its face, which is a part of it; the aligned face beside it is completed."""
    photos = folder / "photos"
    Image.fromarray(astronaut[:, 60:460]).save(photos / "tall.png")
    face = FaceDetector().detect(astronaut, min_score=0.5)[0]
    transform = alignment_transform(face.landmarks, framing="innerEyesAndBottomLip", size=300)
    Image.fromarray(crop_face(astronaut, transform, 300)).save(photos / "cut.png")
    result = run(*arguments, "--output", folder / "out", photos, code=1)
    status = {Path(line["input"]).name: line["status"] for line in records(folder / "out")}
    assert status == {"astronaut.png": "failed", "cut.png": "completed", "tall.png": "failed"}
    box = ",".join(str(side) for side in face.box)
    start = f"expected an aligned face for {mask}, found a"
    assert f"{photos / 'astronaut.png'}: {start} photograph with a face at {box}; {ADVICE}\n" in result.output
    assert f"{photos / 'tall.png'}: {start} picture of 400x512 pixels that no face fills; {ADVICE}\n" in result.output
    assert "note:" not in result.output
    run(*arguments, "--aligned", "--overwrite", "--output", folder / "out", photos)


def test_a_square_picture_without_a_face(run, tmp_path):
    """Small ones are aligned faces that are not seen; larger ones are in doubt, and without a mask's name refused."""
    cat = data.chelsea()[:300, 100:400]
    for side in (64, 128, 300):
        Image.fromarray(cat).resize((side, side)).save(tmp_path / f"{side}.png")
    small = run("--output", tmp_path / "out", tmp_path / "64.png")
    assert "note:" not in small.output
    line = "note: {}: no face is seen in it; it was completed as an aligned face, which named masks are for"
    doubtful = run("--output", tmp_path / "out", tmp_path / "128.png")
    assert line.format(tmp_path / "128.png") in doubtful.output
    refused = run("--output", tmp_path / "out", tmp_path / "300.png", code=1)
    assert f"found a picture of 300x300 pixels that no face fills; {ADVICE}" in refused.output
    chosen = run("--mask", "center", "--output", tmp_path / "out", tmp_path / "300.png")
    assert line.format(tmp_path / "300.png") in chosen.output


def test_a_small_picture_without_a_face(run, tmp_path):
    for name, shape in (("small", (48, 48)), ("large", (300, 300))):
        Image.fromarray(data.chelsea()[: shape[0], : shape[1]]).save(tmp_path / f"{name}.png")
    arguments = ["--rectangle", "10,10,9,9", "--output", tmp_path / "out"]
    result = run(*arguments, tmp_path / "small.png")
    assert (
        f"note: {tmp_path / 'small.png'}: no face is seen in it; it was completed as an aligned face (--faces"
        in result.output
    )
    result = run(*arguments, tmp_path / "large.png", code=1)
    assert "or --landmarks-file; an aligned face: --aligned" in result.output


@pytest.mark.parametrize("degrees", [45, 90, 180, 270])
def test_a_turned_face(run, folder, astronaut, degrees):
    """Its frame is that of the upright one, turned; with a box as well, where the head alone is in the photograph."""
    head, hole = astronaut[20:240, 120:340], make_mask(np.s_[110:130, 70:140], shape=(220, 220))
    placements = []
    for turned in (0, degrees):
        turn = Turn(turned, hole.shape)
        Image.fromarray(turn.picture(head)).save(folder / "photos" / "astronaut.png")
        save_mask(folder / "masks" / "astronaut.png", turn.mask(hole))
        result = complete(run, folder, "--overwrite")
        (face,) = records(folder / "out")[-1]["faces"]
        placements.append(compose_transforms(np.array(face["transform"]), turn.transform))
        assert ("turned by" in result.output) == bool(turned)
    assert face["turn"] % 360 == -degrees % 360
    turn = "45 degrees clockwise" if degrees == 45 else f"{face['turn']} degrees counter-clockwise"
    turn = "90 degrees clockwise" if face["turn"] == 270 else turn
    assert f"found with the photograph turned by {turn} (if that is wrong, give its landmarks by" in result.output
    middle = np.array([102.0, 100.0, 1.0])
    assert np.abs(placements[0] @ middle - placements[1] @ middle).max() < 5
    box = ",".join(str(side) for side in face["box"])
    result = complete(run, folder, "--overwrite", "--face-box", box)
    (given,) = records(folder / "out")[-1]["faces"]
    assert (given["source"], given["turn"]) == ("box", face["turn"])


def test_a_box_in_which_no_face_is_seen(run, folder):
    save_mask(folder / "masks" / "astronaut.png", make_mask(np.s_[400:440, 20:60]))
    result = complete(run, folder, "--face-box", "10,390,60,60")
    assert "no face is seen in the box 10,390,60,60; it is taken as upright (if it is turned" in result.output


def test_landmarks_of_other_photographs(run, folder):
    landmarks = {"photograph": "other.png", "faces": [{"landmarks": [[112, 104], [137, 106], [122, 156]]}]}
    (folder / "faces.jsonl").write_text(json.dumps(landmarks))
    result = complete(run, folder, "--landmarks-file", folder / "faces.jsonl", code=1)
    assert "expected landmarks of astronaut.png or another of the pictures, found those of other.png" in result.output
    assert not (folder / "out").exists()


def test_landmarks_from_dcgan_align(run, folder):
    """What dcgan-align has found in the undamaged photographs says where the faces are."""
    align_folder(folder / "photos", folder / "aligned", AlignConfig(size=16, min_score=0.5), workers=1)
    complete(run, folder, "--landmarks-file", folder / "aligned" / "align.jsonl")
    record = json.loads((folder / "aligned" / "align.jsonl").read_text().splitlines()[1])
    ours = records(folder / "out")[0]["faces"][0]["transform"]
    assert np.allclose(ours, record["faces"][0]["transform"], atol=1e-6)


def test_variations(run, folder):
    names = ["astronaut.candidate-1.png", "astronaut.candidate-2.png"]
    for output, options in (("one", ["--variations", 2]), ("two", ["--candidates", 2, "--keep", "all"])):
        complete(run, folder, "--method", "latent", *options, "--output", folder / output)
        assert sorted(contents(folder / output)) == names
        assert records(folder / output)[0]["spread"] > 0
    assert contents(folder / "one") == contents(folder / "two")


def test_the_grain_can_be_left_out(run, folder):
    complete(run, folder)
    with_grain = read(folder / "out" / "astronaut.png")
    complete(run, folder, "--overwrite", "--no-grain")
    without = read(folder / "out" / "astronaut.png")
    different = (with_grain != without).any(axis=2)
    assert different.any()
    assert not (different & ~make_mask(MIDDLE)).any()


def turned(picture):
    """Return the picture lying on its side, and the tag that says so."""
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    return Image.fromarray(np.ascontiguousarray(np.rot90(picture))), {"exif": exif}


@pytest.mark.parametrize("kind", ["turned", "alpha", "grey", "palette"])
def test_kinds_of_photographs(run, folder, astronaut, kind):
    path, options = folder / "photos" / "astronaut.png", {}
    grey = np.asarray(Image.fromarray(astronaut).convert("L"))
    if kind == "turned":
        image, options = turned(astronaut)
    elif kind == "alpha":
        opacity = np.tile(np.arange(512, dtype=np.uint16) // 2, (512, 1)).astype(np.uint8)
        image = Image.fromarray(np.dstack([astronaut, opacity]))
    elif kind == "grey":
        image = Image.fromarray(grey)
    else:
        image = Image.fromarray(astronaut).quantize(64)
    image.save(path, **options)
    mask = make_mask(MIDDLE)
    complete(run, folder)
    completed = Image.open(folder / "out" / "astronaut.png")
    pixels = np.array(completed)
    if kind == "turned":
        expected = astronaut
    elif kind == "alpha":
        expected = np.array(image)
        assert np.array_equal(pixels[..., 3], expected[..., 3])
    elif kind == "palette":
        expected = np.array(image.convert("RGB"))
    else:
        expected = np.repeat(grey[..., None], 3, axis=2)
        assert np.array_equal(pixels[..., 0], pixels[..., 2])
    assert np.array_equal(pixels[~mask], expected[~mask])


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_sixteen_bits_stay_sixteen_bits(run, folder, astronaut, channels, suffix):
    (folder / "photos" / "astronaut.png").unlink()
    path = folder / "photos" / f"astronaut.{suffix}"
    deep = astronaut.astype(np.uint16) * 257 - (astronaut > 0) * np.uint16(100)  # the low byte is not the high one's
    if channels == 1:
        deep = deep[..., 1]
    elif channels == 4:
        deep = np.dstack([deep, np.full((512, 512), 40_000, np.uint16)])
    stored = deep if channels == 1 else np.concatenate([deep[..., 2::-1], deep[..., 3:]], axis=2)
    assert cv2.imwrite(str(path), stored)
    complete(run, folder)
    output = folder / "out" / "astronaut.png"
    completed = cv2.imread(str(output), cv2.IMREAD_UNCHANGED)
    assert completed.dtype == np.uint16
    assert completed.shape == stored.shape
    mask = make_mask(MIDDLE)
    assert np.array_equal(completed[~mask], stored[~mask])
    assert (completed[mask] != stored[mask]).mean() > 0.5
    assert records(folder / "out")[0]["faces"]


def test_from_python(prior, finder, astronaut):
    completer = Completer(prior, SearchConfig(iterations=1), detector=finder)
    mask = make_mask(MIDDLE)
    result = completer.complete([astronaut], [mask], faces="detect")
    assert np.array_equal(result.pictures[0][~mask], astronaut[~mask])
    assert not np.array_equal(result.pictures[0][mask], astronaut[mask])
    assert [face.source for face in result.faces[0]] == ["detected"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--face-box", "1,2,3,4", "--aligned"], "--face-box and --aligned exclude each other."),
        (["--no-grain", "--method", "ns"], f"--grain goes with --method {FACES}; received --method ns."),
        (["--faces", "--method", "telea"], f"--faces goes with --method {FACES}; received --method telea."),
        (["--faces", "--method", "auto"], f"--faces goes with --method {FACES}; received --method auto."),
        (["--faces", "--mask", "lowres"], "--faces needs a mask of pixels, received --mask lowres."),
        (["--faces"], "--faces needs a mask of what is missing: --mask-file, --mask-dir, --rectangle, ..."),
        (["--faces", "--face-box", "1,2,3"], "expected four whole numbers x,y,width,height, received '1,2,3'"),
    ],
)
def test_options_that_do_not_go_together(run, folder, arguments, complaint):
    result = run.invoke([*arguments, str(folder / "photos")], code=2)
    assert complaint in result.output
    assert not (folder / "out").exists()


def test_dlib_is_not_installed(run, folder, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "dlib", None)
    result = complete(run, folder, code=1)
    assert (
        "Finding faces needs dlib, which is not installed: pip install dlib-bin face_recognition_models"
        in result.output
    )
