import hashlib
import re

import pytest

from ledger.errors import EncodingError, VerificationError
from ledger.tlog.private import sealed_digest, sealed_fields, verify_opening

SALT = bytes(range(16))


def test_the_digest_is_that_of_domain_salt_path_zero_and_value():
    wanted = hashlib.sha256(b"plumbline/private/v1\n" + SALT + b"documents.0.number\0WT-881").hexdigest()
    assert sealed_digest(salt=SALT, field="documents.0.number", value="WT-881") == wanted
    verify_opening(wanted, salt=SALT, field="documents.0.number", value="WT-881")


@pytest.mark.parametrize(
    ("salt", "field", "value"),
    [
        pytest.param(bytes(16), "number", "WT-881", id="another salt"),
        pytest.param(SALT, "issuer", "WT-881", id="another field"),
        pytest.param(SALT, "number", "WT-882", id="another value"),
        pytest.param(SALT, "number", "", id="an empty value"),
    ],
)
def test_an_opening_of_anything_else_is_refused(salt, field, value):
    sealed = sealed_digest(salt=SALT, field="number", value="WT-881")
    got = sealed_digest(salt=salt, field=field, value=value)
    with pytest.raises(VerificationError, match=f"^the opening of {field} gives digest {got}, the record has {sealed}$"):
        verify_opening(sealed, salt=salt, field=field, value=value)


def test_a_digest_that_is_no_text_is_not_what_an_opening_gives():
    with pytest.raises(VerificationError, match="^the opening of number gives digest [0-9a-f]{64}, the record has \ud800$"):
        verify_opening("\ud800", salt=SALT, field="number", value="WT-881")


def test_a_path_cannot_run_into_its_value():
    message = r"'a\x00b': a field path holds no zero character"
    with pytest.raises(EncodingError, match=f"^{re.escape(message)}$"):
        sealed_digest(salt=SALT, field="a\0b", value="c")


@pytest.mark.parametrize(
    ("salt", "value", "message"),
    [
        (bytes(15), "x", "number: the salt has 15 bytes, want 16"),
        (bytes(17), "x", "number: the salt has 17 bytes, want 16"),
        (SALT, "\ud800", "'number': a private value holds a lone surrogate"),
    ],
)
def test_what_cannot_be_sealed_is_refused(salt, value, message):
    with pytest.raises(EncodingError, match=f"^{re.escape(message)}$"):
        sealed_digest(salt=salt, field="number", value=value)


def test_sealed_fields_are_found_by_their_paths_and_nothing_else_is_taken_for_one():
    event = {
        "type": "receive",
        "private": {"driver": {"sealed": "aa"}},
        "documents": [{"kind": "weigh_ticket"}, {"number": {"sealed": "bb"}, "sealed": "cc"}],
        "of": {"sealed": "dd", "other": {"sealed": "ee"}},
    }
    assert sealed_fields(event) == {"private.driver": "aa", "documents.1.number": "bb", "of.other": "ee"}
    assert sealed_fields([{"sealed": "aa"}, ["x", {"sealed": "bb"}]]) == {"0": "aa", "1.1": "bb"}
    assert sealed_fields("sealed") == sealed_fields(7) == {}
    assert sealed_fields({"sealed": "aa"}) == {"": "aa"}
