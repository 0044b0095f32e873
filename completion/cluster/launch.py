"""From the options of complete-images to a list of pictures that a Ray cluster has completed."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from completion.cluster.cluster import check_room, joined
from completion.cluster.config import ClusterOptions
from completion.cluster.dispatch import Item, Pool
from completion.cluster.remote import check_remote, open_remote, read_remote
from completion.cluster.worker import Task
from completion.folder.inputs import InputPicture
from completion.folder.job import FolderJob, check_outputs
from completion.folder.launch import (
    ChosenMethod,
    OutputOptions,
    PhotographOptions,
    echo_before,
    make_job,
    telling,
)
from completion.folder.manifest import FolderRecord, Manifest, first_settings, open_manifest
from completion.folder.outputs import SPREAD_BEYOND, Output
from completion.folder.parts import PartWriter, compact_parts, has_parts, import_parquet
from completion.folder.run import Done, FolderReport, FolderSummary
from completion.folder.urls import is_url
from dcgan.command import echo_device
from dcgan.errors import FaceCompletionError, ImageFileError
from dcgan.pictures.pixel_limit import pixel_limit
from dcgan.pictures.records import remove_leftovers

if TYPE_CHECKING:
    from completion.folder.masks import MaskSource

__all__ = ["launch_on_cluster"]

PARTS_BEYOND = 10_000  # pictures, from which on the record is in Parquet parts


def launch_on_cluster(
    pictures: Sequence[InputPicture],
    masks: MaskSource,
    method: ChosenMethod,
    *,
    photographs: PhotographOptions,
    output: OutputOptions,
    cluster: ClusterOptions,
) -> FolderSummary:
    """Do what `completion.folder.launch.launch` does with the workers of a Ray cluster.

    Parameters
    ----------
    pictures : sequence of InputPicture
        Their files, and the folder of the results, are URLs or lie in folders that the machines share.
    masks : MaskSource
    method : ChosenMethod
    photographs : PhotographOptions
    output : OutputOptions
        Without a sheet and a film.
    cluster : ClusterOptions

    Returns
    -------
    FolderSummary
    """
    job = make_job(pictures, masks, method, photographs=photographs, output=_spreading(pictures, output))
    waiting, skipped = _check(pictures, job, candidates=method.resolve()[1].candidates)
    if not output.quiet:
        echo_before(pictures, masks, output, waiting=waiting)
    if not waiting:
        return FolderSummary(0, 0, skipped, 0)
    with joined(cluster) as ray, contextlib.ExitStack() as ending:
        workers = check_room(ray, cluster)
        task = Task(job, method, photographs, os.getcwd(), pixels=pixel_limit())
        pool = Pool(ray, task, workers=workers, gpus=cluster.gpus_per_worker)
        ending.callback(pool.close)
        info = pool.start()
        if info.device is not None:
            job = dataclasses.replace(job, settings={**job.settings, "device": info.device.name})
            if not output.quiet:
                echo_device(info.device)
        with _opened(job, many=len(waiting) > PARTS_BEYOND) as (manifest, record):
            waiting, skipped = _check(pictures, job, candidates=info.candidates, record=record)
            if record.resumed:
                remove_leftovers(path for each in waiting.values() for path in each.paths)
            with telling(len(waiting), quiet=output.quiet) as told:
                report = FolderReport(
                    manifest, seed=job.seed, method=info.method, model_sha256=info.model_sha256, **told
                )
                pool.run(
                    list(_claimed(waiting, report)),
                    count=job.whole or len(pictures),
                    info=info,
                    batch_size=output.batch_size or info.batch_size,
                    on_done=report.finish,
                )
    return report.summary(skipped=skipped)


def _spreading(pictures: Sequence[InputPicture], output: OutputOptions) -> OutputOptions:
    """Return the options with the results spread where there are many, if nobody has decided it before."""
    if output.spread is not None:
        return output
    remote = is_url(output.folder)
    found = list(read_remote(output.folder).settings.values()) if remote else first_settings(output.folder)
    spread = any(each.get("spread") for each in found) if found else (output.whole or len(pictures)) > SPREAD_BEYOND
    return dataclasses.replace(output, spread=spread)


def _check(
    pictures: Sequence[InputPicture], job: FolderJob, *, candidates: int, record: FolderRecord | None = None
) -> tuple[dict[InputPicture, Output], int]:
    """Return where the pictures go that are to be completed, and the number of those that are done."""
    check = check_remote if is_url(job.output) else check_outputs
    return check(pictures, job, candidates=candidates, record=record)


@contextlib.contextmanager
def _opened(job: FolderJob, *, many: bool) -> Iterator[tuple[Any, FolderRecord]]:
    """Open the record of a job: manifest.jsonl, parts where there are many pictures, or the record behind a URL."""
    if is_url(job.output):
        with open_remote(job) as remote:
            yield remote, remote.record
        return
    parts = many or has_parts(job.output)
    if parts:
        import_parquet()  # what is missing is said before anything is written
    try:
        job.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FaceCompletionError(f"{job.output}: cannot make the folder: {error.strerror or error}") from error
    with open_manifest(job.manifest_path, settings=job.settings, checked=True) as manifest:
        if not parts:
            yield manifest, manifest.record
            return
        compact_parts(job.output, shard=job.shard)
        with PartWriter(job.output, shard=job.shard) as writer:
            yield _InParts(manifest, writer), manifest.record


class _InParts:
    """A manifest whose lines go into parts."""

    def __init__(self, manifest: Manifest, writer: PartWriter) -> None:
        self.claim, self._writer = manifest.claim, writer

    def append(self, record: Mapping[str, Any]) -> None:
        """Write one picture's line."""
        self._writer.append(record)


def _claimed(waiting: Mapping[InputPicture, Output], report: FolderReport) -> Iterator[Item]:
    """Yield the pictures whose results may be written, after these are listed as ours."""
    for source, output in waiting.items():
        try:
            for path in output.paths:
                report.claim(path)
        except ImageFileError as error:
            report.finish(Done.failed(source, str(error)))
        else:
            yield source, output
