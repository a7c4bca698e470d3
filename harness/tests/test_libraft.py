"""The foreign library under test: what it does that no scenario can expect (it ends the process), and builds without it."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT, SMALL, Isrsim

CRASHES = sorted((Path(__file__).resolve().parents[2] / "sim" / "libraft" / "crashes").glob("*.isr.yaml"))


def has_libraft(isrsim: Isrsim) -> bool:
    return isrsim("fuzz", "--profile", "raft", "--consensus", "libraft", "--seeds", "1..1").returncode != 1


@pytest.mark.parametrize("path", CRASHES, ids=lambda path: str(path.name))
def test_library_dies_where_the_in_tree_raft_holds(isrsim: Isrsim, tmp_path: Path, path: Path) -> None:
    if not has_libraft(isrsim):
        pytest.skip("this build has no libraft")
    # of the process itself, or of what a sanitizer makes of it
    assert isrsim("run", path).returncode in (-signal.SIGSEGV, 128 + signal.SIGSEGV, 1)
    in_tree = tmp_path / path.name
    in_tree.write_text(path.read_text(encoding="utf-8").replace("consensus: libraft", "consensus: in_tree"), encoding="utf-8")
    held = isrsim("run", in_tree)
    assert held.returncode == 0, held.stdout + held.stderr


def test_crash_is_made_small_and_crashes_the_same_way(isrsim: Isrsim, tmp_path: Path) -> None:
    if not has_libraft(isrsim):
        pytest.skip("this build has no libraft")
    small = tmp_path / "small.isr.yaml"
    done = isrsim("shrink", CRASHES[0], "-o", small, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["verdict"] == "crashed" and told["minimal"]
    assert told["steps"] < told["steps_before"] and told["events"] < told["events_before"]
    assert told["message"].startswith("the process died of signal 11 (")
    text = small.read_text(encoding="utf-8")
    assert "consensus: libraft" in text and "Here: the process died of signal 11 (" in text
    assert isrsim("run", small).returncode in (-signal.SIGSEGV, 128 + signal.SIGSEGV, 1)


def test_moment_from_which_on_a_crash_was_likely_is_told(isrsim: Isrsim) -> None:
    if not has_libraft(isrsim):
        pytest.skip("this build has no libraft")
    done = isrsim("branch", CRASHES[0], "--seeds", "1..5", "--points", "3", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["failed_event"] > 100 and told["moments"][-1]["same"] == 5


def test_hunt_tells_of_a_crash_with_its_seed(isrsim: Isrsim) -> None:
    if not has_libraft(isrsim):
        pytest.skip("this build has no libraft")
    done = isrsim("fuzz", "--profile", "raft", "--consensus", "libraft", "--seeds", "1..60", "--keep-going")
    assert done.returncode in (0, 2, 4)
    assert "60 seeds: " in done.stdout


# ---- a build without the library: what asks for it is skipped, unless it was asked for itself ----

MISSING = "this build has no libraft"
HINT = "install libraft-dev and build again"
ON_LIBRAFT = SMALL.replace("combined: false", "combined: false, consensus: libraft")
MIXED = SMALL + "variants: {libraft: {consensus: libraft}, in_tree: {}}\n"


@pytest.fixture
def without(command: Path, tmp_path: Path) -> Isrsim:
    """The command of a build without libraft, in a folder of three scenarios."""
    path = command.with_name("isrsim_without_libraft")
    if not path.is_file():
        pytest.skip("built without tests")
    folder = tmp_path / "three"
    folder.mkdir()
    for name, text in (("a", SMALL), ("b", ON_LIBRAFT), ("c", MIXED)):
        (folder / f"{name}.isr.yaml").write_text(text, encoding="utf-8")

    def run(*words: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        assert not variables
        return subprocess.run(
            [path, *map(str, words)], cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=120, check=False
        )

    return run


def test_what_cannot_be_run_is_skipped_in_a_tree(without: Isrsim) -> None:
    done = without("run", "three")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.split(":")[0] for line in lines[:4]] == [
        "ok   three/a.isr.yaml",
        "skip three/b.isr.yaml",
        "skip three/c.isr.yaml",
        "ok   three/c.isr.yaml",
    ]
    assert lines[4:] == ["2 runs: all ended as expected", f"2 skipped: {MISSING}; {HINT}"]
    assert without("run", "three", "--quiet").stdout == f"2 skipped: {MISSING}; {HINT}\n"


def test_what_is_skipped_does_not_hide_what_fails(without: Isrsim, tmp_path: Path) -> None:
    (tmp_path / "three" / "d.isr.yaml").write_text(SMALL + "expect: {violates: I3}\n", encoding="utf-8")
    done = without("run", "three", "--quiet")
    assert done.returncode == 6
    assert "3 runs: 1 did not end as expected\n" in done.stdout and "2 skipped" in done.stdout


def test_json_says_what_is_skipped(without: Isrsim) -> None:
    done = without("run", "three", "--json")
    runs = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(run["scenario"], run["variant"], run["verdict"], run["exit_code"]) for run in runs] == [
        ("a", "default", "held", 0),
        ("b", "default", "skipped", 0),
        ("c", "libraft", "skipped", 0),
        ("c", "in_tree", "held", 0),
    ]
    assert runs[1]["message"] == MISSING
    listed = [json.loads(line)["missing"] for line in without("list", "three", "--json").stdout.splitlines()]
    assert listed == [None, f"{MISSING}; {HINT}", f"{MISSING}; {HINT}", None]
    assert f"  cannot be run: {MISSING}; {HINT}\n" in without("list", "three").stdout


@pytest.mark.parametrize(
    "words",
    [
        ["run", "three/b.isr.yaml"],
        ["run", "three/a.isr.yaml", "three/b.isr.yaml"],
        ["run", "three/c.isr.yaml", "--variant", "libraft"],
        ["branch", "three/b.isr.yaml", "--at", "1s"],
        ["shrink", "three/c.isr.yaml", "--variant", "libraft"],
        ["tour", "three"],
    ],
)
def test_what_was_asked_for_by_its_name_is_an_error(without: Isrsim, words: list[str]) -> None:
    done = without(*words)
    assert (done.returncode, done.stdout) == (1, "")
    name = "c" if "libraft" in words else "b"
    assert done.stderr == f"isrsim {words[0]}: scenario {name}: {MISSING}\n  hint: {HINT}\n"


def test_option_for_the_library_is_an_error(without: Isrsim) -> None:
    done = without("fuzz", "--profile", "raft", "--consensus", "libraft")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"isrsim fuzz: --consensus: {MISSING}\n  hint: {HINT}\n"


def test_file_that_asks_for_the_library_is_a_good_file(without: Isrsim) -> None:
    assert without("check", "three").returncode == 0
    assert without("run", "three/c.isr.yaml").returncode == 0  # something of it can be run


def test_every_scenario_in_the_tree_ends_as_expected_or_is_skipped(without: Isrsim) -> None:
    done = without("run", ROOT / "scenarios" / "libraft")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f" skipped: {MISSING}" in done.stdout
