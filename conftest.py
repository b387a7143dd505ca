"""What pytest loads for every suite here."""

from fixtures import pytest_addoption

__all__ = ["pytest_addoption"]

pytest_plugins = ["pytester"]
