"""isrsim expand: random scenarios as files; and the trace of one seed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from conftest import Isrsim

WRONG = ["--rules", "trunc=hw"]


def run_json(isrsim: Isrsim, *arguments: str) -> dict[str, Any]:
    return json.loads(isrsim(*arguments, "--json").stdout.splitlines()[0])  # type: ignore[no-any-return]


@pytest.mark.parametrize("profile", ["default", "messages", "power", "unclean", "over-budget", "membership", "raft"])
def test_expanded_file_is_the_same_run(isrsim: Isrsim, tmp_path: Path, profile: str) -> None:
    path = tmp_path / "seed.isr.yaml"
    done = isrsim("expand", "--seed", "11", "--profile", profile, "--output", str(path))
    assert done.returncode == 0 and done.stdout == ""
    searched = run_json(isrsim, "fuzz", "--seeds", "11..11", "--profile", profile)
    again = run_json(isrsim, "run", str(path))
    assert again["hash"] == searched["hash"] and again["expected"] and again["seed"] == 11
    assert done.stderr == f"{path}: {searched['verdict']}, trace hash {searched['hash']}\n"


def test_expanded_failure_expects_what_happens(isrsim: Isrsim, tmp_path: Path) -> None:
    failed = isrsim("fuzz", "--seeds", "1..40", *WRONG).stdout
    found = re.match(r"seed (\d+): violated (I\d+): ", failed)
    command = re.search(r"^  as a scenario file: isrsim (.*)$", failed, re.MULTILINE)
    assert found and command
    text = isrsim(*command[1].split()).stdout
    assert text.startswith(f"# Made by: isrsim {command[1]}\n# isrsim 0")
    assert "\nrules: {trunc: hw}\n" in text and text.endswith(f"\nexpect: {{violates: {found[2]}}}\n")
    path = tmp_path / "failed.isr.yaml"
    path.write_text(text, encoding="utf-8")
    assert isrsim("run", str(path), "-q").returncode == 0
    assert isrsim("run", str(path), "--rules", "trunc=epoch").returncode == 0  # on the correct rule it holds
    finding = json.loads(isrsim("fuzz", "--seeds", "1..40", *WRONG, "--json").stdout.splitlines()[-1])["findings"][0]
    assert finding["expander"] == f"isrsim {command[1]}"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "which seed?"),
        (["--seed", "x"], "--seed: 'x' is not a seed"),
        (["--seed", "1", "--profile", "powr"], "did you mean 'power'?"),
        (["--seed", "1", "--rules", "trunc"], "name=value"),
        (["--seed", "1", "-o", "x.yaml"], "end it in .isr.yaml"),
        (["--seed", "1", "-o", "/nowhere/x.isr.yaml"], "No such file or directory"),
        (["--seed", "1", "scenario.isr.yaml"], "takes no argument"),
    ],
)
def test_impossible_expansions_are_refused(isrsim: Isrsim, arguments: list[str], words: str) -> None:
    done = isrsim("expand", *arguments)
    assert done.returncode == 1 and done.stdout == "" and words in done.stderr


def test_trace_of_one_seed(isrsim: Isrsim, tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    done = isrsim("fuzz", "--seeds", "3..3", "--trace", str(path), *WRONG)
    assert done.returncode == 2 and done.stdout.startswith("seed 3: violated I1: ")
    first, *records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert first["reproducer"] == "isrsim fuzz --seeds 3..3 --rules trunc=hw"
    assert len(records) > 1000 and {"kind", "text", "time_ns"} <= records[-1].keys()
    several = isrsim("soak", "--seeds", "3..4", "--trace", str(path))
    assert several.returncode == 1 and "a trace is of one run" in several.stderr
    assert isrsim("soak", "--seeds", "3..3", "--trace", str(path)).stdout == "seed 3: held\n"
