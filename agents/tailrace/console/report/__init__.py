"""report: a lake and a window of time in, one HTML file that opens without a network out.

asking.py         a question of the packs to its answer, over as much of the window as there is time for
weighing.py       about how much an hour of the lake holds, without counting it
part.py           what a section is made of: a sentence, tables, charts, lines
shown.py          a value to text that is safe to show: no control characters, a bounded length
chart.py          numbers to SVG
verdict.py        the ledger's verdict: read, delivered, lost
volume.py, errors.py, routes.py, restarts.py, neighbours.py, costs.py, budgets.py, ledger.py
                  a section each: questions in, a Section out
page.py           sections to HTML, with template.html and style.css
command.py        `tailrace report`
"""
