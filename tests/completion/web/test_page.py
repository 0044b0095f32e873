"""The real page in a real browser, as a person uses it.

WEB_SCREENSHOTS=FOLDER keeps the pictures of each step, for the documentation.
"""

import contextlib
import os
import shutil
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from dcgan.pictures.files import read_file
from dcgan.pictures.saving import save_picture
from tests.completion.web.conftest import wait_for

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.web,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: make web-test installs it"),
]

ARGUMENTS = ["--no-sandbox", "--use-gl=swiftshader", "--enable-unsafe-swiftshader"]
SECONDS = 120_000  # milliseconds that a step may take; no limit on speed
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
FACE = (0.35, 0.15, 0.55, 0.32)  # of the example: where its face is
PLAIN = 20_000  # bytes of a PNG of the editor without a picture, at most


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def opened(server, browser):
    """Return a function that opens the page; what it asks other hosts for fails the test."""
    with contextlib.ExitStack() as stack:

        def open_page(*, size=DESKTOP, theme="light"):
            context = browser.new_context(viewport=size, color_scheme=theme, accept_downloads=True)
            stack.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(SECONDS)
            asked = []
            page.on("request", lambda request: asked.append(request.url))
            stack.callback(lambda: check_hosts(asked, server.address))
            page.goto(server.address)
            page.wait_for_selector("#photograph")
            return page

        yield open_page


def check_hosts(asked, address):
    assert asked
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []


def shoot(page, name, *, full=False):
    if folder := os.environ.get("WEB_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.wait_for_timeout(800)
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=full)


def send(page, path):
    """Choose a photograph and wait until it can be drawn on."""
    page.set_input_files("#photograph input[type=file]", path)
    wait_until_drawable(page)


def wait_until_drawable(page):
    page.wait_for_selector("#editor canvas")
    page.wait_for_function("document.querySelector('#told').innerText.includes('pixels')")
    wait_until_laid_out(page)


def wait_until_laid_out(page):
    """Wait until the editor shows a picture and has stopped changing, however slow the machine is."""
    page.wait_for_function("!document.querySelector('#editor').innerText.includes('processing')")
    seen = []

    def is_still():
        seen.append(page.locator("#editor canvas").first.screenshot())
        page.wait_for_timeout(300)
        return len(seen[-1]) > PLAIN and len(set(seen[-3:])) == 1 and len(seen) > 2

    wait_for(is_still)


def stroke(page, start, end, *, shape=(512, 512)):
    """Draw from one place of the picture to another, in shares of its sides."""
    box = page.locator("#editor canvas").first.bounding_box()
    side = min((box["width"]) / shape[1], (box["height"]) / shape[0]) * 0.86  # a little smaller than the canvas
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def at(place):
        return middle[0] + (place[0] - 0.5) * side * shape[1], middle[1] + (place[1] - 0.5) * side * shape[0]

    page.mouse.move(*at(start))
    page.mouse.down()
    page.mouse.move(*at(end), steps=6)
    page.mouse.up()
    wait_until_laid_out(page)


def complete(page):
    page.click("#complete")
    page.wait_for_selector("#result #compared img", state="visible")
    page.wait_for_function("document.querySelector('#notes').innerText.includes('filled')")


def download(page, selector, folder):
    with page.expect_download() as found:
        page.click(selector)
    path = folder / found.value.suggested_filename
    found.value.save_as(path)
    return path


def pink_box(page, folder):
    """Return left, top, width and height of what is shown in the brush's colour, in shares of the editor."""
    page.locator("#editor canvas").first.screenshot(path=folder / "editor.png")
    pixels = read_file(folder / "editor.png").pixels[..., :3].astype(int)
    rows, columns = (abs(pixels - [255, 45, 120]).sum(axis=2) < 30).nonzero()
    height, width = pixels.shape[:2]
    # Without the first and last tenth: the colour shows on a small button as well.
    (left, right), (top, bottom) = np.percentile(columns, (10, 90)) / width, np.percentile(rows, (10, 90)) / height
    return left, top, right - left, bottom - top


@pytest.fixture
def photograph(tmp_path):
    save_picture(tmp_path / "astronaut.png", data.astronaut())
    return tmp_path / "astronaut.png"


def test_a_photograph_is_drawn_on_completed_and_kept(opened, tmp_path):
    page = opened()
    shoot(page, "1-start")
    page.get_by_role("button", name="Try an astronaut").click()
    wait_until_drawable(page)
    assert "2 faces found" in page.inner_text("#told")
    shoot(page, "2-photograph")
    stroke(page, (0.4, 0.22), (0.5, 0.26))
    shoot(page, "3-stroke")
    complete(page)
    shoot(page, "4-result", full=True)
    path = download(page, "#download", tmp_path)
    assert path.name == "astronaut-completed.png"
    before, after = data.astronaut(), read_file(path).pixels
    rows, columns = (before != after).any(axis=2).nonzero()
    assert len(rows) > 500
    assert 0.2 * 512 < columns.min() < columns.max() < 0.7 * 512
    assert 0.05 * 512 < rows.min() < rows.max() < 0.45 * 512
    # The line of the manifest says how much was missing: no other pixel has changed.
    page.click("text=What was done")
    line = page.inner_text("#manifest")
    assert '"status": "completed"' in line
    share = float(line.split('"missing": ')[1].split(",")[0])
    assert len(rows) <= round(share * 512 * 512) + 30

    page.click("#go-on")
    page.wait_for_function("document.querySelector('#told').innerText.includes('astronaut-completed')")
    assert page.locator("#result").is_hidden()


def test_strokes_are_taken_back_and_numbers_checked(opened, photograph):
    """One visit: without strokes, undone, redone, cleared, drawn again; wrong seeds; then completed."""
    page = opened()
    send(page, photograph)

    def expect_told(told):
        page.click("#complete")
        page.wait_for_function(f"document.querySelector('#notes').innerText.includes({told!r})")

    expect_told("Expected strokes")
    stroke(page, (0.4, 0.22), (0.5, 0.26))
    seed = page.locator("input[aria-label='Seed']").first
    for text, told in (("", "nothing"), ("-1", "-1"), ("1.5", "1.5")):
        seed.fill(text)
        page.keyboard.press("Tab")
        expect_told(f"Received: {told}")
    seed.fill("0")
    page.keyboard.press("Tab")
    page.click("#editor button[aria-label='Undo']")
    wait_until_laid_out(page)
    expect_told("Expected strokes")
    page.click("#editor button[aria-label='Redo']")
    wait_until_laid_out(page)
    complete(page)
    page.click("#editor button[aria-label='Clear canvas']")
    page.wait_for_function("document.querySelector('#told').innerText.includes('cleared')")
    wait_until_laid_out(page)
    expect_told("Expected strokes")
    stroke(page, (0.4, 0.22), (0.5, 0.26))
    complete(page)


def test_a_mask_is_uploaded_and_changed(opened, photograph, tmp_path):
    mask = np.zeros((512, 512), np.uint8)
    mask[100:140, 200:260] = 255
    save_picture(tmp_path / "mask.png", mask)
    page = opened()
    send(page, photograph)
    with page.expect_file_chooser() as chosen:
        page.click("#mask")
    chosen.value.set_files(tmp_path / "mask.png")
    page.wait_for_function("document.querySelector('#told').innerText.includes('is missing')")
    wait_until_laid_out(page)
    shoot(page, "5-mask")

    def is_in_place():  # Gradio shows a layer beside its place if the canvas has another size
        left, top, width, height = pink_box(page, tmp_path)
        return 0.25 < left < left + width < 0.55 and 0.1 < top < top + height < 0.4

    wait_for(is_in_place)
    complete(page)
    after = read_file(download(page, "#download", tmp_path)).pixels
    changed = (data.astronaut() != after).any(axis=2)
    assert changed[mask > 0].mean() > 0.5
    assert not changed[mask == 0].any()


def test_scratches_are_suggested_erased_and_filled(opened, tmp_path):
    scratched = data.astronaut().copy()
    for x in (60, 240, 330):
        cv2.line(scratched, (x, 20), (x + 40, 480), (245, 245, 240), 2, cv2.LINE_AA)
    save_picture(tmp_path / "scratched.png", scratched)
    page = opened()
    send(page, tmp_path / "scratched.png")
    page.click("#scratches")
    page.wait_for_function("document.querySelector('#told').innerText.includes('a suggestion')")
    wait_until_laid_out(page)
    shoot(page, "11-scratches")
    page.click("#editor button[aria-label='Erase']")
    for shift in (-0.02, 0.0, 0.02):  # along the first line
        stroke(page, (0.11 + shift, 0.03), (0.2 + shift, 0.96))
    shoot(page, "12-erased")
    complete(page)
    after = read_file(download(page, "#download", tmp_path)).pixels
    filled = (after != scratched).any(axis=2)
    on_lines = (scratched != data.astronaut()).any(axis=2)
    first = on_lines & (np.arange(512) < 150)
    assert filled[on_lines & ~first].mean() > 0.5
    assert filled[~on_lines].mean() < 0.05
    assert filled[first].mean() < 0.5


@pytest.mark.exhaustive
def test_variations_are_shown_and_one_is_chosen(opened, photograph, tmp_path):
    page = opened()
    send(page, photograph)
    stroke(page, (0.4, 0.2), (0.5, 0.26))
    page.locator("input[aria-label*='Variations'][type=number]").fill("3")
    page.keyboard.press("Tab")
    complete(page)
    page.wait_for_selector("#all img")
    assert page.locator("#all .grid-container img, #all .thumbnail-item img").count() == 3
    shoot(page, "6-variations", full=True)
    page.locator("#all .thumbnail-item, #all .grid-container button").nth(1).click()
    wait_for(lambda: download(page, "#download", tmp_path).name == "astronaut-completed-2.png")


@pytest.mark.parametrize("way", ["cancel", pytest.param("leave", marks=pytest.mark.exhaustive)])
def test_what_is_not_wanted_any_more_is_stopped(opened, server, photograph, way):
    """A search of eight variations, which takes long."""
    page = opened()
    send(page, photograph)
    stroke(page, (0.4, 0.2), (0.5, 0.26))
    page.locator("input[aria-label*='Variations'][type=number]").fill("8")
    page.keyboard.press("Tab")
    before = set(server.requests())
    page.click("#complete")
    wait_for(lambda: set(server.requests()) - before)
    (folder,) = set(server.requests()) - before
    page.wait_for_timeout(3000)
    if way == "cancel":
        page.click("#cancel")
        page.wait_for_function("document.querySelector('#notes').innerText.includes('stopped')")
    else:
        page.close()
    wait_for(lambda: not folder.exists())
    assert not list(folder.parent.glob(f"{folder.name}/output/*-completed*"))


@pytest.mark.exhaustive
def test_another_photograph_ends_what_was_asked_for_the_first(opened, server, photograph, tmp_path):
    save_picture(tmp_path / "other.png", data.astronaut()[:, ::-1])
    page = opened()
    send(page, photograph)
    stroke(page, (0.4, 0.2), (0.5, 0.26))
    before = set(server.requests())
    page.locator("input[aria-label*='Variations'][type=number]").fill("8")
    page.keyboard.press("Tab")
    page.click("#complete")
    wait_for(lambda: set(server.requests()) - before)
    page.click("#another")
    page.wait_for_selector("#photograph", state="visible")
    send(page, tmp_path / "other.png")
    wait_for(lambda: not set(server.requests()) - before)
    page.wait_for_timeout(2000)
    assert page.locator("#result").is_hidden()
    assert "filled" not in page.inner_text("#notes")


def test_what_is_no_picture_is_told_and_the_page_goes_on(opened, photograph, tmp_path):
    (tmp_path / "<b>text.png").write_text("no picture")
    page = opened()
    page.set_input_files("#photograph input[type=file]", tmp_path / "<b>text.png")
    page.wait_for_function("document.querySelector('#told .error') !== null")
    told = page.inner_text("#told")
    assert "text.png: " in told
    assert str(tmp_path) not in told
    assert page.locator("#told b").count() == 0
    send(page, photograph)
    assert "2 faces found" in page.inner_text("#told")


def test_several_files(opened, photograph, tmp_path):
    mask = np.zeros((512, 512), np.uint8)
    mask[100:140, 200:260] = 255
    save_picture(tmp_path / "mask.png", mask)
    (tmp_path / "text.png").write_text("no picture")
    page = opened()
    page.get_by_role("tab", name="Several files").click()
    page.set_input_files("#photographs input[type=file]", [photograph, tmp_path / "text.png"])
    page.set_input_files("#masks input[type=file]", tmp_path / "mask.png")
    page.wait_for_function("document.querySelectorAll('#photographs tr, #photographs .file').length >= 2")
    page.click("#complete-all")
    page.wait_for_selector("#download-all", state="visible")
    assert "1 of 2 completed" in page.inner_text("#folder-notes")
    shoot(page, "7-several")
    path = download(page, "#download-all", tmp_path)
    with zipfile.ZipFile(path) as archive:
        assert {"astronaut.png", "manifest.jsonl"} <= set(archive.namelist())


@pytest.mark.exhaustive
def test_the_model_and_its_samples(opened):
    page = opened()
    page.get_by_role("tab", name="Model").click()
    page.wait_for_selector("#model")
    assert "faces-128" in page.input_value("#model textarea")
    page.click("#draw")
    page.wait_for_selector("#samples img")
    shoot(page, "8-model")


@pytest.mark.parametrize("theme", [pytest.param("light", marks=pytest.mark.exhaustive), "dark"])
def test_phones(opened, photograph, theme):
    page = opened(size=PHONE, theme=theme)
    assert page.evaluate("document.body.classList.contains('dark')") == (theme == "dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    send(page, photograph)
    stroke(page, (0.4, 0.22), (0.5, 0.26))
    shoot(page, f"9-phone-{theme}", full=True)
    complete(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    shoot(page, f"9-phone-{theme}-result", full=True)


def test_keyboard_and_names(opened, photograph):
    """Each button and input that is shown has a name, and the keyboard reaches them."""
    page = opened()
    send(page, photograph)
    unnamed = page.evaluate(
        """[...document.querySelectorAll('button, input:not([type=file]), select, textarea')]
        .filter(each => each.offsetParent !== null && !each.closest('.cm-editor'))
        .filter(each => !(each.innerText || each.getAttribute('aria-label') || each.title || each.labels?.length
          || each.getAttribute('aria-labelledby') || each.querySelector('img[alt]')))
        .map(each => each.outerHTML.slice(0, 160))"""
    )
    assert unnamed == []
    reached = set()
    page.locator("body").press("Tab")
    for _ in range(60):
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.innerText"))
        page.keyboard.press("Tab")
    assert {"complete", "scratches", "another"} <= reached, reached
