"""The page: the matrix for people, in HTML and in Markdown."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from itertools import groupby

from colo_harness.report.matrix.cells import WORDS, Cell, Column, Run, Word

SIGNS: Mapping[Word, str] = {
    "holds": "✓",
    "fails": "✗",
    "known issue": "!",
    "unknown": "?",
    "not applicable": "-",
    "not run": " ",
}
STYLE = """
body { font: 15px/1.4 system-ui, sans-serif; margin: 2em; color: #1c2330; background: #fff; }
h1 { font-size: 1.4em; } table { border-collapse: collapse; } code { font-size: .9em; }
th, td { border: 1px solid #d7dce4; padding: .3em .5em; text-align: center; }
thead th { position: sticky; top: 0; background: #f3f5f8; font-weight: 600; }
td:first-child, td.claim, th.claim { text-align: left; } td.claim { max-width: 44em; }
td a { display: block; text-decoration: none; color: inherit; font-weight: 600; }
.holds { background: #d8f0dd; } .fails { background: #f7c9c6; } .known-issue { background: #fbe6b8; }
.unknown { background: #e3d5f5; } .not-applicable { color: #68707c; } .not-run { background: #eef0f3; color: #68707c; }
dt { margin-top: 1em; } .legend span { padding: .1em .6em; margin-right: .5em; border: 1px solid #d7dce4; }
"""
Link = Callable[[str, Column], str]
"""Returns where the evidence of a claim in a column is."""


def framed(title: str, body: str) -> str:
    """Return a whole HTML page that needs nothing beside it."""
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    return f"<!doctype html><html lang=en><head>{head}<style>{STYLE}</style></head><body>{body}</body></html>\n"


def html(runs: Sequence[Run], claims: Mapping[str, str], link: Link) -> str:
    """Return the page; `claims` are those that were tested, with their texts."""
    columns = [(run, column) for run in runs for column in run.columns()]
    qemus = "".join(
        f'<th colspan="{len(list(group))}">{escape(run.qemu)}<br><small>{escape(run.version)}</small></th>'
        for run, group in groupby((run for run, _ in columns), key=lambda run: run)
    )
    where = "".join(f"<th>{escape(column.told)}</th>" for _, column in columns)
    body = "".join(
        f"<tr><td>{escape(claim)}</td><td class=claim>{escape(text)}</td>"
        + "".join(_cell(run.cell(claim, column), link(claim, column)) for run, column in columns)
        + "</tr>"
        for claim, text in claims.items()
    )
    counts = "".join(f"<td>{_count(run, column, claims)}</td>" for run, column in columns)
    legend = "".join(f'<span class="{_class(word)}">{SIGNS[word]} {word}</span>' for word in WORDS)
    table = (
        f"<table><thead><tr><th rowspan=2>claim</th><th rowspan=2 class=claim>what is promised</th>{qemus}</tr>"
        f"<tr>{where}</tr></thead><tbody>{body}</tbody>"
        f"<tfoot><tr><td></td><td class=claim>hold, of those that were judged</td>{counts}</tr></tfoot></table>"
    )
    trouble = "".join(f"<li>{escape(run.qemu)}: {escape(what)}</li>" for run in runs for what in run.broken)
    broken = f"<h2>What went wrong in the harness or on the machine</h2><ul>{trouble}</ul>" if trouble else ""
    return framed(
        "COLO, release by release", f"<h1>COLO, release by release</h1><p class=legend>{legend}</p>{table}{broken}"
    )


def markdown(runs: Sequence[Run], claims: Mapping[str, str], link: Link) -> str:
    """Return the same as a table of Markdown."""
    columns = [(run, column) for run in runs for column in run.columns()]
    head = "".join(f" {run.qemu}, {column.told} |" for run, column in columns)
    lines = [
        "# COLO, release by release",
        "",
        f"| claim | what is promised |{head}",
        "|---|---|" + "---|" * len(columns),
    ]
    for claim, text in claims.items():
        cells = [(run.cell(claim, column), link(claim, column)) for run, column in columns]
        told = "".join(f" [{cell.word}]({where}) |" if cell.tests else f" {cell.word} |" for cell, where in cells)
        lines.append(f"| {claim} | {text} |{told}")
    lines += ["", *(f"* {run.qemu}: {run.version}, {run.seconds:.0f} s" for run in runs)]
    lines += [f"* {run.qemu}: {what}" for run in runs for what in run.broken]
    return "\n".join(lines) + "\n"


def _cell(cell: Cell, where: str) -> str:
    told = f"{SIGNS[cell.word]}<br><small>{cell.word}</small>"
    linked = f'<a href="{escape(where)}">{told}</a>' if cell.tests else told
    return f'<td class="{_class(cell.word)}" title="{escape(cell.reason)}">{linked}</td>'


def _count(run: Run, column: Column, claims: Mapping[str, str]) -> str:
    words = [run.cell(claim, column).word for claim in claims]
    judged = [word for word in words if word not in ("not applicable", "not run")]
    return f"{words.count('holds')} of {len(judged)}"


def _class(word: Word) -> str:
    return word.replace(" ", "-")
