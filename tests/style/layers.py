"""What a folder may include: section 3 of the design, as a table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from tree import Finding, Source, Tree

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.MULTILINE)

_PLAIN = {"base", "model"}
_BELOW_RUNTIME = _PLAIN | {
    "policy", "recovery", "recording", "reliability", "io", "metrics", "store", "coordinator", "sinks", "probes",
}  # fmt: skip

LAYERS: dict[str, set[str]] = {
    "base": set(),
    "model": {"base"},
    "policy": _PLAIN,
    "recovery": _PLAIN,
    "recording": _PLAIN | {"recovery"},
    "reliability": _PLAIN,
    "io": {"base"},
    "metrics": _PLAIN,
    "store": _PLAIN | {"io"},
    "coordinator": _PLAIN | {"io"},
    "sinks": _PLAIN | {"io"},
    "probes": _PLAIN | {"io"},
    "runtime": _BELOW_RUNTIME,
    "control": _BELOW_RUNTIME | {"runtime"},
    "checkpoint": _PLAIN,
    "fence": _PLAIN | {"policy", "io", "coordinator"},
    "executor": _PLAIN | {"policy", "io", "probes", "checkpoint"},
    "sim": _PLAIN | {"recovery", "recording", "reliability", "policy"},
    "cli": _PLAIN | {"policy", "recovery", "recording", "reliability", "io", "probes", "control", "sim"},
}


def module_of(path: str) -> str | None:
    """agent/executor/actions/x.c -> executor; None for a file beside the folders, as a main program."""
    parts = PurePosixPath(path).parts
    if parts[0] == "probes":
        return "probes"
    if parts[:3] == ("agent", "executor", "checkpoint") and len(parts) > 3:
        return "checkpoint"  # a program of its own
    return parts[1] if parts[0] == "agent" and len(parts) > 2 else None


def _includes(source: Source) -> Iterator[tuple[int, str]]:
    for match in INCLUDE.finditer(source.text):
        yield source.line_at(match.start()), match.group(1)


def _resolve(tree: Tree, source: Source, name: str) -> str | None:
    """Includes are written from agent/ or from the root; beside the file works for the compiler."""
    for folder in ("agent", ".", source.folder):
        if (tree.root / folder / name).is_file():
            return str(PurePosixPath(folder) / name)
    return None


def _judge(source: Source, line: int, name: str, target: str | None) -> Finding | None:
    if target is None:
        return source.finding(line, f'"{name}" is neither below agent/ nor below the root')
    here, there = module_of(source.path), module_of(target)
    if here is None or there is None or here == there:
        return None
    if here not in LAYERS:
        return source.finding(line, f"folder {here} is not in the table of layers")
    if there not in LAYERS[here]:
        return source.finding(line, f"{here} may not include {there} ({name})")
    return None


def check_layers(tree: Tree) -> list[Finding]:
    found = [
        _judge(source, line, name, _resolve(tree, source, name))
        for source in tree.product_c
        for line, name in _includes(source)
    ]
    return [finding for finding in found if finding]


def check_local_includes_from_agent(tree: Tree) -> list[Finding]:
    """"base/error.h", never "error.h": a reader sees which folder a name comes from."""
    return [
        source.finding(line, f'write "{name}" from agent/ or from the root')
        for source in tree.product_c
        for line, name in _includes(source)
        if not (tree.root / "agent" / name).is_file() and not (tree.root / name).is_file()
    ]


def _graph(tree: Tree) -> dict[str, list[tuple[int, str]]]:
    graph: dict[str, list[tuple[int, str]]] = {}
    for source in tree.product_c:
        targets = [(line, _resolve(tree, source, name)) for line, name in _includes(source)]
        graph[source.path] = [(line, target) for line, target in targets if target]
    return graph


def check_no_include_cycles(tree: Tree) -> list[Finding]:
    graph = _graph(tree)
    found: list[Finding] = []
    done: set[str] = set()

    def visit(path: str, way: list[str]) -> None:
        for line, target in graph.get(path, []):
            if target in way:
                cycle = " -> ".join([*way[way.index(target) :], target])
                found.append(Finding(path, line, f"include cycle: {cycle}"))
            elif target not in done:
                visit(target, [*way, target])
        done.add(path)

    for path in graph:
        if path not in done:
            visit(path, [path])
    return found
