"""isrsim branch: from which moment on a failure was likely."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from conftest import ROOT, Isrsim

COIN = ROOT / "scenarios" / "museum" / "07-offset-without-epoch.isr.yaml"
RISING = ROOT / "scenarios" / "network" / "corrupted-frames.isr.yaml"


def test_decisive_moment_is_told_with_what_happened_there(isrsim: Isrsim) -> None:
    done = isrsim("branch", COIN, "--variant", "wrong", "--seeds", "1..40")
    assert done.returncode == 0, done.stderr
    told = done.stdout.split("The decisive moment: ")[1]
    assert ", 1 event, the likelihood goes from " in told and " to 100.0 %" in told
    assert "n2 is killed" in told
    assert "40/40     100.0   91.2 .. 100.0 |####" in done.stdout


def test_number_of_workers_changes_nothing(isrsim: Isrsim) -> None:
    words = ["branch", COIN, "--variant", "historical", "--seeds", "5..15", "--points", "4", "--json"]
    one, three = isrsim(*words, "--jobs", "1"), isrsim(*words, "--jobs", "3")
    assert one.returncode == 0 and one.stdout == three.stdout


def test_likelihood_rises_and_is_exported(isrsim: Isrsim, tmp_path: Path) -> None:
    words = ["branch", RISING, "--variant", "unchecked", "--seeds", "1..12", "--points", "3", "--csv", "out.csv"]
    done = isrsim(*words, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    moments = told["moments"]
    assert len(moments) >= 3 and moments[0]["event"] == 0
    assert moments[-1]["event"] == told["failed_event"] - 1 and moments[-1]["same"] == 12
    assert moments[0]["same"] < 6
    assert all(m["low_permille"] <= m["permille"] <= m["high_permille"] for m in moments)
    assert all(m["same"] + m["other_failures"] <= m["runs"] == 12 for m in moments)
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        rows = [{key: int(value) for key, value in row.items()} for row in csv.DictReader(file)]
    assert rows == moments


def test_one_moment_when_asked_for(isrsim: Isrsim) -> None:
    words = ["branch", COIN, "--variant", "wrong", "--seeds", "1..9", "--json"]
    moments = [json.loads(isrsim(*words, "--at", at).stdout)["moments"] for at in ("0", "6s")]
    assert [len(m) for m in moments] == [1, 1]
    assert moments[1][0]["time_ns"] == 6_000_000_000 and moments[1][0]["same"] == 9
    assert moments[0][0]["same"] < 9


def test_random_run_is_branched(isrsim: Isrsim) -> None:
    found = json.loads(isrsim("fuzz", "--rules", "trunc=hw", "--json").stdout.splitlines()[-2])
    done = isrsim("branch", "--seed", str(found["seed"]), "--rules", "trunc=hw", "--seeds", "1..4", "--points", "2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"random scenario of profile default, seed {found['seed']}: ")
    assert found["message"] in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "which run?\n  hint: name a scenario file, or a random scenario by --seed N"),
        (["--seed", "1"], "seed 1: every promise held\n  hint: give a run that fails"),
        ([COIN], "the scenario has several variants: which one?\n  hint: there are wrong, historical, correct"),
        ([COIN, "--variant", "none"], "the scenario has no variant 'none'"),
        ([COIN, "--variant", "correct"], "::correct, seed 1: every promise held"),
        ([COIN, "--variant", "wrong", "--unchecked", "I2"], "::wrong, seed 1: every promise held"),
        ([COIN, "--variant", "wrong", "--at", "1h"], "--at: the run has failed by then: at 10."),
        ([COIN, "--variant", "wrong", "--at", "1s", "--points", "3"], "give --at or --points, not both"),
        ([COIN, "--profile", "default"], "--profile: it is about random scenarios, but a file was given"),
        ([COIN, RISING], "it is about one run, but several files were given"),
        ([COIN.parent], "it is about one run, but a directory was given"),
        (["--seed", "1", "--variant", "wrong"], "random scenarios have no variants"),
        (["--seed", "1", "--points", "0"], "'0' is no number of moments\n  hint: there may be 1 to 200"),
        (["--seed", "1", "--at", "soon"], "--at: 'soon' is not a duration"),
        (["--seed", "1", "--seeds", "1..100001"], "a moment may have at most 100000 branches"),
        (["--seed", "1", "--jobs", "0"], "1 to 64"),
    ],
)
def test_what_cannot_be_branched_is_refused(isrsim: Isrsim, words: list[str | Path], message: str) -> None:
    done = isrsim("branch", *words)
    assert done.returncode == 1 and done.stdout == ""
    assert message in done.stderr


def test_file_that_cannot_be_written_is_an_error(isrsim: Isrsim) -> None:
    words = ["branch", COIN, "--variant", "wrong", "--seeds", "1..2", "--at", "1s", "--csv", "nowhere/out.csv"]
    done = isrsim(*words)
    assert done.returncode == 1 and "nowhere/out.csv: No such file or directory" in done.stderr
