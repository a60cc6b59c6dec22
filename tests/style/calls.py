"""Calls that this project does not make, and the purity of the two pure modules."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from compile import BUILD
from layers import module_of
from tree import Finding, Source, Tree

# /* style: allow NAME: reason */ on the line of a call, or on the one above it.
ALLOWED = re.compile(r"style: allow (\w+): \S")


@dataclass(frozen=True)
class Ban:
    names: str
    why: str
    files: tuple[str, ...] = ()  # where it may stand
    unless: str = "$^"  # what may follow the opening parenthesis


BANS = [
    Ban("system popen", "it starts a shell"),
    Ban("sprintf vsprintf strcpy strcat stpcpy gets scanf", "it writes without a limit"),
    Ban("strtok strerror_l asctime ctime gmtime localtime readdir_r", "it is not reentrant, or hides state"),
    Ban("atoi atol atoll atof", "it cannot report an error"),
    Ban("gethostbyname gethostbyaddr getaddrinfo getnameinfo", "a look-up may block", ("agent/io/resolver.c",)),
    Ban("sleep usleep nanosleep", "nothing may block the loop", ("tests/*",)),
    Ban("signal", "use sigaction, or a signal source of the loop", unless=r"\w+, SIG_(?:IGN|DFL)\)"),
    Ban("alloca strdupa", "the stack has no limit check"),
    Ban("rand srand random srandom drand48", "use base/rng.h"),
    Ban("tmpnam tempnam mktemp", "the name can be taken by another"),
    Ban("vfork", "use io/spawn.h"),
    Ban("abort", "use assert, which says where"),
]

PURE_FOLDERS = ("recovery", "reliability")
PURE_BAN = Ban(
    "malloc calloc realloc reallocarray free strdup strndup asprintf vasprintf"
    " clock_gettime gettimeofday time clock_now clock_cpu rng_seed_from_system getenv"
    " printf fprintf vfprintf puts fputs fputc putchar fopen fdopen fwrite fread fflush"
    " open openat creat read write close socket ioctl fork execve pthread_create"
    " log_at log_record log_error log_warning log_notice log_info log_debug",
    "this folder is pure: no allocation, clock, environment or input and output",
)
# Where a core is made and freed: all the memory that it will ever have.
PURE_MAKERS = ("agent/recovery/carry.c",)
MEMORY = {"calloc", "free"}

# What the objects of the pure folders may take from outside base and model.
PURE_LIBC = set(
    "memcpy memmove memset memcmp memchr strlen strnlen strcmp strncmp strchr strrchr strstr snprintf vsnprintf"
    " bsearch __errno_location __stack_chk_fail __assert_fail _GLOBAL_OFFSET_TABLE_"
    " asin exp expm1 exp2 log log1p log2 log10 pow sqrt fabs fmin fmax fmod floor ceil round lround llround"
    " trunc erf erfc lgamma lgamma_r tgamma ldexp frexp hypot nextafter isnan isinf".split()
)
SANITIZER = re.compile(r"^__(asan|ubsan|sanitizer|lsan)_")
# From base, what reaches outside the process or grows without end.
IMPURE_OWN = re.compile(r"^(log_(?!2$)|clock_(now|cpu|boot_id)|rng_seed_from_system|strbuf_)")


def _calls(source: Source, ban: Ban) -> Iterator[tuple[int, str]]:
    """Calls of these names, not of members that are called so; nor their declarations."""
    names = "|".join(ban.names.split())
    for match in re.finditer(rf"(?<![\w.>])({names})\s*\((?!{ban.unless})", source.body):
        before = source.body[: match.start()].rstrip(" \t*")
        if not re.search(r"\b(?:int|void|char|bool|double|struct \w+)$", before):
            yield source.line_at(match.start()), match.group(1)


def _is_allowed(source: Source, line: int, name: str) -> bool:
    near = "\n".join(source.lines[max(line - 2, 0) : line])
    return any(match.group(1) == name for match in ALLOWED.finditer(near))


def _violations(source: Source, ban: Ban) -> list[Finding]:
    if any(fnmatch(source.path, pattern) for pattern in ban.files):
        return []
    return [
        source.finding(line, f"{name}: {ban.why}")
        for line, name in _calls(source, ban)
        if not _is_allowed(source, line, name)
    ]


def check_banned_calls(tree: Tree) -> list[Finding]:
    return [finding for source in tree.c for ban in BANS for finding in _violations(source, ban)]


def check_pure_calls(tree: Tree) -> list[Finding]:
    pure = [source for source in tree.product_c if module_of(source.path) in PURE_FOLDERS]
    found = [finding for source in pure for finding in _violations(source, PURE_BAN)]
    return [one for one in found if not (one.path in PURE_MAKERS and one.text.split(":")[0] in MEMORY)]


def check_assert_without_effect(tree: Tree) -> list[Finding]:
    effect = re.compile(r"\bassert\s*\((?P<what>[^;]*?(?:\+\+|--|(?<![=!<>])=(?!=))[^;]*)\)\s*;")
    return [
        source.finding(source.line_at(match.start()), "assert with a side effect")
        for source in tree.product_c
        for match in effect.finditer(source.body)
    ]


def symbols(objects: list[Path], kind: str) -> set[str]:
    """kind: "--undefined-only" or "--defined-only"."""
    if not objects:
        return set()
    listed = subprocess.run(
        ["nm", "--format=posix", kind, *map(str, objects)], capture_output=True, text=True, check=True
    )
    lines = [line.split() for line in listed.stdout.splitlines()]
    return {words[0].split("@")[0] for words in lines if len(words) >= 2}


def objects_of(build: Path, module: str) -> list[Path]:
    return sorted((build / "agent" / module).glob(f"CMakeFiles/recoverd_{module}.dir/**/*.o"))


def impure_symbols(needed: set[str], own: set[str]) -> list[str]:
    foreign = {name for name in needed - own - PURE_LIBC if not SANITIZER.match(name)}
    return sorted(foreign | {name for name in needed if IMPURE_OWN.match(name)})


def check_pure_symbols(tree: Tree) -> list[Finding]:
    """What the compiler left to the linker cannot hide behind a macro or an inline function."""
    build = tree.root / BUILD
    plain = [path for module in ("base", "model") for path in objects_of(build, module)]
    found = []
    for module in PURE_FOLDERS:
        pure = objects_of(build, module)
        own = symbols([*plain, *pure], "--defined-only")
        for path in pure:
            needed = impure_symbols(symbols([path], "--undefined-only"), own)
            makes = f"agent/{module}/{path.name.removesuffix('.o')}" in PURE_MAKERS
            for name in sorted(set(needed) - (MEMORY if makes else set())):
                found.append(Finding(f"agent/{module}/{path.stem}", 1, f"needs {name}, which is not pure"))
    return found
