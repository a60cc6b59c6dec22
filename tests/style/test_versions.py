"""The version stands in several files, each for a reader of its own; they have to agree."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tree import ROOT

VERSION = r"[0-9]+(?:\.[0-9]+)+"
# Where a person or a tool looks for it first: the first match counts.
PLACES = {
    "CMakeLists.txt": rf"^project\(recoverd VERSION ({VERSION})",
    "docs/NEWS.md": rf"^## ({VERSION})$",
    "packaging/deb/changelog": rf"\Arecoverd \(({VERSION})\)",
    "packaging/rpm/recoverd.spec": rf"^%changelog\n\* \w+ \w+ \d\d? \d{{4}} .* - ({VERSION})-\d+$",
}
STANDARD_OF_THE_SPEC = rf"%global version_of_recoverd ({VERSION})\}}$"


def found_in(path: str, pattern: str) -> str:
    match = re.search(pattern, (ROOT / path).read_text(), re.MULTILINE)
    assert match, f"{path} has no line like {pattern}"
    return match.group(1)


def test_all_files_say_the_same() -> None:
    said = {path: found_in(path, pattern) for path, pattern in PLACES.items()}
    said["plain rpmbuild"] = found_in("packaging/rpm/recoverd.spec", STANDARD_OF_THE_SPEC)
    assert len(set(said.values())) == 1, said


@pytest.mark.parametrize(
    ("path", "old", "new", "says"),
    [
        ("CMakeLists.txt", r"(recoverd VERSION) [0-9.]+", r"\1 9.9.9", "deb/changelog does not begin with 9.9.9"),
        ("packaging/rpm/recoverd.spec", r"(?m) - [0-9.]+-1$", " - 9.9.9-1", "%changelog does not begin with"),
        ("packaging/rpm/recoverd.spec", r"(?m)^\* \w+ (\w+) \d+", r"* Sun \1 1", "%changelog does not begin with"),
    ],
)
def test_packages_are_not_built_of_what_disagrees(path: str, old: str, new: str, says: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "packaging", tmp_path / "packaging", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "CMakeLists.txt", tmp_path)
    text = (tmp_path / path).read_text()
    (tmp_path / path).write_text(re.sub(old, new, text, count=1))
    assert (tmp_path / path).read_text() != text
    command = [tmp_path / "packaging/build", "deb", "--output", tmp_path / "out"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and says in done.stderr, done
    assert not (tmp_path / "out").exists()
