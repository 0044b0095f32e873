"""POST /api/complete: a picture and its mask in, the completed picture and its line of the manifest out."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
from pathlib import Path
from typing import Any

from completion.web.service import BusyError, Service, Wanted, wanted_from
from dcgan.errors import FaceCompletionError, OptionError

__all__ = ["add_api"]

PARTS = ("picture", "mask")
FIELDS = ("method", "seed", "form", "picture_is", "face_box")
MEDIA = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp", ".tif": "image/tiff"}


def add_api(app: Any, service: Service) -> None:
    """Add the route to a FastAPI application.

    The request is a form: the files "picture" and "mask", and the optional fields "method", "seed", "form",
    "face_box" and "picture_is" of `completion.web.service.Wanted`. The answer is the file; its header "Manifest" is the
    line of JSON. What cannot be done is answered by one line of text: 422 for what was sent, 503 where too many wait.
    """
    from fastapi import Request
    from fastapi.responses import FileResponse, PlainTextResponse, Response
    from starlette.background import BackgroundTask
    from starlette.exceptions import HTTPException

    async def complete(request: Request) -> Response:
        stop = threading.Event()
        try:
            async with request.form(max_files=2, max_fields=len(FIELDS)) as form:
                wanted = _read_wanted(form)
                files = [form.get(part) for part in PARTS]
                for part, file in zip(PARTS, files, strict=True):
                    if not hasattr(file, "filename"):
                        raise OptionError(f"Expected the file `{part}`. Received: none")
                picture, mask = files
                folder = service.new_folder()
                paths = []
                for part, file in zip(PARTS, files, strict=True):
                    paths.append(folder / part)
                    await asyncio.to_thread(_save, file, paths[-1])
            working = asyncio.create_task(
                asyncio.to_thread(
                    service.complete,
                    *(paths[0], paths[1], wanted),
                    name=picture.filename or "picture",
                    mask_name=mask.filename or "mask",
                    stop=stop,
                )
            )
            while not working.done():
                await asyncio.wait([working], timeout=0.5)
                if await request.is_disconnected():
                    stop.set()
            completed = await working
        except HTTPException as error:  # of the form: too many files or fields
            return PlainTextResponse(f"{error.detail}\n", 422)
        except OptionError as error:
            return PlainTextResponse(f"{error}\n", 422)
        except BusyError as error:
            return PlainTextResponse(f"{error}\n", 503, {"Retry-After": "5"})
        except FaceCompletionError as error:
            return PlainTextResponse(f"{error}\n", 422)
        finally:
            if "folder" in locals():
                shutil.rmtree(folder, ignore_errors=True)
        path = completed.paths[0]
        return FileResponse(
            path,
            media_type=MEDIA.get(path.suffix.lower(), "application/octet-stream"),
            filename=path.name,
            headers={"Manifest": json.dumps(completed.record)},
            background=BackgroundTask(shutil.rmtree, completed.folder, ignore_errors=True),
        )

    complete.__annotations__["request"] = Request  # FastAPI reads it, and these annotations are text
    complete.__annotations__["return"] = Response
    app.post("/api/complete", response_model=None)(complete)


def _read_wanted(form: Any) -> Wanted:
    """Return what a form's fields ask for."""
    unknown = [name for name in form if name not in (*PARTS, *FIELDS)]
    if unknown:
        raise OptionError(f"Expected the fields {', '.join((*PARTS, *FIELDS))}. Received: {unknown[0]!r}")
    given = {name: str(form[name]) for name in FIELDS if name in form}
    seed = given.pop("seed", "0")
    if not (seed.isascii() and seed.isdigit()):
        raise OptionError(f"Expected `seed` as a whole number. Received: {seed!r}")
    return wanted_from(seed=int(seed[:20]), **given)  # type: ignore[arg-type]  # texts, which are checked


def _save(file: Any, path: Path) -> None:
    """Write an uploaded file."""
    with path.open("wb") as target:
        shutil.copyfileobj(file.file, target)
