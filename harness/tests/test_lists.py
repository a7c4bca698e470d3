"""What a list of the simulator names, some scenario uses: an action or a rule that none shows is not known to work."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = "\n".join(path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("scenarios/**/*.isr.yaml")))


def names(path: str, pattern: str) -> list[str]:
    found = re.findall(pattern, (ROOT / path).read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert found
    return found


@pytest.mark.parametrize("action", names("sim/actions.def", r"^X\(\w+, (\w+),"))
def test_action_is_taken_by_a_scenario(action: str) -> None:
    assert re.search(rf"[{{ ,]{action}: ", SCENARIOS)


@pytest.mark.parametrize("rule", names("core/rules.def", r"^X\((\w+), \w+, \w+,"))
def test_rule_is_switched_by_a_scenario(rule: str) -> None:
    assert re.search(rf"rules:.*\b{rule}: |^      {rule}: ", SCENARIOS, flags=re.MULTILINE)


EXHIBITS = sorted((ROOT / "scenarios/museum").glob("*.isr.yaml"))


@pytest.mark.parametrize("exhibit", [pytest.param(path, id=path.name) for path in EXHIBITS])
def test_exhibit_breaks_and_holds_and_its_file_has_its_number(exhibit: Path) -> None:
    text = exhibit.read_text(encoding="utf-8")
    assert re.search(rf"^  number: {int(exhibit.name.split('-')[0])}$", text, flags=re.MULTILINE)
    assert "violates:" in text and re.search(r"^  correct: .*holds", text, flags=re.MULTILINE)


def test_rooms_of_the_museum_are_open() -> None:
    assert {int(path.name.split("-")[0]) for path in EXHIBITS} == set(range(1, 21))


README_FILES = [path for room in ("core", "sim", "faults", "harness") for path in (ROOT / room).glob("**/README.md")]


def modules(folder: Path) -> set[str]:
    """What a folder's README speaks of: its lists by their whole names, the rest without the ending."""
    files = (path for path in folder.iterdir() if path.suffix in (".c", ".h", ".def"))
    return {path.name if path.suffix == ".def" else path.stem for path in files}


@pytest.mark.parametrize(
    "readme", [pytest.param(path, id=str(path.parent.relative_to(ROOT))) for path in sorted(README_FILES)]
)
def test_readme_of_a_folder_names_each_of_its_modules(readme: Path) -> None:
    words = {
        re.sub(r"\.[ch]$", "", word).removeprefix(f"{readme.parent.name}/")
        for word in re.findall(r"`([^`\s]+)`", readme.read_text(encoding="utf-8"))
    }
    unnamed = {name for name in modules(readme.parent) if not any(fnmatchcase(name, word) for word in words)}
    assert not unnamed
