"""Why the lab cannot run on this machine."""

from __future__ import annotations

import os
import shutil

from support import cgroups
from support.debian import distribution

PROGRAMS = ("systemd-nspawn", "mmdebstrap", "nsenter", "setpriv", "ip", "ldd", "dpkg-query")


def why_not() -> str | None:
    """One line; None when the lab can run."""
    if os.geteuid() != 0:
        return "the lab boots hosts with systemd-nspawn, which needs root"
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    if missing:
        return f"the lab needs {', '.join(missing)}: see packaging/dependencies"
    if not distribution():
        return "the lab takes its hosts from Debian's packages, and this is no Debian"
    return cgroups.why_not()
