"""isrsim fuzz --strategy guided: the same with any number of workers, and each finding with its commands."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from conftest import Isrsim

RULES = ["--rules", "refetch_on=leader_change,hw_shrink=proposed"]


def test_guided_search_is_the_same_with_any_number_of_workers(isrsim: Isrsim) -> None:
    arguments = ["fuzz", "--strategy", "guided", "--seeds", "1..80", "-k", *RULES]
    one = isrsim(*arguments, "--jobs", "1")
    assert one.stdout == isrsim(*arguments, "--jobs", "3").stdout and one.returncode == 2
    told = re.search(r"^guided: (\d+) of them reached something new, (\d+) tuples in all$", one.stdout, re.MULTILINE)
    assert told and 10 < int(told[1]) <= 80 < int(told[2])


def test_findings_of_a_guided_search_reproduce(isrsim: Isrsim, tmp_path: Path) -> None:
    done = isrsim("fuzz", "--strategy", "guided", "--seeds", "1..80", "-k", "--json", *RULES)
    *runs, last = [json.loads(line) for line in done.stdout.splitlines()]
    assert last["seeds"] == 80 and any(run["turns"] is None for run in runs)
    found = next(run for run in runs if run["turns"] is not None and run["verdict"] == "violated")
    plan = ["--turns", found["turns"], *RULES]
    again = isrsim("fuzz", "--seeds", f"{found['seed']}..{found['seed']}", *plan)
    assert again.returncode == 2 and f"signature {found['signature']};" in again.stdout
    command = re.search(r"^  as a scenario file: isrsim (.*)$", again.stdout, re.MULTILINE)
    path = tmp_path / "found.isr.yaml"
    assert command and isrsim(*command[1].split(), "-o", str(path)).returncode == 0
    assert found["hash"] in path.read_text(encoding="utf-8")
    assert isrsim("run", str(path), "-q").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--strategy", "guidd"], "did you mean 'guided'?"),
        (["--strategy", "guided", "--shard", "1/2"], "cannot be sharded"),
        (["--strategy", "guided", "--turns", "3:1"], "makes its own turns"),
        (["--turns", "3"], "this is no turn"),
        (["--turns", "5:1,4:2"], "later than the one before"),
        (["--turns", "1:1,2:1,3:1,4:1,5:1,6:1,7:1,8:1,9:1"], "there may be 8 turns"),
    ],
)
def test_impossible_searches_are_refused(isrsim: Isrsim, arguments: list[str], words: str) -> None:
    done = isrsim("fuzz", *arguments)
    assert done.returncode == 1 and done.stdout == "" and words in done.stderr
