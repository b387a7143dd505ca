"""Claims are read strictly: a mistake is named by line and key."""

from pathlib import Path

import pytest

from colo_harness.errors import UsageError
from colo_harness.judge import Claim, load_claims

GOOD = """
[claims.LIFE-1]
text = "It starts."
source = "system/qemu-colo, Test procedure"
area = "lifecycle"

[claims.FT-SESSION-2]
text = "It lives on."
source = "COLO-FT.txt"
area = "failover"
"""


def written(folder: Path, text: str) -> Path:
    """Return a file with this text."""
    path = folder / "claims.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_claims_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    """By id."""
    claims = load_claims(written(tmp_path, GOOD))
    assert list(claims) == ["LIFE-1", "FT-SESSION-2"]
    assert claims["LIFE-1"] == Claim("LIFE-1", "It starts.", "system/qemu-colo, Test procedure", "lifecycle")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('area = "failover"', 'area = "fail"', r":7: claims.FT-SESSION-2.area: 'fail' is no area"),
        ('text = "It lives on."', "", r":7: claims.FT-SESSION-2.text: missing"),
        ('text = "It lives on."', 'text = "It lives on"', r":7: claims.FT-SESSION-2.text: not a sentence"),
        ('text = "It lives on."', "text = 5", r":7: claims.FT-SESSION-2.text: must be a text"),
        ('text = "It lives on."', 'text = " "', r":7: claims.FT-SESSION-2.text: must be a text"),
        ('area = "failover"', 'area = "failover"\nfoo = 1', r":7: claims.FT-SESSION-2.foo: unknown"),
        ("claims.FT-SESSION-2", "claims.ft2", r":7: claims.ft2: not an id"),
        ("claims.FT-SESSION-2", "claims.LIFE-1", r":7: Cannot declare"),
        ("[claims.FT-SESSION-2]", "[claim.FT-2]", r":7: claim: not a table of claims"),
        ('source = "COLO-FT.txt"', "source = ", r":9: Invalid value"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, old: str, new: str, told: str) -> None:
    """With its line."""
    with pytest.raises(UsageError, match=told):
        load_claims(written(tmp_path, GOOD.replace(old, new)))


@pytest.mark.parametrize("text", ["", "claims = 3", "claims = {}", "[claims]\nLIFE-1 = 3"])
def test_a_file_without_claims_is_a_mistake(tmp_path: Path, text: str) -> None:
    """Nothing would be tested."""
    with pytest.raises(UsageError):
        load_claims(written(tmp_path, text))


def test_a_file_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    """The error names it."""
    with pytest.raises(UsageError, match=r"claims\.toml"):
        load_claims(tmp_path / "claims.toml")
