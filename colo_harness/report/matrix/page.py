"""The page: the matrix for people, in HTML and in Markdown."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from colo_harness.report.matrix.cells import WORDS, Cell, Column, Run, Word
from colo_harness.report.matrix.known import Known

SIGNS: Mapping[Word, str] = {
    "holds": "✓",
    "fails": "✗",
    "known issue": "!",
    "unknown": "?",
    "not applicable": "-",
    "not run": " ",
}
STYLE = """
:root { color-scheme: light dark; --ink: #1c2330; --soft: #5b6472; --line: #d7dce4; --paper: #fff; --head: #f3f5f8;
  --holds: #d8f0dd; --fails: #f7c9c6; --known: #fbe6b8; --unknown: #e3d5f5; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ee; --soft: #9aa4b2; --line: #3a4250; --paper: #14181f;
  --head: #1f2530; --holds: #1d4a2a; --fails: #6b2523; --known: #5c4610; --unknown: #43305f; } }
body { font: 15px/1.4 system-ui, sans-serif; margin: 2em; color: var(--ink); background: var(--paper); }
h1 { font-size: 1.4em; } h2 { font-size: 1.15em; margin-top: 2em; } small { font-size: .78em; color: var(--soft); }
table { border-collapse: collapse; } a { color: inherit; } code { font-size: .9em; }
th, td { border: 1px solid var(--line); padding: .3em .5em; text-align: center; vertical-align: middle; }
thead th { background: var(--head); font-weight: 600; } thead { position: sticky; top: 0; }
.claim, .guest, .issues td { text-align: left; } td.claim { min-width: 22em; max-width: 34em; }
td a { display: block; text-decoration: none; font-weight: 600; }
td:first-child, td b { white-space: nowrap; } .issues td a { display: inline; font-weight: 400; }
.issues td a, p a { text-decoration: underline; }
.holds { background: var(--holds); } .fails { background: var(--fails); } .known-issue { background: var(--known); }
.unknown { background: var(--unknown); } .not-applicable, .not-run { color: var(--soft); }
dt { margin-top: 1em; } .legend span { padding: .1em .6em; margin-right: .5em; border: 1px solid var(--line); }
@media print { body { margin: 0; font-size: 10px; } thead { position: static; } tr { break-inside: avoid; } }
"""
Link = Callable[[str, Column], str]
"""Returns where the evidence of a claim in a column is."""


def framed(title: str, body: str) -> str:
    """Return a whole HTML page that needs nothing beside it."""
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    return f"<!doctype html><html lang=en><head>{head}<style>{STYLE}</style></head><body>{body}</body></html>\n"


@dataclass(frozen=True)
class Matrix:
    """What was judged: the claims that were tested, with their texts, and the issues that cells name."""

    runs: Sequence[Run]
    claims: Mapping[str, str]
    known: Mapping[str, Known]
    link: Link

    @property
    def accels(self) -> list[str]:
        """The accelerators of all pairs."""
        found = {column.accel for run in self.runs for column in run.columns()} - {""}
        return sorted(found, reverse=True) or [""]

    def guests(self, claim: str) -> list[str]:
        """Return those with which a claim was tested somewhere; nothing is no guest."""
        columns = [(run, column) for run in self.runs for column in run.columns()]
        found = {column.guest for run, column in columns if run.cell(claim, column).tests}
        return sorted(found, reverse=True) or [""]

    def cells(self, claim: str, guest: str) -> Iterator[tuple[Column, Cell, int]]:
        """Yield the cells of a row, with the columns of a release that each spans."""
        for run in self.runs:
            for accel in self.accels if guest else [""]:
                column = Column(run.qemu, guest, accel)
                yield column, run.cell(claim, column), 1 if guest else len(self.accels)


def html(matrix: Matrix) -> str:
    """Return the page."""
    span = len(matrix.accels)
    qemus = "".join(
        f'<th colspan="{span}">{escape(run.qemu)}<br><small>{escape(run.version)}</small></th>' for run in matrix.runs
    )
    where = "".join(f"<th>{escape(accel)}</th>" for _ in matrix.runs for accel in matrix.accels)
    legend = "".join(f'<span class="{_class(word)}">{SIGNS[word]} {word}</span>' for word in WORDS)
    table = (
        "<table><thead><tr><th rowspan=2>claim</th><th rowspan=2 class=claim>what is promised</th>"
        f"<th rowspan=2>guest</th>{qemus}</tr><tr>{where}</tr></thead>"
        f"<tbody>{''.join(_rows(matrix))}</tbody><tfoot>{_counts(matrix)}</tfoot></table>"
    )
    trouble = "".join(f"<li>{escape(run.qemu)}: {escape(what)}</li>" for run in matrix.runs for what in run.broken)
    broken = f"<h2>What went wrong in the harness or on the machine</h2><ul>{trouble}</ul>" if trouble else ""
    intro = "<p>Each cell leads to its tests, and to what they left. A word comes from the verdicts of this run.</p>"
    title = "COLO, release by release"
    return framed(title, f"<h1>{title}</h1>{intro}<p class=legend>{legend}</p>{table}{broken}{_issues(matrix)}")


def markdown(matrix: Matrix) -> str:
    """Return the same as a table of Markdown."""
    heads = [", ".join(filter(None, (run.qemu, accel))) for run in matrix.runs for accel in matrix.accels]
    lines = [
        "# COLO, release by release",
        "",
        f"| claim | what is promised | guest | {' | '.join(heads)} |",
        "|---|---|---|" + "---|" * len(heads),
    ]
    for claim, text in matrix.claims.items():
        for guest in matrix.guests(claim):
            told = [
                _linked(matrix, claim, column, cell)
                for column, cell, span in matrix.cells(claim, guest)
                for _ in range(span)
            ]
            lines.append(f"| {claim} | {text} | {guest or 'none'} | {' | '.join(told)} |")
    lines += ["", *(f"* {run.qemu}: {run.version}, {run.seconds:.0f} s" for run in matrix.runs)]
    lines += [f"* {run.qemu}: {what}" for run in matrix.runs for what in run.broken]
    lines += ["", *(f"* {one.name}: {one.text} ({one.link})" for one in matrix.known.values())]
    return "\n".join(lines) + "\n"


def _rows(matrix: Matrix) -> Iterator[str]:
    for claim, text in matrix.claims.items():
        guests = matrix.guests(claim)
        span = f'rowspan="{len(guests)}"'
        head = f"<td {span}>{escape(claim)}</td><td {span} class=claim>{_prose(text)}</td>"
        for guest in guests:
            cells = "".join(_cell(matrix, claim, *one) for one in matrix.cells(claim, guest))
            yield f"<tr>{head}<td class=guest>{guest or 'none'}</td>{cells}</tr>"
            head = ""


def _cell(matrix: Matrix, claim: str, column: Column, cell: Cell, span: int) -> str:
    named = ", ".join(matrix.known[name].name for name in cell.issues)
    told = f"<b>{SIGNS[cell.word]} {cell.word}</b>" if cell.tests else SIGNS[cell.word]
    told += f"<br><small>{escape(named)}</small>" if named else ""
    linked = f'<a href="{escape(matrix.link(claim, column))}">{told}</a>' if cell.tests else told
    return f'<td colspan="{span}" class="{_class(cell.word)}" title="{escape(cell.reason)}">{linked}</td>'


def _linked(matrix: Matrix, claim: str, column: Column, cell: Cell) -> str:
    named = "".join(f" ({matrix.known[name].name})" for name in cell.issues)
    return f"[{cell.word}{named}]({matrix.link(claim, column)})" if cell.tests else cell.word


def _counts(matrix: Matrix) -> str:
    """Return a row that says of each release and accelerator how many of those that were judged hold."""
    counts = ""
    for run in matrix.runs:
        for accel in matrix.accels:
            columns = [column for column in run.columns() if column.accel == accel]
            words = [run.cell(claim, column).word for claim in matrix.claims for column in columns]
            judged = [word for word in words if word not in ("not applicable", "not run")]
            counts += f"<td>{words.count('holds')} of {len(judged)}</td>"
    return f"<tr><td></td><td class=claim>hold, of those that were judged with a guest</td><td></td>{counts}</tr>"


def _issues(matrix: Matrix) -> str:
    if not matrix.known:
        return ""
    told = "".join(
        f"<tr><td>{escape(one.name)}</td><td>{_prose(one.text)}</td><td>{_where(one.link)}</td></tr>"
        for one in matrix.known.values()
    )
    return f"<h2>Known issues and findings</h2><table class=issues><tbody>{told}</tbody></table>"


def _prose(text: str) -> str:
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))


def _where(link: str) -> str:
    followed = link.startswith("https://") or link.endswith(".txt")
    return f'<a href="{escape(link)}">{escape(link)}</a>' if followed else escape(link)


def _class(word: Word) -> str:
    return word.replace(" ", "-")
