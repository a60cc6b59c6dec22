"""Where recorded data lie: RECOVERD_DATA, else ../shared/data beside the checkout."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def folder() -> Path:
    return Path(os.environ.get("RECOVERD_DATA", ROOT.parent / "shared" / "data"))


def web_probes() -> Path:
    return folder() / "web-probes.csv.xz"


def why_not() -> str | None:
    """A reason to skip, or None."""
    return None if web_probes().is_file() else f"no recorded data: {web_probes()} is not there (RECOVERD_DATA)"
