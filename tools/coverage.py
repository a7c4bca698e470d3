"""Judges what gcovr counted: the share of lines that ran, and whether every other line is explained.

An explanation is a line of the explanations' file: a path, a function or * and the reason. It must explain at least
one line that did not run, so that the file tells nothing that is no longer so.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def explanations(path: Path) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = line.split(maxsplit=2)
        if len(parts) != 3:
            sys.exit(f"{path}:{number}: expected a path, a function (or *) and a reason")
        found[parts[0], parts[1]] = parts[2]
    return found


def main(report: Path, explained: Path, least: int) -> int:
    reasons = explanations(explained)
    unused = set(reasons)
    lines = ran = 0
    bare: dict[tuple[str, str], list[int]] = {}
    for file in json.loads(report.read_text(encoding="utf-8"))["files"]:
        starts = sorted((function["lineno"], function["name"]) for function in file["functions"])
        counts: dict[int, tuple[int, str]] = {}
        for line in file["lines"]:
            if line.get("gcovr/noncode"):
                continue
            number = line["line_number"]
            function = next((name for start, name in reversed(starts) if start <= number), "*")
            counts[number] = (counts.get(number, (0, ""))[0] + line["count"], function)
        lines += len(counts)
        ran += sum(count > 0 for count, _ in counts.values())
        for number, (count, function) in sorted(counts.items()):
            if count > 0:
                continue
            key = next((key for key in ((file["file"], function), (file["file"], "*")) if key in reasons), None)
            if key is None:
                bare.setdefault((file["file"], function), []).append(number)
            unused.discard(key)  # type: ignore[arg-type]
    share = 100 * ran / max(lines, 1)
    print(f"core/: {ran} of {lines} lines ran: {share:.2f} % (at least {least} %); {len(reasons)} explanations")
    for (name, function), numbers in sorted(bare.items()):
        print(f"{name}:{numbers[0]}: {function}: not run and not explained: {', '.join(map(str, numbers))}")
    for name, function in sorted(unused):
        print(f"{explained}: {name} {function}: explains nothing any more")
    return 0 if share >= least and not bare and not unused else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
