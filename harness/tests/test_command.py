"""The isrsim command as its users see it: output, errors, exit codes, files."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from isrsim.command import find_command

from conftest import ROOT, SMALL, Isrsim

COMMANDS = re.findall(r"^X\((\w+), ", (ROOT / "harness" / "commands.def").read_text(encoding="utf-8"), flags=re.MULTILINE)
TOPICS = ["scenario", "steps", "conditions", "config", "invariants", "policies", "faults", "profiles", "yields", "exit-codes"]


# ---- bad input: what is wrong and where, exit code 1, nothing on stdout ----

HEAD = SMALL.split("steps:")[0]
LINE = HEAD.count("\n") + 1

BAD = {
    "malformed": (HEAD + "steps: [{at: 1s,\n", LINE + 1, 1, "not valid YAML"),
    "unknown-key": (HEAD + "setle: 5s\n", LINE, 1, "did you mean 'settle'?"),
    "duplicate-key": (HEAD + "seed: 1\nseed: 2\n", LINE + 1, 1, f"first given on line {LINE}"),
    "rf-above-brokers": ("cluster: {brokers: 2}\ntopics: {a: {replication: 3}}\n", 2, 27, "2 brokers"),
    "min-isr-above-rf": ("topics: {a: {replication: 2, min_isr: 3}}\n", 1, 39, "replication factor 2"),
    "unknown-node": (HEAD + "steps: [{at: 1s, kill: n9}]\n", LINE, 24, "there is no node 'n9'"),
    "unknown-topic": (HEAD + 'steps: [{when: "isr of odrers-0 is [1]", kill: n1}]\n', LINE, 24, "did you mean 'orders'?"),
    "unknown-client": (HEAD + "steps: [{traffic: {state: off, client: p9}}]\n", LINE, 40, "there is no client 'p9'"),
    "missing-unit": (HEAD + "duration: 320\n", LINE, 11, "the unit is missing"),
    "absurd-unit": (HEAD + "duration: 5 parsecs\n", LINE, 13, "'parsecs' is not a unit of time"),
    "out-of-range": (HEAD + "config: {replica_lag_time_max: 1ns}\n", LINE, 32, "must be 10ms to 1h"),
    "wrong-type": (HEAD + "steps: {kill: n1}\n", LINE, 8, "expected a list of steps, not a mapping"),
    "settle-too-long": (HEAD + "duration: 5s\nsettle: 9s\n", LINE + 1, 9, "must be shorter"),
    "alias": ("topics: &t {a: {}}\nclients: *t\n", 1, 9, "anchors (&) and aliases (*)"),
    "empty": ("", 1, 1, "the file is empty"),
    "only-a-comment": ("# nothing yet\n", 1, 1, "the file is empty"),
    "no-mapping": ("hello\n", 1, 1, "expected a mapping for the scenario"),
    "tab": ("cluster:\n\tbrokers: 3\n", 2, 1, "YAML indents with spaces"),
    "tab-behind-spaces": ("cluster:\n  \tbrokers: 3\n", 2, 3, "YAML indents with spaces"),
    "no-colon": (HEAD + "settle 5s\n", LINE, 1, "a key ends with a colon"),
    "two-colons": (HEAD + "seed: a: b\n", LINE, 8, "must be in quotes"),
    "quotes-left-open": (HEAD + "seed: 'x\n", LINE, 7, "the quotes that open here are not closed"),
    "odd-character": (HEAD + "@a: b\n", LINE, 1, "must be in quotes"),
    "key-by-its-words": ("topics: {a: {replication_factor: 3}}\n", 1, 14, "did you mean 'replication'?"),
    "setting-by-its-words": (HEAD + "config: {session_timeout: 5s}\n", LINE, 10, "did you mean 'broker_session_timeout'?"),
    "rule-by-its-beginning": (HEAD + "rules: {trunca: hw}\n", LINE, 9, "did you mean 'trunc'?"),
    "rule-without-such-value": (HEAD + "rules: {trunc: bad}\n", LINE, 16, "expected epoch or hw, not 'bad'"),
    "action-by-its-words": (HEAD + "steps: [{power_off_node: n1}]\n", LINE, 10, "did you mean 'power_off'?"),
    "condition-misspelt": (HEAD + 'steps: [{when: "leader of orders-0 electd", kill: n1}]\n', LINE, 36, "did you mean 'elected'?"),
    "huge-number": ("cluster: {brokers: 999999999999999999999}\ntopics: {a: {}}\n", 1, 20, "has too many digits"),
    "too-many-brokers": ("cluster: {brokers: 101}\ntopics: {a: {}}\n", 1, 20, "must be 1 to 100"),
    "no-whole-number": ("cluster: {brokers: 3.0}\ntopics: {a: {}}\n", 1, 20, "in digits alone"),
    "huge-duration": (HEAD + "duration: 99999999999999h\n", LINE, 11, "out of range"),
    "unit-of-days": (HEAD + "duration: 1d\n", LINE, 12, "a unit of ns us ms s m h"),
    "negative-duration": (HEAD + "duration: -5s\n", LINE, 11, "cannot be negative"),
    "nul": ("name: x\0\n", 1, 8, "byte 0x00 is not text"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("verb", ["check", "run", "list"])
def test_bad_file_is_told_with_its_place(isrsim: Isrsim, tmp_path: Path, name: str, verb: str) -> None:
    text, line, column, words = BAD[name]
    (tmp_path / "bad.isr.yaml").write_text(text, encoding="utf-8")
    done = isrsim(verb, "bad.isr.yaml")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(f"bad.isr.yaml:{line}:{column}: error: ")
    assert words in done.stderr
    assert done.stderr.count(": error: ") == done.stderr.count("= hint: ")  # each says what to do
    shown = text.split("\n")[line - 1]
    if shown:
        indent = "".join("\t" if character == "\t" else " " for character in shown[: column - 1].ljust(column - 1))
        assert f"{line:6} | {shown.replace(chr(0), '?')}\n       | {indent}^\n" in done.stderr


def test_invalid_utf8_is_told(isrsim: Isrsim, tmp_path: Path) -> None:
    (tmp_path / "bad.isr.yaml").write_bytes(b'name: "\xff\xfe"\n')
    done = isrsim("check", "bad.isr.yaml")
    assert (done.returncode, done.stdout) == (1, "")
    assert "bad.isr.yaml:1:8: error: byte 0xff is not text" in done.stderr


def test_random_bytes_never_crash(isrsim: Isrsim, tmp_path: Path) -> None:
    (tmp_path / "bad.isr.yaml").write_bytes(bytes((i * 7919 + (i >> 3)) % 256 for i in range(4096)))
    assert isrsim("run", "bad.isr.yaml").returncode == 1


def test_all_errors_of_a_file_come_together(isrsim: Isrsim, tmp_path: Path) -> None:
    (tmp_path / "bad.isr.yaml").write_text(HEAD + "settle: 5\nrules: {a: b}\nsteps:\n  - {kil: n1}\n  - {kill: n8}\n")
    done = isrsim("check", "bad.isr.yaml")
    assert [int(n) for n in re.findall(r"yaml:(\d+):", done.stderr)] == [LINE, LINE + 1, LINE + 3, LINE + 4]


def test_missing_file_and_empty_folder_are_told(isrsim: Isrsim, tmp_path: Path) -> None:
    done = isrsim("run", "nothing.isr.yaml")
    assert (done.returncode, done.stdout) == (1, "")
    assert "nothing.isr.yaml: No such file or directory" in done.stderr
    (tmp_path / "empty").mkdir()
    done = isrsim("run", "empty")
    assert done.returncode == 1 and "there is no scenario" in done.stderr


def test_what_is_no_scenario_by_its_name_is_refused(isrsim: Isrsim, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello\n")
    done = isrsim("run", "notes.txt")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("isrsim: notes.txt: ") and "end in .isr.yaml" in done.stderr


def test_folder_with_the_name_of_a_scenario_is_a_folder(isrsim: Isrsim, tmp_path: Path) -> None:
    (tmp_path / "folder.isr.yaml").mkdir()
    done = isrsim("check", "folder.isr.yaml")
    assert done.returncode == 1 and "folder.isr.yaml: there is no scenario in this directory" in done.stderr


def test_byte_order_mark_is_no_part_of_the_text(isrsim: Isrsim, tmp_path: Path) -> None:
    (tmp_path / "marked.isr.yaml").write_text("\ufeff" + SMALL, encoding="utf-8")
    assert isrsim("check", "marked.isr.yaml").returncode == 0
    (tmp_path / "marked.isr.yaml").write_text("\ufeffseed: x\n", encoding="utf-8")
    assert "marked.isr.yaml:1:7: error: 'x' is not a seed" in isrsim("check", "marked.isr.yaml").stderr


@pytest.mark.parametrize("words", [["small.isr.yaml", "./small.isr.yaml"], [".", "small.isr.yaml"], [".", "."]])
@pytest.mark.parametrize("verb", ["check", "run", "list"])
def test_file_given_twice_is_told(isrsim: Isrsim, small: Path, verb: str, words: list[str]) -> None:
    done = isrsim(verb, *words)
    assert done.returncode == 1 and "this file is given twice" in done.stderr
    assert verb == "list" or "held" not in done.stdout


def test_scenario_is_never_overwritten_by_a_trace(isrsim: Isrsim, small: Path) -> None:
    before = small.read_bytes()
    for words in (["--trace", small, small], [f"--trace={small}", small]):
        done = isrsim("run", *words)
        assert done.returncode == 1 and "--trace FILE" in done.stderr
    assert small.read_bytes() == before


def test_unknown_variant_is_told_with_those_that_exist(isrsim: Isrsim) -> None:
    done = isrsim("run", ROOT / "scenarios/museum/20-leader-truncates.isr.yaml", "--variant", "nope")
    assert (done.returncode, done.stdout) == (1, "")
    assert "has a variant 'nope'" in done.stderr and "hint: there are wrong, historical, correct" in done.stderr


def test_tour_without_an_exhibit_is_told(isrsim: Isrsim, small: Path) -> None:
    done = isrsim("tour", small)
    assert (done.returncode, done.stdout) == (1, "")
    assert "there is no exhibit" in done.stderr


def test_one_bad_file_among_good_ones_stops_the_run(isrsim: Isrsim, tmp_path: Path, small: Path) -> None:
    (tmp_path / "bad.isr.yaml").write_text("a: 1\n")
    done = isrsim("run", tmp_path)
    assert (done.returncode, done.stdout) == (1, "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "which command?"),
        (["rnu"], "did you mean 'run'?"),
        (["run"], "which scenario?"),
        (["run", "--sede", "1", "x"], "did you mean '--seed'?"),
        (["run", "--seed"], "--seed: the value is missing\n  hint: write --seed N: "),
        (["run", "--seed", "x.isr.yaml"], "--seed: the value is missing: 'x.isr.yaml' comes next"),
        (["run", "--rules", "x.isr.yaml"], "write --rules NAME=VALUE,..."),
        (["run", "--seed", "--json", "x"], "'--json' comes next"),
        (["run", "--seed", "-1", "x"], "'-1' is not a seed"),
        (["run", "--seed", "1", "--seed", "2", "x"], "it is given twice: '1' and '2'"),
        (["run", "--seed", "1", "--seeds", "1..2", "x"], "give --seed or --seeds, not both"),
        (["run", "--quiet", "--verbose", "x"], "--quiet prints only what is wrong, --verbose tells the story"),
        (["run", "--verbose", "--json", "x"], "--json prints an object a run"),
        (["run", "--json", "--quiet", "x"], "give --json or --quiet, not both"),
        (["run", "--metrics", "-q", "x"], "give --metrics or --quiet, not both"),
        (["run", "--trace", "t", "-v", "x"], "give --trace or --verbose, not both"),
        (["soak", "--json", "--verbose"], "give --json or --verbose, not both"),
        (["run", "-qv", "x"], "write -q, and"),
        (["--seed", "1", "run", "x"], "options stand behind the command"),
        (["x.isr.yaml"], "isrsim run FILE"),
        (["version"], "isrsim --version"),
        (["help", "run", "soak"], "one thing at a time"),
        (["help", "nothing"], "`isrsim help` lists both"),
        (["run", "--seeds", "5", "x"], "5..5 is seed 5 alone"),
        (["soak", "--seeds", "0"], "'0' is no range of seeds\n  hint: write the first and the last seed"),
        (["soak", "--seeds", "1.."], "'1..' is no range of seeds"),
        (["soak", "--seeds", "1-9"], "such as 1..100"),
        (["soak", "--jobs", "many"], "'many' is no number of worker processes"),
        (["run", "--rules", "trunc=hw", "--rules", "elr=off", "x"], "separated by commas"),
        (["run", "--rules", "trunc=hw,elr=off,trunc=hw", "x"], "rule 'trunc' is set twice"),
        (["run", "--seed", "many", "x"], "'many' is not a seed"),
        (["run", "--seeds", "9..1", "x"], "empty range"),
        (["run", "--twice=yes", "x"], "takes no value"),
        (["run", "--rules", "trunk=hw", "x"], "did you mean 'trunc'?"),
        (["run", "--rules", "trunc=nothing", "x"], "its values are epoch (correct) and hw"),
        (["run", "--rules", "trunc", "x"], "name=value"),
        (["list", "--twice"], "unknown option '--twice'"),
        (["rules", "x"], "takes no argument"),
        (["completion", "fish"], "completion bash"),
        (["help", "scenaroi"], "did you mean 'scenario'?"),
        (["bench", "--cases", "z"], "not of abcdefgh"),
        (["soak", "--jobs", "0"], "1 to 64"),
        (["fuzz", "--shrink"], "name a folder for them with --output"),
        (["fuzz", "--shard", "4/3"], "there is no shard 4 of 3"),
        (["fuzz", "--shard", "0/3"], "'0/3' is no shard\n  hint: write which one of how many"),
        (["fuzz", "--seeds", "1..2", "--shard", "3/3"], "has no seed"),
        (["fuzz", "--budget", "60"], "the unit is missing"),
        (["fuzz", "--budget", "0s"], "there must be some time"),
        (["fuzz", "--max-time", "-1s"], "cannot be negative"),
        (["fuzz", "--max-events", "0"], "'0' is no number of events"),
        (["fuzz", "--seed", "5"], "did you mean '--seeds'?"),
        (["fuzz", "--seeds", "1..5", "--from", "3"], "give --seeds or --from, not both"),
        (["fuzz", "--from", "three"], "'three' is not a seed"),
        (["fuzz", "--jobs", "65"], "1 to 64"),
        (["fuzz", "x.isr.yaml"], "takes no argument"),
        (["fuzz", "--profile", "powr"], "did you mean 'power'?"),
        (["soak", "--budget", "5s"], "unknown option '--budget'"),
        (["soak", "--profile", "zombi"], "did you mean 'zombie'?"),
        (["fuzz", "--consensus", "libraf"], "did you mean 'libraft'?"),
        (["fuzz", "--unchecked", "I3,raft-log"], "there is no invariant 'raft-log'"),
        (["soak", "--profile", "frobnicate"], "there is no profile 'frobnicate'\n  hint: `isrsim help profiles`"),
    ],
)
def test_bad_command_line_is_told(isrsim: Isrsim, words: list[str], message: str) -> None:
    done = isrsim(*words)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("isrsim") and message in done.stderr
    assert done.stderr.count("\n  hint: ") == 1 and done.stderr.count("\n") == 2


# ---- what the README and the help tell people to try ----


def examples() -> list[tuple[str, str]]:
    """Commands, each with what is said of it."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.findall(r"^build/isrsim (.*?) +# (.*)$", readme, flags=re.MULTILINE)
    helped = subprocess.run([find_command(ROOT), "help"], capture_output=True, encoding="utf-8", check=True).stdout
    tried = helped[helped.index("Try:") : helped.index("`isrsim help COMMAND`")]
    found += re.findall(r"^  isrsim (.*?)(?: {2,}|\n +)(.*)$", tried, flags=re.MULTILINE)
    return found


@pytest.mark.parametrize(("words", "said"), examples())
def test_example_does_what_is_said(command: Path, tmp_path: Path, words: str, said: str) -> None:
    (tmp_path / "scenarios").symlink_to(ROOT / "scenarios")
    done = subprocess.run([command, *words.split()], cwd=tmp_path, capture_output=True, encoding="utf-8", check=False)
    breaks = "break" in said or "bug" in said
    assert done.returncode == (2 if breaks else 0), done.stdout[-2000:] + done.stderr
    assert done.stdout
    if "-o found" in words:
        assert list((tmp_path / "found").glob("*.shrunk.isr.yaml"))


# ---- running ----


def test_json_has_an_object_a_run(isrsim: Isrsim, small: Path) -> None:
    done = isrsim("run", small, "--json", "--seeds", "3..5")
    assert done.returncode == 0, done.stdout + done.stderr
    runs = [json.loads(line) for line in done.stdout.splitlines()]
    assert [run["seed"] for run in runs] == [3, 4, 5]
    for run in runs:
        assert run["schema"] == 1
        assert (run["scenario"], run["variant"], run["verdict"]) == ("small", "default", "held")
        assert run["invariant"] is None and run["expected"] is True and run["exit_code"] == 0
        assert run["virtual_ns"] == 30_000_000_000
        assert run["events"] > run["messages_delivered"] > run["records_committed"] > 20
        assert re.fullmatch(r"[0-9a-f]{16}", run["hash"])
        assert run["reproducer"].endswith(f"run {small} --seed {run['seed']}")
    assert len({run["hash"] for run in runs}) == 3


def test_same_seed_gives_the_same_hash(isrsim: Isrsim, small: Path) -> None:
    first, second = (isrsim("run", small, "--json", "--seed", "0x7").stdout for _ in range(2))
    assert first == second and json.loads(first)["seed"] == 7


def test_twice_compares(isrsim: Isrsim, small: Path) -> None:
    done = isrsim("run", small, "--twice", "--seeds", "1..2")
    assert done.returncode == 0
    assert "2 runs: all ended as expected; each was the same twice" in done.stdout


def test_expected_violation_is_a_success(isrsim: Isrsim) -> None:
    done = isrsim("run", ROOT / "scenarios/museum/20-leader-truncates.isr.yaml", "--json", "--variant", "wrong")
    run = json.loads(done.stdout)
    assert (done.returncode, run["verdict"], run["expected"]) == (0, "violated", True)
    assert run["message"]


def test_rules_on_the_line_decide_by_verdict(isrsim: Isrsim) -> None:
    museum = ROOT / "scenarios/museum/20-leader-truncates.isr.yaml"
    done = isrsim("run", museum, "--json", "--variant", "correct", "--rules", "leader_trunc=hw")
    run = json.loads(done.stdout)
    assert (done.returncode, run["verdict"], run["expected"]) == (2, "violated", None)
    assert "--rules leader_trunc=hw" in run["reproducer"]


def test_unexpected_outcome_prints_the_reproducer(isrsim: Isrsim, tmp_path: Path) -> None:
    path = tmp_path / "hope.isr.yaml"
    path.write_text(SMALL + 'expect: {holds: true, finally: ["acked records >= 1000000"]}\n')
    done = isrsim("run", "hope.isr.yaml")
    assert done.returncode == 3
    assert "acked records >= 1000000" in done.stdout
    assert "run hope.isr.yaml --seed 1 --verbose" in done.stdout


def test_violation_that_does_not_come_proves_nothing(isrsim: Isrsim, tmp_path: Path) -> None:
    (tmp_path / "x.isr.yaml").write_text(SMALL + "expect: {violates: I3}\n")
    assert isrsim("run", "x.isr.yaml").returncode == 6


def test_step_that_is_never_reached_is_vacuous(isrsim: Isrsim, tmp_path: Path) -> None:
    (tmp_path / "x.isr.yaml").write_text(SMALL.replace("acked records >= 20", "acked records >= 2000000"))
    done = isrsim("run", "x.isr.yaml", "--json")
    assert (done.returncode, json.loads(done.stdout)["verdict"]) == (6, "vacuous")


def test_verbose_tells_the_story(isrsim: Isrsim, small: Path) -> None:
    out = isrsim("run", small, "--verbose").stdout
    assert re.search(r"^    \d+\.\d{3}s step 1: n3 killed$", out, re.MULTILINE)


def test_metrics_are_told_by_node(isrsim: Isrsim, small: Path) -> None:
    record = json.loads(isrsim("run", small, "--metrics", "--json").stdout)
    metrics = record["metrics"]
    assert metrics["n1"]["partitions_led"] == 1
    assert metrics["p1"]["client_records_acked"] >= 20
    assert metrics["n1"]["records_appended_leader"] >= record["records_committed"]
    told = isrsim("run", small, "--metrics").stdout
    assert re.search(r"^ +partitions_led +1 +0 +0 ", told, flags=re.MULTILINE)
    assert "metrics" not in json.loads(isrsim("run", small, "--json").stdout)


def test_quiet_prints_nothing_when_all_is_well(isrsim: Isrsim, small: Path) -> None:
    done = isrsim("run", small, "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# ---- traces ----


def test_trace_is_json_lines(isrsim: Isrsim, small: Path, tmp_path: Path) -> None:
    assert isrsim("run", small, "--trace", "t.jsonl").returncode == 0
    records = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text(encoding="utf-8").splitlines()]
    assert records[0]["kind"] == "run" and records[0]["schema"] == 1
    assert all(set(record) == {"time_ns", "node", "kind", "fields", "text"} for record in records[1:])
    times = [record["time_ns"] for record in records[1:]]
    assert times == sorted(times)
    leaders = [record for record in records if record["kind"] == "became_leader"]
    assert leaders[0]["fields"]["tp"] == "orders-0" and sorted(leaders[0]["fields"]["isr"]) == [1, 2, 3]
    assert sorted(os.listdir(tmp_path)) == ["small.isr.yaml", "t.jsonl"]


def test_tracing_changes_nothing(isrsim: Isrsim, small: Path) -> None:
    plain = json.loads(isrsim("run", small, "--json").stdout)
    traced = json.loads(isrsim("run", small, "--json", "--trace", "t.jsonl").stdout)
    assert plain["hash"] == traced["hash"]


def test_full_disk_is_told(isrsim: Isrsim, small: Path) -> None:
    done = isrsim("run", small, "--trace", "/dev/full")
    assert done.returncode == 1 and "No space left on device" in done.stderr


def test_trace_that_grows_too_large_leaves_nothing_behind(command: Path, small: Path, tmp_path: Path) -> None:
    # a limit on the size of files stands for the full disk: the first bytes fit, the rest does not
    done = subprocess.run(
        ["/bin/sh", "-c", 'trap "" XFSZ; ulimit -f 64; exec "$0" "$@"', command, "run", small, "--trace", "t.jsonl"],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 1 and "cannot write the trace t.jsonl: File too large" in done.stderr
    assert os.listdir(tmp_path) == ["small.isr.yaml"]


def test_unwritable_trace_is_told_before_the_run(isrsim: Isrsim, small: Path, tmp_path: Path) -> None:
    done = isrsim("run", small, "--trace", "no/such/folder/t.jsonl")
    assert (done.returncode, done.stdout) == (1, "")
    assert "No such file or directory" in done.stderr
    done = isrsim("run", small, "--trace", tmp_path)
    assert done.returncode == 1 and "Is a directory" in done.stderr


def test_trace_is_of_one_run_only(isrsim: Isrsim, small: Path) -> None:
    done = isrsim("run", small, "--trace", "t.jsonl", "--seeds", "1..2")
    assert done.returncode == 1 and "one run" in done.stderr


# ---- the rest ----


def test_list_tells_what_there_is(isrsim: Isrsim, small: Path) -> None:
    out = isrsim("list", small).stdout
    assert "small  [small]" in out and "expected: holds" in out and "A small cluster." in out and "It loses" not in out
    entry = json.loads(isrsim("list", "--json", small).stdout)
    assert (entry["scenario"], entry["tags"], entry["expect"]) == ("small", ["small"], "holds")


def test_check_accepts_every_scenario_of_the_project(isrsim: Isrsim) -> None:
    done = isrsim("check", ROOT / "scenarios")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) >= 20


@pytest.mark.parametrize("word", COMMANDS + TOPICS)
def test_help_explains(isrsim: Isrsim, word: str) -> None:
    done = isrsim("help", word)
    assert (done.returncode, done.stderr) == (0, "") and len(done.stdout) > 100


@pytest.mark.parametrize("verb", COMMANDS)
def test_overview_and_option_help_name_every_command(isrsim: Isrsim, verb: str) -> None:
    assert re.search(rf"^  {verb} ", isrsim("--help").stdout, re.MULTILINE)
    assert isrsim(verb, "--help").stdout == isrsim("help", verb).stdout


def test_version(isrsim: Isrsim) -> None:
    assert re.fullmatch(r"isrsim \d+\.\d+\.\d+\n", isrsim("--version").stdout)


def test_colour_follows_the_conventions(isrsim: Isrsim) -> None:
    assert "\033[" not in isrsim("rules").stdout
    assert "\033[" in isrsim("rules", FORCE_COLOR="1").stdout
    assert "\033[" not in isrsim("rules", FORCE_COLOR="1", NO_COLOR="1").stdout


def _complete(command: Path, *words: str) -> list[str]:
    script = """
        source <("$0" completion bash)
        COMP_WORDS=(isrsim "$@"); COMP_CWORD=$#; COMP_LINE="${COMP_WORDS[*]}"; COMP_POINT=${#COMP_LINE}
        compopt() { :; }
        _isrsim
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    done = subprocess.run(
        ["bash", "-c", script, command, *words], capture_output=True, encoding="utf-8", check=True, cwd=ROOT
    )
    return done.stdout.split()


def test_completion_of_bash(command: Path) -> None:
    assert set(COMMANDS) <= set(_complete(command, ""))
    assert _complete(command, "sch") == ["schema"]
    assert _complete(command, "run", "--tw") == ["--twice"]
    assert "--twice" not in _complete(command, "list", "--")
    assert _complete(command, "run", "--rules", "leader_t") == ["leader_trunc=hw"]
    assert _complete(command, "help", "cond") == ["conditions"]
    assert "scenarios" in _complete(command, "run", "scen")


def test_full_standard_output_is_an_error(command: Path) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([command, "schema"], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1 and b"standard output failed" in done.stderr


def test_tour_tells_an_exhibit(isrsim: Isrsim, tmp_path: Path) -> None:
    museum = ROOT / "scenarios/museum/20-leader-truncates.isr.yaml"
    done = isrsim("tour", museum)
    assert done.returncode == 0, done.stdout
    for words in ("Exhibit 20: StreamBus, 2025", "leader_trunc=hw", "is violated:", "holds", "What to try next:"):
        assert words in done.stdout


def test_tour_tells_in_short_what_else_breaks_and_what_masks_it(isrsim: Isrsim) -> None:
    done = isrsim("tour", ROOT / "scenarios/museum/04-same-leader-again.isr.yaml")
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("On the wrong rule") == 1
    for words in ("It breaks as well (historical)", "stop_replica_fence=off\n", "Another rule masks it (masked_by_log)"):
        assert words in done.stdout
    assert "2 broke on the wrong rule, 1 held on the correct one, 2 held as another rule masked" in done.stdout


def test_bench_measures(isrsim: Isrsim) -> None:
    done = isrsim("bench", "--quick", "--json", "--cases", "ae")
    cases = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0 and [case["case"] for case in cases] == ["a", "e"]


def test_bench_f_gives_the_same_figures_of_every_policy_again(isrsim: Isrsim) -> None:
    first, second = (isrsim("bench", "--quick", "--json", "--cases", "f") for _ in range(2))
    assert first.returncode == 0 and first.stdout == second.stdout
    trials = {(t["commit"], t["transfer"], t["condition"]): t for t in map(json.loads, first.stdout.splitlines())}
    assert len(trials) == 5 * 2 * 4
    assert trials["fully_sync", "pull", "dead_follower"]["acked"] == 0
    assert trials["quorum", "push", "dead_follower"]["acked"] == trials["quorum", "push", "dead_follower"]["asked"]
    assert trials["async", "pull", "healthy"]["p50_ns"] < trials["all_isr", "pull", "healthy"]["p50_ns"]


def test_find_command_follows_the_environment(tmp_path: Path, command: Path) -> None:
    assert find_command(tmp_path, {"ISRSIM": str(command)}) == command
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "isrsim").touch()
    assert find_command(tmp_path, {}) == tmp_path / "build" / "isrsim"


def test_bench_g_finds_the_same_with_one_worker_and_two(isrsim: Isrsim) -> None:
    done = isrsim("bench", "--quick", "--json", "--cases", "g")
    one, two = (json.loads(line) for line in done.stdout.splitlines())
    assert (one["workers"], two["workers"]) == (1, 2) and one["failed"] == 0
    assert one["seeds"] == two["seeds"] > 0 and one["hash"] == two["hash"]
    assert all(row["seeds_per_s"] > 0 and row["seeds_per_cpu_s"] > 0 and row["ns_per_event"] > 0 for row in (one, two))


def test_bench_h_makes_an_exhibit_small(isrsim: Isrsim) -> None:
    first, second = (json.loads(isrsim("bench", "--quick", "--json", "--cases", "h").stdout) for _ in range(2))
    assert first["case"] == "h" and first["exhibit"] == "05-diverging-fetch-counts"
    assert first["steps"] < first["steps_before"] and first["runs"] >= 150 and first["cpu_s"] > 0
    assert not first["minimal"]  # a quick bench does not go to the end
    times = {"cpu_s", "runs_per_cpu_s"}
    assert {k: v for k, v in first.items() if k not in times} == {k: v for k, v in second.items() if k not in times}
