"""The models of the hub that were downloaded: where they lie, what they are, whether they are still what they were.

The folder has huggingface_hub's layout: OWNER--NAME/snapshots/COMMIT/FILE is a link to a file in blobs, which is named
by its checksum; refs has the last known commit of each branch. Nothing here needs that package or a connection.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import re
import shutil
from pathlib import Path

from dcgan.cache_folder import MODELS_FOLDER, cache_folder
from dcgan.errors import ModelFileError
from dcgan.hub.reference import SUFFIX, HubReference
from dcgan.pictures.reading import open_regular
from dcgan.pictures.records import write_whole

__all__ = [
    "CachedModel",
    "cached_models",
    "find_cached",
    "models_folder",
    "read_license",
    "remember",
    "remove_repository",
    "repository_folder",
    "verify",
]

BLOCK_BYTES = 2**20
SHA256, GIT_SHA1 = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{40}")
REPOSITORY_FOLDER = re.compile(r"models--(.+?)--(.+)")
RECORDS = "dcgan"  # folder of what the repository's page says of each commit
TEXT_BYTES_MAX = 4096


@dataclasses.dataclass(frozen=True)
class CachedModel:
    """A model of the hub that was downloaded.

    Attributes
    ----------
    reference : HubReference
        With its commit and file.
    path : Path
    size : int
        Bytes.
    license : str
        As the repository's page names it; empty where it names none.
    """

    reference: HubReference
    path: Path
    size: int
    license: str = ""


def models_folder() -> Path:
    """Return the folder of downloaded models; it need not exist."""
    return cache_folder() / MODELS_FOLDER


def repository_folder(reference: HubReference) -> Path:
    """Return the folder of a repository."""
    return models_folder() / f"models--{reference.owner}--{reference.name}"


def cached_models() -> list[CachedModel]:
    """Return the downloaded models, ordered by name."""
    found = []
    for folder in sorted(models_folder().glob("models--*--*")):
        match = REPOSITORY_FOLDER.fullmatch(folder.name)
        for path in sorted(folder.glob(f"snapshots/*/**/*{SUFFIX}")) if match else ():
            commit, *parts = path.relative_to(folder / "snapshots").parts
            if match and GIT_SHA1.fullmatch(commit) and path.is_file():
                reference = HubReference(match[1], match[2], commit, "/".join(parts))
                found.append(CachedModel(reference, path, path.stat().st_size, read_license(reference)))
    return found


def find_cached(reference: HubReference) -> CachedModel | None:
    """Return the downloaded model that a reference names, or None.

    Parameters
    ----------
    reference : HubReference
        Where its revision is a branch or tag, the commit that this was when it was last asked for counts.

    Raises
    ------
    ModelFileError
        Several files of the commit are there, and none is named.
    """
    commit = reference.revision if reference.is_pinned else _last_commit(reference)
    own = [
        each
        for each in cached_models()
        if (each.reference.owner, each.reference.name, each.reference.revision)
        == (reference.owner, reference.name, commit)
    ]
    matching = [each for each in own if reference.file in ("", each.reference.file)]
    if len(matching) > 1:
        names = ", ".join(each.reference.file for each in matching)
        raise ModelFileError(f"Expected {reference}/FILE, one of {names}. Received: {reference}")
    return matching[0] if matching else None


def _last_commit(reference: HubReference) -> str:
    """Return the last known commit of a branch, or an empty text."""
    path = repository_folder(reference) / "refs" / (reference.revision or "main")
    with contextlib.suppress(OSError), open_regular(path) as file:
        return file.read(TEXT_BYTES_MAX).decode("ascii", "replace").strip()
    return ""


def remember(reference: HubReference, commit: str, *, license_name: str) -> None:
    """Write which commit a revision is, and the license that the repository's page names.

    Parameters
    ----------
    reference : HubReference
        As the user gave it.
    commit : str
    license_name : str
    """
    folder = repository_folder(reference)
    record = folder / RECORDS / f"{commit}.json"
    texts = {record: json.dumps({"license": license_name})}
    if not reference.is_pinned:
        texts[folder / "refs" / (reference.revision or "main")] = commit
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with write_whole(path) as file:
            file.write(text.encode())


def remove_repository(reference: HubReference) -> list[CachedModel]:
    """Remove all that was downloaded of a repository, and return what that was.

    Raises
    ------
    ModelFileError
        Its folder is a link, or the system refuses.
    """
    folder = repository_folder(reference)
    own = [each for each in cached_models() if each.reference.repository == reference.repository]
    if folder.is_symlink():
        raise ModelFileError(f"{folder}: expected a folder, found a link, which is not followed")
    try:
        for each in (folder, models_folder() / ".locks" / folder.name):
            if each.is_dir():
                shutil.rmtree(each)
    except OSError as error:
        raise ModelFileError(f"{folder}: cannot remove: {error.strerror or error}") from error
    return own


def read_license(reference: HubReference) -> str:
    """Return the license that the page of a commit's repository named when it was downloaded."""
    from dcgan.pictures.marks import read_json_object

    found = read_json_object(repository_folder(reference) / RECORDS / f"{reference.revision}.json") or {}
    return str(found.get("license") or "")


def verify(path: Path, *, checksum: str = "") -> None:
    """Raise ModelFileError where a downloaded file has not its checksum.

    Parameters
    ----------
    path : Path
        In the cache.
    checksum : str, optional
        SHA-256, or the SHA-1 that git names a file by; by default the name of the file that `path` links to, and where
        it is no link, nothing is compared.
    """
    checksum = checksum or path.resolve().name
    if SHA256.fullmatch(checksum):
        from dcgan.model_tensors import model_sha256

        found = model_sha256(path)
    elif GIT_SHA1.fullmatch(checksum):
        found = _git_sha1(path)
    else:
        return
    if found != checksum:
        raise ModelFileError(
            f"{path}: expected the checksum {checksum}, found {found}: damaged; remove and download it"
        )


def _git_sha1(path: Path) -> str:
    """Return the name that git gives to a file's contents."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    try:
        with open_regular(path) as file:
            while block := file.read(BLOCK_BYTES):
                digest.update(block)
    except OSError as error:
        raise ModelFileError(f"{path}: cannot read: {error.strerror or error}") from error
    return digest.hexdigest()
