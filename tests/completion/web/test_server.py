"""The page's server as a stranger meets it: a process, and requests that are not what the page sends."""

import base64
import http.client
import json
import re
import shutil
import socket
import struct
import subprocess
import textwrap
import threading
import urllib.error
import urllib.request
import zlib
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from click.testing import CliRunner
from gradio_client import Client, handle_file

from completion.web.cli import web_command
from dcgan.pictures.files import read_file
from dcgan.pictures.saving import save_picture
from tests.completion.helpers import make_picture
from tests.completion.web.conftest import Server, wait_for


def hole(height=120, width=100):
    mask = np.zeros((height, width), bool)
    mask[30:50, 40:60] = True
    return mask


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    save_picture(folder / "photo.png", make_picture(120, 100, seed=3))
    save_picture(folder / "mask.png", hole().astype(np.uint8) * 255)
    return folder


def form(parts, fields=()):
    """Return a form's body and the header that says so."""
    boundary = "----limit-of-parts"
    body = b""
    for name, filename, data in parts:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n\r\n'
        body += head.encode() + data + b"\r\n"
    for name, value in fields:
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
    return body + f"--{boundary}--\r\n".encode(), {"Content-Type": f"multipart/form-data; boundary={boundary}"}


def ask(server, path="/api/complete", body=None, headers=None, timeout=120):
    """Return status, headers and body of an answer."""
    request = urllib.request.Request(server.address + path, data=body, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def complete(server, picture, mask, *, name="photo.png", fields=(("method", "telea"),), headers=None):
    body, own = form([("picture", name, picture), ("mask", "mask.png", mask)], fields)
    return ask(server, body=body, headers={**own, **(headers or {})})


def bomb():
    """Return a PNG of a few hundred kilobytes that says that it has 60,000 x 60,000 pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * 2**24, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_a_picture_and_its_mask_give_the_result_and_its_line(server, files):
    picture, mask = (files / "photo.png").read_bytes(), (files / "mask.png").read_bytes()
    status, headers, body = complete(
        server, picture, mask, fields=[("method", "telea"), ("form", "png"), ("seed", "1")]
    )
    assert status == 200, body
    assert headers["Content-Disposition"] == 'attachment; filename="photo-completed.png"'
    line = json.loads(headers["Manifest"])
    assert (line["status"], line["method"], line["output"]) == ("completed", "telea", "photo-completed.png")
    (files / "result.png").write_bytes(body)
    before, after = read_file(files / "photo.png").pixels, read_file(files / "result.png").pixels
    assert (before != after)[hole()].any()
    assert (before == after)[~hole()].all()
    wait_for(lambda: server.requests() == [], 20)


@pytest.mark.parametrize(
    ("picture", "mask", "fields", "told"),
    [
        (b"no picture", None, (), b"photo.png: "),
        (None, b"no mask", (), b"mask.png: "),
        (None, None, [("method", "latent")], b"Expected `method` as one of"),
        (None, None, [("seed", "x")], b"Expected `seed` as a whole number"),
        (None, None, [("colour", "x")], b"Expected the fields picture, mask"),
        (bomb(), None, (), b"photo.png: "),
        (b"", None, (), b"photo.png: "),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(server, files, picture, mask, fields, told):
    picture = (files / "photo.png").read_bytes() if picture is None else picture
    mask = (files / "mask.png").read_bytes() if mask is None else mask
    status, _, body = complete(server, picture, mask, fields=fields or [("method", "telea")])
    assert status == 422
    assert body.startswith(told), body
    assert body.count(b"\n") == 1
    assert str(server.folder).encode() not in body
    assert server.requests() == []


def test_a_part_is_missing(server, files):
    body, headers = form([("picture", "a.png", (files / "photo.png").read_bytes())])
    status, _, answer = ask(server, body=body, headers=headers)
    assert (status, answer) == (422, b"Expected the file `mask`. Received: none\n")
    status, _, answer = ask(server, body=b"{}", headers={"Content-Type": "application/json"})
    assert (status, answer) == (422, b"Expected the file `picture`. Received: none\n")


def test_names_that_climb_are_cut(server, files):
    picture, mask = (files / "photo.png").read_bytes(), (files / "mask.png").read_bytes()
    status, headers, _ = complete(server, picture, mask, name="../../../../tmp/evil.png")
    assert status == 200
    assert 'filename="evil-completed.png"' in headers["Content-Disposition"]


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file=../../../../etc/passwd",
        "/gradio_api/file=" + __file__,
        "/gradio_api/file=C:/Windows/win.ini",
        "/gradio_api/file=http://127.0.0.1/",
        "/static/../../../../etc/passwd",
        "/assets/..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/gradio_api/proxy=http://127.0.0.1/",
        "/docs",
        "/openapi.json",
    ],
)
def test_files_of_the_computer_are_not_served(server, path):
    status, _, body = ask(server, path)
    assert status >= 400
    assert b"root:" not in body


def test_another_ones_files_are_not_found_by_guessing(server):
    """What is below the private folder is served by a name with a digest alone, and to nobody before it was shown."""
    (folder,) = server.folder.glob("complete-web-*")
    (folder / "request-x").mkdir()
    secret = folder / "request-x" / "secret.txt"
    secret.write_text("words that nobody sees")
    try:
        for path in (secret, folder / "gradio" / ".." / "request-x" / "secret.txt"):
            status, _, body = ask(server, f"/gradio_api/file={path}")
            assert (status >= 400, b"nobody sees" in body) == (True, False)
    finally:
        secret.unlink()
        secret.parent.rmdir()


def test_calls_with_paths_of_the_computer_are_refused(server):
    data = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}
    body = json.dumps({"data": [data, data, "telea", 0, "png"]}).encode()
    status, _, answer = ask(server, "/gradio_api/call/complete", body, {"Content-Type": "application/json"})
    if status == 200:
        event = json.loads(answer)["event_id"]
        status, _, answer = ask(server, f"/gradio_api/call/complete/{event}")
    assert b"root:" not in answer
    assert b"event: complete" not in answer


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Content-Length": "999999999999"}, 413),
        ({"Content-Length": "-1"}, 413),
    ],
)
def test_other_pages_and_other_names_are_refused(server, headers, status):
    connection = http.client.HTTPConnection(urlsplit(server.address).netloc, timeout=30)
    connection.putrequest("POST", "/api/complete", skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    assert connection.getresponse().status in (status, 400)
    connection.close()


def test_answers_keep_the_browser_from_other_hosts(server):
    status, headers, _ = ask(server, "/")
    assert status == 200
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers.get("Access-Control-Allow-Origin") is None


def test_many_at_once(server, files):
    """200 requests: each is done or refused in words, the server answers afterwards, and nothing is left."""
    picture, mask = (files / "photo.png").read_bytes(), (files / "mask.png").read_bytes()
    found, lock = [], threading.Lock()

    def one():
        try:
            result = complete(server, picture, mask)[0]
        except OSError as error:  # a full backlog
            result = type(error).__name__
        with lock:
            found.append(result)

    threads = [threading.Thread(target=one) for _ in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(180)
    assert len(found) == 200
    assert set(found) <= {200, 503}, set(found)
    assert found.count(200) >= 5
    assert complete(server, picture, mask)[0] == 200
    wait_for(lambda: server.requests() == [], 20)
    status = Path(f"/proc/{server.process.pid}/status")
    if status.exists():
        peak = next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        assert peak < 2_500_000  # kB


def test_clients_that_go_away(server, files):
    picture, mask = (files / "photo.png").read_bytes(), (files / "mask.png").read_bytes()
    body, headers = form([("picture", "a.png", picture), ("mask", "m.png", mask)], [("method", "telea")])
    address = urlsplit(server.address)
    head = f"POST /api/complete HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: {len(body)}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
    for sent in (body[: len(body) // 2], body):
        with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
            connection.sendall(head.encode() + sent)
    assert complete(server, picture, mask)[0] == 200
    wait_for(lambda: server.requests() == [], 20)


@pytest.fixture
def example(server, files, tmp_path):
    """Return a function that gives the block of docs/web.md with a word, as it is run here, in a folder of its own."""
    text = (Path(__file__).parents[3] / "docs" / "web.md").read_text(encoding="utf-8")
    save_picture(tmp_path / "photo.jpg", read_file(files / "photo.png").pixels)
    (tmp_path / "mask.png").write_bytes((files / "mask.png").read_bytes())

    def find(word):
        blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL) + re.findall(r"(?:^    .*\n)+", text, re.MULTILINE)
        (block,) = [each for each in blocks if word in each]
        assert '"fast"' in block or "method=fast" in block
        # The small picture holds no face; the model would refuse it.
        block = block.replace("http://127.0.0.1:7860", server.address).replace("fast", "telea")
        return textwrap.dedent(block)

    return find


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
def test_the_example_with_curl(example, tmp_path):
    done = subprocess.run(example("curl"), shell=True, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    before, after = read_file(tmp_path / "photo.jpg").pixels, read_file(tmp_path / "photo-completed.png").pixels
    assert (before == after)[~hole()].all()
    headers = (tmp_path / "headers.txt").read_text().splitlines()
    (line,) = [each.partition(": ")[2] for each in headers if each.lower().startswith("manifest:")]
    assert json.loads(line)["method"] == "telea"


def test_the_example_with_the_client(example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(example("gradio_client"), names)
    assert names["line"]["method"] == "telea"
    before, after = read_file(tmp_path / "photo.jpg").pixels, read_file(Path(names["path"])).pixels
    assert (before == after)[~hole()].all()


def test_the_client_is_told_what_is_wrong(server, files):
    client = Client(server.address, verbose=False, analytics_enabled=False)
    picture, mask = handle_file(files / "photo.png"), handle_file(files / "mask.png")
    with pytest.raises(Exception, match="Expected `method`"):
        client.predict(picture=picture, mask=mask, method="x", api_name="/complete")


def test_a_password_is_asked_for_everywhere(tmp_path, files):
    server = Server(tmp_path, "--max-upload", "1", environment={"COMPLETE_WEB_AUTH": "ann:secret"})
    try:
        known = {"Authorization": "Basic " + base64.b64encode(b"ann:secret").decode()}
        wrong = {"Authorization": "Basic " + base64.b64encode(b"ann:other").decode()}
        for path in ("/", "/config", "/gradio_api/info", "/api/complete", "/theme.css"):
            assert ask(server, path)[0] == ask(server, path, headers=wrong)[0] == 401
        assert ask(server, "/", headers=known)[0] == 200
        picture, mask = (files / "photo.png").read_bytes(), (files / "mask.png").read_bytes()
        assert complete(server, picture, mask, headers=known)[0] == 200
        connection = http.client.HTTPConnection(urlsplit(server.address).netloc, timeout=60)
        connection.putrequest("POST", "/api/complete")
        for header in (*known.items(), ("Content-Length", "2000000")):
            connection.putheader(*header)
        connection.endheaders()
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (413, b"expected at most 1 MB\n")
        connection.close()
    finally:
        code, stderr = server.stop()
    assert (code, stderr) == (130, "Interrupted; what was uploaded is removed.\n")
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_is_taken(server):
    port = str(urlsplit(server.address).port)
    result = CliRunner().invoke(web_command, ["--port", port, "--no-browser", "--quiet"])
    assert result.exit_code == 1
    assert result.stderr == f"Error: 127.0.0.1:{port}: cannot listen there: Address already in use\n"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            ["--host", "0.0.0.0"],
            "Error: --host 0.0.0.0 lets other computers in: --auth-file, COMPLETE_WEB_AUTH or --auth",
        ),
        (["--auth", "secret"], "Error: Expected --auth as USER:PASSWORD. Received: something else"),
        (["--auth", "a:b", "--auth-file", __file__], "Error: --auth and --auth-file exclude each other."),
    ],
)
def test_unsafe_addresses_and_logins(options, told, monkeypatch):
    monkeypatch.delenv("COMPLETE_WEB_AUTH", raising=False)
    result = CliRunner().invoke(web_command, ["--no-browser", *options])
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith(told)


def test_without_gradio_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = CliRunner().invoke(web_command, [])
    assert result.exit_code == 1
    assert result.stderr == "Error: complete-web needs Gradio: pip install 'dcgan-face-completion[web]'\n"
