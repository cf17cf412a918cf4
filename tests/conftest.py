"""conftest: the one option that all of the tests share."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--golden` renews the golden files instead of comparing with them."""
    parser.addoption("--golden", action="store_true", help="renew the golden files instead of comparing with them")
