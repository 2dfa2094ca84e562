"""A witness's key: one key file, an Ed25519 cosigner (0x04), and an ML-DSA-44 cosigner (0x06) where `FILE.mldsa.vkey` lies beside it."""

from __future__ import annotations

from pathlib import Path

from ledger.errors import FormatError, KeyFileError
from ledger.files import is_there, read_file, replace_file
from ledger.keys import Signer
from ledger.tlog.note import Algorithm, parse_vkey
from ledger.witness.witness import Cosigner

_MAX_VKEY_BYTES = 1 << 13


def mldsa_path(key_file: Path) -> Path:
    """Return the path of the ML-DSA-44 vkey beside a key file."""
    return key_file.with_name(f"{key_file.name}.mldsa.vkey")


def add_mldsa(signer: Signer, key_file: Path) -> None:
    """Let a witness cosign under ML-DSA-44 as well, by writing that vkey beside its key file.

    Raises:
        StoreError: It cannot be written.
    """
    _, second = signer.cosigners()
    replace_file(mldsa_path(key_file), f"{second[0].format()}\n".encode())


def cosigners_of(signer: Signer, key_file: Path) -> tuple[Cosigner, ...]:
    """Return what a witness cosigns with.

    Raises:
        KeyFileError: The ML-DSA-44 vkey beside the key file is another key's.
        StoreError: It cannot be read.
    """
    first, second = (Cosigner(key, sign) for key, sign in signer.cosigners())
    beside = mldsa_path(key_file)
    if not is_there(beside):
        return (first,)
    try:
        vkey = parse_vkey(read_file(beside, what="vkey", limit=_MAX_VKEY_BYTES).decode(errors="replace").removesuffix("\n"))
    except FormatError as refusal:
        raise KeyFileError(f"{beside} does not hold a vkey") from refusal
    if vkey.algorithm is not Algorithm.MLDSA_COSIGNATURE or vkey != second.key:
        raise KeyFileError(f"{beside} is the vkey of another key than {key_file}")
    return first, second
