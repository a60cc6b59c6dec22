"""Whether two members of a group ever run at once, as they notice it themselves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path


def command_alone(folder: Path, name: str, command: Sequence[str]) -> str:
    """The command of a member, for a policy: it holds a lock in the folder, which its group shares, while it lives, and
    notes when another has it."""
    script = folder / f"{name}.sh"
    script.write_text(f'#!/bin/bash\nexec 9>{folder}/lock\nflock -n 9 || echo {name} >> {folder}/overlaps\nexec "$@"\n')
    script.chmod(0o755)
    return json.dumps([str(script), *command])


def overlaps(folder: Path) -> str:
    """Who noted that another ran as well, one a line."""
    path = folder / "overlaps"
    return path.read_text() if path.exists() else ""
