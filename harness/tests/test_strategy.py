"""--strategy pct: priorities by chance, in random scenarios and in files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conftest import ROOT, Isrsim

PCT = ["--strategy", "pct", "--rules", "leader_trunc=hw"]
FILE = ROOT / "scenarios" / "network" / "priorities-by-chance.isr.yaml"


def test_failure_tells_its_bound_and_its_commands_repeat_it(isrsim: Isrsim, tmp_path: Path) -> None:
    done = isrsim("fuzz", "--jobs", "2", "--depth", "2", *PCT)
    assert done.returncode == 2, done.stderr
    assert "a failure of depth 2 shows with a probability of at least 1/(" in done.stdout
    seed = done.stdout.split("seed ")[1].split(":")[0]
    assert f"isrsim fuzz --seeds {seed}..{seed} --strategy pct --depth 2 --rules leader_trunc=hw" in done.stdout
    words = ["--seed", seed, "--depth", "2", *PCT]
    assert isrsim("expand", *words, "--output", "out.isr.yaml").returncode == 0
    text = (tmp_path / "out.isr.yaml").read_text(encoding="utf-8")
    assert "schedule: {pct: {depth: 2}}" in text
    again = isrsim("run", "out.isr.yaml")
    assert again.returncode == 0 and "as expected" in again.stdout and "schedule: a failure of depth 2" in again.stdout


def test_what_a_hunt_writes_has_the_priorities(isrsim: Isrsim, tmp_path: Path) -> None:
    assert isrsim("fuzz", "--jobs", "2", "--depth", "2", *PCT, "--output", "found").returncode == 2
    (file,) = (tmp_path / "found").iterdir()
    assert "schedule: {pct: {depth: 2}}" in file.read_text(encoding="utf-8")
    assert isrsim("run", file).returncode == 0


def test_each_run_tells_its_bound_to_programs(isrsim: Isrsim) -> None:
    runs = [json.loads(line) for line in isrsim("fuzz", "--seeds", "1..3", "--strategy", "pct", "--json").stdout.splitlines()]
    for run in runs[:3]:
        schedule = run["schedule"]
        assert schedule["depth"] == 3 and schedule["of"] == "links"
        assert float(schedule["probability"]) == pytest.approx(1 / (schedule["actors"] * schedule["slots"] ** 2), rel=1e-3)


def test_schedule_changes_the_run_and_random_does_not(isrsim: Isrsim) -> None:
    choices: list[list[str]] = [[], ["--strategy", "random"], ["--strategy", "pct"]]
    plain, random, pct = (
        json.loads(isrsim("fuzz", "--seeds", "2..2", "--json", *words).stdout.splitlines()[0]) for words in choices
    )
    assert plain == random
    assert pct["hash"] != plain["hash"]


def test_depth_changes_only_when_priorities_change(isrsim: Isrsim) -> None:
    told = [isrsim("run", FILE, "--variant", "wrong", "--verbose").stdout for _ in range(2)]
    assert told[0] == told[1]
    assert told[0].count("the priority of the link is lowered") == 4


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fuzz", "--strategy", "best"], "there is no strategy 'best'"),
        (["soak", "--strategy", "best"], "there is no strategy 'best'"),
        (["fuzz", "--depth", "3"], "only --strategy pct has a depth"),
        (["fuzz", "--strategy", "pct", "--depth", "17"], "'17' is no depth\n  hint: there may be 1 to 16"),
        (["branch", FILE, "--variant", "wrong", "--strategy", "pct"], "it is about random scenarios"),
    ],
)
def test_impossible_strategies_are_refused(isrsim: Isrsim, words: list[str | Path], message: str) -> None:
    done = isrsim(*words)
    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr
