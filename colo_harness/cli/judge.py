"""`colo judge`: hear the checkers of recorded histories again; no QEMU is needed."""

import inspect
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from colo_harness.errors import UsageError, printable
from colo_harness.history import Valid
from colo_harness.judge.again import Hearing, Rejudgement, again
from colo_harness.judge.register import parse, register, signature
from colo_harness.judge.verdict import Checker, Plain, Verdict
from colo_harness.recording import Recording, load

STATUS: dict[Valid, int] = {"valid": 0, "invalid": 1, "unknown": 3}
DAMAGED = 2
_STDIN = Path("/dev/stdin")
_FROM_BEST = (0, 3, DAMAGED, 1)  # as for `colo run`: what is invalid is so, whatever else happened
_COLOUR: dict[Valid, str] = {"valid": "green", "invalid": "red", "unknown": "yellow"}
_INDENT = " " * 9
_LONG = 100  # characters from which on parameters are left to --json
_LINES = 8  # so many lines of the history are named before the rest is counted


def judge(
    histories: Annotated[
        list[Path] | None, typer.Argument(metavar="HISTORY...", help="Recorded histories, gzip or not; - is stdin.")
    ] = None,
    checker: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[{JSON}]",
            help="Hear this checker in place of those that were heard then; may be given several times.",
        ),
    ] = None,
    list_checkers: Annotated[bool, typer.Option("--list", help="Show the checkers that there are.")] = False,  # noqa: FBT002 - typer's form of a flag
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the verdicts there too.")] = None,
) -> None:
    """Judge recorded histories again; exits 0 when all is valid, 1 when not, 2 for damage, 3 if unsure."""
    if list_checkers:
        typer.echo(_listing())
        return
    if not histories:
        raise UsageError("no history is named", "name one or more, such as history.jsonl from the report")
    asked = [parse(text) for text in checker or []]
    told: list[dict[str, Any]] = []
    for path in histories:
        if told:
            typer.echo()
        told.append(_one(path, asked))
    status = max((one["status"] for one in told), key=_FROM_BEST.index)
    if json_file:
        _write(json_file, {"status": status, "histories": told})
    raise typer.Exit(status)


def _one(path: Path, asked: Sequence[Checker]) -> dict[str, Any]:
    """Judge one history, print what comes of it, and return it for programs."""
    try:
        recording = load(_STDIN if str(path) == "-" else path)
    except UsageError as damage:
        typer.echo(f"colo: {_on_one_line(damage.problem)}\n  {damage.remedy}", err=True)
        return {"history": str(path), "status": DAMAGED, "problem": damage.problem}
    typer.echo(_heading(path, recording))
    if recording.torn:
        typer.echo(f"colo: {path}:{recording.torn}: cut off in the middle; judged without this line", err=True)
    rejudgement = again(recording.entries, asked)
    for hearing in rejudgement.hearings:
        typer.echo(hearing_line(hearing))
    if rejudgement.doubt:
        typer.echo(f"{_word('unknown')}  {rejudgement.doubt}; ask for checkers with --checker")
    return _document(path, recording, rejudgement)


def _heading(path: Path, recording: Recording) -> str:
    test = f" ({recording.header.test})" if recording.header.test else ""
    return _on_one_line(f"{path}{test}: {len(recording.entries)} entries")


def hearing_line(hearing: Hearing) -> str:
    """Return what people see of a hearing, in one line; in three where it was another then."""
    checker = hearing.checker if len(hearing.checker) <= _LONG else f"{hearing.now.checker} {{…}}"
    line = f"{_word(hearing.now.valid)}  {_on_one_line(f'{checker}: {_said(hearing.now)}')}"
    if not hearing.differs or hearing.then is None:
        return line
    then = _on_one_line(f"{hearing.then.valid}: {_said(hearing.then)}")
    return f"{line}\n{_INDENT}then {then}\n{_INDENT}the checker was changed since, or the history"


def _word(valid: Valid) -> str:
    return typer.style(f"{valid:<7}", fg=_COLOUR[valid])


def _said(verdict: Verdict) -> str:
    at = [] if verdict.at is None else [f"at {verdict.at:.3f} s"]
    named = ", ".join(map(str, verdict.lines[:_LINES]))
    more = f" and {len(verdict.lines) - _LINES} more" if len(verdict.lines) > _LINES else ""
    lines = [f"line{'s' if len(verdict.lines) > 1 else ''} {named}{more}"] if verdict.lines else []
    return f"{verdict.reason} ({'; '.join(at + lines)})" if at or lines else verdict.reason


def _on_one_line(text: str) -> str:
    return printable(text.replace("\n", "\\n"))


def _document(path: Path, recording: Recording, rejudgement: Rejudgement) -> dict[str, Any]:
    return {
        "history": str(path),
        "status": STATUS[rejudgement.valid],
        "test": recording.header.test,
        "torn": recording.torn,
        "doubt": rejudgement.doubt,
        "verdicts": [
            {
                "checker": hearing.now.checker,
                "parameters": hearing.parameters,
                **_plain(hearing.now),
                "differs": hearing.differs,
                "then": hearing.then and _plain(hearing.then),
            }
            for hearing in rejudgement.hearings
        ],
    }


def _plain(verdict: Verdict) -> dict[str, Any]:
    return {"verdict": verdict.valid, "reason": verdict.reason, "at": verdict.at, "lines": verdict.lines}


def _write(path: Path, document: dict[str, Any]) -> None:
    try:
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    except OSError as trouble:
        told = f"--json {path}: cannot be written ({trouble.strerror})"
        raise UsageError(told, "name a file where you may write") from trouble


def _listing() -> str:
    blocks = []
    for name, known in register().items():
        about = known.judge if isinstance(known, Plain) else known
        said = (inspect.getdoc(about) or "").partition("\n")[0]
        told = signature(known)
        blocks.append(f"{name}\n    {said}" + (f"\n    {told}" if told else ""))
    return "\n".join(blocks)
