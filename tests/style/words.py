"""Words that do not belong into finished text, and suppressions without a reason."""

from __future__ import annotations

import re

from tree import Finding, Tree

UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
THIS_FOLDER = "tests/style/"
# Text that others wrote.
FOREIGN = {"LICENSE"}

# NOLINTNEXTLINE(check-name): reason    cppcheck-suppress name ; reason
CLANG_TIDY = re.compile(r"\bNOLINT(?!END)\w*(?P<rest>.*)")
CLANG_TIDY_GOOD = re.compile(r"^\([\w.,*-]+\): \w+")
CPPCHECK = re.compile(r"\bcppcheck-suppress(?P<rest>.*)")
CPPCHECK_GOOD = re.compile(r"^\s+\w+\s*(?:;|//|#)\s*\w+")
TRAILING = re.compile(r"[ \t]+$")


def check_nothing_unfinished(tree: Tree) -> list[Finding]:
    return [
        source.finding(number, f"{match.group()}: finish it, or make it an issue")
        for source in tree.files
        if source.path not in FOREIGN and not source.path.startswith(THIS_FOLDER)
        for number, line in enumerate(source.lines, 1)
        if (match := UNFINISHED.search(line))
    ]


def check_suppressions_have_reasons(tree: Tree) -> list[Finding]:
    found = []
    for source in tree.c:
        for number, line in enumerate(source.lines, 1):
            tidy, cpp = CLANG_TIDY.search(line), CPPCHECK.search(line)
            if tidy and not CLANG_TIDY_GOOD.match(tidy["rest"]):
                found.append(source.finding(number, "write NOLINT(check): reason"))
            if cpp and not CPPCHECK_GOOD.match(cpp["rest"]):
                found.append(source.finding(number, "write cppcheck-suppress name ; reason"))
    return found


def check_white_space(tree: Tree) -> list[Finding]:
    found = []
    for source in tree.files:
        if source.path in FOREIGN or source.file.suffix in (".diff", ".patch"):
            continue
        if source.text and not source.text.endswith("\n"):
            found.append(source.finding(len(source.lines), "no newline at the end of the file"))
        for number, line in enumerate(source.lines, 1):
            if TRAILING.search(line):
                found.append(source.finding(number, "white space at the end of the line"))
    return found
