"""Check the built site: every link and anchor leads somewhere, and nothing is loaded from another host.

python scripts/check_site.py build/site
"""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {  # what a browser loads for a page: element and attribute
    ("img", "src"), ("script", "src"), ("link", "href"), ("source", "src"), ("iframe", "src"), ("video", "src"),
    ("object", "data"), ("embed", "src"),
}  # fmt: skip
FOREIGN_CSS = re.compile(r"""(?:url\(|@import)\s*["']?(?:https?:)?//""")


class _Page(HTMLParser):
    """The anchors of a page, what it loads, and where it links to."""

    def __init__(self) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.loads: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect them."""
        values = {name: value or "" for name, value in attrs}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        self.loads += [value for name, value in values.items() if (tag, name) in LOADED]


def _read(path: Path) -> _Page:
    """Return a parsed page."""
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def problems(site: Path) -> list[str]:
    """Return what is wrong with a built site, a line each.

    Parameters
    ----------
    site : Path
        Folder of the built site.
    """
    pages = {path.resolve(): _read(path) for path in sorted(site.rglob("*.html"))}
    found = [] if pages else [f"{site}: no pages"]
    for path, page in pages.items():
        name = path.relative_to(site.resolve()).as_posix()
        for target in page.loads:
            if urlsplit(target).netloc or target.startswith("//"):
                found.append(f"{name}: loads {target} from another host")
        for target in page.links + page.loads:
            found += [f"{name}: {target}: {what}" for what in [_wrong(target, path, site, pages)] if what]
    for path in sorted(site.rglob("*.css")):
        if FOREIGN_CSS.search(path.read_text(encoding="utf-8")):
            found.append(f"{path.relative_to(site)}: loads from another host")
    return found


def _wrong(target: str, path: Path, site: Path, pages: dict[Path, _Page]) -> str:
    """Return what is wrong with a link from a page; links to other hosts are not followed."""
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        return ""
    if parts.path.startswith("/"):  # of 404.html, which is served for any path
        other = (site / unquote(parts.path).lstrip("/")).resolve()
    else:
        other = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    other = other / "index.html" if other.is_dir() else other
    if not other.exists():
        return "no such file"
    anchor = unquote(parts.fragment)
    if anchor and not anchor.startswith("__") and other in pages and anchor not in pages[other].anchors:
        return "no such anchor"
    return ""


def main() -> None:
    """Print what is wrong, and exit with 1 where anything is."""
    site = Path(sys.argv[1] if len(sys.argv) > 1 else "build/site")
    found = problems(site)
    for line in found:
        print(line)
    if found:
        sys.exit(1)
    print(
        f"{len(list(site.rglob('*.html')))} pages: links and anchors lead somewhere, nothing is loaded from other hosts"
    )


if __name__ == "__main__":
    main()
