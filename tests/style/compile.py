"""How the files of the project are compiled, from build-test/compile_commands.json."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import Path

from tree import Tree

BUILD = "build-test"
TAKES_VALUE = {"-I", "-isystem", "-D", "-U", "-include"}


@dataclass(frozen=True)
class Command:
    file: Path
    folder: Path
    arguments: tuple[str, ...]


def database(tree: Tree) -> Path:
    return tree.root / BUILD / "compile_commands.json"


def commands(tree: Tree) -> list[Command]:
    """One for each C file; the first, when several programs compile it."""
    if not database(tree).exists():
        return []
    chosen: dict[str, Command] = {}
    for entry in json.loads(database(tree).read_text(encoding="utf-8")):
        path = Path(entry["directory"], entry["file"])
        if path.suffix == ".c" and path.exists() and tree.root in path.parents:
            arguments = tuple(shlex.split(entry["command"]))
            chosen.setdefault(str(path), Command(path, Path(entry["directory"]), arguments))
    return [chosen[path] for path in sorted(chosen)]


def preprocessor_flags(command: Command) -> list[str]:
    """-I, -isystem, -D and such, in order."""
    flags: list[str] = []
    arguments = iter(command.arguments[1:])
    for argument in arguments:
        if argument in TAKES_VALUE:
            flags += [argument, next(arguments, "")]
        elif argument.startswith(tuple(TAKES_VALUE)):
            flags.append(argument)
    return flags


def include_flags(tree: Tree) -> list[str]:
    """What any file of the programs is compiled with, together."""
    default = ["-D_GNU_SOURCE", f"-I{tree.root}/agent", f"-I{tree.root}"]
    flags = dict.fromkeys(default)
    for command in commands(tree):
        if "tests" not in command.file.relative_to(tree.root).parts:
            flags.update(dict.fromkeys(_joined(preprocessor_flags(command))))
    return [word for flag in flags for word in shlex.split(flag)] if len(flags) > 3 else default


def _joined(flags: list[str]) -> list[str]:
    """["-isystem", "x"] as one quoted text, so that duplicates can be dropped."""
    joined, arguments = [], iter(flags)
    for flag in arguments:
        words = [flag, next(arguments, "")] if flag in TAKES_VALUE else [flag]
        joined.append(shlex.join(words))
    return joined
