"""isrsim coverage: what random runs reach, and what they never do, by name."""

from __future__ import annotations

import json
import re
from typing import Any

from conftest import Isrsim


def measured(isrsim: Isrsim, *arguments: str) -> dict[str, Any]:
    done = isrsim("coverage", "--json", *arguments)
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 1
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def dimension(told: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in told["dimensions"] if each["name"] == name)


def test_never_reached_is_told_by_name(isrsim: Isrsim) -> None:
    told = measured(isrsim, "--seeds", "1..12")
    assert told["seeds"] == 12 and told["failed"] == 0
    for each in told["dimensions"]:
        assert each["reached"] + len(each["never"]) == each["of"], each["name"]
    # a scenario of the membership profile has no peers, so that none of their messages is ever seen
    only = measured(isrsim, "--seeds", "1..6", "--profile", "membership")
    assert "PEER_HEARTBEAT" in dimension(only, "messages")["never"]
    assert "APPEND_REQUEST" not in dimension(only, "messages")["never"]
    text = isrsim("coverage", "--seeds", "1..6", "--profile", "membership").stdout
    assert "PEER_HEARTBEAT" in text.split("never, messages that reached somebody:")[1]


def test_more_seeds_reach_more_and_workers_change_nothing(isrsim: Isrsim) -> None:
    few, one = measured(isrsim, "--seeds", "1..4"), measured(isrsim, "--seeds", "1..12", "--jobs", "1")
    three = measured(isrsim, "--seeds", "1..12", "--jobs", "3")
    assert one == three
    assert one["tuples"] > few["tuples"] > one["tuples_new_in_last_tenth"] > 0
    assert dimension(one, "states")["reached"] > dimension(few, "states")["reached"]


def test_failures_are_mentioned(isrsim: Isrsim) -> None:
    done = isrsim("coverage", "--seeds", "1..12", "--rules", "trunc=hw")
    assert done.returncode == 2 and re.search(r"\n\d+ seeds did not hold, the first is \d+; `isrsim soak` tells", done.stdout)
    assert isrsim("coverage", "--seeds", "1").returncode == 1
    assert isrsim("coverage", "--trace", "x").returncode == 1
