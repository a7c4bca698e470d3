"""Scenario files of the isrsim simulator in Python: run them, and collect them as pytest items."""

from isrsim.command import (
    Command,
    CommandFailed,
    CommandNotFound,
    IsrsimError,
    RunResult,
    ScenarioError,
    Variant,
    find_command,
)

__all__ = [
    "Command",
    "CommandFailed",
    "CommandNotFound",
    "IsrsimError",
    "RunResult",
    "ScenarioError",
    "Variant",
    "find_command",
]
