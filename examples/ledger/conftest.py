"""What pytest loads for every suite of this project: all that COLO's own suites are written with."""

pytest_plugins = ["colo_pytest"]
