"""config: flags, TAILRACE_* variables and a YAML file to one typed `Settings`.

declared.py     what a setting is; a Struct's fields to settings; a sink's settings
settings.py     every setting of the agent once; node_name; what no setting shows alone
exporter.py     those of `run metrics`
values.py       text to sizes, durations, lists …, and back
load.py         flag > environment > file > default, and where each value came from, with file.py (YAML),
                reading.py (one mapping) and entries.py (several sinks, below `sinks:`)
flags.py        the settings as click options
reference.py    the settings as a page and a JSON schema; example.py: as an example file

The sinks are delivery's, which this package does not know: who loads settings says which sinks there are.
"""

from tailrace.config.declared import DeclaredSink
from tailrace.config.load import Loaded, SettingsError, load
from tailrace.config.reading import Origin
from tailrace.config.settings import SETTINGS, Settings, SinkEntry, node_name, problems

__all__ = [
    "SETTINGS", "DeclaredSink", "Loaded", "Origin", "Settings", "SettingsError", "SinkEntry", "load", "node_name",
    "problems",
]  # fmt: skip
