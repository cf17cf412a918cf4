"""quiet_flags: the settings' options in, the same ones that --help does not list out.

A command that looks at an agent takes every flag that the agent takes. Its help would be ten pages of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import click


def taken(options: Sequence[click.Parameter]) -> list[click.Parameter]:
    """The options, hidden: taken and not listed."""
    for option in options:
        assert isinstance(option, click.Option)
        option.hidden = True
    return list(options)
