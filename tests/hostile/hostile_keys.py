"""Key files and the vkeys beside them. They are written out here, for a key file of the same key is never the same twice."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from keyring import signer
from ledger.tlog.note import Algorithm, VerifierKey
from pack import Hostile

CHECK = ("key", "check", "{file}/k")
SIGNING = ("log", "{file}/events", "-L", "{ledger}", "-k", "{file}/k")
MAGIC = b"openssh-key-v1\0"


def _field(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def key_file(
    *,
    kind: bytes = b"ssh-ed25519",
    cipher: bytes = b"none",
    kdf: bytes = b"none",
    options: bytes = b"",
    keys: int = 1,
    checks: tuple[int, int] = (7, 7),
) -> bytes:
    """Return an OpenSSH private key in the clear, with one thing or other that its header says."""
    by = signer("yard/2")
    public = _field(kind) + _field(by.public_key)
    inner = b"".join(check.to_bytes(4, "big") for check in checks) + public + _field(by._seed() + by.public_key) + _field(b"")
    inner += bytes(range(1, 1 + -len(inner) % 8))
    return armoured(MAGIC + _field(cipher) + _field(kdf) + _field(options) + keys.to_bytes(4, "big") + _field(public) + _field(inner))


def armoured(data: bytes) -> bytes:
    """Return bytes between the lines of a key file."""
    text = base64.b64encode(data)
    rows = [text[start : start + 70] for start in range(0, len(text), 70)]
    return b"\n".join([b"-----BEGIN OPENSSH PRIVATE KEY-----", *rows, b"-----END OPENSSH PRIVATE KEY-----", b""])


def files() -> Iterator[Hostile]:
    """Yield key files, each with its vkey."""
    good, vkey = key_file(), f"{signer('yard/2').vkey.format()}\n".encode()
    endless = _field(bytes(16)) + (2**32 - 1).to_bytes(4, "big")
    made: dict[str, tuple[bytes, bytes | None]] = {
        "of no bytes": (b"", vkey),
        "of zeros": (bytes(1_000), vkey),
        "larger than a key": (good + b"\n" * 70_000, vkey),
        "cut in half": (good[: len(good) // 2], vkey),
        "with no base64": (good.replace(b"b3Bl", b"\x1b[2J", 1), vkey),
        "of another cipher": (key_file(cipher=b"rot13"), vkey),
        "of another kdf": (key_file(cipher=b"aes256-ctr", kdf=b"none"), vkey),
        "of a kdf for a hundred years": (key_file(cipher=b"aes256-ctr", kdf=b"bcrypt", options=endless), vkey),
        "of two keys": (key_file(keys=2), vkey),
        "of four thousand million keys": (key_file(keys=2**32 - 1), vkey),
        "whose checks differ": (key_file(checks=(7, 8)), vkey),
        "of another kind": (key_file(kind=b"ssh-rsa"), vkey),
        "of a length that lies": (armoured(MAGIC + b"\xff\xff\xff\xff"), vkey),
        "that is a PEM of another kind": (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", vkey),
        "that is a certificate": (b'{"@context":[]}', vkey),
        "without a vkey": (good, None),
        "with a vkey of no bytes": (good, b""),
        "with another key's vkey": (good, f"{signer('yard/1').vkey.format()}\n".encode()),
        "with a vkey that lies": (good, vkey.replace(b"yard/2", b"yard/1")),
        "with a vkey with an escape": (good, b"\x1b[2J" + vkey),
        "with a vkey with an override": (good, "\u202e".encode() + vkey),
        "with a vkey of a megabyte": (good, b"a" * 2**20),
        "with a vkey in latin-1": (good, b"\xe9" + vkey),
        "with two vkeys": (good, vkey * 2),
    }
    for name, (data, beside) in made.items():
        yield Hostile(f"key file {name}", {"k": data} | ({} if beside is None else {"k.vkey": beside}), CHECK)
    yield Hostile("key file of a folder", {"k/inside": b""}, CHECK)
    yield Hostile("key file that is not there", {}, CHECK)
    renamed = VerifierKey("registrar/1", Algorithm.ED25519, signer("yard/2").public_key).format().encode() + b"\n"
    yield Hostile(
        "key file that signs in another's name",
        {"k": good, "k.vkey": renamed, "events": b'{"type":"retire","time":"2026-03-02T14:05:00Z","key":"yard/1"}\n'},
        SIGNING,
    )
