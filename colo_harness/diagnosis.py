"""A diagnosis: what was found where a run may need something, for people and for programs."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from textwrap import shorten
from typing import Any, Literal, NamedTuple, TypedDict

LONGEST = 200
"""Characters of a text, in a row; programs get all."""
State = Literal["ok", "no", "untried", "declined"]


class Row(NamedTuple):
    """A line for people."""

    word: str
    name: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.word:<8}  {self.name:<17}  {self.sentence}".rstrip()


@dataclass(frozen=True)
class Answer:
    """What a probe came to: `text` is what it found or why it did not, `remedy` what the user can do about it."""

    name: str
    state: State
    text: str
    remedy: str
    must: bool
    seconds: float
    judged: bool = False
    """Whether a no is QEMU's own failure: a run goes on, and its claims fail with the reason."""

    @property
    def ok(self) -> bool:
        """Whether the thing can be done."""
        return self.state == "ok"

    @property
    def fatal(self) -> bool:
        """Whether the suite cannot run for want of it."""
        return self.must and self.state == "no"

    @property
    def sentence(self) -> str:
        """What was found, or why not and the remedy; a text that is too long to read is cut."""
        text = shorten(self.text, LONGEST, placeholder=" …")
        return f"{text}; remedy: {self.remedy}" if self.remedy else text

    @property
    def row(self) -> Row:
        """The answer for people."""
        word = {"no": "FAILED" if self.must else "missing"}.get(self.state, self.state)
        return Row(word, self.name, self.sentence)


class Told(TypedDict):
    """A diagnosis as JSON values."""

    answers: list[Answer]
    accelerators: dict[str, str]


@dataclass(frozen=True)
class Diagnosis:
    """All answers, and what each kind of guest runs under, with the reason."""

    answers: tuple[Answer, ...]
    accelerators: Mapping[str, str]

    @property
    def fatal(self) -> list[Answer]:
        """What the suite cannot run without and what is not there, the cause first."""
        return [answer for answer in self.answers if answer.fatal]

    @property
    def blocking(self) -> list[Answer]:
        """Of what is fatal, that which no run should begin without; what only follows from another is left out."""
        return [answer for answer in self.fatal if answer.remedy and not answer.judged]

    @property
    def missing(self) -> list[Answer]:
        """Everything that is not there, optional or not."""
        return [answer for answer in self.answers if answer.state == "no"]

    @property
    def conclusion(self) -> str:
        """The sum in a sentence."""
        lost = ", ".join(answer.name for answer in self.fatal)
        optional = ", ".join(answer.name for answer in self.missing if not answer.fatal)
        sum_ = f"the suite cannot run here, for want of {lost}" if lost else "all that the suite must have is there"
        return f"{sum_}; missing and optional: {optional}" if optional else sum_

    def head(self) -> Iterator[Row]:
        """Yield what heads a run: what is well in one row, the rest in full."""
        well = [answer.name for answer in self.answers if answer.ok and answer.name != "qemu"]
        yield Row("ok", ", ".join(well), "")
        yield from (answer.row for answer in self.answers if answer.name == "qemu" or not answer.ok)
        yield from self.choices()

    def choices(self) -> Iterator[Row]:
        """Yield what the guests run under."""
        for guest, accelerator in self.accelerators.items():
            yield Row("choice", f"{guest} guests", accelerator)

    def as_json(self) -> dict[str, Any]:
        """Return the diagnosis as JSON values; `Diagnosis.of` is the way back."""
        return {"fit": not self.fatal, **asdict(self)}

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Diagnosis":
        """Rebuild a diagnosis from `as_json`."""
        return cls(tuple(Answer(**answer) for answer in values["answers"]), values["accelerators"])
