"""What the lab tests stand on. The modules of tests/integration/support belong to it, too: they are
found here under the same names."""

from pathlib import Path

__path__.append(str(Path(__file__).resolve().parents[2] / "integration/support"))
