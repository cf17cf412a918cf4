"""query: the packs' questions over the lake, on DuckDB here, on Athena or on Trino, or printed as SQL for them.

packs.py          finds the questions and reads their front matter
parameters.py     what a person may give a question: typed, checked, written as SQL literals
sql.py            a question and its values to one plain SQL text, and that text to DuckDB's dialect
settings.py       the engines' settings: flags and TAILRACE_QUERY_* variables
answer.py         what every engine gives back, and what an engine is; engines.py opens one
duckdb_engine.py  over a lake: hours.py says which hours a text can need, lakes.py and s3_lake.py list and open objects,
                  lake_view.py shows them as Athena does, damaged.py finds those that are not whole
athena_engine.py  through PyAthena; athena_errors.py and aws_errors.py say what to do about a refusal
trino_engine.py   through Trino's client
asking.py         one question to an engine, rows to stdout, talk to stderr, the exit code
output.py         rows to a table, CSV or JSON; parquet_output.py to Parquet
command.py        `tailrace query`
glue.py, ddl.py   a table of the lake as Glue, Athena, Trino and DuckDB declare it
tables.py         `tailrace tables` prints that, apply.py makes it
compaction.py     an hour of many small objects to a few large files, by the engine itself
"""
