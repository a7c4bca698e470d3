"""isrsim fuzz and soak: what is found, how it is told, and how it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from conftest import Isrsim

WRONG = ["--rules", "trunc=hw"]


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def summary(text: str) -> dict[str, Any]:
    last = objects(text)[-1]
    assert last["type"] == "summary"
    return last


def test_first_failure_ends_it_whoever_runs_it(isrsim: Isrsim) -> None:
    one = isrsim("fuzz", "--seeds", "1..40", "--jobs", "1", *WRONG)
    three = isrsim("fuzz", "--seeds", "1..40", "--jobs", "3", *WRONG)
    assert one.returncode == 2 and one.stdout == three.stdout
    seed = int(re.match(r"seed (\d+): violated I\d+: ", one.stdout).group(1))  # type: ignore[union-attr]
    assert f"\n{seed} seeds: {seed - 1} held, 1 violated, 0 vacuous, 0 crashed\n" in one.stdout
    assert one.stderr == ""


def test_failures_are_grouped_and_reproduced(isrsim: Isrsim) -> None:
    done = isrsim("fuzz", "--seeds", "1..40", "--keep-going", *WRONG)
    assert done.returncode == 2
    rows = re.findall(r"^([0-9a-f]{8}) +(\d+) +(\d+)  (I\d+|L1): <partition>", done.stdout, re.MULTILINE)
    failures = re.findall(r"^seed (\d+): .*\n  signature ([0-9a-f]{8}); reproduce with: isrsim (.*)$", done.stdout, re.M)
    assert rows and [(row[2], row[0]) for row in rows] == [failure[:2] for failure in failures]
    counts = re.search(r"^40 seeds: (\d+) held, (\d+) violated", done.stdout, re.MULTILINE)
    assert counts and int(counts[1]) + int(counts[2]) == 40
    assert sum(int(row[1]) for row in rows) == int(counts[2]) > len(rows)
    again = isrsim(*failures[-1][2].split())
    assert again.returncode == done.returncode or again.returncode == 3
    assert f"signature {failures[-1][1]};" in again.stdout


def test_json_tells_each_seed_and_a_summary(isrsim: Isrsim) -> None:
    done = isrsim("fuzz", "--seeds", "1..12", "-k", "--json", *WRONG)
    *seeds, last = objects(done.stdout)
    assert [seed["seed"] for seed in seeds] == list(range(1, 13))
    assert {seed["type"] for seed in seeds} == {"seed"} and last["type"] == "summary"
    failed = [seed for seed in seeds if seed["verdict"] != "held"]
    assert last["seeds"] == 12 and last["held"] == 12 - len(failed) and last["ended"] == "done"
    assert {seed["signature"] for seed in failed} == {finding["signature"] for finding in last["findings"]}
    assert sum(finding["seeds"] for finding in last["findings"]) == len(failed)
    assert last["counters"]["events"] == sum(seed["events"] for seed in seeds)
    assert last["exit_code"] == done.returncode == 2


def test_findings_are_written_and_made_small(isrsim: Isrsim, tmp_path: Path) -> None:
    done = isrsim("fuzz", "--seeds", "1..40", "--json", "-o", "found", "--shrink", "--rules", "producer_ids_record=given")
    finding = summary(done.stdout)["findings"][0]
    assert finding["file"] == f"found/{finding['signature']}.isr.yaml"
    assert finding["shrunk"] == f"found/{finding['signature']}.shrunk.isr.yaml"
    assert sorted(path.name for path in (tmp_path / "found").iterdir()) == sorted(
        Path(finding[key]).name for key in ("file", "shrunk")
    )
    runs = objects(isrsim("run", "--json", finding["file"], finding["shrunk"]).stdout)
    assert len(runs) >= 2 and all(run["expected"] for run in runs)
    assert isrsim(*finding["expander"].split()[1:]).stdout == (tmp_path / finding["file"]).read_text(encoding="utf-8")


def test_folder_that_cannot_be_written_to_is_told(isrsim: Isrsim, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    for folder in ("file", "nowhere/deep"):
        done = isrsim("fuzz", "--seeds", "1..2", "-o", folder)
        assert (done.returncode, done.stdout) == (1, "")
        assert f"--output: cannot write into the folder {folder}: " in done.stderr and "\n  hint: " in done.stderr


def test_folder_is_made_only_for_a_hunt(isrsim: Isrsim, tmp_path: Path) -> None:
    for words in (["--seeds", "5"], ["--profile", "nothing"], ["--seeds", "1..1", "--trace", "out.jsonl"]):
        assert isrsim("fuzz", "--output", "found", *words).returncode == 1
    assert list(tmp_path.iterdir()) == []


def test_shards_are_the_whole(isrsim: Isrsim) -> None:
    whole = objects(isrsim("fuzz", "--seeds", "5..14", "--json").stdout)[:-1]
    parts = [objects(isrsim("fuzz", "--seeds", "5..14", "--json", "--shard", f"{k}/3").stdout)[:-1] for k in (1, 2, 3)]
    assert [len(part) for part in parts] == [4, 3, 3]
    assert sorted((run for part in parts for run in part), key=lambda run: int(run["seed"])) == whole


def test_run_over_its_limit_is_a_finding_with_its_seed(isrsim: Isrsim) -> None:
    done = isrsim("fuzz", "--seeds", "7..9", "-k", "--max-events", "1000")
    assert done.returncode == 4
    assert re.match(r"seed 7: crashed: the run was ended at virtual time .*: it took more than 1000 events\n", done.stdout)
    assert "3 seeds: 0 held, 0 violated, 0 vacuous, 3 crashed" in done.stdout
    assert re.search(r" 3 +7  more events than the limit$", done.stdout, re.MULTILINE)


def test_time_limit_of_a_run_is_told(isrsim: Isrsim) -> None:
    done = isrsim("fuzz", "--seeds", "3..3", "--max-time", "1us")
    assert done.returncode == 4 and "longer than the limit" in done.stdout and "more than 1us" in done.stdout


def test_budget_ends_it(isrsim: Isrsim) -> None:
    done = isrsim("fuzz", "--budget", "1s", "--from", "100", "--jobs", "2", "--json")
    *seeds, last = objects(done.stdout)
    assert done.returncode == 0 and last["ended"] == "budget"
    assert [seed["seed"] for seed in seeds] == list(range(100, 100 + len(seeds)))
    few = isrsim("fuzz", "--budget", "100s", "--seeds", "1..3", "--json")
    assert summary(few.stdout)["ended"] == "done" and summary(few.stdout)["seeds"] == 3


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def start(command: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen([command, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")


def test_crash_of_a_worker_is_a_finding_and_loses_no_seed(command: Path) -> None:
    running = start(command, "fuzz", "--seeds", "1..60", "--jobs", "1", "-k", "--json")
    while not children(running.pid):
        time.sleep(0.01)
    time.sleep(0.3)
    os.kill(children(running.pid)[0], signal.SIGSEGV)
    out, _ = running.communicate(timeout=60)
    *seeds, last = objects(out)
    assert [seed["seed"] for seed in seeds] == list(range(1, 61))
    assert [seed["verdict"] for seed in seeds].count("crashed") == 1 and last["held"] == 59
    assert running.returncode == 4 and len(last["findings"]) == 1
    # under the sanitizers the worker tells of the signal itself and ends with an exit code
    assert "the process died of signal 11" in (what := last["findings"][0]["what"]) or "exit code" in what


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interruption_ends_it_with_what_was_found(command: Path, number: signal.Signals) -> None:
    running = start(command, "fuzz", "--seeds", "1..1000000", "--jobs", "2", "-k", *WRONG)
    assert running.stdout
    first = running.stdout.readline()
    assert first.startswith("seed ")
    workers = children(running.pid)
    running.send_signal(number)
    out, err = running.communicate(timeout=30)
    assert running.returncode in (2, 3) and err == ""
    assert "interrupted; what was run until then:\n" in out and "signature   seeds" in out
    assert len(workers) == 2 and not any(Path(f"/proc/{worker}").exists() for worker in workers)


def test_interruption_before_anything_was_found_holds_or_is_vacuous(command: Path) -> None:
    running = start(command, "fuzz", "--seeds", "1..1000000", "--jobs", "1")
    time.sleep(0.5)
    running.send_signal(signal.SIGINT)
    out, _ = running.communicate(timeout=30)
    assert running.returncode == (6 if "\n0 seeds" in out else 0)


def test_soak_goes_on_and_tells_what_bit(isrsim: Isrsim) -> None:
    done = isrsim("soak", "--seeds", "1..12", *WRONG)
    assert done.returncode == 2
    counts = re.search(r"^12 seeds: (\d+) held, (\d+) violated", done.stdout, re.MULTILINE)
    assert counts and done.stdout.count("\nseed ") + done.stdout.startswith("seed ") == int(counts[2])
    assert " events carried out\n" in done.stdout and re.search(r"^  kill +\d+ +\d+ +\d+$", done.stdout, flags=re.MULTILINE)
