"""What the site's Markdown has beside the generator's own: formulas as MathML, and pages made of files of the root.

- A formula is written as GitHub shows it, $`x^2`$ in a line and a fence named ``math`` alone. It becomes MathML while
  the site is built, so no script and no font is needed to show it.
- ``<!-- pages: adr/0*.md -->`` becomes a list of links to the pages of docs/ that the pattern names, by their titles.
- ``<!-- include: CHANGELOG.md -->``, alone in a paragraph, is replaced by a file of the root. Its links
  to docs/ go on working; other links into the repository become plain text, as they do on every page.
"""

import posixpath
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from markdown import Markdown
from markdown.extensions import Extension
from markdown.inlinepatterns import InlineProcessor
from markdown.preprocessors import Preprocessor
from markdown.treeprocessors import Treeprocessor

ROOT = Path(__file__).parent.parent
COMMENT = re.compile(r"^<!-- (?P<what>include|pages): (?P<name>[\w./*-]+) -->$")
LINK = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<target>[^)#\s]+)(?P<anchor>#[^)]*)?\)")
MATH = r"\$`(.+?)`\$"
MATH_PRIORITY = 195  # before code in backticks, 190
INCLUDE_PRIORITY = 40  # before fences


def math_block(source: str, language: str, css_class: str, options: Any, md: Markdown, **kwargs: Any) -> str:
    """Return the MathML of a fence, for pymdownx.superfences."""
    return f'<div class="math">{convert(source.strip(), display="block")}</div>'


class _InlineMath(InlineProcessor):
    """Formulas in a line."""

    def handleMatch(self, m: re.Match[str], data: str) -> tuple[str, int, int]:  # type: ignore[override]  # noqa: N802
        return self.md.htmlStash.store(convert(m[1])), m.start(0), m.end(0)


class _Include(Preprocessor):
    """Files of the root, and lists of pages."""

    def run(self, lines: list[str]) -> list[str]:
        """Replace the comments that name them."""
        makers = {"include": included, "pages": listed}
        found: list[str] = []
        for line in lines:
            match = COMMENT.match(line)
            found += makers[match["what"]](match["name"]) if match else [line]
        return found


class _LeavingLinks(Treeprocessor):
    """Links that lead out of docs/: the site has no such pages, so their text alone stays."""

    def run(self, root: ElementTree.Element) -> None:
        """Change them in place; pages are at most one folder below docs/."""
        for element in root.iter("a"):
            target = element.get("href", "")
            if target.startswith("../../") or (target.startswith("../") and leaves(target)):
                element.tag = "span"
                del element.attrib["href"]


def leaves(target: str) -> bool:
    """Return whether a link from a page of docs/ leads to a file of the root."""
    path = (ROOT / "docs" / target).resolve()
    return path.exists() and not path.is_relative_to(ROOT / "docs")


def included(name: str) -> list[str]:
    """Return the lines of a file of the root, with the links that a page in a folder of docs/ needs."""

    def moved(link: re.Match[str]) -> str:
        text, target, anchor = link["text"], link["target"], link["anchor"] or ""
        if "://" in target:
            return link[0]
        if target.startswith("docs/"):
            return f"[{text}]({posixpath.relpath(target, 'docs/pages')}{anchor})"
        return f"`{target}`" if text in target else f"{text} (`{target}`)"

    text = (ROOT / name).read_text(encoding="utf-8")
    return LINK.sub(moved, text).splitlines()


def listed(pattern: str) -> list[str]:
    """Return a list of the pages of docs/ that a pattern names, for a page in a folder of docs/; there may be none."""
    docs = ROOT / "docs"
    pages = sorted(docs.glob(pattern))
    titles = [page.read_text(encoding="utf-8").split("\n", 1)[0].removeprefix("# ") for page in pages]
    links = [posixpath.relpath(page.relative_to(docs).as_posix(), "pages") for page in pages]
    return [f"- [{title}]({link})" for title, link in zip(titles, links, strict=True)]


class SiteExtension(Extension):
    """All of it."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802
        """Register the processors."""
        md.preprocessors.register(_Include(md), "site_include", INCLUDE_PRIORITY)
        md.inlinePatterns.register(_InlineMath(MATH, md), "site_math", MATH_PRIORITY)
        md.treeprocessors.register(_LeavingLinks(md), "site_links", 0)


def makeExtension(**options: Any) -> SiteExtension:  # noqa: N802
    """Return the extension, for Markdown."""
    return SiteExtension(**options)
