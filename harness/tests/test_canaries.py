"""Mistakes that can be planted in the simulator: each is built by ctest with a test that must fail by it."""

from __future__ import annotations

import re

from conftest import ROOT


def test_each_canary_has_a_test_that_catches_it() -> None:
    listed = re.findall(r"^X\((\w+),", (ROOT / "sim" / "canaries.def").read_text(encoding="utf-8"), re.MULTILINE)
    cmake = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    built = re.findall(r"^  isr_canary\((\w+) (\S+) (\S+) \w+\s+(\w+)\)", cmake, re.MULTILINE)
    assert sorted(listed) == sorted(name for name, *_ in built) and len(listed) >= 5
    for name, source, test, function in built:
        assert f"SIM_CANARY({name})" in (ROOT / source).read_text(encoding="utf-8")
        assert f"cmocka_unit_test({function})" in (ROOT / test).read_text(encoding="utf-8")
