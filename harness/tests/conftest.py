"""What the tests of the command share."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from isrsim.command import find_command

ROOT = Path(__file__).resolve().parents[2]
Isrsim = Callable[..., "subprocess.CompletedProcess[str]"]

SMALL = """\
about: A small cluster. It loses its first broker.
source: nowhere
tags: [small]
cluster: {brokers: 3, controllers: 1, combined: false}
topics:
  orders: {replication: 3, min_isr: 2, assignment: [[1, 2, 3]]}
clients:
  p1: {produce: orders, rate: 50/s}
steps:
  - {when: "acked records >= 20", kill: n3}
  - {wait: 500ms, start: n3}
duration: 30s
settle: 12s
"""


@pytest.fixture(scope="session")
def command() -> Path:
    return find_command(ROOT)


@pytest.fixture
def isrsim(command: Path, tmp_path: Path) -> Isrsim:
    """Runs isrsim in an empty folder, without colours unless asked for."""

    def run(*words: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR")}
        return subprocess.run(
            [command, *map(str, words)],
            cwd=tmp_path,
            env=environment | variables,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.isr.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return path
