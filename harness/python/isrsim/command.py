"""The isrsim command as a subprocess: the one place that starts it and reads what it prints."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SCHEMA = 1
"""The version of the command's JSON that is understood here."""

EXIT_ERROR = 1
"""Usage or bad input (sim/verdicts.def)."""


class IsrsimError(Exception):
    """Something about isrsim that a person should read."""


class CommandNotFound(IsrsimError):
    """There is no isrsim command on this machine, or not where it was said to be."""


class CommandFailed(IsrsimError):
    """The command ended in a way that is no outcome of a run."""


class ScenarioError(IsrsimError):
    """A scenario file is bad; the message is the parser's."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One run that a scenario file asks for."""

    scenario: str
    name: str
    tags: tuple[str, ...]
    expect: str
    missing: str | None = None
    """Why this build of isrsim cannot run it, and what to do; None where it can."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """The outcome of one run."""

    scenario: str
    variant: str
    seed: int
    verdict: str
    """held, violated, vacuous or error"""
    invariant: str | None
    message: str
    expected: bool | None
    """Did it end as the file expects? None where the expectation does not apply."""
    events: int
    messages_delivered: int
    records_committed: int
    virtual_ns: int
    hash: str
    reproducer: str

    @property
    def good(self) -> bool:
        return self.verdict == "held" if self.expected is None else self.expected

    @property
    def outcome(self) -> str:
        """In words: "violated I3"."""
        return f"{self.verdict} {self.invariant}" if self.invariant else self.verdict


def find_command(root: Path | None = None, environment: Mapping[str, str] = os.environ) -> Path:
    """The isrsim to use: $ISRSIM, else build/isrsim under root or the working directory, else the one on PATH."""
    named = environment.get("ISRSIM")
    if named:
        path = Path(named)
        if not path.is_file():
            raise CommandNotFound(f"$ISRSIM is {named}, but there is no such file")
        return path.resolve()
    for folder in (root, Path.cwd()):
        if folder is not None and (folder / "build" / "isrsim").is_file():
            return (folder / "build" / "isrsim").resolve()
    on_path = shutil.which("isrsim")
    if on_path is None:
        raise CommandNotFound("there is no isrsim command: build it with `make`, or set $ISRSIM to its path")
    return Path(on_path)


def _objects(text: str) -> list[dict[str, object]]:
    objects: list[dict[str, object]] = []
    for line in text.splitlines():
        value = json.loads(line)
        if not isinstance(value, dict) or value.get("schema") != SCHEMA:
            raise CommandFailed(f"isrsim printed what is not schema {SCHEMA}: {line[:200]}")
        objects.append(value)
    return objects


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise CommandFailed(f"isrsim printed {value!r} where a text belongs")
    return value


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise CommandFailed(f"isrsim printed {value!r} where a number belongs")
    return value


def _result(fields: Mapping[str, object]) -> RunResult:
    invariant, expected = fields["invariant"], fields["expected"]
    return RunResult(
        scenario=_text(fields["scenario"]),
        variant=_text(fields["variant"]),
        seed=_number(fields["seed"]),
        verdict=_text(fields["verdict"]),
        invariant=None if invariant is None else _text(invariant),
        message=_text(fields["message"]),
        expected=None if expected is None else bool(expected),
        events=_number(fields["events"]),
        messages_delivered=_number(fields["messages_delivered"]),
        records_committed=_number(fields["records_committed"]),
        virtual_ns=_number(fields["virtual_ns"]),
        hash=_text(fields["hash"]),
        reproducer=_text(fields["reproducer"]),
    )


@dataclass(frozen=True, slots=True)
class Command:
    """An isrsim command and how long it may take."""

    path: Path
    timeout_seconds: float = 600.0

    def _run(self, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
        environment = dict(os.environ, NO_COLOR="1")
        try:
            return subprocess.run(
                [str(self.path), *words],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=self.timeout_seconds,
                env=environment,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise CommandFailed(f"isrsim {' '.join(words)}: not done after {self.timeout_seconds:g} s") from error
        except OSError as error:
            raise CommandNotFound(f"{self.path}: {error.strerror}") from error

    def variants(self, file: Path) -> list[Variant]:
        """The runs that a file asks for; ScenarioError where the file is bad."""
        done = self._run(["list", "--json", str(file)])
        if done.returncode != 0:
            raise ScenarioError(done.stderr.rstrip() or f"{file}: isrsim ended with {done.returncode}")
        variants = []
        for fields in _objects(done.stdout):
            tags, missing = fields["tags"], fields["missing"]
            words = tuple(_text(tag) for tag in tags) if isinstance(tags, list) else ()
            variants.append(
                Variant(
                    scenario=_text(fields["scenario"]),
                    name=_text(fields["variant"]),
                    tags=words,
                    expect=_text(fields["expect"]),
                    missing=None if missing is None else _text(missing),
                )
            )
        return variants

    def run(self, file: Path, variant: str, seeds: str | None = None) -> list[RunResult]:
        """One result a seed; seeds is "A..B", None for the file's own."""
        words = ["run", str(file), "--variant", variant, "--json"]
        if seeds is not None:
            words += ["--seeds", seeds]
        done = self._run(words)
        results = [_result(fields) for fields in _objects(done.stdout)]
        if not results or done.returncode < 0 or done.returncode == EXIT_ERROR:
            ending = f"signal {-done.returncode}" if done.returncode < 0 else f"exit code {done.returncode}"
            raise CommandFailed(f"isrsim {' '.join(words)}: {ending}\n{done.stderr.rstrip()}")
        return results

    def story(self, file: Path, variant: str, seed: int) -> list[str]:
        """The timeline of a run, a line an event."""
        done = self._run(["run", str(file), "--variant", variant, "--seed", str(seed), "--verbose"])
        return [line.strip() for line in done.stdout.splitlines() if line.startswith("    ") and line[4:5].isdigit()]
