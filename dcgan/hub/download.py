"""From a reference to a file: from the cache, or downloaded by huggingface_hub and verified.

Only files that end in .safetensors are fetched, only when a model of the hub is named, and only from the hub's host
(https://huggingface.co, or HF_ENDPOINT). The package huggingface_hub is imported here alone.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
from pathlib import Path
from typing import Any

import click

from dcgan.errors import ModelFileError
from dcgan.hub.cache import CachedModel, find_cached, models_folder, read_license, remember, repository_folder, verify
from dcgan.hub.reference import SUFFIX, HubReference, parse_reference
from dcgan.terminal import printable

__all__ = ["find_hub_model"]

INSTALL = "pip install 'dcgan-face-completion[hub]'"
BYTES_MAX = 4 * 2**30
_found: dict[tuple[Path, str], CachedModel] = {}  # a branch stays what it is for the time of a process
SECONDS = 10.0  # to wait for an answer of the hub
HTTP_PACKAGES = ("httpx", "requests", "urllib3")  # what versions of huggingface_hub connect with


def find_hub_model(text: str, *, local: bool = False) -> CachedModel:
    """Return the model that a reference names, downloaded where it is not in the cache.

    A commit that was downloaded is taken from the cache without a connection. A branch or tag is looked up, and what it
    is is said on stderr; without a connection it is the commit that it was last.

    Parameters
    ----------
    text : str
        See `dcgan.hub.reference.parse_reference`.
    local : bool, default False
        Take it from the cache or raise.

    Raises
    ------
    ModelFileError
        There is no such model, no connection, no package huggingface_hub, or the file has not its checksum.
    """
    reference = parse_reference(text)
    key = models_folder(), text
    if key in _found and not local:
        return _found[key]
    cached = find_cached(reference)
    if cached is not None and (local or reference.is_pinned):
        verify(cached.path)
        return cached
    if local:
        raise ModelFileError(f"{reference} was not downloaded yet: dcgan-models download {reference}")
    try:
        cached = _download(reference)
    except _UnreachableError as error:
        if cached is None:
            raise ModelFileError(f"{reference} is not in the cache, and {error}") from error
        verify(cached.path)
        _say(f"{error}; {reference} as it was last: {cached.reference}")
    _found[key] = cached
    return cached


class _UnreachableError(Exception):
    """The hub does not answer, or the package that asks it is not installed."""


def _download(reference: HubReference) -> CachedModel:
    """Return a model after its revision was looked up, and its file downloaded where it is not there yet."""
    hub = _import_hub()
    endpoint = os.environ.get("HF_ENDPOINT") or None
    with _errors_named(hub, reference, endpoint or hub.constants.ENDPOINT):
        info = hub.HfApi(endpoint=endpoint).model_info(
            reference.repository, revision=reference.revision or None, files_metadata=True, timeout=SECONDS
        )
        file = _choose_file(reference, info.siblings or [])
        commit, checksum = str(info.sha), file.lfs.sha256 if file.lfs else file.blob_id
        if not checksum or (file.size or 0) > BYTES_MAX:
            limit = f"a checksum and at most {BYTES_MAX / 2**30:g} GiB"
            raise ModelFileError(f"{reference}: expected {limit}, found {checksum or 'none'}, {file.size or 0:,} bytes")
        pinned = dataclasses.replace(reference, revision=commit, file=file.rfilename)
        if not reference.is_pinned:
            _say(f"{reference} is {pinned}, which always names the same file")
        path = Path(
            hub.hf_hub_download(
                reference.repository,
                file.rfilename,
                revision=commit,
                cache_dir=models_folder(),
                etag_timeout=SECONDS,
                endpoint=endpoint,
            )
        )
    try:
        verify(path, checksum=checksum)
    except ModelFileError:
        for each in {path, path.resolve()}:
            if repository_folder(reference).resolve() in each.resolve().parents:
                each.unlink(missing_ok=True)
        raise
    licenses = [tag.removeprefix("license:") for tag in info.tags or () if tag.startswith("license:")]
    remember(reference, commit, license_name=licenses[0] if licenses else "")
    return CachedModel(pinned, path, path.stat().st_size, read_license(pinned))


def _choose_file(reference: HubReference, files: list[Any]) -> Any:
    """Return the repository's file that is meant."""
    models = {each.rfilename: each for each in files if each.rfilename.endswith(SUFFIX)}
    if reference.file:
        if reference.file not in models:
            raise ModelFileError(f"Expected one of {', '.join(models) or 'no file'}. Received: {reference}")
        return models[reference.file]
    if not models:
        raise ModelFileError(f"{reference}: expected a {SUFFIX} file, which alone is read, found none")
    if len(models) > 1:
        raise ModelFileError(f"Expected {reference}/FILE, one of {', '.join(models)}. Received: {reference}")
    return next(iter(models.values()))


def _import_hub() -> Any:
    """Return huggingface_hub, which sends no telemetry then, and uses no cache but ours."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("HF_HUB_DISABLE_XET", "1")  # which keeps a second cache, in ~/.cache/huggingface
    try:
        import huggingface_hub
        import huggingface_hub.constants
        import huggingface_hub.errors
        import huggingface_hub.utils
    except ImportError as error:
        raise _UnreachableError(f"models of the hub need huggingface_hub: {INSTALL}") from error
    if not sys.stderr or not sys.stderr.isatty() or _is_quiet():
        huggingface_hub.utils.disable_progress_bars()
    return huggingface_hub


@contextlib.contextmanager
def _errors_named(hub: Any, reference: HubReference, where: str) -> Any:
    """Turn what huggingface_hub raises into one line."""
    errors = hub.errors
    try:
        yield
    except errors.GatedRepoError as error:
        raise ModelFileError(f"{reference}: its owner gives it only to those who ask on {where}") from error
    except errors.RepositoryNotFoundError as error:
        raise ModelFileError(f"{reference}: {where} has no such repository, or it is private") from error
    except errors.RevisionNotFoundError as error:
        raise ModelFileError(f"{reference}: the repository has no such revision") from error
    except errors.HfHubHTTPError as error:
        status = getattr(error.response, "status_code", "an error")
        raise _UnreachableError(f"{where} answered {status}") from error
    except errors.HFValidationError as error:
        raise ModelFileError(f"{reference}: no name of a repository of the hub") from error
    except (errors.OfflineModeIsEnabled, errors.LocalEntryNotFoundError) as error:
        raise _UnreachableError(f"{where} is not asked or does not answer") from error
    except Exception as error:
        if type(error).__module__.startswith(HTTP_PACKAGES) or isinstance(error, ConnectionError | TimeoutError):
            raise _UnreachableError(f"{where} does not answer ({type(error).__name__})") from error
        if isinstance(error, OSError):
            raise ModelFileError(f"{reference}: cannot download: {error.strerror or error}") from error
        raise


def _say(line: str) -> None:
    """Print a line to stderr, where a command runs that is not to be quiet."""
    if click.get_current_context(silent=True) is not None and not _is_quiet():
        click.echo(f"model: {printable(line)}", err=True)


def _is_quiet() -> bool:
    """Tell whether a command runs with --quiet."""
    context = click.get_current_context(silent=True)
    return bool(context is not None and context.params.get("quiet"))
