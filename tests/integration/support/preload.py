"""Libraries that are preloaded into an agent, to lie to it about the world."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

from support.agent import Agent

PROGRAMS = Path(__file__).parent / "programs"


def _preload(agent: Agent, name: str, folder: Path) -> None:
    library = folder / f"{name}.so"
    source = PROGRAMS / f"{name}.c"
    flags = ["-shared", "-fPIC", "-O2", "-Wall", "-Werror"]
    subprocess.run(["cc", *flags, "-o", str(library), str(source), "-ldl"], check=True)
    agent.environment["LD_PRELOAD"] = str(library)
    # AddressSanitizer wants to be the first library, unless it is told that it need not be.
    agent.environment["ASAN_OPTIONS"] = "detect_leaks=1:verify_asan_link_order=0"


class ShiftedClock:
    """The wall clock of the agent and its executor, wrong by `set` seconds."""

    def __init__(self, agent: Agent, folder: Path) -> None:
        self.file = folder / "shift"
        self.set(0)
        _preload(agent, "shifted_clock", folder)
        agent.environment["SHIFTED_CLOCK"] = str(self.file)

    def set(self, seconds: int) -> None:
        """In place, because the file is mapped."""
        with open(self.file, "r+b" if self.file.exists() else "w+b") as file:
            file.write(struct.pack("=q", seconds))


class HungDisk:
    """The disk that holds the agent's state."""

    def __init__(self, agent: Agent, folder: Path) -> None:
        self.switch = agent.state / "hung"
        _preload(agent, "hung_disk", folder)
        agent.environment["HUNG_DISK"] = str(agent.state)

    def hang(self) -> None:
        self.switch.touch()

    def heal(self) -> None:
        self.switch.unlink(missing_ok=True)
