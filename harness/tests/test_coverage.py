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


def test_what_cannot_be_is_not_missed(isrsim: Isrsim) -> None:
    told = measured(isrsim, "--seeds", "1..6", "--profile", "membership")
    assert not {"FOREIGN_CONSENSUS", "PROPOSE_REQUEST"} & set(dimension(told, "messages")["never"])
    # epochs are of messages that came at all: what never came is told once
    assert not any("PEER_" in which for which in dimension(told, "epochs")["never"])
    assert "leader, equal: PUSH_REQUEST" not in dimension(told, "roles")["never"]
    assert not any(which.startswith("controller, ") and "_RESPONSE" in which and "BROKER_" in which
                   for which in dimension(told, "roles")["never"])
    assert not {"\"no cause\"", "\"it cut its log to its own high watermark\""} & set(dimension(told, "causes")["never"])
    assert "DUPLICATE_SEQUENCE_NUMBER" not in dimension(told, "errors")["never"]
    # where it is possible it counts: the rule cuts logs so, voters alone are proposed to
    wrong = json.loads(isrsim("coverage", "--json", "--seeds", "1..12", "--rules", "trunc=hw").stdout)
    assert dimension(wrong, "causes")["of"] == dimension(told, "causes")["of"] + 1
    alone = measured(isrsim, "--seeds", "1..6", "--profile", "raft")
    assert "PROPOSE_REQUEST" not in dimension(alone, "messages")["never"]
    assert dimension(alone, "messages")["of"] == dimension(told, "messages")["of"] + 2
    assert not any(which.startswith("broker") for which in dimension(alone, "roles")["never"])


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
