"""Completion in bash, zsh and fish, as a person meets it: the shells run, and Tab is pressed."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.agent import BUILD, ROOT, program

FOLDER = ROOT / "packaging" / "completion"
POLICY = """
services:
  cart:
    description: Carts
    probes: {answers: {tcp: '127.0.0.1:1'}}
  checkout:
    probes: {live: {disk: {path: /, max_used: 100%}}}
"""


def _environment() -> dict[str, str]:
    return {"PATH": f"{BUILD}:{os.environ['PATH']}", "HOME": "/nonexistent", "TERM": "dumb", "LC_ALL": "C.UTF-8"}


def _bash(line: str, folder: Path) -> set[str]:
    script = r"""
        source "$1"
        COMP_LINE=$2 COMP_POINT=${#2}
        read -ra COMP_WORDS <<<"$2"
        [[ $2 == *" " ]] && COMP_WORDS+=("")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _recoverctl recoverctl
        printf '%s\n' "${COMPREPLY[@]}"
    """
    done = subprocess.run(["bash", "-c", script, "bash", str(FOLDER / "recoverctl.bash"), line],
                          capture_output=True, text=True, env=_environment(), cwd=folder, timeout=30)  # fmt: skip
    assert not done.stderr, done.stderr
    return set(done.stdout.split("\n")) - {""}


def _fish(line: str, folder: Path) -> set[str]:
    script = f"source {FOLDER / 'recoverctl.fish'}; complete -C (printf '%s' $argv[1] | string collect -N)"
    environment = {**_environment(), "HOME": str(folder), "XDG_CONFIG_HOME": str(folder / ".config")}
    done = subprocess.run(["fish", "--no-config", "-c", script, line], capture_output=True, text=True,
                          env=environment, cwd=folder, timeout=30)  # fmt: skip
    assert not done.stderr, done.stderr
    return {row.split("\t")[0] for row in done.stdout.splitlines()}


class _Zsh:
    """In a terminal: completion functions of zsh work only within its line editor."""

    def __init__(self, folder: Path) -> None:
        functions = folder / "functions"
        functions.mkdir()
        shutil.copy(FOLDER / "recoverctl.zsh", functions / "_recoverctl")
        setup = [f"fpath=({functions} $fpath)", "autoload -Uz compinit", "compinit -u -D", "unset zle_bracketed_paste"]
        setup += ["zstyle ':completion:*' verbose no", "bindkey '^I' list-choices", "PS1='GO''> '"]
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            os.chdir(folder)
            os.execvpe("zsh", ["zsh", "-f", "-i"], {**_environment(), "HOME": str(folder), "COLUMNS": "500"})
        os.write(self.terminal, ("; ".join(setup) + "\n").encode())
        self._read_until_prompt()

    def complete(self, line: str) -> set[str]:
        """Ctrl-U clears the line; behind the list that Tab shows, zsh shows the prompt and the line again."""
        os.write(self.terminal, f"\x15{line}\t".encode())
        return set(self._read_until_prompt().replace("GO>", "").split()) - set(line.split())

    def _read_until_prompt(self) -> str:
        text, limit = "", time.monotonic() + 30
        while "GO> " not in text and time.monotonic() < limit:
            if select.select([self.terminal], [], [], 1)[0]:
                text += os.read(self.terminal, 65536).decode(errors="replace")
        assert "GO> " in text, f"zsh shows {text!r}"
        return text

    def close(self) -> None:
        os.kill(self.child, signal.SIGKILL)
        os.waitpid(self.child, 0)
        os.close(self.terminal)


@pytest.fixture(params=["bash", "fish", "zsh"])
def complete(request, tmp_path) -> Iterator[Callable[[str], set[str]]]:
    if not shutil.which(request.param):
        pytest.skip(f"{request.param} is not installed")
    (tmp_path / "shop.yaml").write_text("version: 1\n")
    if request.param == "zsh":
        shell = _Zsh(tmp_path)
        yield shell.complete
        shell.close()
    else:
        yield lambda line: (_bash if request.param == "bash" else _fish)(line, tmp_path)


def test_commands_options_and_values(complete) -> None:
    commands = complete("recoverctl ")
    help_text = subprocess.run([program("recoverctl"), "--help"], capture_output=True, text=True).stdout
    assert set(re.findall(r"^  ([a-z-]+) ", help_text, re.MULTILINE)) <= commands and "names" not in commands
    assert {"start", "status", "stop"} <= complete("recoverctl st")
    assert {"--for", "--reason", "--all", "--json"} <= complete("recoverctl pause --")
    assert {"15m", "30m", "1h"} <= complete("recoverctl pause --for ")
    assert complete("recoverctl replay --suspect-self o") >= {"on", "off"}
    assert complete("recoverctl record sta") >= {"start", "status"}
    assert any(name.startswith("shop.yaml") for name in complete("recoverctl check --config sh"))


def test_names_of_the_running_agent(complete, agent) -> None:
    agent.write_policy(POLICY)
    agent.start()
    agent.wait_until(agent.incidents, 30, "an incident")
    at = f"recoverctl --socket {agent.socket}"
    assert {"cart", "checkout"} <= complete(f"{at} why c")
    assert {"cart", "checkout"} <= complete(f"recoverctl pause --socket {agent.socket} --for 1h c")
    assert "cart/answers" in complete(f"{at} probe cart")
    assert "1" in complete(f"{at} incident ")


def test_without_an_agent_there_is_nothing_to_offer(agent, tmp_path) -> None:
    assert _bash(f"recoverctl why --socket {agent.socket} c", tmp_path) == set()


def test_names_are_printed_with_what_they_are(agent) -> None:
    agent.write_policy(POLICY)
    agent.start()
    assert "cart\tCarts\n" in agent.ctl("names", "services").out
    assert "cart/answers\ttcp\n" in agent.ctl("names", "probes").out
    answer = agent.ctl("names", "poems")
    assert answer.code == 2 and "services|probes|incidents" in answer.err
