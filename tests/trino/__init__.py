"""Every question of the packs, and the lake's own Parquet, on a real Trino, whose engine is Athena's (README.md).

stage.py        the servers, and the tables of a lake in them
test_trino.py   one file, because there is to be one Trino
"""
