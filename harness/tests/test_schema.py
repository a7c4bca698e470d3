"""The JSON schema for editors: accepts every scenario that the command accepts, and is the one in the tree."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from conftest import ROOT, SMALL

SCENARIOS = sorted((ROOT / "scenarios").rglob("*.isr.yaml"))


# YAML as editors read it: only true and false are booleans, numbers are decimal.
Yaml12: Any = type("Yaml12", (yaml.SafeLoader,), {})
Yaml12.yaml_implicit_resolvers = {}
Yaml12.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(true|false)$"), list("tf"))
Yaml12.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^-?[0-9]+$"), list("-0123456789"))


@pytest.fixture(scope="module")
def schema(command: Path) -> dict[str, Any]:
    printed: dict[str, Any] = json.loads(subprocess.check_output([command, "schema"], encoding="utf-8"))
    return printed


def test_schema_is_a_schema(schema: dict[str, Any]) -> None:
    jsonschema.Draft7Validator.check_schema(schema)


def test_schema_in_the_tree_is_current(schema: dict[str, Any]) -> None:
    kept = json.loads((ROOT / "scenarios/scenario.schema.json").read_text(encoding="utf-8"))
    assert kept == schema, "run `make schema`"


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: str(path.stem))
def test_schema_accepts_the_scenario(schema: dict[str, Any], path: Path) -> None:
    jsonschema.validate(yaml.load(path.read_text(encoding="utf-8"), Yaml12), schema)


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: str(path.stem))
def test_scenario_names_the_schema_for_editors(path: Path) -> None:
    """But for those that a command wrote, which does not know where they will lie."""
    first = path.read_text(encoding="utf-8").splitlines()[0]
    if first.startswith("# Made by: isrsim "):
        return
    match = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
    assert match and (path.parent / match[1]).resolve() == ROOT / "scenarios/scenario.schema.json"


@pytest.mark.parametrize(
    "change",
    [
        "seed: [1]",
        "setle: 5s",
        "duration: 320",
        "duration: 5 parsecs",
        "config: {isr_hysteresis: 0}",
        "rules: {trunc: hv}",
        "steps: [{kill: n1, start: n1}]",
        "steps: [{at: 1s}]",
        'steps: [{when: "isr of orders", kill: n1}]',
        "expect: {violates: I33}",
        "network: {loss: 0.1}",
    ],
)
def test_schema_refuses_what_the_command_refuses(schema: dict[str, Any], change: str, command: Path, tmp_path: Path) -> None:
    key = change.split(":")[0]
    text = re.sub(rf"^{key}:.*\n(  .*\n)*", "", SMALL, flags=re.MULTILINE) + change + "\n"
    path = tmp_path / "x.isr.yaml"
    path.write_text(text, encoding="utf-8")
    assert subprocess.run([command, "check", path], capture_output=True, check=False).returncode == 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.load(text, Yaml12), schema)
