"""Files that the program writes about itself must be those that it would write now."""

from __future__ import annotations

import difflib
import subprocess
from dataclasses import dataclass

from compile import BUILD
from tree import Finding, Tree


@dataclass(frozen=True)
class Generated:
    path: str
    command: tuple[str, ...]  # its standard output is the file; "{build}" is the build folder


GENERATED: list[Generated] = [
    Generated("docs/policy-reference.md", ("{build}/recoverctl", "generate", "policy-reference")),
    Generated("policies/schema/policy.schema.json", ("{build}/recoverctl", "generate", "json-schema")),
    Generated("docs/state-machine.md", ("{build}/recoverctl", "generate", "state-machine")),
]


def regenerate(tree: Tree, one: Generated) -> str:
    arguments = [word.replace("{build}", str(tree.root / BUILD)) for word in one.command]
    done = subprocess.run(arguments, cwd=tree.root, capture_output=True, text=True, check=True)
    return done.stdout


def _first_difference(old: str, new: str) -> int:
    lines = zip(old.splitlines(), new.splitlines())
    different = (number for number, (one, two) in enumerate(lines, 1) if one != two)
    return next(different, min(len(old.splitlines()), len(new.splitlines())) + 1)


def check_generated_files(tree: Tree, table: list[Generated] | None = None) -> list[Finding]:
    found = []
    for one in GENERATED if table is None else table:
        path = tree.root / one.path
        new = regenerate(tree, one)
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        if old != new:
            line = _first_difference(old, new)
            how = " ".join(one.command).replace("{build}", BUILD)
            changed = list(difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=0))
            found.append(Finding(one.path, line, f"is not what `{how}` writes:\n" + "\n".join(changed[:20])))
    return found
