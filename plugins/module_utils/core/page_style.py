# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the page of the fleet looks: one style sheet, nothing from elsewhere, dark where the reader's system is dark."""

from __future__ import annotations

#: A class takes its two colours from one pair, so that a test can hold every pair against WCAG AA in both schemes.
STYLE = """
:root { color-scheme: light dark; --page: #f6f7f9; --card: #ffffff; --text: #1a1d21; --quiet: #525a65; --line: #c9ced6;
  --good: #0b5a2b; --good-back: #e3f4e8; --bad: #8f1414; --bad-back: #fde7e7; --open: #5c3a00; --open-back: #fff0d1; }
@media (prefers-color-scheme: dark) {
:root { --page: #14171b; --card: #1c2026; --text: #e8eaed; --quiet: #a9b1bc; --line: #3d444e;
  --good: #8fe0a8; --good-back: #12301d; --bad: #ffb3b3; --bad-back: #451a1d; --open: #ffd58a; --open-back: #3d2c08; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 1rem; font: 1rem/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); }
header, main, footer { max-width: 90rem; margin: 0 auto; }
h1 { font-size: 1.5rem; line-height: 1.25; } h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; }
h1, h2, p, li, td, th, dd, summary { overflow-wrap: anywhere; }
.note { color: var(--quiet); background: var(--page); }
.good { color: var(--good); background: var(--good-back); }
.bad { color: var(--bad); background: var(--bad-back); }
.open { color: var(--open); background: var(--open-back); }
.verdict { padding: .5rem .75rem; border-radius: .25rem; font-weight: 600; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); gap: .5rem; margin: 0; }
.figures div { padding: .5rem .75rem; border: 1px solid var(--line); color: var(--text); background: var(--card); }
.figures dd { margin: 0; font-size: 1.25rem; }
.scroll { overflow-x: auto; border: 1px solid var(--line); margin: .5rem 0; }
table { border-collapse: collapse; min-width: 100%; color: var(--text); background: var(--card); }
caption { padding: .5rem; text-align: left; font-weight: 600; }
th, td { padding: .35rem .5rem; border: 1px solid var(--line); text-align: left; vertical-align: top; }
th, td { min-width: 8.5rem; }
tbody th { position: sticky; left: 0; min-width: 9rem; max-width: 45vw; color: var(--text); background: var(--card); }
small { display: block; font-weight: 400; }
summary { padding: .35rem 0; cursor: pointer; }
:focus-visible { outline: 3px solid var(--text); outline-offset: 2px; }
"""
