"""isrsim museum: what is in it, whether each exhibit is what it says, and how well search finds it."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

from conftest import Isrsim

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def museum(tmp_path: Path) -> Path:
    """The museum, where the command looks for it."""
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios/museum").symlink_to(ROOT / "scenarios/museum")
    return tmp_path


@pytest.fixture
def strange(tmp_path: Path) -> Path:
    """A museum of one exhibit, whose budget is too small for what is rare."""
    folder = tmp_path / "scenarios/museum"
    folder.mkdir(parents=True)
    text = (ROOT / "scenarios/museum/11-reboot-before-alter-partition.isr.yaml").read_text(encoding="utf-8")
    exhibit = folder / "11-rare.isr.yaml"
    exhibit.write_text(text.replace("budget: 3000", "budget: 1"), encoding="utf-8")
    return exhibit


@pytest.mark.usefixtures("museum")
def test_all_twenty_are_listed_with_what_finds_them(isrsim: Isrsim) -> None:
    done = isrsim("museum", "--json")
    exhibits = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0 and {exhibit["exhibit"] for exhibit in exhibits} == set(range(1, 21))
    for exhibit in exhibits:
        assert exhibit["source"] and exhibit["loss"] and exhibit["about"]
        assert {variant["variant"] for variant in exhibit["variants"]} >= {"wrong", "correct"}
        assert exhibit["search"]["budget"] > 0


@pytest.mark.usefixtures("museum")
def test_one_is_listed_for_a_person(isrsim: Isrsim) -> None:
    done = isrsim("museum", "18")
    for words in ("18-concurrent-expiry", "KAFKA-13173", "fence_batch=concurrent: violates I6", "of profile power"):
        assert words in done.stdout


@pytest.mark.usefixtures("museum")
def test_exhibits_are_proved(isrsim: Isrsim) -> None:
    done = isrsim("museum", "verify", "13", "20", "--bases", "2", "--jobs", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {line.split()[0]: line.split()[1:3] for line in done.stdout.splitlines()[1:3]}
    assert rows == {"13-fenced-replica-joins": ["3/3", "2/2"], "20-leader-truncates": ["3/3", "2/2"]}
    assert "every exhibit is what it says, and is found" in done.stdout


@pytest.mark.usefixtures("strange")
def test_what_is_not_found_within_the_budget_is_told(isrsim: Isrsim) -> None:
    done = isrsim("museum", "verify", "--bases", "3")
    assert done.returncode == 6 and "0/3" in done.stdout and "NOT every exhibit" in done.stdout


def test_what_does_not_end_as_told_is_told(isrsim: Isrsim, strange: Path) -> None:
    text = strange.read_text(encoding="utf-8")
    strange.write_text(text.replace('{alterpartition_broker_epoch: "off"}', "{}"), encoding="utf-8")
    done = isrsim("museum", "verify", "--quick")
    assert done.returncode not in (0, 1) and "::wrong does not end as expected" in done.stdout


@pytest.mark.usefixtures("museum")
def test_power_is_a_table_and_a_line_for_each_search(isrsim: Isrsim, tmp_path: Path) -> None:
    done = isrsim("museum", "power", "20", "--bases", "3", "--csv", "power.csv")
    assert done.returncode == 0 and "| 20-leader-truncates" in done.stdout and "| 3/3 " in done.stdout
    with (tmp_path / "power.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["first_seed"] for row in rows] == ["1000001", "2000001", "3000001"]
    for row in rows:
        assert int(row["seed"]) == int(row["first_seed"]) + int(row["seeds"]) - 1
    again = isrsim("museum", "power", "20", "--bases", "3", "--json", "--jobs", "1")
    found = [json.loads(line) for line in again.stdout.splitlines()]
    assert [cell["seed"] for cell in found] == [int(row["seed"]) for row in rows]


@pytest.mark.usefixtures("museum")
def test_strategies_stand_side_by_side(isrsim: Isrsim) -> None:
    done = isrsim("museum", "power", "18", "--bases", "2", "--strategies", "random,pct,guided", "--json")
    cells = [json.loads(line) for line in done.stdout.splitlines()]
    assert [cell["strategy"] for cell in cells] == ["random"] * 2 + ["pct"] * 2 + ["guided"] * 2
    assert all(cell["found"] and cell["invariant"] == "I6" for cell in cells)


@pytest.mark.usefixtures("museum")
@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["verify", "99"], "there is no exhibit 99", "`isrsim museum` lists them"),
        (["verfy"], "'verfy' is neither verify nor power, nor the number of an exhibit", "did you mean 'verify'?"),
        (["verify", "1x"], "'1x' is no number of an exhibit", "there may be 1 to"),
        (["verify", "--json"], "--json: it has no use here", "`isrsim museum power`"),
        (["verify", "--csv", "x.csv"], "--csv: it has no use here", "`isrsim museum power` takes it"),
        (["--bases", "2"], "--bases: it has no use here", "`isrsim museum verify`"),
        (["verify", "--strategies", "random,pct"], "verify searches by one strategy", "`isrsim museum power`"),
        (["power", "--strategies", "randm"], "there is no strategy 'randm'", "random"),
        (["verify", "--bases", "21"], "bases", "20"),
        (["power", "--csv", "no/such/folder"], "no/such/folder cannot be written: No such file or directory", "path"),
    ],
)
def test_bad_words_are_told(isrsim: Isrsim, words: list[str], message: str, hint: str) -> None:
    done = isrsim("museum", *words)
    assert done.returncode == 1 and message in done.stderr and hint in done.stderr


def test_museum_that_is_not_there_is_told(isrsim: Isrsim) -> None:
    done = isrsim("museum")
    assert (done.returncode, done.stdout) == (1, "") and "scenarios/museum" in done.stderr
    assert "\n  hint: name a scenario file, or a folder of them; the project's own are in scenarios/" in done.stderr


def test_search_with_rules_of_no_variant_is_an_error_of_the_file(isrsim: Isrsim, strange: Path) -> None:
    text = strange.read_text(encoding="utf-8")
    strange.write_text(text.replace("budget: 1}", "budget: 1, variant: nobody}"), encoding="utf-8")
    done = isrsim("check", strange)
    assert done.returncode == 1 and "there is no variant 'nobody' to search with" in done.stderr


def test_each_exhibit_is_there_made_small() -> None:
    museum = ROOT / "scenarios" / "museum"
    exhibits = {path.name for path in museum.glob("*.isr.yaml")}
    small = {path.name: path.read_text(encoding="utf-8") for path in (museum / "shrunk").glob("*.isr.yaml")}
    assert small.keys() == exhibits
    table = (museum / "shrunk" / "README.md").read_text(encoding="utf-8")
    for name, text in small.items():
        found = re.search(r"^# to (\d+) steps?, .* (\d+) events\.\n# Minimal: .*\n# Fails so under (\d+) of 20 ", text, re.MULTILINE)
        assert found and int(found[1]) <= 12
        row = rf"^\| {name.removesuffix('.isr.yaml')} \| [^|]* \| {found[1]} \| {found[2]} \| {found[3]} \|"
        assert re.search(row, table, re.MULTILINE), name
