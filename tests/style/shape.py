"""Sizes, names and headers."""

from __future__ import annotations

import os
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from compile import include_flags
from tree import Finding, Source, Tree

FILE_LINES_MAX = 800
FUNCTION_LINES_MAX = 100
NAMED = re.compile(r"([A-Za-z_]\w*)\s*\([^{}]*$", re.DOTALL)


@dataclass(frozen=True)
class Function:
    name: str
    line: int
    lines: int


def _matching_brace(text: str, start: int) -> int:
    depth = 0
    for match in re.compile(r"[{}]").finditer(text, start):
        depth += 1 if match.group() == "{" else -1
        if depth == 0:
            return match.start()
    return len(text)


def functions(source: Source) -> Iterator[Function]:
    """Definitions: at the outer level, what stands between the last ; or } and a { and has
    parentheses, but no =."""
    text = source.body
    start = 0
    while (brace := text.find("{", start)) >= 0:
        head_start = max(text.rfind(";", start, brace), text.rfind("}", start, brace), start - 1) + 1
        head = text[head_start:brace]
        end = _matching_brace(text, brace)
        if "=" not in head and head.rstrip().endswith(")"):
            first = head_start + len(head) - len(head.lstrip())
            name = _last_call(head)
            count = text.count("\n", first, end) + 1
            yield Function(name, source.line_at(first), count)
        start = end + 1


def _last_call(head: str) -> str:
    """The name in front of the last outer parentheses: int f(int (*g)(void)) -> f."""
    depth, open_at = 0, 0
    for offset, character in enumerate(head):
        if character == "(":
            if depth == 0:
                open_at = offset
            depth += 1
        elif character == ")":
            depth -= 1
    name = re.search(r"(\w+)\s*$", head[:open_at])
    return name.group(1) if name else "?"


def check_file_length(tree: Tree) -> list[Finding]:
    return [
        source.finding(len(source.lines), f"{len(source.lines)} lines, at most {FILE_LINES_MAX - 1}")
        for source in tree.c + tree.python + tree.shell
        if len(source.lines) >= FILE_LINES_MAX
    ]


def check_function_length(tree: Tree) -> list[Finding]:
    return [
        source.finding(one.line, f"{one.name} has {one.lines} lines, fewer than {FUNCTION_LINES_MAX} please")
        for source in tree.c
        for one in functions(source)
        if one.lines >= FUNCTION_LINES_MAX
    ]


def check_unique_names(tree: Tree) -> list[Finding]:
    """error.c and error.h are one name; a second folder with an error.c is not allowed."""
    folders: dict[str, set[str]] = defaultdict(set)
    for source in tree.product_c:
        folders[source.file.stem].add(source.folder)
    return [
        source.finding(1, f"{source.file.stem} exists in {', '.join(sorted(folders[source.file.stem]))}")
        for source in tree.product_c
        if len(folders[source.file.stem]) > 1
    ]


def check_header_start(tree: Tree) -> list[Finding]:
    found = []
    for source in tree.headers:
        lines = [*source.lines, "", ""]
        if lines[0] != "#pragma once":
            found.append(source.finding(1, "a header starts with #pragma once"))
        elif not lines[1].startswith("/*"):
            found.append(source.finding(2, "a comment that tells the purpose follows #pragma once"))
    return found


def _compile_alone(tree: Tree, source: Source, flags: list[str]) -> list[Finding]:
    compiled = subprocess.run(
        ["gcc", "-fsyntax-only", "-std=gnu17", "-Wall", "-Wextra", "-Werror", *flags, "-x", "c", "-"],
        input=f'#include "{source.file}"\n',
        capture_output=True,
        text=True,
        cwd=tree.root,
    )
    if compiled.returncode == 0:
        return []
    first = next((line for line in compiled.stderr.splitlines() if "error:" in line), compiled.stderr)
    return [source.finding(1, f"does not compile alone: {first.strip()}")]


def check_headers_compile_alone(tree: Tree) -> list[Finding]:
    flags = include_flags(tree)
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        results = pool.map(lambda source: _compile_alone(tree, source, flags), tree.headers)
        return [finding for result in results for finding in result]
