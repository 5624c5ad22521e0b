"""Secrets do not show."""

import base64
import json
import pickle
from urllib.parse import quote, quote_plus

import pytest

from edgepaas_tasks.env.values.redaction import Redactor, forms
from edgepaas_tasks.env.values.secret import Secret

SENTINEL = "s3nt/inel+p@ss w'rd\"$x"


def test_a_secret_shows_nothing_and_reveals_its_bytes():
    secret = Secret(SENTINEL)
    assert SENTINEL not in f"{secret} {secret!r} {secret:>30}"
    assert secret.reveal() == SENTINEL.encode()
    assert secret == Secret(SENTINEL)
    assert secret != Secret("other")
    with pytest.raises(TypeError):
        pickle.dumps(secret)


@pytest.mark.parametrize(
    "shown",
    [
        SENTINEL,
        quote(SENTINEL),
        quote(SENTINEL, safe=""),
        quote_plus(SENTINEL),
        json.dumps({"a": SENTINEL}),
        base64.b64encode(SENTINEL.encode()).decode(),
        base64.urlsafe_b64encode(SENTINEL.encode()).decode(),
        *(base64.b64encode(b"x" * n + SENTINEL.encode() + b"tail").decode() for n in range(4)),
    ],
)
def test_every_form_is_taken_out(shown):
    redacted = Redactor([SENTINEL])(f"before {shown} after")
    assert "***" in redacted
    core = base64.b64encode(SENTINEL.encode()).decode()[4:-8]
    for form in (SENTINEL, quote(SENTINEL, safe=""), core):
        assert form not in redacted
    assert redacted.startswith("before ")
    assert redacted.endswith(" after")


def test_the_password_inside_a_url_is_one_too():
    redactor = Redactor(["postgresql://user:p%40ssw0rd@db/x"])
    assert redactor("password p%40ssw0rd or p@ssw0rd") == "password *** or ***"


def test_each_line_of_a_key_is_one_too():
    redactor = Redactor(["-----BEGIN KEY-----\nMIIEvQIBADANBgkq\n-----END KEY-----\n"])
    assert "MIIEvQIBADANBgkq" not in redactor("line 2: MIIEvQIBADANBgkq")


def test_short_secrets_are_taken_out_as_words_only():
    redactor = Redactor(["abc"])
    assert redactor("abc abcdef (abc)") == "*** abcdef (***)"


def test_nothing_known_changes_nothing():
    assert Redactor()("text") == "text"
    assert Redactor([""])("text") == "text"
    assert SENTINEL in forms(SENTINEL)
