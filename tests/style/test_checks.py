"""The checks can fail: each finds what is wrong in a tiny bad tree, and nothing in its good twin."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import calls
import generated
import layers
import shape
import tools
import words
from tree import Finding, Tree

HEADER = "#pragma once\n/* What it is for. */\n"
LONG = "int f(int x) {\n" + "        x++;\n" * 98 + "        return x;\n}\n"

# check, files of a bad tree, words of its finding, what replaces the files to make it good
CASES = [
    (
        layers.check_layers,
        {"agent/base/a.c": '#include "model/m.h"\n', "agent/model/m.h": HEADER},
        "agent/base/a.c:1: base may not include model",
        {"agent/base/a.c": '#include "base/b.h"\n', "agent/base/b.h": HEADER},
    ),
    (
        layers.check_layers,
        {"agent/control/c.c": '#include "executor/e.h"\n', "agent/executor/e.h": HEADER},
        "control may not include executor",
        {"agent/control/c.c": '#include "model/e.h"\n', "agent/model/e.h": HEADER},
    ),
    (
        layers.check_layers,
        {"agent/new/a.c": '#include "base/b.h"\n', "agent/base/b.h": HEADER},
        "folder new is not in the table",
        {"agent/recoverd.c": '#include "base/b.h"\n', "agent/new/a.c": ""},
    ),
    (
        layers.check_layers,
        {"probes/p.c": '#include "base/gone.h"\n'},
        "is neither below agent/",
        {"probes/p.c": "#include <stdio.h>\n"},
    ),
    (
        layers.check_local_includes_from_agent,
        {"agent/base/a.c": '#include "b.h"\n', "agent/base/b.h": HEADER},
        'write "b.h" from agent/',
        {"agent/base/a.c": '#include "base/b.h"\n'},
    ),
    (
        layers.check_no_include_cycles,
        {"agent/base/a.h": '#include "base/b.h"\n', "agent/base/b.h": '#include "base/a.h"\n'},
        "include cycle: agent/base/a.h -> agent/base/b.h -> agent/base/a.h",
        {"agent/base/b.h": HEADER},
    ),
    (
        shape.check_file_length,
        {"agent/base/a.c": "int a;\n" * 800},
        "a.c:800: 800 lines",
        {"agent/base/a.c": "int a;\n" * 799},
    ),
    (
        shape.check_function_length,
        {"agent/base/a.c": "int a = 1;\n" + LONG},
        "a.c:2: f has 101 lines",
        {"agent/base/a.c": "int table[] = {\n" + "        1,\n" * 200 + "};\n" + LONG.replace("x++;\n", "", 2)},
    ),
    (
        shape.check_unique_names,
        {"agent/base/a.c": "", "agent/io/a.h": HEADER},
        "a exists in agent/base, agent/io",
        {"agent/io/a.h": HEADER, "agent/base/a.c": None, "agent/io/a.c": ""},
    ),
    (
        shape.check_header_start,
        {"agent/base/a.h": "#ifndef A_H\n"},
        "a.h:1: a header starts with #pragma once",
        {"agent/base/a.h": HEADER},
    ),
    (
        shape.check_header_start,
        {"agent/base/a.h": "#pragma once\n#include <stdio.h>\n"},
        "a.h:2: a comment that tells the purpose",
        {"agent/base/a.h": HEADER},
    ),
    (
        shape.check_headers_compile_alone,
        {"agent/base/a.h": HEADER + "size_t f(void);\n"},
        "does not compile alone",
        {"agent/base/a.h": HEADER + "#include <stddef.h>\nsize_t f(void);\n"},
    ),
    (
        calls.check_banned_calls,
        {"agent/base/a.c": "void f(void) {\n        if (x && system(x)) {\n        }\n}\n"},
        "a.c:2: system: it starts a shell",
        {"agent/base/a.c": '/* system(x) */ char *s = "system(x)"; int y = z.system(1) + z->system(2);\n'},
    ),
    (
        calls.check_banned_calls,
        {"agent/base/a.c": "/* style: allow sleep */\nint x = sleep(1);\n"},
        "sleep: nothing may block the loop",
        {"agent/base/a.c": "/* style: allow sleep: a helper process, not the loop */\nint x = sleep(1);\n"},
    ),
    (
        calls.check_banned_calls,
        {"agent/base/a.c": "int x = signal(SIGPIPE, handler);\n"},
        "signal: use sigaction",
        {"agent/base/a.c": "int x = signal(SIGPIPE, SIG_IGN);\n"},
    ),
    (
        calls.check_pure_calls,
        {"agent/recovery/a.c": "void *f(void) {\n        return malloc(1);\n}\n"},
        "a.c:2: malloc: this folder is pure",
        {"agent/recovery/a.c": "", "agent/io/a.c": "void *f(void) {\n        return malloc(1);\n}\n"},
    ),
    (
        calls.check_assert_without_effect,
        {"agent/base/a.c": "void f(int a) {\n        assert(a++ < 3);\n}\n"},
        "a.c:2: assert with a side effect",
        {"agent/base/a.c": "void f(int a) {\n        assert(a >= 3 && a != 4 && a == 5);\n        a++;\n}\n"},
    ),
    (
        calls.check_assert_without_effect,
        {"agent/base/a.c": "void f(int a) {\n        assert((a = g()));\n}\n"},
        "assert with a side effect",
        {"agent/base/a.c": "void f(int a) {\n        assert(g(a) <= 3);\n}\n"},
    ),
    (
        words.check_nothing_unfinished,
        {"docs/a.md": "one\nTODO: two\n"},
        "docs/a.md:2: TODO",
        {"docs/a.md": "mktemp /tmp/XXXXXX; METODO\n"},
    ),
    (
        words.check_suppressions_have_reasons,
        {"agent/base/a.c": "int a; // NOLINT\n"},
        "a.c:1: write NOLINT(check): reason",
        {"agent/base/a.c": "int a; // NOLINT(bugprone-x): the caller has checked it\n"},
    ),
    (
        words.check_suppressions_have_reasons,
        {"agent/base/a.c": "// cppcheck-suppress uninitvar\nint a;\n"},
        "write cppcheck-suppress name ; reason",
        {"agent/base/a.c": "// cppcheck-suppress uninitvar ; written by the callee\nint a;\n"},
    ),
    (
        words.check_white_space,
        {"docs/a.md": "one \ntwo\n"},
        "docs/a.md:1: white space at the end",
        {"docs/a.md": "one\n\ntwo\n"},
    ),
    (
        words.check_white_space,
        {"docs/a.md": "one"},
        "no newline at the end",
        {"docs/a.md": "one\n"},
    ),
    (
        tools.check_clang_format,
        {".clang-format": "BasedOnStyle: LLVM\n", "agent/base/a.c": "int  a;\n"},
        "agent/base/a.c:1: error: code should be clang-formatted",
        {"agent/base/a.c": "int a;\n"},
    ),
    (
        tools.check_cppcheck,
        {"agent/base/a.c": "int f(void) {\n        int a[2] = {0};\n        return a[2];\n}\n"},
        "agent/base/a.c:3: error: Array 'a[2]'",
        {"agent/base/a.c": "int f(void) {\n        return 1;\n}\n"},
    ),
    (
        tools.check_shell,
        {"packaging/a": "#!/bin/sh\necho $1\n"},
        "packaging/a:2:",
        {"packaging/a": '#!/bin/sh\necho "$1"\n'},
    ),
    (
        tools.check_python,
        {"tests/a.py": "import os\n"},
        "tests/a.py:1: 'os' imported but unused",
        {"tests/a.py": "import os\n\nprint(os.getpid())\n"},
    ),
]  # fmt: skip


def make_tree(root: Path, files: dict[str, str | None]) -> Tree:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            path.unlink()
        else:
            path.write_text(text, encoding="utf-8")
    return Tree(root)


def found_by(check: Callable[[Tree], list[Finding]], tree: Tree) -> str:
    try:
        return "\n".join(map(str, check(tree)))
    except tools.ToolMissing as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("check, bad, words_of_finding, mended", CASES)
def test_check(
    tmp_path: Path,
    check: Callable[[Tree], list[Finding]],
    bad: dict[str, str | None],
    words_of_finding: str,
    mended: dict[str, str | None],
) -> None:
    assert words_of_finding in found_by(check, make_tree(tmp_path, bad))
    assert found_by(check, make_tree(tmp_path, mended)) == ""


def compile_database(root: Path, source: str) -> None:
    build = root / "build-test"
    build.mkdir()
    entry = f'[{{"directory": "{root}", "command": "gcc -c {source}", "file": "{source}"}}]'
    (build / "compile_commands.json").write_text(entry)


def test_clang_tidy_finds_and_caches(tmp_path: Path) -> None:
    bad = {".clang-tidy": "Checks: '-*,bugprone-suspicious-semicolon'\n"}
    bad["agent/base/a.c"] = "int f(int x) {\n        if (x);\n        return x;\n}\n"
    tree = make_tree(tmp_path, bad)
    compile_database(tmp_path, "agent/base/a.c")
    for _ in range(2):  # a file with findings is not remembered as clean
        assert "agent/base/a.c:2: warning: potentially unintended semicolon" in found_by(
            tools.check_clang_tidy, tree
        )
    good = {"agent/base/a.c": "int f(int x) {\n        return x;\n}\n"}
    assert found_by(tools.check_clang_tidy, make_tree(tmp_path, good)) == ""
    assert len(list((tmp_path / "build-test/style-cache/clang-tidy").iterdir())) == 1


def test_source_outside_every_target(tmp_path: Path) -> None:
    tree = make_tree(tmp_path, {"agent/base/a.c": "int a;\n", "agent/base/b.c": "int b;\n"})
    compile_database(tmp_path, "agent/base/a.c")
    found = tools.check_every_source_is_compiled(tree)
    assert [str(finding) for finding in found] == ["agent/base/b.c:1: belongs to no CMakeLists.txt"]


def test_generated_file_that_is_old(tmp_path: Path) -> None:
    tree = make_tree(tmp_path, {"docs/a.md": "one\nold\n"})
    table = [generated.Generated("docs/a.md", ("printf", "one\\nnew\\n"))]
    found = generated.check_generated_files(tree, table)
    assert str(found[0]).startswith("docs/a.md:2: is not what `printf")
    (tmp_path / "docs/a.md").write_text("one\nnew\n")
    assert generated.check_generated_files(tree, table) == []


def test_generated_file_that_does_not_exist(tmp_path: Path) -> None:
    table = [generated.Generated("docs/a.md", ("echo", "one"))]
    assert len(generated.check_generated_files(Tree(tmp_path), table)) == 1


@pytest.mark.parametrize("name", ["malloc", "clock_gettime", "fopen", "log_at", "strbuf_add", "clock_now"])
def test_impure_symbol(name: str) -> None:
    own = {"log_at", "strbuf_add", "clock_now", "error_set"}
    assert calls.impure_symbols({name, "memcpy", "error_set", "__asan_report_load8"}, own) == [name]


def test_layers_have_no_cycle() -> None:
    """A table in which two folders may include each other would allow anything."""
    for here, below in layers.LAYERS.items():
        for there in below:
            assert here not in layers.LAYERS[there], f"{here} and {there} include each other"


def test_every_check_is_in_the_list() -> None:
    import test_style

    modules = [calls, generated, layers, shape, tools, words]
    defined = {
        item
        for module in modules
        for name, item in vars(module).items()
        if name.startswith("check_") and item.__module__ == module.__name__
    }
    assert defined == set(test_style.CHECKS)
