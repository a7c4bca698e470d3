"""isrsim shrink: what comes out runs as it says, and what cannot be shrunk is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conftest import Isrsim

FAILING = """\
cluster: {brokers: 4, controllers: 3}
config: {fetch_hw_push: false, broker_session_timeout: 3s, broker_heartbeat_interval: 1s}
topics: {topic1: {replication: 3, min_isr: 1}}
clients: {p1: {produce: topic1, rate: 50/s}, reader: {consume: topic1}}
steps: [{at: 3s, pause: n4}, {at: 5s, kill: n1}, {at: 9s, start: n1}, {at: 10s, shutdown: n2}]
duration: 35s
settle: 15s
seed: 9
variants:
  wrong: {rules: {leader_trunc: hw}, expect: {violates: I1}}
  correct: {expect: holds}
"""


@pytest.fixture
def failing(tmp_path: Path) -> Path:
    path = tmp_path / "failing.isr.yaml"
    path.write_text(FAILING, encoding="utf-8")
    return path


def test_result_is_a_scenario_that_ends_as_it_says(isrsim: Isrsim, failing: Path, tmp_path: Path) -> None:
    small = tmp_path / "small.isr.yaml"
    done = isrsim("shrink", str(failing), "--json", "-o", str(small))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["minimal"] and told["correct_holds"]
    assert told["steps"] <= 3 < told["steps_before"]
    text = small.read_text(encoding="utf-8")
    assert text.startswith("# Made by: isrsim shrink ")
    assert "\nname: small\n" in text and "Minimal: " in text
    assert "wrong: {rules: {leader_trunc: hw}, expect: {violates: I1}}" in text
    ran = isrsim("run", str(small), "--twice")
    assert ran.returncode == 0, ran.stdout
    assert "2 runs: all ended as expected; each was the same twice" in ran.stdout
    # What is small stays as it is.
    assert json.loads(isrsim("shrink", str(small), "--json").stdout)["steps"] == told["steps"]
    assert isrsim("shrink", str(small), "--quiet").stderr == ""


def test_no_step_of_the_result_can_be_left_out(isrsim: Isrsim, failing: Path, tmp_path: Path) -> None:
    lines = isrsim("shrink", str(failing)).stdout.splitlines()
    steps = [place for place, line in enumerate(lines) if line.startswith("  - {")]
    assert steps
    for place in steps:
        less = tmp_path / "less.isr.yaml"
        rest = [line for at, line in enumerate(lines) if at != place]
        text = "\n".join(rest) + "\n"
        less.write_text(text if len(steps) > 1 else text.replace("steps:\n", "steps: []\n"), encoding="utf-8")
        assert isrsim("run", str(less), "--variant", "wrong").returncode != 0


def test_random_scenario_is_shrunk_by_its_seed(isrsim: Isrsim) -> None:
    done = isrsim("shrink", "--seed", "3", "--rules", "trunc=hw", "--quiet")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("# Made by: isrsim shrink --seed 3 --rules trunc=hw\n")
    assert isrsim("shrink", "--seed", "3", "--rules", "trunc=hw", "--quiet").stdout == done.stdout


def test_another_failure_of_the_same_run_is_shrunk(isrsim: Isrsim, failing: Path) -> None:
    done = isrsim("shrink", str(failing), "--variant", "wrong", "--unchecked", "I1")
    assert done.returncode == 0, done.stderr
    assert "unchecked: I1\n" in done.stdout and "expect: {violates: I1}" not in done.stdout


def test_another_run_than_the_file_records_is_told(isrsim: Isrsim, failing: Path) -> None:
    failing.write_text(f"# isrsim 0.0.9, seed 9, trace hash 00000000000000aa\n{FAILING}", encoding="utf-8")
    done = isrsim("shrink", str(failing), "--json")
    assert done.returncode == 0
    assert "records a run of isrsim 0.0.9 with trace hash 00000000000000aa; isrsim " in done.stderr
    assert "runs it otherwise" in done.stderr


def test_run_without_end_is_made_small_by_its_own_commands(isrsim: Isrsim, tmp_path: Path) -> None:
    found = isrsim("fuzz", "--seeds", "7..7", "--profile", "raft", "--max-events", "2000", "--shrink", "-o", "found", "--json")
    finding = json.loads(found.stdout.splitlines()[-1])["findings"][0]
    assert finding["shrinker"] == "isrsim shrink --seed 7 --profile raft --max-events 2000"
    assert finding["reproducer"] == "isrsim fuzz --seeds 7..7 --profile raft --max-events 2000"
    text = (tmp_path / finding["shrunk"]).read_text(encoding="utf-8")
    assert text.startswith(f"# Made by: {finding['shrinker']}\n")
    assert "it took more than 2000 events" in text and "steps:" not in text


@pytest.mark.parametrize("expected", ["holds", "{violates: I1}"])
def test_variant_must_be_named_where_it_is_not_clear(isrsim: Isrsim, failing: Path, expected: str) -> None:
    text = FAILING.replace("{violates: I1}", expected).replace("{expect: holds}", f"{{expect: {expected}}}")
    failing.write_text(text, encoding="utf-8")
    which = ", of which none expects a violation" if expected == "holds" else ""
    for command in ("shrink", "branch"):
        done = isrsim(command, str(failing))
        assert done.returncode == 1 and done.stdout == ""
        assert f"the scenario has several variants{which}: which one?\n  hint: there are wrong, correct\n" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "which run?\n  hint: name a scenario file, or a random scenario by --seed N"),
        (["--seed", "x"], "shrink"),
        (["--seed", "1"], "this run does not fail (held): there is nothing to shrink"),
        (["--seed", "1", "--variant", "wrong"], "random scenarios have no variants"),
        (["--seed", "1", "--variant", "wrong", "--profile", "default"], "--variant"),
        (["--seed", "1", "--profile", "nonsense"], "nonsense"),
        (["--seed", "1", "--budget", "0"], "there must be some time"),
        (["--seed", "1", "--budget", "soon"], "soon"),
        (["--seed", "1", "--max-events", "few"], "--max-events: 'few' is no number of events"),
        (["--seed", "1", "--rules", "trunk=hw"], "trunk"),
        (["--seed", "1", "--unchecked", "I1,I99"], "there is no invariant 'I99'"),
        (["FILE", "FILE"], "it is about one run, but several files were given"),
        (["FILE", "--profile", "default"], "--profile: it is about random scenarios, but a file was given"),
        (["FILE", "--consensus", "in_tree"], "--consensus: it is about random scenarios"),
        (["FILE", "--variant", "nobody"], "the scenario has no variant 'nobody'\n  hint: there are wrong, correct"),
        (["FILE", "--variant", "correct"], "this run does not fail"),
        (["FILE", "--output", "/nowhere/x.isr.yaml"], "cannot write /nowhere/x.isr.yaml"),
        (["nothing.isr.yaml"], "nothing.isr.yaml"),
    ],
)
def test_what_cannot_be_shrunk_is_told(isrsim: Isrsim, failing: Path, arguments: list[str], message: str) -> None:
    done = isrsim("shrink", *[str(failing) if word == "FILE" else word for word in arguments])
    assert done.returncode == 1
    assert message in done.stderr
    assert done.stdout == ""
