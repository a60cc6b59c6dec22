"""The files of the project as the checks see them, and what a check finds."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE_FOLDERS = ("agent", "probes", "tests", "packaging")
SKIPPED = re.compile(r"^(build.*|\..*|__pycache__)$")

# A string, a character or a comment of C, whichever starts first.
OPAQUE = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL)
PREPROCESSOR = re.compile(r"^[ \t]*#(?:\\\n|[^\n])*", re.MULTILINE)


@dataclass(frozen=True, order=True)
class Finding:
    path: str  # from the root of the project
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


def _blank(match: re.Match[str]) -> str:
    """As many characters and lines as there were; quotes stay, so that a call keeps its argument."""
    text = match.group()
    quote = text[0] if text[0] in "\"'" else " "
    inner = re.sub(r"[^\n]", " ", text[1:-1])
    return quote + inner + quote if len(text) > 1 else quote


class Source:
    """One file. `code` is C without comments, without what strings hold."""

    def __init__(self, root: Path, path: Path) -> None:
        self.file = path
        self.path = str(path.relative_to(root))
        self.folder = str(Path(self.path).parent)

    @functools.cached_property
    def text(self) -> str:
        return self.file.read_text(encoding="utf-8", errors="replace")

    @functools.cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @functools.cached_property
    def code(self) -> str:
        return OPAQUE.sub(_blank, self.text)

    @functools.cached_property
    def body(self) -> str:
        """`code` without preprocessor lines."""
        return PREPROCESSOR.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), self.code)

    def line_at(self, offset: int) -> int:
        return self.code.count("\n", 0, offset) + 1

    def finding(self, line: int, text: str) -> Finding:
        return Finding(self.path, line, text)


class Tree:
    def __init__(self, root: Path = ROOT) -> None:
        self.root = root

    def _walk(self, top: Path) -> Iterator[Path]:
        for folder, names, files in os.walk(top):
            names[:] = sorted(name for name in names if not SKIPPED.match(name))
            yield from (Path(folder) / name for name in sorted(files))

    @functools.cached_property
    def files(self) -> list[Source]:
        """Everything that people write, but not binary files."""
        found = [Source(self.root, path) for path in self._walk(self.root) if path.is_file()]
        return [source for source in found if b"\0" not in source.file.read_bytes()[:4096]]

    def _ending(self, *suffixes: str) -> list[Source]:
        in_code = [source for source in self.files if source.path.split("/")[0] in CODE_FOLDERS]
        return [source for source in in_code if source.file.suffix in suffixes]

    @functools.cached_property
    def c(self) -> list[Source]:
        return self._ending(".c", ".h")

    @functools.cached_property
    def product_c(self) -> list[Source]:
        """C of the programs, without that of the tests."""
        return [source for source in self.c if source.path.split("/")[0] in ("agent", "probes")]

    @functools.cached_property
    def headers(self) -> list[Source]:
        return [source for source in self.product_c if source.file.suffix == ".h"]

    @functools.cached_property
    def python(self) -> list[Source]:
        return [source for source in self.files if _is_script(source, ".py", "python")]

    @functools.cached_property
    def shell(self) -> list[Source]:
        return [source for source in self.files if _is_script(source, ".sh", "sh")]


def _is_script(source: Source, suffix: str, interpreter: str) -> bool:
    if source.file.suffix == suffix:
        return True
    first = source.lines[0] if source.lines else ""
    return bool(re.match(rf"#!.*\b(?:env )?(?:ba|da)?{interpreter}(?:3)?\b", first))
