"""Collects *.isr.yaml files as pytest items, one a variant: scenarios/museum/x.isr.yaml::wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest._code.code import ExceptionInfo, TerminalRepr
from _pytest.terminal import TerminalReporter

from isrsim.command import Command, CommandFailed, IsrsimError, RunResult, Variant, find_command

ENDINGS = (".isr.yaml", ".isr.yml", ".isr.json")
STORY_LINES = 15
REPRODUCER = "isrsim.reproducer"

command_key = pytest.StashKey[Command]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("isrsim", "scenarios of the isrsim simulator")
    group.addoption(
        "--isr-seeds",
        metavar="A..B",
        help="run every scenario under each of these seeds (default: the seed in the file)",
    )
    group.addoption(
        "--isr-timeout",
        metavar="SECONDS",
        type=float,
        default=600.0,
        help="how long one item may take (default: %(default)s)",
    )


def pytest_configure(config: pytest.Config) -> None:
    seeds = config.getoption("--isr-seeds")
    if seeds is not None and not re.fullmatch(r"\d+(\.\.\d+)?", seeds):
        raise pytest.UsageError(f"--isr-seeds: '{seeds}' is not of the form A..B, such as 1..100")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> ScenarioFile | None:
    if not file_path.name.endswith(ENDINGS):
        return None
    file: ScenarioFile = ScenarioFile.from_parent(parent, path=file_path)
    return file


def _command(config: pytest.Config) -> Command:
    """Found when the first scenario is collected: who has none needs no isrsim."""
    if command_key not in config.stash:
        path = find_command(config.rootpath)
        config.stash[command_key] = Command(path, config.getoption("--isr-timeout"))
    return config.stash[command_key]


class ScenarioFile(pytest.File):
    """A scenario file; bad ones are collection errors with the parser's message."""

    def collect(self) -> Iterator[ScenarioItem]:
        try:
            variants = _command(self.config).variants(self.path)
        except IsrsimError as error:
            raise self.CollectError(str(error)) from error
        for variant in variants:
            item: ScenarioItem = ScenarioItem.from_parent(self, name=variant.name, variant=variant)
            yield item


class ScenarioFailed(Exception):
    """A run did not end as its file expects."""

    def __init__(self, variant: Variant, results: list[RunResult], story: list[str]) -> None:
        bad = [result for result in results if not result.good]
        super().__init__(bad[0].message)
        self.variant = variant
        self.results = results
        self.bad = bad
        self.story = story

    def __str__(self) -> str:
        first = self.bad[0]
        lines = [f"{first.scenario}::{first.variant}: {first.outcome} under seed {first.seed}"]
        if first.message:
            lines.append(first.message)
        lines.append(f"expected: {self.variant.expect}")
        if len(self.results) > 1:
            lines.append(f"{len(self.bad)} of {len(self.results)} seeds did not end as expected")
        if self.story:
            lines += ["", "the last events:", *(f"  {line}" for line in self.story)]
        lines += ["", f"reproduce with: {first.reproducer} --verbose"]
        return "\n".join(lines)


class ScenarioItem(pytest.Item):
    """One variant of a scenario, under one seed or several."""

    def __init__(self, *, variant: Variant, **rest: object) -> None:
        super().__init__(**rest)  # type: ignore[arg-type]
        self.variant = variant
        self.keywords.update({tag: True for tag in variant.tags})

    def runtest(self) -> None:
        if self.variant.missing is not None:
            pytest.skip(self.variant.missing)
        command = _command(self.config)
        results = command.run(self.path, self.variant.name, self.config.getoption("--isr-seeds"))
        bad = [result for result in results if not result.good]
        shown = bad[0] if bad else results[-1]
        self.user_properties += [
            ("isrsim.seed", str(shown.seed)),
            ("isrsim.hash", shown.hash),
            ("isrsim.seeds_run", str(len(results))),
        ]
        if bad:
            self.user_properties.append((REPRODUCER, shown.reproducer))
            raise ScenarioFailed(self.variant, results, self._story(command, shown.seed))

    def _story(self, command: Command, seed: int) -> list[str]:
        try:
            return command.story(self.path, self.variant.name, seed)[-STORY_LINES:]
        except CommandFailed:
            return []  # the failure itself is what matters

    def repr_failure(
        self, excinfo: ExceptionInfo[BaseException], style: str | None = None
    ) -> str | TerminalRepr:
        if isinstance(excinfo.value, (ScenarioFailed, IsrsimError)):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, None, str]:
        return self.path, None, f"{self.path.name}: {self.name}"


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    reproducers = [
        value
        for report in terminalreporter.stats.get("failed", [])
        for name, value in getattr(report, "user_properties", [])
        if name == REPRODUCER
    ]
    if reproducers:
        terminalreporter.section("isrsim: reproduce with")
        for reproducer in reproducers:
            terminalreporter.write_line(f"{reproducer} --verbose")
