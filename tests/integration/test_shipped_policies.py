"""The policies that are shipped: what `recoverctl check --strict` and an editor with the JSON Schema say about each."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from support.agent import ROOT, program

FOLDER = ROOT / "policies"
SHIPPED = sorted([*FOLDER.glob("*.yaml"), *FOLDER.glob("pairs/*.yaml")])
SCHEMA_LINE = re.compile(r"^# yaml-language-server: \$schema=(\S+)$", re.MULTILINE)


def _validator():
    jsonschema = pytest.importorskip("jsonschema", reason="python3-jsonschema is not installed")
    schema = json.loads((FOLDER / "schema" / "policy.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.relative_to(FOLDER)))
def test_the_check_has_nothing_to_say(path: Path) -> None:
    done = subprocess.run([program("recoverctl"), "check", "--strict", path], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_schema_accepts_each_and_each_names_it() -> None:
    validator = _validator()
    for path in SHIPPED:
        found = SCHEMA_LINE.match(path.read_text())
        assert found and (path.parent / found.group(1)).exists(), f"{path.name} does not begin with its schema"
        errors = [error.message for error in validator.iter_errors(yaml.safe_load(path.read_text()))]
        assert not errors, f"{path.name}: {errors}"


@pytest.mark.parametrize(
    "wrong",
    [
        {"version": 2, "services": {}},
        {"services": {}},
        {"version": 1, "servises": {}},
        {"version": 1, "services": {"a": {"unit": "a.service", "intervall": "2s"}}},
        {"version": 1, "services": {"a": {"unit": "a.service", "interval": "2 seconds"}}},
        {"version": 1, "services": {"a": {"unit": "a.service", "mode": "watch"}}},
        {"version": 1, "services": {"a": {"probes": {"p": {"tcp": "127.0.0.1:1", "http": "http://a/"}}}}},
        {"version": 1, "services": {"a": {"recover": [{"restart": {"attempts": "many"}}]}}},
    ],
)
def test_the_schema_refuses_what_the_loader_refuses(wrong: dict, tmp_path: Path) -> None:
    assert list(_validator().iter_errors(wrong)), "the schema accepts it"
    path = tmp_path / "wrong.yaml"
    path.write_text(yaml.safe_dump(wrong))
    done = subprocess.run([program("recoverctl"), "check", path], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1, "the loader accepts it"
