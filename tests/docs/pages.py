"""Takes README.md and docs/ apart: headings, links, words in backticks and fenced examples. Used by test_docs."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

KIT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
TICKED = re.compile(r"`([^`\n]+)`")
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)


@dataclass(frozen=True)
class Example:
    """A fenced block: its page, the line it begins at, its language and its text."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Page:
    path: Path

    def __str__(self) -> str:
        return str(self.path.relative_to(KIT))

    @property
    def text(self) -> str:
        return self.path.read_text()

    @property
    def prose(self) -> str:
        """The text without fenced and indented blocks."""
        return re.sub(r"(?m)^ {4}.*$", "", FENCE.sub("", self.text))

    def links(self) -> list[str]:
        return [link for link in LINK.findall(self.prose) if "://" not in link]

    def ticked(self) -> list[str]:
        return TICKED.findall(self.prose)

    def commands(self) -> list[str]:
        """Lines of indented blocks, which hold what a person types or sees."""
        return [line.strip() for line in FENCE.sub("", self.text).splitlines() if line.startswith("    ")]

    def anchors(self) -> set[str]:
        """What GitHub makes of the headings: lower case, without punctuation, blanks as hyphens."""
        found: set[str] = set()
        for heading in HEADING.findall(FENCE.sub("", self.text)):
            plain = LINK.sub(lambda link: link[0][1 : link[0].index("]")], heading).replace("`", "").lower()
            kept = "".join(one for one in plain if one in " -_" or unicodedata.category(one)[0] in "LN")
            slug = kept.replace(" ", "-")
            number = next(n for n in range(100) if (f"{slug}-{n}" if n else slug) not in found)
            found.add(f"{slug}-{number}" if number else slug)
        return found

    def examples(self) -> Iterator[Example]:
        for block in FENCE.finditer(self.text):
            yield Example(str(self), self.text.count("\n", 0, block.start()) + 1, block[1], block[2])


def all_pages() -> list[Page]:
    """README.md as soon as there is one, and docs/."""
    return [Page(path) for path in (KIT / "README.md", *sorted((KIT / "docs").glob("*.md"))) if path.exists()]
