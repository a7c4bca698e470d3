"""What the foreign library under test does that no scenario can expect: it ends the process."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from conftest import Isrsim

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


def test_hunt_tells_of_a_crash_with_its_seed(isrsim: Isrsim) -> None:
    if not has_libraft(isrsim):
        pytest.skip("this build has no libraft")
    done = isrsim("fuzz", "--profile", "raft", "--consensus", "libraft", "--seeds", "1..60", "--keep-going")
    assert done.returncode in (0, 2, 4)
    assert "60 seeds: " in done.stdout
