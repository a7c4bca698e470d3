"""Each kind of fault is shown by a scenario in which it bites: what its row names exists, and the counter moved."""

from __future__ import annotations

import json
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest
from isrsim.command import find_command

ROOT = Path(__file__).resolve().parents[2]
ROW = r'^X\((\w+), (\w+), \d+, (\w+), (\w+), "[^"]*", "([^"]+)", "[^"]+"\)$'
KINDS = re.findall(ROW, (ROOT / "faults/kinds.def").read_text(encoding="utf-8"), flags=re.MULTILINE)


@cache
def counters(scenario: str) -> dict[str, int]:
    """Of all variants of a scenario together."""
    command = [str(find_command(ROOT)), "run", "--json", str(ROOT / "scenarios" / f"{scenario}.isr.yaml")]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    runs = [json.loads(line)["counters"] for line in done.stdout.splitlines()]
    return {name: sum(run[name] for run in runs) for name in runs[0]}


def test_rows_are_read() -> None:
    rows = (ROOT / "faults/kinds.def").read_text(encoding="utf-8").count("\nX(")
    assert len(KINDS) == rows > 0


@pytest.mark.parametrize(("counter", "scenario"), [pytest.param(kind[3], kind[4], id=kind[1]) for kind in KINDS])
def test_kind_bites_in_its_scenario(counter: str, scenario: str) -> None:
    assert counters(scenario)[counter] > 0
