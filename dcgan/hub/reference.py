"""What names a model of the hub: hf://OWNER/NAME[@REVISION][/FILE]."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from urllib.parse import unquote

from dcgan.errors import ModelFileError

__all__ = ["PREFIX", "HubReference", "is_hub_reference", "parse_reference", "shown_name"]

PREFIX = "hf://"
SUFFIX = ".safetensors"
PART = r"[A-Za-z0-9][A-Za-z0-9._-]*"
FORM = re.compile(rf"hf://({PART})/({PART})(?:@([^/@\s]+))?(?:/(\S+))?")
COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclasses.dataclass(frozen=True)
class HubReference:
    """A model of the hub.

    Attributes
    ----------
    owner, name : str
        Of the repository.
    revision : str
        A commit, branch or tag; empty: the repository's default branch.
    file : str
        Path of the .safetensors file in the repository; empty: the only one.
    """

    owner: str
    name: str
    revision: str = ""
    file: str = ""

    @property
    def repository(self) -> str:
        """OWNER/NAME."""
        return f"{self.owner}/{self.name}"

    @property
    def is_pinned(self) -> bool:
        """Whether the revision is a commit, so that it always names the same file."""
        return COMMIT.fullmatch(self.revision) is not None

    def __str__(self) -> str:
        revision, file = (f"@{self.revision}" if self.revision else ""), (f"/{self.file}" if self.file else "")
        return f"{PREFIX}{self.repository}{revision.replace('/', '%2F')}{file}"


def is_hub_reference(name_or_path: str | Path) -> bool:
    """Tell whether a model is named as one of the hub."""
    return isinstance(name_or_path, str) and name_or_path.startswith(PREFIX)


def parse_reference(text: str) -> HubReference:
    """Return what a text names.

    Parameters
    ----------
    text : str
        hf://OWNER/NAME[@REVISION][/FILE]; a slash in a revision is written %2F.

    Raises
    ------
    ModelFileError
        It has another form, or the file is no .safetensors file.

    Examples
    --------
    >>> parse_reference("hf://someone/faces@v1/model.safetensors")
    HubReference(owner='someone', name='faces', revision='v1', file='model.safetensors')
    """
    match = FORM.fullmatch(text)
    parts = match[4].split("/") if match and match[4] else []
    if match is None or any(part in ("", ".", "..") for part in parts) or ".." in (match[1] + match[2]):
        raise ModelFileError(f"Expected hf://OWNER/NAME[@REVISION][/FILE]. Received: {text}")
    if parts and not parts[-1].endswith(SUFFIX):
        raise ModelFileError(f"Expected a {SUFFIX} file, which alone is read. Received: {text}")
    revision = unquote(match[3] or "")
    if any(part in ("", ".", "..") for part in revision.split("/")) and revision:
        raise ModelFileError(f"Expected hf://OWNER/NAME[@REVISION][/FILE]. Received: {text}")
    return HubReference(match[1], match[2], revision, "/".join(parts))


def shown_name(model: str) -> str:
    """Return what to call a model that a user has named: its reference on the hub, or the last part of its path.

    Examples
    --------
    >>> [shown_name(each) for each in ("faces-128", "runs/own/model.safetensors", "hf://someone/faces@v1")]
    ['faces-128', 'model.safetensors', 'hf://someone/faces@v1']
    """
    return model if is_hub_reference(model) else Path(model).name
