"""Pictures and results behind URLs: copied into a temporary folder, completed there, and copied back."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from completion.folder.inputs import InputPicture
from completion.folder.outputs import Output
from completion.folder.run import Done
from completion.folder.urls import as_url, is_url, open_storage
from dcgan.terminal import one_line

__all__ = ["Staging"]


class Staging:
    """The temporary folder of a few pictures.

    Parameters
    ----------
    folder : Path
        Exists and is empty.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sources: dict[InputPicture, InputPicture] = {}  # from a picture as it is here
        self._outputs: dict[InputPicture, Output] = {}

    def fetch(self, items: Sequence[tuple[InputPicture, Output]]) -> tuple[list[Done], dict[InputPicture, Output]]:
        """Copy pictures to where they can be read.

        Parameters
        ----------
        items : sequence of (InputPicture, Output)
            The pictures and where their results go: paths, or URLs as `completion.folder.urls.as_path` writes them.

        Returns
        -------
        failed : list of Done
            Pictures that cannot be fetched.
        local : dict of InputPicture to Output
            The others, with paths of this machine.
        """
        failed, local = [], {}
        for number, (source, output) in enumerate(items):
            own = self._folder / str(number)
            here, there = source, output
            if is_url(source.path):
                here = dataclasses.replace(source, path=own / "in" / source.path.name, root=own / "in")
                if error := _copy(as_url(source.path), here.path):
                    failed.append(Done.failed(source, f"{as_url(source.path)}: cannot read: {error}"))
                    continue
            if is_url(output.paths[0]):
                there = dataclasses.replace(output, paths=tuple(own / "out" / path.name for path in output.paths))
            self._sources[here], self._outputs[here] = source, output
            local[here] = there
        return failed, local

    def store(self, finished: Sequence[Done]) -> list[Done]:
        """Copy results to where they belong.

        Parameters
        ----------
        finished : sequence of Done
            What became of the pictures here.

        Returns
        -------
        list of Done
            The same, of the pictures where they were. A result that cannot be copied is a picture that failed.
        """
        return [self._store(done) for done in finished]

    def _store(self, done: Done) -> Done:
        """Copy the results of one picture."""
        source, output = self._sources[done.source], self._outputs[done.source]
        fields = dict(done.fields)
        if fields["status"] == "failed":
            fields["error"] = fields["error"].replace(str(done.source.path), as_url(source.path))
            return dataclasses.replace(done, source=source, fields=fields)
        if is_url(output.paths[0]):
            names = fields["output"] if isinstance(fields["output"], list) else [fields["output"]]
            for name, path in zip(names, output.paths, strict=True):
                if error := _copy(Path(name), as_url(path)):
                    return Done.failed(source, f"{as_url(path)}: cannot write: {error}", done.notes)
            urls = [as_url(path) for path in output.paths]
            fields["output"] = urls[0] if len(urls) == 1 else urls
        return dataclasses.replace(done, source=source, fields=fields)


def _copy(here: str | Path, there: str | Path) -> str:
    """Copy a file from or to a URL; return what went wrong, in a line, or nothing."""
    try:
        if isinstance(here, str):
            storage, path = open_storage(here)
            Path(there).parent.mkdir(parents=True, exist_ok=True)
            storage.get_file(path, str(there))
        else:
            storage, path = open_storage(str(there))
            storage.makedirs(path.rpartition("/")[0], exist_ok=True)
            storage.put_file(str(here), path)
    except Exception as error:  # what the packages of storages raise is their own
        return one_line(error)
    return ""
