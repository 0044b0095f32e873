"""The server behind the page: its address, who may ask, how much, and the private folder.

What it refuses, it refuses before a file is read: other hosts' names and pages (DNS rebinding, cross-site requests),
requests without the password where there is one, and bodies that are too large. It answers with a policy that keeps the
browser from asking any other host for anything.
"""

from __future__ import annotations

import base64
import contextlib
import hmac
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from completion.web.service import Service
from dcgan.errors import FaceCompletionError, OptionError

__all__ = ["Guard", "is_local", "private_folder", "read_login", "serve"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' blob: data:; font-src 'self' data:; connect-src 'self' blob: data:; "
    "worker-src 'self' blob:; frame-ancestors 'none'; base-uri 'self'; form-action 'self'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
KEEP_SECONDS, SWEEP_SECONDS = 3600.0, 300.0


def is_local(host: str) -> bool:
    """Tell whether an address is this computer's own."""
    return host in LOCAL_HOSTS


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """Yield a folder that this user alone can read; it is removed with all that is in it at the end."""
    folder = Path(tempfile.mkdtemp(prefix="complete-web-"))  # of mode 700
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def read_login(text: str) -> tuple[str, str]:
    """Return user and password of USER:PASSWORD.

    Raises
    ------
    OptionError
        It has another form, or one of them is empty.
    """
    user, colon, password = text.strip().partition(":")
    if not (user and colon and password):
        raise OptionError("Expected `auth` as USER:PASSWORD. Received: something else")
    return user, password


class Guard:
    """Checks of every request, as an ASGI application around another.

    Parameters
    ----------
    app : callable
        The application.
    hosts : set of str or None
        Names by which this server may be asked; None: any.
    login : (str, str) or None
        User and password.
    bytes_max : int
        Of a request's body.
    """

    def __init__(self, app: App, *, hosts: set[str] | None, login: tuple[str, str] | None, bytes_max: int) -> None:
        self.app, self.hosts, self.bytes_max = app, hosts, bytes_max
        self._expected = None if login is None else base64.b64encode(":".join(login).encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        if refused := self._refusal(headers):
            await _answer(send, *refused)
            return
        left = self.bytes_max

        async def bounded() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:  # the application sees a client that goes away
                return {"type": "http.disconnect"}
            return message

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in HEADERS}
                kept = [(name, value) for name, value in message["headers"] if name.lower() not in own]
                message = {**message, "headers": [*kept, *HEADERS]}
            await send(message)

        await self.app(scope, bounded, with_headers)

    def _refusal(self, headers: dict[bytes, bytes]) -> tuple[int, str, tuple[tuple[bytes, bytes], ...]] | None:
        """Return status, line and headers of an answer that refuses."""
        host = headers.get(b"host", b"").decode("latin-1")
        if self.hosts is not None and urlsplit(f"//{host}").hostname not in self.hosts:
            return 421, "this page is not served under that name", ()
        origin = headers.get(b"origin", b"").decode("latin-1")
        if origin and urlsplit(origin).netloc != host:
            return 403, "requests from other pages are refused", ()
        if self._expected is not None:
            scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
            if scheme.lower() != b"basic" or not hmac.compare_digest(given.strip(), self._expected):
                return 401, "user and password, please", ((b"www-authenticate", b'Basic realm="complete-web"'),)
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self.bytes_max:
            return 413, f"expected at most {self.bytes_max / 1e6:g} MB", ()
        return None


async def _answer(send: Send, status: int, line: str, headers: tuple[tuple[bytes, bytes], ...]) -> None:
    """Send a short answer."""
    text = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close"), *headers, *HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": text})
    await send({"type": "http.response.body", "body": f"{line}\n".encode()})


def serve(
    service: Service,
    *,
    host: str,
    port: int,
    login: tuple[str, str] | None,
    upload_mb: int,
    on_ready: Callable[[str], None],
) -> None:
    """Serve the page until the process is interrupted.

    Parameters
    ----------
    service : Service
        Its folder is that of the uploads as well.
    host : str
        Address to listen at.
    port : int
        0: any that is free.
    login : (str, str), optional
    upload_mb : int
        Largest upload, in megabytes.
    on_ready : callable
        Called with the page's address, before the first request is answered.

    Raises
    ------
    FaceCompletionError
        The address cannot be listened at.
    """
    listener = _listen(host, port)
    port = listener.getsockname()[1]
    app = make_app(service, host=host, port=port, login=login, upload_mb=upload_mb)
    import uvicorn

    stopped = threading.Event()

    def sweep() -> None:
        while not stopped.wait(SWEEP_SECONDS):
            service.remove_old(seconds=KEEP_SECONDS)

    threading.Thread(target=sweep, daemon=True).start()
    config = uvicorn.Config(
        app, log_level="critical", access_log=False, server_header=False, timeout_graceful_shutdown=2
    )
    on_ready(f"http://{f'[{host}]' if ':' in host else host}:{port}/")
    try:
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        stopped.set()
        listener.close()


def make_app(service: Service, *, host: str, port: int, login: tuple[str, str] | None, upload_mb: int) -> App:
    """Return the guarded application: the page at /, its API at /api/complete."""
    os.environ["GRADIO_TEMP_DIR"] = str(service.folder / "gradio")
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    import fastapi
    import gradio

    from completion.web.api import add_api
    from completion.web.page import STYLE, build_page, make_theme

    bytes_max = upload_mb * 10**6
    app = fastapi.FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    add_api(app, service)
    page = build_page(service, upload_mb=upload_mb)
    app = gradio.mount_gradio_app(
        app,
        page,
        path="/",
        server_name=host,
        server_port=port,
        app_kwargs={"docs_url": None, "redoc_url": None, "openapi_url": None},
        footer_links=[],
        run_history=False,
        allowed_paths=[],
        show_error=True,
        max_file_size=bytes_max,
        ssr_mode=False,
        enable_monitoring=False,
        mcp_server=False,
        theme=make_theme(),
        css=STYLE,
    )
    hosts = {*LOCAL_HOSTS, host} if is_local(host) else None
    return Guard(app, hosts=hosts, login=login, bytes_max=bytes_max)


def _listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        raise FaceCompletionError(f"{host}:{port}: cannot listen there: {error.strerror or error}") from error
    return listener
