"""Simulate the record keeping of a large job: no picture is there, none is completed, no cluster is started.

One shard of a list of millions of paths goes through what a run does around the pictures: the list is read, the results
are named, every picture's line is written to Parquet parts, and a second run reads them and finds what is left to do.
Each step is a process of its own, forked from one that holds the list, so that its memory is known. The functions are
those that `complete-images --list LIST --shard 1/N --output URL --engine ray` calls.
"""

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click

from completion.cluster.remote import check_remote, open_remote
from completion.folder.inputs import InputPicture
from completion.folder.job import FolderJob
from completion.folder.list_file import read_list
from completion.folder.parts import PARTS, compact_parts, import_parquet
from completion.folder.urls import as_path

BATCH_ROWS = 100_000
LEFT = 1000  # of a thousand pictures one is left to the second run
STAMP = "48213 1795771338000000000 {:016x}"


def write_list(path: Path, count: int) -> str:
    """Write a list of URLs in folders of a thousand pictures."""
    import pyarrow

    parquet = import_parquet()
    with parquet.ParquetWriter(path, pyarrow.schema([("path", pyarrow.string())])) as file:
        for start in range(0, count, BATCH_ROWS):
            numbers = range(start, min(count, start + BATCH_ROWS))
            paths = [f"s3://archive/portraits/{number // 1000:06}/{number:09}.jpg" for number in numbers]
            file.write_table(pyarrow.table({"path": paths}))
    return f"{path.stat().st_size / 1e6:,.0f} MB"


def make_job(folder: Path, shard: tuple[int, int], count: int, *, existing: str) -> FolderJob:
    """Return the job of a shard, whose results are behind a URL."""
    output = as_path(f"file://{folder}/completed")
    return FolderJob(output, existing=existing, shard=shard, settings={"seed": 0}, spread=True, whole=count)


def record_of(source: InputPicture, output: Path, number: int) -> dict[str, object]:
    """Return a line as a run with a model writes it."""
    return {
        "input": str(source.path),
        "output": str(output).replace("file:/", "file:///", 1),
        "status": "completed",
        "missing": 0.25,
        "files": {"picture": STAMP.format(number * 0x9E3779B97F4A7C15 % 2**64)},
        "method": "balanced",
        "mode": "aligned",
        "contextual_loss": number % 1000 / 1e6,
        "seconds": 0.05,
        "seed": 0,
        "model_sha256": "5e" * 32,
    }


def first_run(pictures: list[InputPicture], job: FolderJob) -> str:
    """Name the results and record all but a few pictures."""
    waiting, _ = check_remote(pictures, job, candidates=1)
    with open_remote(job) as manifest:
        for number, (source, output) in enumerate(waiting.items()):
            if number % LEFT:
                manifest.append(record_of(source, output.paths[0], number))
    parts = list(Path(str(job.output).removeprefix("file:"), PARTS).iterdir())
    return f"{len(parts):,} parts, {sum(part.stat().st_size for part in parts) / 1e6:,.0f} MB"


def second_run(pictures: list[InputPicture], job: FolderJob) -> str:
    """Find what is left."""
    waiting, done = check_remote(pictures, job, candidates=1)
    if len(waiting) != -(-len(pictures) // LEFT):
        raise SystemExit(f"Expected every {LEFT}th of {len(pictures)} pictures to be left. Received: {len(waiting)}")
    return f"{len(waiting):,} left, {done:,} done"


def compact(job: FolderJob) -> str:
    """Join the parts."""
    replaced = compact_parts(job.output, shard=job.shard, beyond=0)
    parts = list(Path(str(job.output).removeprefix("file:"), PARTS).iterdir())
    return f"{replaced:,} parts became {len(parts)}"


def measured(name: str, step: Callable[[], str]) -> None:
    """Run a step in a process of its own and print its row."""
    sys.stdout.flush()
    started = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        found = step()
        own = resource.getrusage(resource.RUSAGE_SELF)
        seconds, cpu = time.perf_counter() - started, own.ru_utime + own.ru_stime
        print(f"| {name} | {seconds:,.1f} | {cpu:,.1f} | {own.ru_maxrss * 1024 / 1e6:,.0f} | {found} |", flush=True)
        os._exit(0)
    if os.waitpid(pid, 0)[1]:
        raise SystemExit(1)


@click.command()
@click.option("--count", default=10_000_000, show_default=True, help="Paths in the list.")
@click.option("--shards", default=10, show_default=True, help="Parts of the job, of which the first is simulated.")
def main(count: int, shards: int) -> None:
    """Print time and memory of each step."""
    print("| step | seconds | of a core | peak MB | |\n|---|---|---|---|---|")
    shard = (1, shards)
    with tempfile.TemporaryDirectory() as scratch:
        folder, path = Path(scratch), Path(scratch, "list.parquet")

        measured(f"write a list of {count:,} paths", lambda: write_list(path, count))
        measured(f"read shard 1/{shards} of it", lambda: f"{len(read_list(path, shard=shard)[0]):,} pictures")
        pictures = read_list(path, shard=shard)[0]  # what follows has it in memory, as a run has
        job = make_job(folder, shard, count, existing="refuse")
        measured("name the results, write the records", lambda: first_run(pictures, job))
        again = make_job(folder, shard, count, existing="skip")
        measured("resume: read the records, find what is left", lambda: second_run(pictures, again))
        measured("compact the records", lambda: compact(again))
        measured("resume again", lambda: second_run(pictures, again))


if __name__ == "__main__":
    main()
