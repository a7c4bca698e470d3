"""The pytest plugin, by running pytest on folders of scenarios."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conftest import SMALL

NAME = "small.isr.yaml"


@pytest.fixture(autouse=True)
def _use_the_built_command(command: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISRSIM", str(command))


def put(pytester: pytest.Pytester, text: str, name: str = NAME) -> None:
    (pytester.path / name).write_text(text, encoding="utf-8")


def test_scenario_is_an_item(pytester: pytest.Pytester) -> None:
    put(pytester, SMALL)
    result = pytester.runpytest_subprocess("-v")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"*{NAME}::default PASSED*"])


def test_each_variant_is_an_item(pytester: pytest.Pytester) -> None:
    put(pytester, SMALL + "variants: {one: {}, two: {seed: 2}}\n")
    result = pytester.runpytest_subprocess("-v", f"{NAME}::two")
    result.assert_outcomes(passed=1)
    pytester.runpytest_subprocess().assert_outcomes(passed=2)


def test_tags_select(pytester: pytest.Pytester) -> None:
    put(pytester, SMALL)
    put(pytester, SMALL.replace("[small]", "[other]"), "other.isr.yaml")
    pytester.runpytest_subprocess("-k", "other").assert_outcomes(passed=1, deselected=1)


def test_failure_shows_message_story_and_reproducer(pytester: pytest.Pytester, command: Path) -> None:
    put(pytester, SMALL + 'expect: {holds: true, finally: ["acked records >= 1000000"]}\n')
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "small::default: violated finally under seed 1",
            "*acked records >= 1000000*",
            "expected: holds",
            "the last events:",
            "  *s *n3*",
            f"reproduce with: {command} run *{NAME} --seed 1 --verbose",
            "*isrsim: reproduce with*",
            f"{command} run *{NAME} --seed 1 --verbose",
        ]
    )


def test_seeds_run_in_one_item(pytester: pytest.Pytester) -> None:
    put(pytester, SMALL + "expect: {violates: I3}\n")
    result = pytester.runpytest_subprocess("--isr-seeds", "4..6")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["small::default: held under seed 4", "3 of 3 seeds did not end as expected"])


def test_bad_seeds_are_a_usage_error(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("--isr-seeds", "many")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--isr-seeds: 'many' is not of the form A..B*"])


def test_bad_file_is_a_collection_error_with_the_parsers_message(pytester: pytest.Pytester) -> None:
    put(pytester, SMALL + "setle: 5s\n")
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(errors=1)
    line = SMALL.count("\n") + 1
    result.stdout.fnmatch_lines([f"*{NAME}:{line}:1: error: unknown key 'setle' in the scenario", "*did you mean 'settle'?*"])


def test_what_the_build_cannot_run_is_skipped(
    pytester: pytest.Pytester, command: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = command.with_name("isrsim_without_libraft")
    if not without.is_file():
        pytest.skip("built without tests")
    monkeypatch.setenv("ISRSIM", str(without))
    put(pytester, SMALL + "variants: {libraft: {consensus: libraft}, in_tree: {}}\n")
    result = pytester.runpytest_subprocess("-rs")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*this build has no libraft; install libraft-dev and build again"])


def test_missing_command_is_told(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISRSIM", "/no/such/isrsim")
    put(pytester, SMALL)
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*ISRSIM is /no/such/isrsim, but there is no such file*"])


def test_command_that_dies_is_told(pytester: pytest.Pytester, command: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = pytester.path / "isrsim"
    script.write_text(f'#!/bin/sh\n[ "$1" = list ] && exec {command} "$@"\nkill -SEGV $$\n')
    script.chmod(0o755)
    monkeypatch.setenv("ISRSIM", str(script))
    put(pytester, SMALL)
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*signal 11*"])


def test_works_on_several_processes(pytester: pytest.Pytester) -> None:
    put(pytester, SMALL + "variants: {one: {}, two: {expect: {violates: I3}}}\n")
    result = pytester.runpytest_subprocess("-n", "2")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*isrsim: reproduce with*", "* --variant two --seed 1 --verbose"])


def test_junit_carries_seed_and_hash(pytester: pytest.Pytester) -> None:
    put(pytester, SMALL)
    pytester.runpytest_subprocess("--junit-xml=out.xml").assert_outcomes(passed=1)
    text = (pytester.path / "out.xml").read_text(encoding="utf-8")
    assert '<property name="isrsim.seed" value="1" />' in text and 'name="isrsim.hash"' in text


def test_python_interface_returns_results(pytester: pytest.Pytester, command: Path) -> None:
    from isrsim import Command

    put(pytester, SMALL)
    results = Command(command).run(pytester.path / NAME, "default", "1..2")
    assert [result.seed for result in results] == [1, 2]
    assert all(result.good and result.outcome == "held" for result in results)
    assert json.dumps(results[0].hash)
