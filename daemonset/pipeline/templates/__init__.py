"""templates: nothing in, the CloudFormation stack of the delivery pipeline out.

    pipeline.py    the pipeline, its builds, and what the stack asks for
    storage.py     where images and artifacts lie, and for how long
    roles.py       what each stage may do

`GENERATED` names the file.
"""

from __future__ import annotations

from collections.abc import Callable

from daemonset.pipeline.templates import pipeline

GENERATED: tuple[tuple[str, Callable[[], str]], ...] = (("daemonset/pipeline/pipeline.yaml", pipeline.template),)
