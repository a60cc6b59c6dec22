"""Checks that other programs make. A tool that is not installed skips its check, which is reported."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from compile import BUILD, Command, commands, preprocessor_flags
from tree import Finding, Source, Tree

LOCATED = re.compile(r"^(?P<path>[^\s:][^:]*):(?P<line>\d+)(?::\d+)?:\s*(?P<text>.*)$")


class ToolMissing(Exception):
    pass


def require(name: str) -> str:
    path = shutil.which(name)
    if not path:
        raise ToolMissing(f"{name} is not installed")
    return path


def _output(arguments: list[str], folder: Path) -> tuple[int, str]:
    done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, errors="replace")
    return done.returncode, done.stdout + done.stderr


def located(tree: Tree, output: str, wanted: str = "") -> list[Finding]:
    """The lines `path:line: text` of an output, those that contain `wanted`."""
    found = set()
    for line in output.splitlines():
        match = LOCATED.match(line)
        if match and wanted in line:
            path = os.path.relpath(os.path.join(tree.root, match["path"]), tree.root)
            found.add(Finding(path, int(match["line"]), match["text"]))
    return sorted(found)


def _in_parallel(items: list, work: Callable[..., list[Finding]]) -> list[Finding]:
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        return sorted({finding for found in pool.map(work, items) for finding in found})


def _judged(tree: Tree, name: str, code: int, output: str, wanted: str = "") -> list[Finding]:
    """A tool that fails without a line to point at is itself a finding."""
    found = located(tree, output, wanted)
    if code != 0 and not found:
        found = [Finding(name, code, output.strip()[-2000:])]
    return found


def check_clang_format(tree: Tree) -> list[Finding]:
    tool = require("clang-format")
    files = [str(source.file) for source in tree.c]
    if not files:
        return []
    code, output = _output([tool, "--dry-run", "-Werror", "--ferror-limit=1", *files], tree.root)
    return _judged(tree, "clang-format", code, output, "error:")


def check_cppcheck(tree: Tree) -> list[Finding]:
    tool = require("cppcheck")
    files = [str(source.file) for source in tree.product_c if source.file.suffix == ".c"]
    if not files:
        return []
    cache = tree.root / BUILD / "style-cache" / "cppcheck"
    cache.mkdir(parents=True, exist_ok=True)
    options = ["--enable=warning,performance,portability", "--inline-suppr", "--error-exitcode=1"]
    options += ["--quiet", "--std=c11", f"-j{os.cpu_count()}", f"--cppcheck-build-dir={cache}"]
    options += ["--template={file}:{line}: {severity}: {message} [{id}]", "--template-location="]
    options += ["-D_GNU_SOURCE", "-Iagent", "-I."]
    # It knows nothing of cleanup attributes; the leak sanitizer does.
    options += ["--suppress=memleak", "--suppress=resourceLeak"]
    return _judged(tree, "cppcheck", *_output([tool, *options, *files], tree.root))


# How many steps the analyzer may take through one function. clang's own limit is 225000, which costs
# seven times the time.
ANALYZER_STEPS = int(os.environ.get("ANALYZER_STEPS", "30000"))


class TidyCache:
    """Files that clang-tidy found clean, by a hash of all that it saw of them."""

    def __init__(self, tree: Tree, tool: str) -> None:
        self.folder = tree.root / BUILD / "style-cache" / "clang-tidy"
        self.folder.mkdir(parents=True, exist_ok=True)
        version = _output([tool, "--version"], tree.root)[1]
        checks = (tree.root / ".clang-tidy").read_text(encoding="utf-8")
        self.salt = f"{version}{ANALYZER_STEPS}{checks}".encode()

    def entry(self, command: Command) -> Path | None:
        """None for a file that cannot be preprocessed: clang-tidy will say why. Comments count,
        since they hold suppressions."""
        arguments = ["clang", "-E", "-CC", *preprocessor_flags(command), str(command.file)]
        done = subprocess.run(arguments, cwd=command.folder, capture_output=True)
        if done.returncode != 0:
            return None
        return self.folder / hashlib.sha256(self.salt + done.stdout).hexdigest()


def check_clang_tidy(tree: Tree) -> list[Finding]:
    tool = require("clang-tidy")
    require("clang")
    cache = TidyCache(tree, tool)

    def tidy(command: Command) -> list[Finding]:
        entry = cache.entry(command)
        if entry and entry.exists():
            return []
        options = ["--quiet", "--extra-arg=-Wno-unknown-warning-option", "-p", str(tree.root / BUILD)]
        for word in ("-Xclang", "-analyzer-config", "-Xclang", f"max-nodes={ANALYZER_STEPS}"):
            options.append(f"--extra-arg={word}")
        code, output = _output([tool, *options, str(command.file)], tree.root)
        found = [
            finding
            for wanted in ("warning:", "error:")
            for finding in _judged(tree, "clang-tidy", code, output, wanted)
        ]
        if entry and not found:
            entry.touch()
        return found

    return _in_parallel(commands(tree), tidy)


def check_shell(tree: Tree) -> list[Finding]:
    tool = require("shellcheck")
    files = [str(source.file) for source in tree.shell]
    if not files:
        return []
    return _judged(tree, "shellcheck", *_output([tool, "--format=gcc", *files], tree.root))


def check_python(tree: Tree) -> list[Finding]:
    files = [str(source.file) for source in tree.python]
    if _output([sys.executable, "-m", "pyflakes", "--version"], tree.root)[0] != 0:
        raise ToolMissing("pyflakes is not installed")
    if not files:
        return []
    return _judged(tree, "pyflakes", *_output([sys.executable, "-m", "pyflakes", *files], tree.root))


def check_manuals(tree: Tree) -> list[Finding]:
    """Both programs that people read manual pages with."""
    pages = sorted(str(path) for path in (tree.root / "docs" / "man").glob("*.[158]"))
    if not pages:
        return []
    lint = _judged(tree, "mandoc", *_output([require("mandoc"), "-T", "lint", "-W", "warning", *pages], tree.root))
    found = [Finding(one.path, one.line, one.text) for one in lint]
    for page in pages:
        arguments = [require("man"), "--warnings", "--local-file", "--encoding=UTF-8", "--troff-device=utf8", "--ditroff", page]
        said = subprocess.run(arguments, capture_output=True, text=True, env={**os.environ, "MANWIDTH": "100"})
        if said.stderr or said.returncode != 0:
            found.append(Finding(os.path.relpath(page, tree.root), 1, said.stderr.strip()[:2000]))
    return found


def check_every_source_is_compiled(tree: Tree) -> list[Finding]:
    """A file that belongs to no target would escape the compiler and clang-tidy."""
    compiled = {command.file for command in commands(tree)}
    sources = [source for source in tree.product_c if source.file.suffix == ".c"]
    if not compiled:
        raise ToolMissing(f"{BUILD} is not configured")
    return [_not_compiled(source) for source in sources if source.file not in compiled]


def _not_compiled(source: Source) -> Finding:
    return source.finding(1, "belongs to no CMakeLists.txt")
