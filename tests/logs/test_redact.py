"""What is written over, and above all what is not."""

import random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.logs.redact import REDACTIONS, passes_luhn, redact

ALL = tuple(r.name for r in REDACTIONS)


def redacted(message: str, *names: str) -> str:
    return redact(pa.array([message]), names or ALL)[0].as_py()


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("mail from jo.e+x@mail.example.co.uk sent", "mail from [email] sent"),
        ('{"user":"joe@example.com","n":1}', '{"user":"[email]","n":1}'),
        ("GET /u?mail=joe%40example.com&x=1", "GET /u?mail=[email]&x=1"),
        ('{"to":"joe\\u0040example.com"}', '{"to":"[email]"}'),
        ("a@b.io,c@d.io", "[email],[email]"),
    ],
)
def test_mail_addresses_are_written_over_wherever_they_stand(message, expected):
    assert redacted(message, "email") == expected


@pytest.mark.parametrize(
    "message",
    ["image app@sha256:0123abcd", "npm i left-pad@1.3.0", "@app.route('/')", "root@localhost", "10 @ 3.50 EUR", "a@b"],
)
def test_an_at_sign_alone_is_no_mail_address(message):
    assert redacted(message, "email") == message


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Authorization: Bearer abc", "Authorization: Bearer [redacted]"),
        ("authorization: basic dXNlcjpwYXNz rest", "authorization: basic [redacted] rest"),
        ('{"Authorization": "Basic dXNlcjpwYXNz","n":1}', '{"Authorization": "Basic [redacted]","n":1}'),
        ('"{\\"Authorization\\":\\"Bearer a.b-c\\"}"', '"{\\"Authorization\\":\\"Bearer [redacted]\\"}"'),
        ("token=Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIi.c2ln== ok", "token=Bearer [redacted] ok"),
        ("q=Bearer%20eyJhbGciOiJIUzI1NiJ9", "q=Bearer%20[redacted]"),
    ],
)
def test_tokens_of_authorization_are_written_over(message, expected):
    assert redacted(message, "bearer") == expected


@pytest.mark.parametrize("message", ["the bearer of good news", "basic health check ok", "Bearer token is missing"])
def test_prose_about_bearers_stays(message):
    assert redacted(message, "bearer") == message


@pytest.mark.parametrize(
    "card",
    [
        "4111111111111111",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "5500005555555559",
        "378282246310005",
        "3782 822463 10005",
        "30569309025904",
        "3056 930902 5904",
        "4222222222222",
        "6011000990139424",
        "3530111333300000",
        "6304000000000000000",
    ],
)
def test_a_card_number_is_written_over_in_every_usual_form(card):
    assert redacted(f"paid with {card}.", "card") == "paid with [card]."
    assert redacted(f'{{"card":"{card}"}}', "card") == '{"card":"[card]"}'


@pytest.mark.parametrize(
    "message",
    [
        "order 4111111111111112 shipped",  # fails Luhn's check
        "2026-11-20T22:23:58.123456789Z started",
        "2026-11-20 22:23:58,123 INFO x",
        "trace_id=4111111111111111abcdef0123456789",
        "id 41111111-1111-1111-1111-111111111111",
        "took 0.4111111111111111 s",
        "pi is 3.4111111111111111",
        "1-800-555-0199 or 4111",
        "4111 1111 1111",
        "4111 1111-1111 1111",
    ],
)
def test_numbers_that_are_no_cards_stay(message):
    assert redacted(message, "card") == message


def test_no_time_since_1970_or_compact_date_is_taken_for_a_card():
    rnd = random.Random(7)
    seconds = [rnd.randrange(1_600_000_000, 1_999_999_999) for _ in range(2000)]
    times = [f"{s}{'1' * more}" for s in seconds for more in (3, 6, 9)]
    times += [
        f"2026{rnd.randrange(101, 1231):04}{rnd.randrange(235959):06}{'7' * n}" for n in (0, 3) for _ in range(500)
    ]
    assert sum(map(passes_luhn, times)) > 100
    assert redact(pa.array(times), ("card",)).to_pylist() == times


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("key AKIAIOSFODNN7EXAMPLE used", "key [aws_key_id] used"),
        ("Credential=ASIAIOSFODNN7EXAMPLE/20261120", "Credential=[aws_key_id]/20261120"),
        ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "aws_secret_access_key = [aws_secret]"),
        ('{"SecretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}', '{"SecretAccessKey": "[aws_secret]"}'),
        ("AWS_SECRET_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "AWS_SECRET_KEY=[aws_secret]"),
    ],
)
def test_aws_keys_are_written_over(message, expected):
    assert redacted(message, "aws_key") == expected


@pytest.mark.parametrize(
    "message",
    [
        "AKIAshort",
        "XAKIAIOSFODNN7EXAMPLE",
        "the secret key is missing",
        "commit da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "secretName: payments-tls",
    ],
)
def test_what_only_looks_like_an_aws_key_stays(message):
    assert redacted(message, "aws_key") == message


def test_only_what_was_asked_for_is_written_over():
    message = "joe@example.com paid with 4111111111111111"
    assert redacted(message, "card") == "joe@example.com paid with [card]"
    assert redact(pa.array([message]), ()).to_pylist() == [message]


def test_an_unknown_redaction_is_an_error():
    with pytest.raises(KeyError, match="iban"):
        redact(pa.array(["x"]), ("iban",))


SECRETS = (
    "joe@example.com",
    "4111111111111111",
    "Bearer eyJhbGciOiJIUzI1NiJ9",
    "AKIAIOSFODNN7EXAMPLE",
    "secret_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
)
MESSAGE = st.lists(st.one_of(st.text(max_size=8), st.sampled_from(SECRETS)), max_size=4).map(" | ".join)


@settings(deadline=None)
@given(st.lists(MESSAGE, max_size=12), st.integers(0, 12), st.permutations(ALL), st.integers(0, 4))
def test_a_message_is_redacted_alike_alone_and_in_any_slice_of_a_batch(messages, start, names, count):
    chosen = tuple(names[:count])
    some = pa.array(messages, pa.string()).slice(start)
    together = redact(some, chosen)
    together.validate(full=True)
    assert together.to_pylist() == [redact(pa.array([m]), chosen)[0].as_py() for m in messages[start:]]


@settings(deadline=None)
@given(st.lists(MESSAGE, max_size=6))
def test_no_secret_is_left_and_redacting_twice_changes_nothing(messages):
    once = redact(pa.array(messages, pa.string()), ALL)
    assert redact(once, ALL).equals(once)
    assert not any(secret in message for message in once.to_pylist() for secret in SECRETS)


@settings(deadline=None)
@given(st.text("0123456789", min_size=12, max_size=18))
def test_luhn_knows_the_one_check_digit_that_fits(body):
    assert sum(passes_luhn(body + digit) for digit in "0123456789") == 1
