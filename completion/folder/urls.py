"""URLs of fsspec (``s3://bucket/a.jpg``) in place of paths: as a `Path`, and back."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from dcgan.errors import FaceCompletionError
from dcgan.terminal import one_line

__all__ = ["as_path", "as_url", "is_url", "open_storage"]

URL = re.compile(r"[a-z][a-z0-9+.-]+:/+(?=[^/])")


def is_url(location: str | Path) -> bool:
    """Tell whether a path or a text is a URL.

    Examples
    --------
    >>> is_url("s3://bucket/a.jpg"), is_url(as_path("s3://bucket/a.jpg")), is_url("a.jpg")
    (True, True, False)
    """
    return URL.match(str(location)) is not None


def as_path(url: str) -> Path:
    """Return a URL as the path that lists, names and records of pictures take: ``s3:/bucket/a.jpg``."""
    return Path(url)


def as_url(location: str | Path) -> str:
    """Return the URL that such a path stands for; another path as it is.

    Examples
    --------
    >>> as_url(as_path("s3://bucket/a.jpg")), as_url(as_path("file:///a.jpg")), as_url(Path("a.jpg"))
    ('s3://bucket/a.jpg', 'file:///a.jpg', 'a.jpg')
    """
    text = str(location)
    match = URL.match(text)
    if match is None:
        return text
    scheme, rest = text.split(":", 1)
    return f"{scheme}://{'/' if scheme == 'file' else ''}{rest.lstrip('/')}"


def open_storage(url: str) -> tuple[Any, str]:
    """Return the file system behind a URL, and the path there.

    Parameters
    ----------
    url : str
        Of any scheme that fsspec knows.

    Returns
    -------
    storage : fsspec.AbstractFileSystem
    path : str

    Raises
    ------
    FaceCompletionError
        fsspec, or the package that it needs for the scheme, is missing, or it refuses the URL.
    """
    try:
        import fsspec
    except ImportError as error:
        raise FaceCompletionError(
            f"{url}: URLs need fsspec, which is not installed: pip install 'dcgan-face-completion[ray]'"
        ) from error
    try:
        storage, path = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError, OSError) as error:  # "Install s3fs to access S3"
        raise FaceCompletionError(f"{url}: {one_line(error)}") from error
    return storage, str(path).rstrip("/")
