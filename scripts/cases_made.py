"""The small inputs of `try_cases.py`: doubtful masks, formats, grey scans, a phone's picture, names, links, profiles.

They are made from the pictures of examples/; no picture is stored for them.
"""

import io
import unicodedata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageDraw, ImageFilter

__all__ = ["EXAMPLES", "LONG_NAMES", "NAMES", "make_inputs"]

EXAMPLES = Path(__file__).parent.parent / "examples"
#: Names of pictures in `names/`, each with the name of its mask in `names_masks/`.
NAMES = {
    unicodedata.normalize("NFC", "näme"): unicodedata.normalize("NFD", "näme") + "_mask",
    "hyphen": "hyphen-mask",
    "numbered": "numbered_mask001",
    "Case": "case_mask",
}
LONG_NAMES = ("b" * 251, "照" * 83)  # 255 and 253 bytes with ".jpg"
ORIENTATION, DESCRIPTION, DATE, COPYRIGHT = 0x0112, 0x010E, 0x0132, 0x8298  # tags of EXIF
# Of Adobe RGB (1998), relative to D50.
ADOBE_RGB = {
    b"rXYZ": (0.60974, 0.31111, 0.01947),
    b"gXYZ": (0.20528, 0.62567, 0.06087),
    b"bXYZ": (0.14919, 0.06322, 0.74457),
}


def make_inputs(folder: Path) -> None:
    """Write all inputs into a folder; `face.png` and its `hole.png` are those from which most are made."""
    face, hole = _example("astronaut.png"), _ellipse((128, 128), (38, 45, 89, 83))
    folder.mkdir(parents=True, exist_ok=True)
    face.save(folder / "face.png")
    hole.save(folder / "hole.png")
    left = Image.new("L", face.size, 0)
    left.paste(255, (0, 0, face.width // 2, face.height))
    left.save(folder / "left.png")
    _masks(_subfolder(folder, "masks"), face, hole)
    _formats(_subfolder(folder, "formats"), face)
    _several_frames(folder / "formats", face)
    _toned(_subfolder(folder, "grey"))
    _phone(_subfolder(folder, "phone"))
    _ellipse((512, 512), (145, 355, 200, 410)).save(_subfolder(folder, "badge") / "hole.png")
    _key_colours(_subfolder(folder, "key"), face)
    _turned(_subfolder(folder, "turned"))
    _named(folder, face, hole)
    _linked(folder)
    profile = wide_profile()
    _to_profile(face, profile).save(_subfolder(folder, "icc") / "wide.png", icc_profile=profile, dpi=(600, 600))


def wide_profile() -> bytes:
    """Return a colour profile with the primaries of Adobe RGB and the curve of sRGB."""
    content = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for entry in range(int.from_bytes(content[128:132], "big")):
        start = 132 + 12 * entry
        place = int.from_bytes(content[start + 4 : start + 8], "big")
        for index, value in enumerate(ADOBE_RGB.get(bytes(content[start : start + 4]), ())):
            at = place + 8 + 4 * index
            content[at : at + 4] = round(value * 65536).to_bytes(4, "big")
    return bytes(content)


def _example(name: str) -> Image.Image:
    """Return a picture of examples/ in RGB."""
    with Image.open(EXAMPLES / name) as image:
        return image.convert("RGB")


def _subfolder(folder: Path, name: str) -> Path:
    """Return a folder within a folder, made where it does not exist."""
    (folder / name).mkdir(exist_ok=True)
    return folder / name


def _ellipse(size: tuple[int, int], box: tuple[int, int, int, int]) -> Image.Image:
    """Return a grey mask with a white ellipse."""
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).ellipse(box, fill=255)
    return mask


def _painted(ground: tuple[int, ...], paint: tuple[int, ...], hole: NDArray[np.bool_]) -> Image.Image:
    """Return a picture of one colour that has another one in the hole."""
    return Image.fromarray(np.where(hole[..., None], np.uint8(paint), np.uint8(ground)))


def _masks(folder: Path, face: Image.Image, mask: Image.Image) -> None:
    """Write one mask in the many ways in which programs write masks."""
    hole = np.asarray(mask) > 0
    opacity = Image.fromarray(np.where(hole, np.uint8(0), np.uint8(255)))
    labels = Image.fromarray(hole.astype(np.uint8))
    cut_out = face.copy()
    cut_out.putalpha(opacity)
    indexed = labels.copy()
    indexed.putpalette([0, 0, 0, 128, 0, 0] + [0] * 762)
    three = labels.copy()
    three.putpixel((0, 0), 2)
    three.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0] + [0] * 759)
    masks = {
        "values_0_1.png": labels,
        "values_0_255_in_16_bits.png": Image.fromarray(hole.astype(np.uint16) * 255),
        "inverted.png": opacity,
        "one_bit.png": mask.convert("1"),
        "palette.png": mask.convert("P"),
        "palette_of_labels.png": indexed,
        "three_labels.png": three,
        "white_on_clear_black.png": _painted((0, 0, 0, 0), (255, 255, 255, 255), hole),
        "white_on_clear_white.png": _painted((255, 255, 255, 0), (255, 255, 255, 255), hole),
        "red_on_clear.png": _painted((0, 0, 0, 0), (255, 0, 0, 255), hole),
        "hole_cut_out_of_black.png": _painted((0, 0, 0, 255), (0, 0, 0, 0), hole),
        "hole_cut_out_of_photograph.png": cut_out,
        "red.png": _painted((0, 0, 0), (255, 0, 0), hole),
        "empty.png": Image.new("L", mask.size, 0),
    }
    for name, image in masks.items():
        image.save(folder / name)
    mask.save(folder / "jpeg.jpg", quality=60)


def _formats(folder: Path, face: Image.Image) -> None:
    """Write one face in many formats and modes, each a single frame."""
    grey = np.asarray(face.convert("L")).astype(np.float32)
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    images = {
        "float_0_to_1.tif": Image.fromarray(grey / 255),
        "float_0_to_255.tif": Image.fromarray(grey),
        "int32_0_to_255.tif": Image.fromarray(grey.astype(np.int32)),
        "lab.tif": ImageCms.profileToProfile(face, srgb, lab, outputMode="LAB"),
        "ycbcr.tif": face.convert("YCbCr"),
        "cmyk.tif": face.convert("CMYK"),
        "palette.png": face.convert("P", palette=Image.Palette.ADAPTIVE),
        "one_bit.png": face.convert("1"),
        "avif.avif": face,
        "jp2.jp2": face,
        "tga.tga": face,
        "UPPER.PNG": face,
    }
    for name, image in images.items():
        image.save(folder / name)
    face.quantize(255).save(folder / "palette_transparent.png", transparency=3)
    face.convert("L").save(folder / "grey_transparent.png", transparency=120)
    face.save(folder / "jfif.jfif", format="JPEG")
    face.save(folder / "wrong_suffix.png", format="JPEG")
    face.save(folder / "no_suffix", format="PNG")
    exif = Image.Exif()
    exif[DESCRIPTION], exif[DATE], exif[COPYRIGHT] = "grandmother, 1931", "1931:05:01 00:00:00", "(c) someone"
    for name in ("icc.jpg", "icc.png"):
        face.save(folder / name, quality=95, icc_profile=wide_profile(), dpi=(600, 600), exif=exif)


def _several_frames(folder: Path, face: Image.Image) -> None:
    """Write files of two frames, of which the first is the face."""
    second = _example("hopper.png").resize(face.size)
    for name in ("frames.gif", "frames.webp", "frames.tif"):
        face.save(folder / name, save_all=True, append_images=[second])
    face.save(folder / "frames.mpo", format="MPO", save_all=True, append_images=[second])


def _toned(folder: Path) -> None:
    """Write grey scans of both faces, exact and with noise of 1 in each channel, and sepia ones."""
    rng = np.random.default_rng(2)
    for name in ("astronaut", "hopper"):
        grey = np.asarray(_example(f"{name}.png").convert("L")).astype(int)[..., None]
        noise = rng.integers(-1, 2, (*grey.shape[:2], 3))
        scans = {"exact": grey + 0 * noise, "noise": grey + noise, "sepia": sepia(grey)}
        for kind, scan in scans.items():
            Image.fromarray(scan.clip(0, 255).astype(np.uint8)).save(folder / f"{name}_{kind}.png")


def sepia(grey: NDArray[np.int_]) -> NDArray[np.float64]:
    """Return the colours of a sepia tone, (..., 3), for grey levels, (..., 1)."""
    return grey * [1.0, 0.88, 0.7] + [12, 5, 0]


def _phone(folder: Path) -> None:
    """Write a photograph that is stored lying, as phones do, and masks of three shapes."""
    upright = _example("photographs/astronaut.jpg").crop((60, 0, 418, 512))
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    upright.rotate(90, expand=True).save(folder / "phone.jpg", quality=90, exif=exif)
    mask = Image.new("L", upright.size, 0)
    ImageDraw.Draw(mask).rectangle((135, 95, 190, 115), fill=255)
    mask.save(folder / "mask_upright.png")
    mask.rotate(90, expand=True).save(folder / "mask_as_stored.png")
    _ellipse((1000, 100), (450, 0, 550, 100)).save(folder / "mask_of_another_shape.png")


def _key_colours(folder: Path, face: Image.Image) -> None:
    """Write a face with a hole painted in magenta, as a JPEG, and one with a soft hole and its mask."""
    face = face.resize((256, 256), Image.Resampling.LANCZOS)
    magenta, hard = Image.new("RGB", face.size, (255, 0, 255)), Image.new("L", face.size, 0)
    draw = ImageDraw.Draw(hard)
    draw.line((60, 60, 200, 200), fill=255, width=9)
    draw.line((200, 70, 70, 190), fill=255, width=9)
    Image.composite(magenta, face, hard).save(folder / "key.jpg", quality=85)
    soft = hard.filter(ImageFilter.GaussianBlur(4)).point(lambda value: min(255, int(value * 1.25)))
    Image.composite(magenta, face, soft).save(folder / "soft.png")
    soft.save(folder / "soft_mask.png")


def _turned(folder: Path) -> None:
    """Write a photograph turned by 45, 90 and 180 degrees without EXIF, with its masks."""
    photograph = _example("photographs/hopper.jpg")
    mask = _ellipse(photograph.size, (230, 240, 310, 300))
    for degrees in (45, 90, 180):
        photograph.rotate(degrees, expand=True).save(folder / f"by_{degrees}.jpg", quality=90)
        mask.rotate(degrees, expand=True).save(folder / f"mask_{degrees}.png")


def _named(folder: Path, face: Image.Image, mask: Image.Image) -> None:
    """Write pictures whose masks' names have several forms, and pictures with the longest names."""
    pictures, masks, long = (_subfolder(folder, name) for name in ("names", "names_masks", "long"))
    for picture_name, mask_name in NAMES.items():
        face.save(pictures / f"{picture_name}.jpg")
        mask.save(masks / f"{mask_name}.png")
    for name in LONG_NAMES:
        face.save(long / f"{name}.jpg")


def _linked(folder: Path) -> None:
    """Write a folder with a picture, a link to another folder, and a link to itself."""
    links, elsewhere = _subfolder(folder, "links"), _subfolder(folder, "elsewhere")
    picture = _example("photographs/astronaut.jpg").crop((60, 0, 418, 512))
    picture.save(links / "one.jpg")
    picture.save(elsewhere / "kid.jpg")
    for name, target in (("kids", "../elsewhere"), ("loop", ".")):
        if not (links / name).is_symlink():
            (links / name).symlink_to(target, target_is_directory=True)


def _to_profile(image: Image.Image, profile: bytes) -> Image.Image:
    """Return an sRGB picture in the colours of a profile."""
    target = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    return ImageCms.profileToProfile(image, ImageCms.createProfile("sRGB"), target, outputMode="RGB")
