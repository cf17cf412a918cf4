"""conftest: what all of the tests share: one option, Ctrl-C as it is, and that no generated example is timed."""

import signal

import pytest
from hypothesis import settings

settings.register_profile("tailrace", deadline=None)  # a busy machine is no failure; timing is `make bench`'s
settings.load_profile("tailrace")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--golden` renews the golden files instead of comparing with them."""
    parser.addoption("--golden", action="store_true", help="renew the golden files instead of comparing with them")


def pytest_configure() -> None:
    """Hear SIGINT: a shell ignores it in what it starts with `&`, which a program and its children inherit."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
