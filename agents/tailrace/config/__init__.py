"""config: flags, TAILRACE_* variables and a YAML file to one typed `Settings`.

settings.py     every setting once; node_name; what no setting shows alone
values.py       text to sizes, durations, lists …, and back
load.py         flag > environment > file > default, and where each value came from
flags.py        the settings as click options
reference.py    the settings as a page, a JSON schema and an example file
"""

from tailrace.config.load import Loaded, Origin, SettingsError, load
from tailrace.config.settings import SETTINGS, Settings, node_name, problems

__all__ = ["SETTINGS", "Loaded", "Origin", "Settings", "SettingsError", "load", "node_name", "problems"]
