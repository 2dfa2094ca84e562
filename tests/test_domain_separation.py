"""What is signed as one kind of thing never passes for another: in the table of kinds only the diagonal verifies."""

from collections.abc import Callable

import pytest

from keyring import signer
from ledger.errors import LedgerError, SignatureError
from ledger.keys import possession_message, verify
from ledger.tlog.checkpoint import Checkpoint, cosignature_message, parse_checkpoint
from ledger.tlog.merkle import EMPTY_ROOT
from ledger.tlog.note import record_lines

KEY = signer("ledger.example/lead")
CHECKPOINT = Checkpoint("ledger.example/lead", 0, EMPTY_ROOT).text()
SIGNED = {
    "record": b'plumbline/record/v1\n{"seq":0}\n{"type":"genesis"}\n',
    "checkpoint": CHECKPOINT,
    "cosignature": cosignature_message(CHECKPOINT, 7),
    "possession": possession_message("ledger.example/lead", KEY.name, KEY.vkey.format()),
}
READERS: dict[str, Callable[[bytes], object]] = {"record": record_lines, "checkpoint": parse_checkpoint}


@pytest.mark.parametrize("signed", SIGNED)
@pytest.mark.parametrize("asked", SIGNED)
def test_only_the_diagonal_of_the_table_of_kinds_verifies(signed, asked):
    signature = KEY.sign(SIGNED[signed])
    if signed == asked:
        verify(KEY.public_key, SIGNED[asked], signature)
    else:
        with pytest.raises(SignatureError):
            verify(KEY.public_key, SIGNED[asked], signature)


@pytest.mark.parametrize("signed", SIGNED)
@pytest.mark.parametrize("asked", READERS)
def test_a_text_is_read_as_its_own_kind_only(signed, asked):
    if signed == asked:
        READERS[asked](SIGNED[signed])
    else:
        with pytest.raises(LedgerError):
            READERS[asked](SIGNED[signed])


def test_no_kind_begins_with_the_first_line_of_another():
    first_lines = {text.split(b"\n")[0] for text in SIGNED.values()}
    assert len(first_lines) == len(SIGNED)
