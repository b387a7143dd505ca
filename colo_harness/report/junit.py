"""JUnit XML: the verdicts of runs, for programs that read nothing else."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from colo_harness.report.runs import Run

_ELEMENTS = {"invalid": "failure", "unknown": "error", "known": "skipped", "skipped": "skipped"}
_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Tests = Sequence[Mapping[str, Any]]


def junit(named: Mapping[str, Sequence[Run]]) -> bytes:
    """Return a suite for each environment, with a case for each test, and one for each thing that broke besides."""
    root = Element("testsuites", name="QEMU COLO conformance")
    for name, runs in named.items():
        tests = [test for run in runs for test in run.verdicts.get("tests", [])]
        broken = [text for run in runs for text in run.verdicts.get("broken", [])]
        suite = SubElement(root, "testsuite", {"name": _text(name), **_counts(tests, broken)})
        properties = SubElement(suite, "properties")
        for key, value in runs[0].environment.items():
            SubElement(properties, "property", name=_text(key), value=_text(value))
        suite.extend(_cases(tests))
        for text in broken:
            case = SubElement(suite, "testcase", classname="harness", name=_text(text)[:120], time="0")
            SubElement(case, "error", message=_text(text))
    indent(root)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _cases(tests: Tests) -> Iterator[Element]:
    for test in tests:
        path, _, name = test["id"].partition("::")
        place = path.removesuffix(".py").replace("/", ".")
        case = Element("testcase", classname=place, name=_text(name), time=f"{test.get('seconds', 0):.3f}")
        properties = SubElement(case, "properties")
        for key, value in {"verdict": test["verdict"], "claims": ", ".join(test["claims"])}.items():
            SubElement(properties, "property", name=key, value=value)
        if element := _ELEMENTS.get(test["verdict"]):
            SubElement(case, element, message=_text(f"{test['verdict']}: {test['reason']}"))
        yield case


def _counts(tests: Tests, broken: Sequence[str]) -> dict[str, str]:
    told = [_ELEMENTS.get(test["verdict"], "") for test in tests]
    counts = {
        "tests": len(tests) + len(broken),
        "failures": told.count("failure"),
        "errors": told.count("error") + len(broken),
        "skipped": told.count("skipped"),
    }
    seconds = sum(test.get("seconds", 0) for test in tests)
    return {**{key: str(count) for key, count in counts.items()}, "time": f"{seconds:.3f}"}


def _text(text: str) -> str:
    """Leave out what XML cannot say."""
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)
