"""moto_here: AWS as moto plays it in this process, in one region."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from moto import mock_aws

REGION = "eu-west-1"


@contextmanager
def moto_here() -> Iterator[None]:
    """No call leaves the process, whatever the environment says. moto itself puts credentials there."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        warnings.simplefilter("ignore", UserWarning)  # moto's, of what it skips
        with mock_aws():
            yield
