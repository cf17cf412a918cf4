"""query: the packs' questions over the lake, on DuckDB here or printed as SQL for Athena.

packs.py          finds the questions and reads their front matter
parameters.py     what a person may give a question: typed, checked, written as SQL literals
sql.py            a question and its values to one plain SQL text, and that text to DuckDB's dialect
duckdb_engine.py  runs such a text over a folder that is a lake
output.py         rows to a table, CSV or JSON
command.py        `tailrace query`
"""
