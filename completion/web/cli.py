"""The command complete-web."""

import importlib.util
import os
import webbrowser
from pathlib import Path
from typing import Any

import click

from dcgan.command import (
    DEFAULTS,
    common_errors,
    device_option,
    echo_device,
    max_megapixels_option,
    shown_default,
)
from dcgan.config import DEFAULT_MODEL, MODEL_HELP
from dcgan.errors import FaceCompletionError
from dcgan.hub.reference import shown_name
from dcgan.terminal import printable

__all__ = ["web_command"]

HOST, PORT, UPLOAD_MB, SECONDS = "127.0.0.1", 7860, 200, 300
AUTH_VARIABLE = "COMPLETE_WEB_AUTH"


@click.command(
    "complete-web",
    context_settings=DEFAULTS,
    epilog="Example:  complete-web --port 8000",
)
@click.option("--model", help=MODEL_HELP, **shown_default(DEFAULT_MODEL))
@click.option(
    "--host", help="Address to listen at; another than this computer's asks for --auth.", **shown_default(HOST)
)
@click.option("--port", type=click.IntRange(0, 65535), help="0: any that is free.", **shown_default(PORT))
@click.option(
    "--auth",
    metavar="USER:PASSWORD",
    help="Ask for a user and a password. Other users of this computer see it in the list of processes: --auth-file "
    f"and the environment variable {AUTH_VARIABLE} hide it.",
)
@click.option(
    "--auth-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with a line USER:PASSWORD.",
)
@click.option(
    "--max-upload",
    "upload_mb",
    type=click.IntRange(1, 4000),
    help="Largest upload, in megabytes.",
    **shown_default(UPLOAD_MB),
)
@click.option(
    "--seconds", type=click.IntRange(1, 86400), help="Longest time of one completion.", **shown_default(SECONDS)
)
@device_option
@max_megapixels_option
@click.option("--browser/--no-browser", default=True, help="Open the page in a browser.  [default: browser]")
@click.option("--quiet", is_flag=True, help="Print nothing but errors and the page's address.")
@common_errors("what was uploaded is removed")
def web_command(
    *,
    model: str,
    host: str,
    port: int,
    auth: str | None,
    auth_file: Path | None,
    upload_mb: int,
    seconds: int,
    device: str,
    browser: bool,
    quiet: bool,
) -> None:
    """Serve a page that completes photographs: draw on one, see it filled, keep what you like.

    The page is served to this computer alone, and needs no network. Uploads lie in a private folder that is emptied
    after an hour and when the command ends (Ctrl-C).
    """
    if importlib.util.find_spec("gradio") is None:
        raise FaceCompletionError("complete-web needs Gradio: pip install 'dcgan-face-completion[web]'")
    from completion.web.server import is_local, private_folder, read_login, serve

    if auth is not None and auth_file is not None:
        raise click.UsageError("--auth and --auth-file exclude each other.")
    given = auth_file.read_text(encoding="utf-8") if auth_file else auth or os.environ.get(AUTH_VARIABLE)
    login = read_login(given) if given else None
    if not is_local(host):
        if login is None:
            raise click.UsageError(
                f"--host {printable(host)} lets other computers in: --auth-file, {AUTH_VARIABLE} or --auth is needed."
            )
        click.echo(
            f"other computers can reach the page at {printable(host)}; the password travels unencrypted unless a proxy "
            "with TLS stands before it",
            err=True,
        )
    from completion.web.service import Service
    from dcgan.heap import give_back_large_arrays

    give_back_large_arrays()
    with private_folder() as folder:
        service = Service(folder, model=model, seconds=seconds, device=device)
        found = service.device
        if not quiet:
            echo_device(found)
        if not quiet:
            click.echo(f"loading the model {printable(shown_name(model))}", err=True)
        service.load()

        def on_ready(address: str) -> None:
            click.echo(f"{address} (Ctrl-C ends it)")
            if browser:
                webbrowser.open(address)

        options: dict[str, Any] = {"host": host, "port": port, "login": login, "upload_mb": upload_mb}
        serve(service, on_ready=on_ready, **options)
