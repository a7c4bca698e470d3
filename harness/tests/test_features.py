"""README names for each feature what shows it: files and functions that are there, and no folder is left out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# The tables, and how many features their sources have at the least.
TABLES = {
    "in-sync-replicas (Go)": 12,
    "Goblin, ISR read": 12,
    "Logical replication in Golang": 35,
    "StreamBus, replication engine": 20,
    "Single-leader replication": 14,
    "Kafka's replication plane": 20,
    "The hunt": 6,
}


@dataclass(frozen=True, slots=True)
class Row:
    table: str
    feature: str
    proofs: str


def section(text: str, level: str, title: str) -> str:
    """What stands under a heading, up to the next one of its level or above."""
    found = re.search(rf"^{level} {re.escape(title)}\n(.*?)(?=^#{{1,{len(level)}}} |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"README.md has no '{level} {title}'"
    return found.group(1)


def rows_of(table: str) -> list[Row]:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    features = section(readme, "##", "Features, and what shows each")
    lines = [line for line in section(features, "###", table).splitlines() if line.startswith("|")][2:]
    rows = []
    for line in lines:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert len(cells) == 2, line
        rows.append(Row(table, *cells))
    return rows


ROWS = [row for table in TABLES for row in rows_of(table)]


def proofs_of(row: Row) -> list[tuple[str, list[str]]]:
    """Each file that a row names, with the functions named behind it."""
    named = re.findall(r"`([^`]+/[^`]+)`(?: \(((?:`\w+`(?:, )?)+)\))?", row.proofs)
    assert re.sub(r"`[^`]+`|[(), ]", "", row.proofs) == "", f"more than proofs: {row.proofs}"
    assert sum(1 + functions.count("`") // 2 for _, functions in named) == row.proofs.count("`") // 2
    return [(path, re.findall(r"\w+", functions)) for path, functions in named]


@pytest.mark.parametrize("table", TABLES)
def test_table_has_all_features(table: str) -> None:
    rows = rows_of(table)
    assert len(rows) >= TABLES[table]
    assert len({row.feature for row in rows}) == len(rows)


@pytest.mark.parametrize("row", ROWS, ids=[row.feature for row in ROWS])
def test_feature_is_shown_by_what_is_there(row: Row) -> None:
    proofs = proofs_of(row)
    assert proofs, "no proof"
    for path, functions in proofs:
        assert (ROOT / path).is_file(), path
        if path.startswith("scenarios/"):
            assert path.endswith(".isr.yaml") and not functions, path
            continue
        assert "/tests/" in path, f"neither a scenario nor a test: {path}"
        text = (ROOT / path).read_text(encoding="utf-8")
        for function in functions:
            assert is_run(path, text, function), f"{path} runs no {function}"


def is_run(path: str, text: str, function: str) -> bool:
    """A C test counts when its program's list has it."""
    if path.endswith(".py"):
        return re.search(rf"^def {function}\(", text, re.MULTILINE) is not None
    defined = re.search(rf"^static void {function}\(", text, re.MULTILINE)
    listed = re.search(rf"\b(?:cmocka_unit_test\w*|TEST)\({function}\b", text)
    return defined is not None and listed is not None


FOLDERS = sorted(path.name for path in (ROOT / "scenarios").iterdir() if path.is_dir())


@pytest.mark.parametrize("folder", FOLDERS)
def test_folder_of_scenarios_shows_a_feature(folder: str) -> None:
    assert any(f"`scenarios/{folder}/" in row.proofs for row in ROWS)


@pytest.mark.parametrize("folder", FOLDERS)
def test_folder_of_scenarios_is_described(folder: str) -> None:
    lines = (ROOT / "scenarios" / "README.md").read_text(encoding="utf-8").splitlines()
    assert any(line.startswith("|") and f"`{folder}/`" in line for line in lines)
