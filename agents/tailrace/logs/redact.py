"""redact: an array of messages in, the same array with secrets written over out.

One cheap pattern is looked for in every message (does it hold an `@`?); only messages with a candidate are rewritten,
with Arrow's RE2 kernels. The one slow path is `card`: messages with something as long as a card number, grouped
as cards are, are looked at one by one in Python, because no regular expression can add up a check digit.

What is written over is gone from the lake, never from the node: the log file still holds it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

# Some programs write mail addresses into URLs (%40) or into JSON that escapes all but letters (\u0040).
_AT = r"(?:@|%40|\\u0040)"
_EMAIL = rf"[A-Za-z0-9._%+-]+{_AT}(?:[A-Za-z0-9-]+\.)+[A-Za-z]{{2,}}"

_SPACE = r"(?:[ \t]|%20)+"
# After a header's name any token is one; without it, "bearer of news" must stay, so a token needs 16 characters.
_HEADER = rf"(?i)(authorization[\"'\\]*{_SPACE[:-1]}*[:=]{_SPACE[:-1]}*[\"'\\]*(?:bearer|basic){_SPACE})[^\s\"'\\,;]+"
_BEARER = rf"(?i)\b(bearer{_SPACE})[A-Za-z0-9._~+/=-]{{16,}}"

_AWS_KEY_ID = r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
# Between name and value stand `=`, `: `, `": "`, `\":\"` and the like: never more than eight of them.
_AWS_SECRET = r"(?i)(secret[_-]?(?:access[_-]?)?key[^A-Za-z0-9/+]{1,8})[A-Za-z0-9/+]{40,}"

# A run of digits, or 4-4-4-4 (up to 19 digits), 4-6-5 (American Express), 4-6-4 (Diners).
_CARD_FORMS = r"(?:\d{13,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{1,4}(?:\1\d{1,3})?|\d{4}([ -])\d{6}\2\d{4,5})"
# Neither part of a word or hex id, nor the decimals of a number.
_CARD = re.compile(rf"(?<![0-9A-Za-z])(?<!\d\.){_CARD_FORMS}(?![0-9A-Za-z])", re.ASCII)
# Length to first digits that are issued. It keeps times out: 13, 16 and 19 digits since 1970 all begin with a 1, and
# 20261120222358 has 14 digits and begins with a 2, yet one in ten of them would pass Luhn's check.
_CARD_FIRST = {13: "4", 14: "3", 15: "123", 16: "2345689", 17: "56", 18: "56", 19: "3456"}


@dataclass(frozen=True)
class Redaction:
    """One named redaction: `candidates` is the RE2 pattern that a message must match to be looked at at all."""

    name: str
    help: str
    candidates: str
    rewrite: Callable[[pa.StringArray], pa.StringArray]


def passes_luhn(digits: str) -> bool:
    """Whether a string of decimal digits ends with the check digit of ISO/IEC 7812-1, annex B."""
    doubled = (d * 2 - 9 if d > 4 else d * 2 for d in map(int, digits[-2::-2]))
    return (sum(doubled) + sum(map(int, digits[-1::-2]))) % 10 == 0


def _card_or_itself(match: re.Match[str]) -> str:
    digits = match[0].replace(" ", "").replace("-", "")
    issued = digits[0] in _CARD_FIRST.get(len(digits), "")
    return "[card]" if issued and passes_luhn(digits) else match[0]


def _email(messages: pa.StringArray) -> pa.StringArray:
    return pc.replace_substring_regex(messages, _EMAIL, "[email]")


def _bearer(messages: pa.StringArray) -> pa.StringArray:
    messages = pc.replace_substring_regex(messages, _HEADER, r"\1[redacted]")
    return pc.replace_substring_regex(messages, _BEARER, r"\1[redacted]")


def _card(messages: pa.StringArray) -> pa.StringArray:
    return pa.array([m and _CARD.sub(_card_or_itself, m) for m in messages.to_pylist()], pa.string())


def _aws_key(messages: pa.StringArray) -> pa.StringArray:
    messages = pc.replace_substring_regex(messages, _AWS_KEY_ID, "[aws_key_id]")
    return pc.replace_substring_regex(messages, _AWS_SECRET, r"\1[aws_secret]")


# In the order in which they run, whatever the order of the setting.
REDACTIONS = (
    Redaction("bearer", "tokens after Bearer, and Authorization headers with Basic", r"(?i:bearer|basic)", _bearer),
    Redaction("aws_key", "AWS access key ids, and secret keys after their name", r"AKIA|ASIA|(?i:secret)", _aws_key),
    Redaction("email", "mail addresses", _AT, _email),
    Redaction(
        "card",
        "payment card numbers that pass Luhn's check, plain or in a card's groups",
        r"(?:^|[^0-9A-Za-z])(?:[2-9]\d{12,18}|1\d{14}|\d{4}[ -]\d{4}[ -]\d{4}[ -]\d|\d{4}[ -]\d{6}[ -]\d{4})",
        _card,
    ),
)


def _rewrite_where(
    messages: pa.StringArray, pattern: str, rewrite: Callable[[pa.StringArray], pa.StringArray]
) -> pa.StringArray:
    candidates = pc.fill_null(pc.match_substring_regex(messages, pattern), False)
    if not pc.any(candidates).as_py():
        return messages
    return pc.replace_with_mask(messages, candidates, rewrite(messages.filter(candidates)))


def redact(messages: pa.StringArray, names: tuple[str, ...]) -> pa.StringArray:
    """The messages with what the named redactions find written over: same length, same nulls.

    A name that is not in REDACTIONS raises KeyError.
    """
    if unknown := set(names) - {r.name for r in REDACTIONS}:
        raise KeyError(f"no redaction is called {', '.join(sorted(unknown))}")
    chosen = [r for r in REDACTIONS if r.name in names]

    def each_in_turn(some: pa.StringArray) -> pa.StringArray:
        for redaction in chosen:
            some = _rewrite_where(some, redaction.candidates, redaction.rewrite)
        return some

    # One pass for all patterns together: RE2 takes as long for four of them as for one.
    any_of_them = "|".join(f"(?:{r.candidates})" for r in chosen)
    return _rewrite_where(messages, any_of_them, each_in_turn) if chosen else messages
