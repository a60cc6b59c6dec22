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
    Generated("docs/check-warnings.md", ("{build}/recoverctl", "generate", "check-warnings")),
    Generated("docs/state-machine.md", ("{build}/recoverctl", "generate", "state-machine")),
    Generated("docs/faults-reference.md", ("{build}/recoverctl", "generate", "faults-reference")),
    *(
        Generated(f"docs/man/{page}", ("{build}/recoverctl", "generate", page))
        for page in (
            "recoverctl.1",
            "recoverctl-check.1",
            "recoverctl-init.1",
            "recoverctl-group.1",
            "recoverctl-pause.1",
            "recoverctl-probe.1",
            "recoverctl-reload.1",
            "recoverctl-restart.1",
            "recoverctl-rollback.1",
            "recoverctl-simulate.1",
            "recoverctl-status.1",
            "recoverd-policy.5",
            "recoverd.yaml.5",
        )
    ),
    Generated("packaging/completion/recoverctl.bash", ("{build}/recoverctl", "generate", "completion-bash")),
    Generated("packaging/completion/recoverctl.fish", ("{build}/recoverctl", "generate", "completion-fish")),
    Generated("packaging/completion/recoverctl.zsh", ("{build}/recoverctl", "generate", "completion-zsh")),
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


def check_manuals_are_listed(tree: Tree) -> list[Finding]:
    """A command that is on no page of the others has one of its own."""
    listed = {one.path for one in GENERATED}
    pages = regenerate(tree, Generated("", ("{build}/recoverctl", "generate", "manual-names"))).split()
    missing = [f"docs/man/{page}" for page in pages if f"docs/man/{page}" not in listed]
    return [Finding("tests/style/generated.py", 1, f"does not name {path}") for path in missing]
