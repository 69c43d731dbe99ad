import json
import pickle
from pathlib import Path

import pytest

from l4f_datagen import addresses
from l4f_datagen.errors import UserError, WorkError
from l4f_datagen.settings import GenerateSettings, TrainSegmenterSettings


@pytest.fixture(autouse=True)
def forgetful(monkeypatch):
    monkeypatch.setattr(addresses, "_wholes", {})
    monkeypatch.setattr(addresses, "_parts", {})


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://user:pass@host:8080/a/b.pkl?token=SEC#frag", "https://host:8080/a/b.pkl"),
        ("https://TOKEN@host/x", "https://host/x"),
        ("https://user:12/34@host/x", "https://host/x"),
        ("https://user:12/34@host:80/x?y", "https://host:80/x"),
        ("https://first.last:12/34@files.host/x", "https://files.host/x"),
        ("https://host.org:8443/@scope/x", "https://host.org:8443/@scope/x"),
        ("https://host.org/a@b.c/x", "https://host.org/a@b.c/x"),
        ("HTTPS://U:P@h/x", "https://h/x"),
        ("https://h/x?X-Amz-Credential=A%2Fb&X-Amz-Signature=c", "https://h/x"),
        ("https://h?sig=a", "https://h"),
        ("https://h#sig", "https://h"),
        ("https://h/x;jsessionid=1", "https://h/x"),
        ("https://h/x&token=1", "https://h/x"),
        ("https://h/a b/c?x y", "https://h/a b/c"),
        ("https://[::1]:80/x?y", "https://[::1]:80/x"),
        ("https://h/x?back=https://u:p@o/y", "https://h/x"),
        ("https://proxy/https://u:p@o/y", "https://proxy/https://o/y"),
        ("https://user:p@ss/word@host/x", "https://host/x"),
        ("https://user%3Apass%40host/x%3Ftoken=SEC", "https://host/x"),
        ("https%3A%2F%2Fuser%3Apass%40host%2Fx", "https%3A%2F%2F…"),
        ("s3://KEY:SECRET@bucket/x:0.5", "s3://bucket/x:0.5"),
        ("s3://KEY:SEC/RET+x@bucket/x", "s3://…"),
        ("s3://KEY:SEC", "s3://…"),
        ("s3://a/x,s3://K:S@b/y", "s3://a/x,s3://b/y"),
        ("hf://user:tok@datasets/a/b@rev/f", "hf://datasets/a/b@rev/f"),
        ("folder:https://u:p@h/x?y", "folder:https://h/x"),
        ("generator:folder:s3://u:p@h/x", "generator:folder:s3://h/x"),
        (Path("https://u:p@h/x?y"), "https:/h/x"),
        ("my_https://u:p@h/x", "my_https://h/x"),
        ("ftp://u:p@h/x", "ftp://h/x"),
        # What has nothing to hide stays as it is.
        ("hf://datasets/a/b@rev/f", "hf://datasets/a/b@rev/f"),
        ("memory://models/a.pkl", "memory://models/a.pkl"),
        ("file:///a/b?c", "file:///a/b?c"),
        ("folder:/data/x?y#z", "folder:/data/x?y#z"),
        ("/plain/x?y#z@w", "/plain/x?y#z@w"),
        ("C:/x?y", "C:/x?y"),
        ("world:vessels", "world:vessels"),
        ("vessels", "vessels"),
        ("", ""),
    ],
    ids=str,
)
def test_scheme_host_and_path_are_shown(address, shown):
    assert addresses.shown(address) == shown
    assert addresses.shown(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("got https://u:p@h/x?y, which is gone", "got https://h/x, which is gone"),
        ("(url=URL('https://u:p@h/x?y'))", "(url=URL('https://h/x'))"),
        ('{"generator": "https://u:p\'w@h/x?y"}', '{"generator": "https://h/x"}'),
        ("from s3://K:S@a/x to s3://K:S@b/y.", "from s3://a/x to s3://b/y."),
        ("--generator=HTTPS://u:p@h/x?y", "--generator=https://h/x"),
        ("50 % of a/b: c", "50 % of a/b: c"),
    ],
)
def test_in_a_text_too(text, shown):
    assert addresses.hidden(text) == shown


def test_what_was_met_is_known_outside_of_an_address_too():
    address = "https://somebody:pass word'1@h/x?token=abc/def%20gh&v=1#fragment-1"
    addresses.remember(address)
    for text in (address, str(Path(address)), "pass word'1", "abc/def gh", "abc%2Fdef%20gh", "somebody", "fragment-1"):
        assert not any(word in addresses.hidden(f"no {text}!") for word in ("somebody", "word", "def", "fragment"))
    assert addresses.hidden("v=1, somebodyelse") == "v=1, somebodyelse"
    addresses.remember("https://h/x#sha256=0123456789")
    addresses.remember("a text of 20% and s3://bucket/x")
    assert addresses.hidden("0123456789") == "0123456789"


def test_what_is_remembered_is_bounded():
    for number in range(3000):
        addresses.remember(f"https://u:password-{number}@h/{number}")
    assert len(addresses._wholes) + len(addresses._parts) <= 2 * addresses._REMEMBERED


def test_errors_hold_no_key_and_travel():
    secret = "https://u:p@h/x?token=1"
    error = UserError(secret, got=f"{secret} here", expected=secret, remedy=f"not {secret}")
    again = pickle.loads(pickle.dumps(error))
    for found in (error, again, WorkError(f"{secret}: gone"), pickle.loads(pickle.dumps(WorkError(secret)))):
        assert (
            "token" not in repr(found) + repr(vars(found)) and "u:p" not in str(found) and "https://h/x" in str(found)
        )
    assert str(again) == str(error)


def test_settings_hide_keys_in_json_and_keep_them_for_use():
    settings = GenerateSettings(generator="https://u:p@h/x?token=1")
    assert settings.generator == settings.model_dump()["generator"] == "https://u:p@h/x?token=1"
    stored = [settings.model_dump(mode="json"), json.loads(settings.model_dump_json())]
    assert [values["generator"] for values in stored] == ["https://h/x"] * 2
    several = TrainSegmenterSettings(shards=["s3://K:S@a/x:0.5", "world:vessels"])
    assert several.model_dump(mode="json")["shards"] == ["s3://a/x:0.5", "world:vessels"]
