"""What the packages are before anybody installs them: the same bytes each time, and nothing that a linter complains of."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from support import packages
from support.agent import ROOT

LINT_SECONDS = 400


def made(kind: str) -> list[Path]:
    why = packages.why_not(kind)
    if why:
        pytest.skip(why)
    return sorted(path for path in packages.folder(kind).glob(f"*.{kind}") if packages.NEXT not in path.name)


def lint(*command: str) -> None:
    if not shutil.which(command[0]):
        pytest.skip(f"there is no {command[0]}: see packaging/dependencies")
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LINT_SECONDS
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.long
@pytest.mark.timeout(500)
def test_lintian() -> None:
    made("deb")
    changes = next(packages.FOLDER.glob("*.changes"))
    lint("lintian", "--allow-root", "--fail-on=error,warning", "--no-tag-display-limit", str(changes))


def test_rpmlint() -> None:
    lint("rpmlint", "--strict", "--config", str(ROOT / "packaging/rpm/rpmlint.toml"), *map(str, made("rpm")))


LISTED = {"deb": ["dpkg-deb", "--contents"], "rpm": ["rpm", "--query", "--list", "--package"]}


@pytest.mark.parametrize("kind", ["deb", "rpm"])
def test_runbooks_are_where_the_alerts_say(kind: str) -> None:
    urls = re.findall(r"runbook_url: file://(\S+)", (ROOT / "packaging/prometheus/recoverd-alerts.yml").read_text())
    packed = ""
    for path in made(kind):
        done = subprocess.run([*LISTED[kind], str(path)], capture_output=True, text=True, timeout=LINT_SECONDS)
        packed += done.stdout
    files = {line.rsplit(" ", 1)[-1].removeprefix(".") for line in packed.splitlines()}
    assert urls and not set(urls) - files


def requirements(path: Path) -> list[str]:
    """What a package wants beside it, one a line."""
    command = {
        ".deb": ["dpkg-deb", "--field", str(path), "Depends"],
        ".rpm": ["rpm", "--query", "--requires", "--package", str(path)],
    }[path.suffix]
    said = subprocess.run(command, capture_output=True, text=True, timeout=LINT_SECONDS, check=True).stdout
    return [each.strip() for each in re.split(r"[,\n]", said) if each.strip()]


@pytest.mark.parametrize("kind", ["deb", "rpm"])
def test_only_the_package_for_zookeeper_wants_its_library(kind: str) -> None:
    mark = {"deb": "recoverd-zookeeper_", "rpm": "recoverd-zookeeper-"}[kind]
    wanting = {path.name for path in made(kind) if any("libzookeeper" in each for each in requirements(path))}
    assert len(wanting) == 1 and wanting.pop().startswith(mark)
    (package,) = (path for path in made(kind) if path.name.startswith(mark))
    assert any(re.match(r"recoverd \(?=", each) for each in requirements(package)), requirements(package)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", ["deb", "rpm"])
def test_the_same_bytes_again(kind: str, tmp_path: Path) -> None:
    """In another folder, another time zone, another language."""
    first = made(kind)
    cache = packages.compiler_cache()  # what was compiled a minute ago need not be compiled again
    packages.build(kind, tmp_path / "elsewhere", TZ="Asia/Kathmandu", LANG="C.UTF-8", HOME=str(tmp_path), **cache)
    for path in first:
        again = tmp_path / "elsewhere" / path.name
        digests = [hashlib.sha256(each.read_bytes()).hexdigest() for each in (path, again)]
        assert digests[0] == digests[1], f"{path.name}: see diffoscope {path} {again}"
