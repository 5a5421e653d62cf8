"""The report's style sheet: plain, printable, light and dark after the reader's system."""

STYLE = """
:root { color-scheme: light dark; --text: #1c1f23; --faint: #5b6470; --line: #d5d9de; --back: #ffffff; --card: #f5f6f8;
        --warn-back: #fff4d6; --warn-line: #c98a00; --accent: #0b5cad; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6e8eb; --faint: #a0a8b3; --line: #3a4048; --back: #16181b; --card: #1f2327;
          --warn-back: #3a2f12; --warn-line: #d9a233; --accent: #7db8f5; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1.25rem 3rem; max-width: 66rem; background: var(--back); color: var(--text);
       font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; padding-bottom: .2rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
p { margin: .4rem 0; }
.faint { color: var(--faint); font-size: .87rem; }
.notice { border-left: 4px solid var(--warn-line); background: var(--warn-back); padding: .5rem .8rem; margin: .8rem 0; }
.notice ul { margin: .2rem 0; padding-left: 1.2rem; }
.figures { display: flex; flex-wrap: wrap; gap: .75rem; margin: .8rem 0; }
.figures div { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: .5rem .9rem; min-width: 8.5rem; }
.figures b { display: block; font-size: 1.3rem; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .9rem; }
th, td { text-align: right; padding: .3rem .55rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; color: var(--faint); vertical-align: bottom; }
th:first-child, td:first-child, th.text, td.text { text-align: left; }
td { white-space: nowrap; }
td.text { min-width: 13rem; white-space: normal; }
table.facts { width: auto; }
table.facts th, table.facts td { white-space: normal; text-align: left; border: 0; padding: .1rem 1.2rem .1rem 0; overflow-wrap: anywhere; }
table.facts th { vertical-align: top; white-space: nowrap; }
.readings { display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); gap: .75rem; margin: .8rem 0; }
.readings section { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: .6rem .9rem; }
.readings h3 { margin: 0; color: var(--faint); font-size: .9rem; }
.readings b { font-size: 1.25rem; }
.readings ul { margin: .3rem 0; padding-left: 1.1rem; font-size: .9rem; }
figure { margin: .9rem 0; break-inside: avoid; }
figure img { max-width: 100%; height: auto; display: block; border-radius: 4px; background: #000; }
figcaption { color: var(--faint); font-size: .87rem; margin-top: .25rem; }
code { overflow-wrap: anywhere; font-size: .85em; }
@media print { body { max-width: none; padding: 0; font-size: 11px; } .notice, .figures div, .readings section { break-inside: avoid; }
               h2 { break-after: avoid; } thead { display: table-header-group; } tr { break-inside: avoid; } }
"""
