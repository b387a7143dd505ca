"""The checkpoint stream is cut where its parts begin, and what is not known in it is told."""

import struct

import pytest

from colo_harness.colo.dissector import NotUnderstood, Primary, Secondary
from colo_harness.colo.message import OF_SECONDARY, Message
from suites.harness.streams import RAM_SECTION, RETURN_PATH, checkpoint, entry, joined, pages, section, word

RAM = joined(checkpoint()[:2])
"""Up to the pages of a checkpoint."""


def parts_of(dissector: Primary | Secondary, stream: bytes, piece: int) -> list[tuple[Message | None, bytes]]:
    """Return the parts of a stream that comes in pieces of this size, with all bytes of each."""
    parts: list[tuple[Message | None, bytes]] = [(None, b"")]
    for start in range(0, len(stream), piece):
        for begins, raw in dissector.feed(stream[start : start + piece]):
            if begins:
                parts.append((begins, b""))
            parts[-1] = (parts[-1][0], parts[-1][1] + raw)
    return parts


def in_colo() -> Primary:
    """Return a primary's dissector behind the entry into COLO."""
    primary = Primary()
    primary.feed(entry())
    primary.enter_colo()
    return primary


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 1000, 1 << 20])
def test_a_checkpoint_is_cut_however_it_comes(piece: int) -> None:
    """Each part of each checkpoint begins where it begins, and no byte is lost."""
    sent = checkpoint() * 2
    assert parts_of(in_colo(), joined(sent), piece)[1:] == sent


@pytest.mark.parametrize("piece", [1, 5, 1 << 20])
def test_the_migration_has_its_ram_and_its_device_state(piece: int) -> None:
    """Both begin with the section that is the first of theirs."""
    found = parts_of(Primary(), entry(), piece)
    assert [part for part, _ in found] == [None, Message.RAM, Message.DEVICE_STATE]
    assert b"".join(raw for _, raw in found) == entry()
    assert found[1][1].startswith(b"\x01\0\0\0\x02\x03ram")
    assert found[2][1].startswith(b"\x04 devices")


@pytest.mark.parametrize("piece", [1, 3, 100])
def test_what_the_secondary_says_is_cut(piece: int) -> None:
    """Its messages of the return path are no parts; COLO's are."""
    sent = [(message, word(message)) for message in OF_SECONDARY]
    found = parts_of(Secondary(), RETURN_PATH * 2 + joined(sent), piece)
    assert found == [(None, RETURN_PATH * 2), *sent]


@pytest.mark.parametrize("piece", [1, 100])
def test_an_unknown_migration_is_passed_on(piece: int) -> None:
    """What nobody understands goes by unread, and COLO's parts are found behind it."""
    primary = Primary()
    strange = entry(head=b"no magic")
    assert parts_of(primary, strange, piece) == [(None, strange)]
    assert "6e6f206d61676963" in str(primary.puzzle)
    primary.enter_colo()
    assert parts_of(primary, joined(checkpoint()), piece)[1:] == checkpoint()


@pytest.mark.parametrize(
    ("stream", "told"),
    [
        (struct.pack(">I", 7), "a COLO message of number 0x7"),
        (RAM + section(3, struct.pack(">Q", 0x40)), "a page of flags 0x40"),
        (RAM + struct.pack(">BI", 3, RAM_SECTION + 1), "more of section 3"),
        (RAM + struct.pack(">BI", 1, 9) + b"\x05dirty" + bytes(8), "a section of b'dirty'"),
        (RAM + b"\x04", "a section of kind 0x4"),
        (RAM + section(3, pages(1))[:-1] + b"\x09", "a section that ends with 0x7e of 9"),
    ],
)
def test_what_is_not_known_is_told(stream: bytes, told: str) -> None:
    """Whatever is not part of a checkpoint as it is known here is named."""
    with pytest.raises(NotUnderstood, match=told):
        in_colo().feed(stream)


def test_a_migration_may_not_end_in_the_middle() -> None:
    """If the secondary were ready before all of the migration has passed, its end would be no landmark."""
    primary = Primary()
    primary.feed(entry()[:40])
    with pytest.raises(NotUnderstood, match="has not ended"):
        primary.enter_colo()
