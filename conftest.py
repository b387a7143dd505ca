"""What pytest loads for every suite here."""

from importlib import import_module

import pytest

pytest_plugins = ["pytester"]

PLUGINS = (
    "collection",
    "settings",
    "doctor",
    "markers",
    "claims",
    "controls",
    "regressions",
    "failures",
    "order",
    "plan",
    "report",
    "hosts",
    "lab",
    "pair",
    "manager",
    "promises",
    "bench",
    "filters",
    "rewriting",
    "blocks",
    "verdicts",
    "soak",
    "audit",
    "kills",
    "endurance",
    "performance",
    "usage",
    "live",
    "interrupt",
)
"""Those of `fixtures`, in the order in which they are loaded."""


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    """Load our plugins as they are.

    For each name in `pytest_plugins` pytest looks through all packages that are installed, and rewrites its asserts;
    ours have none.
    """
    for name in PLUGINS:
        pluginmanager.register(import_module(f"fixtures.{name}"), f"fixtures.{name}")
