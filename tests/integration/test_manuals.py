"""The manual pages tell of every command and option that the programs have, and of no other."""

from __future__ import annotations

import re
import subprocess

import pytest

from support.agent import ROOT, program

MAN = ROOT / "docs" / "man"
PAGES = sorted(MAN.glob("*.[158]"))
ESCAPES = {"\\-": "-", "\\fB": "", "\\fR": "", "\\fI": "", "\\&": "", "\\e": "\\"}


def _help(*words: str) -> str:
    done = subprocess.run([program(words[0]), *words[1:], "--help"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0
    return done.stdout


def _plain(text: str) -> str:
    return re.sub(r"\\(?:-|f[BRIP]|&|e)", lambda match: ESCAPES.get(match.group(), ""), text)


def _commands() -> list[str]:
    overview = _help("recoverctl")
    return re.findall(r"^  ([a-z-]+) ", overview[overview.index("Commands:") :], re.MULTILINE)


def _options_of_help(text: str) -> set[str]:
    return set(re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", text, re.MULTILINE)) | set(
        re.findall(r"^ +--[a-z-]+, (--[a-z-]+)", text, re.MULTILINE)
    )


def _options_of_page(text: str) -> set[str]:
    """Those that begin a term."""
    terms = re.findall(r"^\.TP\n(.*)$", text, re.MULTILINE)
    return {option for term in terms for option in re.findall(r"--[a-z-]+", _plain(term))}


def _section(text: str, command: str) -> str:
    """What the page says about one command."""
    found = re.search(rf"^\.SS {re.escape(command)}\n(.*?)(?=^\.S[SH])", text, re.MULTILINE | re.DOTALL)
    return found.group(1) if found else ""


def _page_of(command: str) -> str:
    found = [text for path in PAGES if _section(text := path.read_text(), command) and path.name.endswith(".1")]
    assert len(found) == 1, f"recoverctl {command} is on {len(found)} pages"
    return found[0]


@pytest.mark.parametrize("command", _commands())
def test_command_and_its_options(command: str) -> None:
    page = _page_of(command)
    common = _options_of_page(page[page.index(".SH OPTIONS") :])
    assert _options_of_page(_section(page, command)) | common == _options_of_help(_help("recoverctl", command))
    assert f"\\fBrecoverctl\\fR \\fB{command}\\fR" in page
    overview = (MAN / "recoverctl.1").read_text()
    assert re.search(rf"^\.TP\n\\fB{command}\\fR", overview, re.MULTILINE)


def test_no_page_tells_of_a_command_that_is_not_there() -> None:
    told = {name for path in PAGES if path.name.startswith("recoverctl-")
            for name in re.findall(r"^\.SS (.*)$", path.read_text(), re.MULTILINE)}  # fmt: skip
    assert told == set(_commands())


@pytest.mark.parametrize("name", ["recoverd", "recoverd-executor", "recoverd-checkpoint", "recoverd-fence"])
def test_daemon_options(name: str) -> None:
    assert _options_of_page((MAN / f"{name}.8").read_text()) == _options_of_help(_help(name))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_page_has_examples_and_names_only_pages_that_exist(page) -> None:
    text = page.read_text()
    assert re.search(r"^\.SH EXAMPLES$", text, re.MULTILINE)
    for name, section in re.findall(r"\b(recover[\w.-]+)\((\d)\)", _plain(text)):
        assert (MAN / f"{name}.{section}").exists(), f"{name}({section})"


def test_the_version_is_that_of_the_programs() -> None:
    done = subprocess.run([program("recoverctl"), "--version"], capture_output=True, text=True)
    version = done.stdout.split()[1]
    assert all(f'"recoverd {version}"' in page.read_text() for page in PAGES)
