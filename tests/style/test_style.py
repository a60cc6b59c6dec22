"""The checks over the whole tree; each is one test. Add a check: write it, and name it here."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import calls
import generated
import layers
import shape
import tools
import words
from tree import Finding, Tree

CHECKS: list[Callable[[Tree], list[Finding]]] = [
    layers.check_layers,
    layers.check_local_includes_from_agent,
    layers.check_no_include_cycles,
    shape.check_file_length,
    shape.check_function_length,
    shape.check_unique_names,
    shape.check_header_start,
    shape.check_headers_compile_alone,
    calls.check_banned_calls,
    calls.check_pure_calls,
    calls.check_pure_symbols,
    calls.check_assert_without_effect,
    words.check_nothing_unfinished,
    words.check_suppressions_have_reasons,
    words.check_white_space,
    generated.check_generated_files,
    generated.check_manuals_are_listed,
    tools.check_every_source_is_compiled,
    tools.check_clang_format,
    tools.check_cppcheck,
    tools.check_clang_tidy,
    tools.check_shell,
    tools.check_python,
    tools.check_manuals,
]


@pytest.fixture(scope="session")
def tree() -> Tree:
    return Tree()


@pytest.mark.timeout(2100)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
def test_tree(tree: Tree, check: Callable[[Tree], list[Finding]]) -> None:
    try:
        found = check(tree)
    except tools.ToolMissing as missing:
        pytest.skip(str(missing))
    if found:
        pytest.fail("\n".join(map(str, found)), pytrace=False)
