"""The page: a photograph to draw on, a folder, and the model; it imports Gradio."""

import functools
import html
import json
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from completion.config import CANDIDATES_MAX
from completion.web.drawing import BRUSH, StrokeMask, outline_faces, show, to_layer
from completion.web.service import WEB_METHODS, Completed, Service, Wanted, wanted_from, whole_seed
from dcgan.errors import FaceCompletionError, ImageFileError, OptionError
from dcgan.pictures.files import read_picture
from dcgan.pictures.saving import save_picture
from masks import fit_mask, suggest_scratches
from masks.table import SURENESS

__all__ = ["STYLE", "build_page", "complete_drawn", "make_theme", "open_photograph", "result_shown"]

TITLE = "Face completion"
INTRODUCTION = (
    "# Face completion\nBrush over what is damaged or in the way, and have it filled. **What is filled in is imagined: "
    "it is no evidence of who or what was there.** Everything stays on the computer that serves this page."
)
METHODS_TOLD = (
    "balanced: four answers of the model, averaged. fast: one. best: ten. auto: balanced or biharmonic, by the mask. "
    "telea, ns, biharmonic and harmonic use no model, for spots and scratches."
)
STYLE = """
.notes { min-height: 1.5em; }
.notes p { margin: .2em 0; }
.notes .error { color: var(--error-text-color); font-weight: 600; }
#model textarea { font-family: var(--font-mono); }
.tries img { height: 2.5em; width: 2.5em; object-fit: cover; }
footer { display: none !important; }
@media (max-width: 640px) { .gradio-container { padding: 8px !important; } }
"""
OPTIONS_TOLD = (
    "(Words with -- are options of the command complete-images. Here, --face-box, --faces and --aligned are below "
    "“Where the face is”; a mask can be changed with brush and eraser.)"
)
SHOW_RESULT = "() => document.querySelector('#result')?.scrollIntoView({behavior: 'smooth', block: 'nearest'})"
EVENTS_WAITING = 32
COMPLETION: dict[str, Any] = {"api_visibility": "private", "concurrency_id": "completion", "concurrency_limit": 1}
HEIGHT = 560

Update = Any


def make_theme() -> gr.themes.Base:
    """Return the page's look, with fonts that every system has."""
    return gr.themes.Default(
        primary_hue="pink",
        font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"],
        font_mono=["ui-monospace", "Consolas", "monospace"],
    ).set(
        block_info_text_color="*neutral_600",  # the usual one is too faint to read
        block_info_text_color_dark="*neutral_300",
        block_label_text_color="*neutral_700",
        block_label_text_color_dark="*neutral_200",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_600",
    )


def build_page(service: Service, *, upload_mb: int) -> gr.Blocks:
    """Return the page.

    Parameters
    ----------
    service : Service
        Loaded or not.
    upload_mb : int
        Largest upload, which the page tells.
    """
    page = gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(300, 3600), fill_width=False)
    requests = Requests()
    with page:
        gr.Markdown(INTRODUCTION)
        with gr.Tab("Photograph"):
            _photograph_tab(service, requests, upload_mb=upload_mb)
        with gr.Tab("Several files"):
            _folder_tab(service, requests)
        with gr.Tab("Model"):
            _model_tab(service)
        _client_api(service)
        page.unload(requests.stop)
    page.queue(max_size=EVENTS_WAITING, default_concurrency_limit=4, api_open=False)
    return page


class Requests:
    """What each browser tab has asked for and may stop."""

    def __init__(self) -> None:
        self._stops: dict[str, threading.Event] = {}
        self._lock = threading.Lock()

    def begin(self, request: gr.Request) -> threading.Event:
        """Return the event that stops a new completion; what the tab asked for before is stopped."""
        self.stop(request)
        stop = threading.Event()
        with self._lock:
            self._stops[_session(request)] = stop
        return stop

    def stop(self, request: gr.Request) -> bool:
        """Stop what a tab has asked for; whether there was anything."""
        with self._lock:
            stop = self._stops.pop(_session(request), None)
        if stop is not None:
            stop.set()
        return stop is not None

    def cancel(self, request: gr.Request) -> str:
        """Stop what a tab has asked for; return what is told."""
        return _told(done="stopped" if self.stop(request) else "nothing to stop")

    def end(self, request: gr.Request, stop: threading.Event) -> None:
        """Forget what is done."""
        with self._lock:
            if self._stops.get(_session(request)) is stop:
                del self._stops[_session(request)]


def _session(request: gr.Request) -> str:
    return str(request.session_hash)


def _wanted_inputs(*, box: bool) -> list[gr.components.Component]:
    """Return the inputs of `wanted_from`; the box of a face is shown where there is one photograph."""
    method = gr.Dropdown(list(WEB_METHODS), value="balanced", label="Method", info=METHODS_TOLD)
    seed = gr.Number(0, label="Seed", info="Of variations and grain")
    form = gr.Radio(["png", "same"], value="png", label="Format of the result", info="same: that of the photograph")
    with gr.Accordion("Where the face is", open=False):
        picture = gr.Radio(
            [("find it out", "auto"), ("a photograph", "photograph"), ("an aligned face", "aligned")],
            value="auto",
            label="The picture is",
            info="Notes name the options of complete-images: --faces is a photograph, --aligned an aligned face, "
            "--face-box the box below.",
        )
        face_box = gr.Textbox(
            "", label="Box of a face that is not found", info="x,y,width,height in pixels", visible=box, max_lines=1
        )
    return [method, seed, form, picture, face_box]


def _photograph_tab(service: Service, requests: Requests, *, upload_mb: int) -> None:
    """Lay out the tab for one photograph and say what its buttons do."""
    opened, result = gr.State({}), gr.State({})
    with gr.Row():
        with gr.Column(scale=3, min_width=320):
            sent = gr.Image(
                type="filepath",
                sources=["upload", "clipboard", "webcam"],
                label=f"1. A photograph: drop it, paste it, choose it, or take one (at most {upload_mb} MB)",
                height=280,
                elem_id="photograph",
            )
            sent.preprocess = _path_of  # the file as it was sent: neither turned, nor converted, nor opened
            with gr.Row(elem_classes=["tries"]) as tried:
                examples = _examples(service.folder)
                tries = [gr.Button(f"Try {name}", icon=str(path), size="sm") for name, path in examples.items()]
            editor = gr.ImageEditor(
                visible=False,
                type="numpy",
                sources=(),
                layers=False,
                transforms=(),
                brush=gr.Brush(default_size=24, colors=[BRUSH], default_color=BRUSH, color_mode="fixed"),
                eraser=gr.Eraser(default_size=24),
                label="2. Brush over what is to be filled",
                buttons=["fullscreen"],
                height=HEIGHT,
                elem_id="editor",
            )
            with gr.Row(visible=False) as tools:
                mask_button = gr.UploadButton("Upload a mask", size="sm", file_types=["image"], elem_id="mask")
                scratches_button = gr.Button("Suggest scratches", size="sm", elem_id="scratches")
                another = gr.Button("Another photograph", size="sm", elem_id="another")
            told = gr.HTML(elem_classes=["notes"], elem_id="told")
            with gr.Row():
                complete = gr.Button("3. Complete", variant="primary", interactive=False, elem_id="complete")
                cancel = gr.Button("Cancel", elem_id="cancel")
            notes = gr.HTML(elem_classes=["notes"], elem_id="notes")
            with gr.Column(visible=False, elem_id="result") as shown:
                compared = gr.ImageSlider(
                    label="Before and after", elem_id="compared", max_height=HEIGHT, buttons=["fullscreen"]
                )
                gallery = gr.Gallery(
                    visible=False,
                    label="Variations, the likeliest first: choose one",
                    columns=4,
                    allow_preview=False,
                    elem_id="all",
                )
                with gr.Row():
                    download = gr.DownloadButton("Download at full size", elem_id="download")
                    go_on = gr.Button("Go on from this one", elem_id="go-on")
                with gr.Accordion("What was done (line of the manifest)", open=False):
                    line = gr.Code(language="json", show_label=False, elem_id="manifest")
        with gr.Column(scale=2, min_width=320):
            inputs = _wanted_inputs(box=True)
            variations = gr.Slider(
                1, min(8, CANDIDATES_MAX), 1, step=1, label="Variations", info="Different answers (method balanced)"
            )
            sureness = gr.Slider(
                0.3, 0.99, SURENESS, step=0.01, label="Suggested scratches: sureness", info="Lower marks more"
            )

    opening = [opened, sent, tried, editor, tools, complete, told, shown, notes]

    def open_mask(path: str, state: dict[str, Any]) -> list[Update]:
        return _mask_opened(service, state, Path(path))

    def suggest(state: dict[str, Any], sureness: float) -> list[Update]:
        return _scratches_opened(service, state, sureness)

    masked = [opened, editor, told]
    mask_button.upload(open_mask, [mask_button, opened], masked, api_visibility="private")
    scratches_button.click(suggest, [opened, sureness], masked, api_visibility="private", concurrency_id="open")

    def run(
        state: dict[str, Any],
        drawn: Any,
        variations: float,
        method: str,
        seed: float,
        form: str,
        picture_is: str,
        face_box: str,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  (Gradio finds it there)
    ) -> list[Update]:
        stop = requests.begin(request)
        try:
            wanted = wanted_from(method, seed, form, picture_is, face_box, variations=variations)
            completed = complete_drawn(service, state, drawn, wanted, stop=stop, progress=progress)
        except (FaceCompletionError, OptionError) as error:
            return [{}, *_hidden(1), None, *_hidden(1), None, "", _told(error=str(error))]
        finally:
            requests.end(request, stop)
        return result_shown(service, state, completed)

    results = [result, shown, compared, gallery, download, line, notes]
    running = complete.click(
        run,
        [opened, editor, variations, *inputs],
        results,
        show_progress_on=[notes],
        **COMPLETION,
    )
    cancel.click(requests.cancel, None, notes, cancels=[running], api_visibility="private", queue=False)

    def choose(found: dict[str, Any], event: gr.SelectData) -> list[Update]:
        return _chosen(service, found, int(event.index))

    gallery.select(choose, result, [result, compared, download], api_visibility="private")
    go_on.click(lambda found: found.get("path"), result, sent, api_visibility="private")
    running.then(None, js=SHOW_RESULT)

    # Another photograph ends what was asked for this one.
    def open_sent(path: str | None, request: gr.Request) -> list[Update]:
        requests.stop(request)
        return _opened(service, path)

    def close(request: gr.Request) -> list[Update]:
        requests.stop(request)
        return _closed()

    ending: dict[str, Any] = {"cancels": [running], "api_visibility": "private", "concurrency_id": "open"}
    sent.change(open_sent, sent, opening, show_progress_on=[editor], **ending)
    another.click(close, None, opening, **ending)
    for button, path in zip(tries, examples.values(), strict=True):
        button.click(functools.partial(str, path), None, sent, api_visibility="private")

    def clear(state: dict[str, Any]) -> list[Update]:  # the editor throws the photograph away with the strokes
        if not state:
            return [gr.skip()] * 3
        return [{**state, "mask": ""}, _editor(read_picture(state["outlined"])), _told(done="the strokes are cleared")]

    editor.clear(clear, opened, masked, api_visibility="private", concurrency_id="open")


def _path_of(payload: Any) -> str | None:
    """Return the path of an uploaded file."""
    return None if payload is None else payload.path


def _hidden(count: int) -> list[Update]:
    return [gr.update(visible=False)] * count


def _told(notes: tuple[str, ...] = (), *, error: str = "", done: str = "") -> str:
    """Return notes and an error as HTML that screen readers announce."""
    lines = [f'<p class="error" role="alert">{html.escape(error)}</p>'] if error else []
    lines += [f'<p role="status">{html.escape(line)}</p>' for line in (done, *notes) if line]
    if any("--" in line for line in (error, *notes)):
        lines.append(f"<p>{html.escape(OPTIONS_TOLD)}</p>")
    return "".join(lines)


def _opened(service: Service, path: str | None) -> list[Update]:
    """Return what the page shows when a photograph has come in, or gone."""
    if path is None:
        return [gr.skip()] * 9
    try:
        state, told = open_photograph(service, Path(path))
    except FaceCompletionError as error:
        return _closed(error=str(error))
    return [
        state,
        *_hidden(2),
        _editor(read_picture(state["outlined"])),
        gr.update(visible=True),
        gr.update(interactive=True),
        _told(done=told),
        gr.update(visible=False),
        "",
    ]


def open_photograph(service: Service, path: Path) -> tuple[dict[str, Any], str]:
    """Return the page's state for a photograph, and a line about it.

    Parameters
    ----------
    service : Service
    path : Path
        The file as it was sent.

    Returns
    -------
    state : dict
        "path"; "shape", (H, W) of the picture; "shown" and "outlined", the paths of the smaller picture, without and
        with its faces; "mask", the path of an uploaded or suggested mask, or "".
    told : str

    Raises
    ------
    ImageFileError
        The file cannot be read.
    """
    picture = service.read(path)
    faces, shown = service.find_faces(picture), show(picture)
    folder = service.new_folder("photograph")
    state: dict[str, Any] = {"path": str(path), "shape": picture.shape[:2], "mask": ""}
    state |= {name: str(folder / f"{name}.png") for name in ("shown", "outlined")}
    save_picture(state["shown"], shown)
    save_picture(state["outlined"], outline_faces(shown, faces, scale=shown.shape[1] / picture.shape[1]))
    count = "no face found yet; one may be found where you brush"
    if faces:
        number = f"{len(faces)} face{'s' * (len(faces) > 1)} found"
        count = f"{number}; the numbers are the detector's scores, 0 is doubtful, 2 is sure"
    return state, f"{path.name}: {picture.shape[1]} x {picture.shape[0]} pixels, {count}"


def _closed(*, error: str = "") -> list[Update]:
    """Return what the page shows without a photograph."""
    shown = [gr.update(value=None, visible=True), gr.update(visible=True)]
    editor = gr.update(value=None, visible=False)
    off = gr.update(interactive=False)
    return [{}, *shown, editor, *_hidden(1), off, _told(error=error), *_hidden(1), ""]


def _editor(background: Any, layer: Any = None) -> Update:
    """Return the editor's update: its canvas has the picture's size, or Gradio shows a layer beside its place."""
    layers = [] if layer is None else [layer]
    value = {"background": background, "layers": layers, "composite": None if layer is not None else background}
    height, width = background.shape[:2]
    return gr.update(value=value, canvas_size=(width, height), visible=True)


def _with_mask(state: dict[str, Any], mask: Any, told: str) -> list[Update]:
    """Return what the page shows with a mask in the editor, where it can be changed."""
    path = Path(state["shown"]).with_name(f"mask-{time.monotonic_ns()}.png")
    save_picture(path, mask.astype(np.uint8) * 255)
    background = read_picture(state["outlined"])
    layer = to_layer(mask, background.shape)
    return [{**state, "mask": str(path)}, _editor(background, layer), _told(done=told)]


def _mask_opened(service: Service, state: dict[str, Any], path: Path) -> list[Update]:
    """Return what the page shows when a mask has come in."""
    from completion.folder.masks import read_mask

    if not state:
        return [gr.skip(), gr.skip(), _told(error="expected a photograph first")]
    try:
        drawn = read_mask(path)
        fitted = fit_mask(drawn.mask, state["shape"])
    except (ImageFileError, ValueError) as error:
        text = str(error).replace(f"{path.parent}/", "")
        return [gr.skip(), gr.skip(), _told(error=text)]
    notes = "; ".join((*drawn.notes, *fitted.notes))
    told = f"{path.name}: {fitted.mask.mean():.1%} of the photograph is missing{'; ' if notes else ''}{notes}"
    return _with_mask(state, fitted.mask, told)


def _scratches_opened(service: Service, state: dict[str, Any], sureness: float) -> list[Update]:
    """Return what the page shows when scratches are suggested."""
    if not state:
        return [gr.skip(), gr.skip(), _told(error="expected a photograph first")]
    mask = suggest_scratches(service.read(Path(state["path"])), sureness=sureness)
    if not mask.any():
        return [gr.skip(), gr.skip(), _told(done="no scratches found")]
    told = f"a suggestion: {mask.mean():.1%} of the photograph; look at it, erase what is none, then complete"
    return _with_mask(state, mask, told)


def complete_drawn(
    service: Service, state: dict[str, Any], drawn: Any, wanted: Wanted, *, stop: threading.Event, progress: Any = None
) -> Completed:
    """Complete the photograph under the strokes.

    Parameters
    ----------
    service : Service
    state : dict
        Of the page; see `open_photograph`.
    drawn : dict
        Of the editor: "layers".
    wanted : Wanted
    stop : threading.Event
        Set where the result is no longer wanted.
    progress : gradio.Progress, optional
        Told what is done.
    """
    if not state or drawn is None:
        raise OptionError("Expected a photograph. Received: none")
    shape = tuple(state["shape"])
    own = read_picture(state["mask"], channels=1)[..., 0] > 0 if state["mask"] else None
    mask = StrokeMask(shape, own).with_strokes(drawn["layers"])
    if not mask.any():
        raise OptionError("Expected strokes over what is to be filled. Received: none")
    began = time.monotonic()

    def tell(share: float) -> None:
        if progress is None:
            return
        spent = time.monotonic() - began
        left = f", about {spent / share - spent:.0f} s left" if share > 0.02 and spent > 1 else ""
        progress(share, desc=f"completing{left}")

    if progress is not None:
        progress(0, desc="waiting for its turn, then completing")
    return service.complete(Path(state["path"]), mask, wanted, stop=stop, on_progress=tell)


def result_shown(service: Service, state: dict[str, Any], completed: Completed) -> list[Update]:
    """Return the updates that show a completed photograph; `state` is the page's."""
    after = [show(service.read(path)) for path in completed.paths]
    before = read_picture(state["shown"])
    paths = [str(path) for path in completed.paths]
    found = {"before": state["shown"], "paths": paths, "path": paths[0]}
    several = len(paths) > 1
    parts = _changed_parts(before, after) if several else after
    captions = [str(number) for number in range(1, len(paths) + 1)]
    seconds = completed.record.get("seconds", 0)
    done = f"{completed.paths[0].name}: {completed.record.get('missing', 0):.1%} filled in {seconds:.1f} s"
    return [
        found,
        gr.update(visible=True),
        (before, after[0]),
        gr.update(value=list(zip(parts, captions, strict=True)) if several else None, visible=several),
        gr.update(value=paths[0]),
        json.dumps(completed.record, indent=1),
        _told((*completed.notes, _told_of_variations(completed)), done=done),
    ]


def _told_of_variations(completed: Completed) -> str:
    """Return a line about the variations: how likely each is, and how far they lie apart; empty for one."""
    spread = completed.record.get("spread")
    if spread is None:
        return ""
    if spread == 0:
        return "the variations are all alike: the hole lies in no face's frame, and what fills it there does not vary"
    losses = completed.record.get("contextual_loss")
    known = [] if not isinstance(losses, list) or len(losses) != len(completed.paths) else losses
    shown = f"; contextual losses {', '.join(f'{loss:.3f}' for loss in known)}" if known and None not in known else ""
    return f"the variations differ by {spread:.1f} grey levels{shown} (the lower, the better it fits what is known)"


def _changed_parts(before: Any, after: list[Any]) -> list[Any]:
    """Return the part of each picture around what was filled in any of them."""
    rows, columns = np.any([(each != before).any(axis=2) for each in after], axis=0).nonzero()
    if not len(rows):
        return after
    height, width = before.shape[:2]
    half = min(max(int(np.ptp(rows)), int(np.ptp(columns)), 40), height // 2, width // 2)
    y, x = (int(each.min() + each.max()) // 2 for each in (rows, columns))
    y, x = min(max(y, half), height - half), min(max(x, half), width - half)
    return [each[y - half : y + half, x - half : x + half] for each in after]


def _chosen(service: Service, found: dict[str, Any], index: int) -> list[Update]:
    """Return what the page shows when a variation is chosen."""
    if not 0 <= index < len(found.get("paths", ())):
        return [gr.skip()] * 3
    path = found["paths"][index]
    pair = read_picture(found["before"]), show(service.read(Path(path)))
    return [{**found, "path": path}, pair, gr.update(value=path)]


def _folder_tab(service: Service, requests: Requests) -> None:
    """Lay out the tab for several files."""
    with gr.Row():
        pictures = gr.File(label="Photographs", file_count="multiple", height=180, elem_id="photographs")
        masks = gr.File(
            label="One mask for all, or masks named like the photographs (a_mask.png for a.jpg)",
            file_count="multiple",
            height=180,
            elem_id="masks",
        )
    with gr.Row():
        inputs = _wanted_inputs(box=False)
    with gr.Row():
        complete = gr.Button("Complete all", variant="primary", elem_id="complete-all")
        cancel = gr.Button("Cancel")
    notes = gr.HTML(elem_classes=["notes"], elem_id="folder-notes")
    table = gr.Dataframe(
        headers=["photograph", "what became of it", "notes"], interactive=False, wrap=True, elem_id="table"
    )
    download = gr.DownloadButton("Download all (zip)", visible=False, elem_id="download-all")

    def run(
        pictures: list[str] | None,
        masks: list[str] | None,
        method: str,
        seed: float,
        form: str,
        picture_is: str,
        face_box: str,
        request: gr.Request,
    ) -> Iterator[list[Update]]:
        stop = requests.begin(request)
        rows: list[list[str]] = []
        paths = [[Path(path) for path in given or ()] for given in (pictures, masks)]
        yield [[], gr.update(visible=False), _told(done="completing")]
        try:
            wanted = wanted_from(method, seed, form, picture_is, face_box)
            for found in service.complete_many(paths[0], paths[1], wanted, stop=stop):
                if isinstance(found, Path):
                    archive = _zipped(found)
                    failed = sum(row[1] == "failed" for row in rows)
                    done = f"{len(rows) - failed} of {len(paths[0])} completed"
                    yield [rows, gr.update(value=archive, visible=True), _told(done=done)]
                elif found.status == "note":
                    yield [rows, gr.update(visible=False), _told(done=found.told)]
                else:
                    rows = [*rows, [found.name, found.status, found.told]]
                    yield [rows, gr.update(visible=False), _told(done=f"{len(rows)} of {len(paths[0])} done")]
        except (FaceCompletionError, OptionError) as error:
            yield [rows, gr.update(visible=False), _told(error=str(error))]
        finally:
            requests.end(request, stop)

    running = complete.click(
        run,
        [pictures, masks, *inputs],
        [table, download, notes],
        **COMPLETION,
    )
    cancel.click(requests.cancel, None, notes, cancels=[running], api_visibility="private", queue=False)


def _zipped(folder: Path) -> str:
    """Write the results in a folder, and the manifest, to a zip beside it; return its path."""
    path = folder.parent / "completed.zip"
    with zipfile.ZipFile(path, "w") as archive:  # pictures are compressed already
        for each in sorted(folder.iterdir()):
            if each.is_file() and not each.name.startswith("."):
                archive.write(each, each.name)
    return str(path)


def _model_tab(service: Service) -> None:
    """Lay out the tab that tells of the model and draws samples."""
    import dcgan
    from dcgan.model_tensors import bundled_models
    from dcgan.samples.description import describe_model, lines_of

    described = describe_model(service.model)
    text = "\n".join(lines_of({**described, "path": Path(described["path"]).name}))  # of the server's folders, nothing
    gr.Textbox(
        text,
        lines=12,
        max_lines=24,
        interactive=False,
        label="The model and its terms",
        elem_id="model",
        buttons=["copy"],
    )
    terms = Path(dcgan.__file__).parent / "models" / "TERMS.md"
    if service.model in bundled_models() and terms.is_file():
        with gr.Accordion("Terms of the bundled models", open=False):
            gr.Markdown(terms.read_text(encoding="utf-8"))
    with gr.Row():
        seed = gr.Number(0, label="Seed")
        truncation = gr.Slider(
            0.2, 1.0, 1.0, step=0.05, label="Truncation", info="Below 1: fewer failures, less variety"
        )
        way = gr.Slider(0, 1, 0, step=0.05, label="Between the faces of this seed (0) and the next (1)")
    draw = gr.Button("Draw faces that nobody has", elem_id="draw")
    told = gr.HTML(elem_classes=["notes"], elem_id="model-told")
    samples = gr.Image(label="Samples", interactive=False, elem_id="samples", buttons=["download", "fullscreen"])

    def draw_samples(seed: float | None, truncation: float, way: float) -> list[Update]:
        from dcgan.pictures.values import make_grid

        try:
            drawn = service.draw(16, seed=whole_seed(seed), truncation=truncation, way=way)
        except OptionError as error:
            return [gr.skip(), _told(error=str(error))]
        return [make_grid(drawn, columns=8), ""]

    for event in (draw.click, truncation.release, way.release):
        event(draw_samples, [seed, truncation, way], [samples, told], api_visibility="private", concurrency_id="open")


def _client_api(service: Service) -> None:
    """Add the call /complete for Gradio's own clients."""
    picture, mask = gr.File(visible=False, label="picture"), gr.File(visible=False, label="mask")
    method, seed = gr.Textbox("balanced", visible=False, label="method"), gr.Number(0, visible=False, label="seed")
    form = gr.Textbox("png", visible=False, label="form")
    picture_is = gr.Textbox("auto", visible=False, label="picture_is")
    face_box = gr.Textbox("", visible=False, label="face_box")
    result, line = gr.File(visible=False, label="result"), gr.JSON(visible=False, label="manifest")
    button = gr.Button(visible=False)

    def complete(
        picture: str | None,
        mask: str | None,
        method: str,
        seed: float,
        form: str,
        picture_is: str,
        face_box: str,
    ) -> tuple[str, dict[str, Any]]:
        if picture is None or mask is None:
            raise gr.Error("Expected a picture and a mask. Received: none")
        try:
            wanted = wanted_from(method, seed, form, picture_is, face_box)
            completed = service.complete(Path(picture), Path(mask), wanted)
        except (FaceCompletionError, OptionError) as error:
            raise gr.Error(str(error)) from error
        return str(completed.paths[0]), completed.record

    button.click(
        complete,
        [picture, mask, method, seed, form, picture_is, face_box],
        [result, line],
        api_name="complete",
        concurrency_id="completion",
        concurrency_limit=1,
    )


def _examples(folder: Path) -> dict[str, Path]:
    """Return example photographs by name: the repository's where they are, and one of scikit-image's."""
    from skimage import data

    examples = folder / "examples"
    examples.mkdir(exist_ok=True)
    save_picture(examples / "astronaut.png", data.astronaut())
    own = Path(__file__).resolve().parents[2] / "examples" / "photographs"
    named = {"an astronaut": examples / "astronaut.png", "two people": own / "two.jpg", "an old one": own / "old.jpg"}
    return {name: path for name, path in named.items() if path.is_file()}
