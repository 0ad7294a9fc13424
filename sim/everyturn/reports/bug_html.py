"""A bug report as one HTML page: no network, readable on a phone, dark where the reader's system is; all log text
escaped."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Final

from everyturn.logs.excerpt import ExcerptRow, Sign
from everyturn.logs.words import words
from everyturn.printing import printable
from everyturn.reports.bug import BugReport, ReportItem, commands, reproduced, run_lines, runs_of, share
from everyturn.reports.bug_markdown import affected
from everyturn.reports.lanes import diagram
from everyturn_model.partial import PartialAnswer

_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1c2330; --dim: #5b6678; --paper: #fff; --card: #f5f6f8; --line: #d5dae2;
  --bad: #b3261e; --bad-soft: #fbe9e7; --turn: #3567a8; --queue: #b07a1e; --hidden: #7a5195; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7ec; --dim: #9aa4b5; --paper: #15181d; --card: #1e2228;
  --line: #363d48; --bad: #ff8a80; --bad-soft: #3a2021; --turn: #7fb0ee; --queue: #e0b060; --hidden: #c7a0e0; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 60rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .5rem; }
h2 { font-size: 1.25rem; line-height: 1.3; margin: 3rem 0 .5rem; padding-top: 1.2rem;
  border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.6rem 0 .3rem; }
p { margin: .3rem 0 .6rem; }
.lead, .dim { color: var(--dim); }
.rule { border-left: 4px solid var(--bad); background: var(--bad-soft); padding: .6rem .9rem; margin: .4rem 0; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: .5rem; background: var(--card); }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
td, th { text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid var(--line); }
tr:last-child td { border-bottom: 0; }
td.n { text-align: right; color: var(--dim); font-variant-numeric: tabular-nums; white-space: nowrap; }
td.share { color: var(--dim); min-width: 8rem; }
tr.hidden td { color: var(--hidden); font-style: italic; }
tr.refused td { background: var(--bad-soft); }
tr.refused b { color: var(--bad); }
code, pre { font: .82rem/1.45 ui-monospace, monospace; }
td code { display: block; color: var(--dim); font-style: normal; white-space: pre-wrap; word-break: break-all; }
pre { margin: 0; padding: .7rem .9rem; white-space: pre-wrap; word-break: break-all; }
summary { cursor: pointer; padding: .4rem 0; }
svg { display: block; }
svg text { font: 13px system-ui, sans-serif; fill: var(--ink); }
svg .dim { fill: var(--dim); }
svg .place { font-size: 11px; fill: var(--dim); text-anchor: end; }
svg .lane { font-weight: 600; text-anchor: middle; }
svg .rail { stroke: var(--line); }
svg .turn { stroke: var(--turn); stroke-width: 7; stroke-linecap: round; }
svg .queue { stroke: var(--queue); stroke-width: 7; stroke-dasharray: 3 4; }
svg .wait { stroke: var(--bad); stroke-width: 2; stroke-dasharray: 2 4; }
svg .seen { fill: var(--ink); }
svg .step { fill: var(--paper); stroke: var(--hidden); stroke-width: 2; }
svg .bad { stroke: var(--bad); stroke-width: 3; fill: none; }
svg text.bad { fill: var(--bad); stroke: none; font-weight: 600; }
svg text.step { fill: var(--hidden); stroke: none; font-style: italic; }
"""

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_CLASSES: Final = {Sign.SEEN: "seen", Sign.HIDDEN: "hidden", Sign.REFUSED: "refused"}


def page(report: BugReport) -> str:
    """The whole page."""
    return "\n".join(_page(report)) + "\n"


def safe(text: str) -> str:
    """Foreign text as HTML text: no control characters, no surrogates, no markup."""
    return escape(printable(text))


def _page(report: BugReport) -> Iterator[str]:
    title = safe(report.title)
    yield "<!DOCTYPE html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield f"<title>{title}</title><style>{_STYLE}</style></head><body>"
    yield f"<h1>{title}</h1>"
    yield (
        f'<p class="lead">{report.refused:,} of {report.runs:,} runs refused, {report.undetermined:,} '
        f"undetermined; judged by the"
    )
    yield "specification of the dispatcher, which infers the steps that no line tells.</p>"
    if len(report.items) > 1:
        yield from _contents(report)
    for item in report.items:
        yield from _item(item, alone=len(report.items) == 1)
    yield from _environment(report)
    yield "</body></html>"


def _contents(report: BugReport) -> Iterator[str]:
    yield '<div class="scroll"><table>'
    for item in report.items:
        yield f'<tr><td class="n">{item.number}</td><td><a href="#fault{item.number}">{safe(item.fault.title)}</a></td>'
        yield f'<td class="share">{safe(share(item))}</td></tr>'
    yield "</table></div>"


def _item(item: ReportItem, *, alone: bool) -> Iterator[str]:
    fault = item.fault
    if not alone:
        yield f'<h2 id="fault{item.number}">{item.number}. {safe(fault.title)}</h2>'
    yield f'<h3>What was expected</h3><p class="rule">{safe(fault.expected)}</p>'
    if fault.promise is not None:
        yield f'<p class="dim">In general (invariant <code>{fault.invariant}</code>): {safe(fault.promise)}.</p>'
    yield f'<h3>What happened</h3><p class="dim">{safe(run_lines(fault.shown))}</p>'
    yield f'<div class="scroll">{diagram(item.excerpt, fault.waiting)}</div>'
    yield (
        '<p class="dim">● a line of the log · ○ a step that no line tells and that something later needs · ✗ what '
        "the rule"
    )
    left_out = f" · {item.excerpt.left_out:,} steps of others are left out" if item.excerpt.left_out else ""
    yield f"forbids · thick: a turn · dashed: in the queue · dotted: a client waits for ever{left_out}</p>"
    yield '<details><summary>The lines</summary><div class="scroll"><table>'
    for row in item.excerpt.rows:
        yield _row(row)
    yield "</table></div></details>"
    yield f"<h3>Who is affected</h3><p>{safe(affected(fault))}</p>"
    if item.consequences:
        yield (
            f"<p>Refused in the same run, "
            f"too:</p><ul>{''.join(f'<li>{safe(each)}</li>' for each in item.consequences)}</ul>"
        )
    yield f"<h3>How often</h3><p>{safe(runs_of(fault).capitalize())}."
    yield f"{f'Also in {safe(item.others)}.' if item.others else ''}</p>"
    yield f'<h3>How to reproduce</h3><div class="scroll"><pre>{safe_lines(commands(item))}</pre></div>'
    yield f"<p>{safe(reproduced(item))}</p>"


def safe_lines(lines: Iterator[str]) -> str:
    """Several lines of foreign text."""
    return "\n".join(map(safe, lines))


def _row(row: ExcerptRow) -> str:
    rules = f"<br><b>✗ {safe(' '.join(row.rules))}</b>" if row.rules else ""
    text = f"<code>{safe(row.text)}</code>" if row.text is not None else ""
    said = f"{safe(words(row.event))}{rules}{text}"
    return f'<tr class="{_CLASSES[row.sign]}"><td class="n">{row.place}</td><td>{said}</td></tr>'


def _environment(report: BugReport) -> Iterator[str]:
    yield '<h2>Environment</h2><div class="scroll"><table>'
    for log in report.logs:
        counts = ", ".join(f"{log.answers[answer]:,} {answer}" for answer in PartialAnswer)
        yield (
            f"<tr><td>log</td><td>{safe(log.path)}</td></tr><tr><td>sha256</td><td><code>{log.sha256}</code></td></tr>"
        )
        yield f"<tr><td>written by</td><td>{safe(log.revisions)}</td></tr>"
        yield f"<tr><td>judged</td><td>{log.lines:,} lines, {log.runs:,} runs: {counts}</td></tr>"
    yield f"<tr><td>tool</td><td>{safe(report.tool)}</td></tr>"
    yield f"<tr><td>command</td><td><code>{safe(report.command)}</code></td></tr></table></div>"
