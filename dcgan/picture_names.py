"""Which files are pictures, by their names. Pure standard library; no file is opened."""

__all__ = ["PICTURE_SUFFIXES", "is_picture_name"]

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".gif")


def is_picture_name(name: str) -> bool:
    """Tell whether a file is named like a picture, and not like a hidden file or macOS's shadow of one.

    Parameters
    ----------
    name : path with forward slashes, of a file in a folder or an archive.

    Examples
    --------
    >>> [is_picture_name(name) for name in ("a.JPG", "b/c.png", "b/._c.png", "__MACOSX/c.png", "notes.txt")]
    [True, True, False, False, False]
    """
    leaf = name.rsplit("/", 1)[-1]
    return leaf.lower().endswith(PICTURE_SUFFIXES) and not leaf.startswith(".") and "__MACOSX" not in name
