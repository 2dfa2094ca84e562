"""Keys: the only door to `cryptography` and `nacl`.

Signatures are Ed25519 (RFC 8032) under one rule: canonical encodings, no cofactor, and no public key of small or mixed order.
libsodium verifies under that rule; OpenSSL, behind `cryptography`, would accept a small-order key, for which one signature fits any
message. So PyNaCl signs and verifies Ed25519, and `cryptography` reads and writes key files and does ML-DSA-44, in which witnesses may
cosign as well.

A key file has the OpenSSH private key format with bcrypt. That format carries no name, so `FILE.vkey` beside it holds the vkey.
"""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)
from nacl.bindings import crypto_core_ed25519_is_valid_point
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from ledger.errors import EncodingError, FormatError, KeyFileError, SignatureError
from ledger.tlog.note import MLDSA_PUBLIC_KEY_BYTES, Algorithm, VerifierKey, decode_base64, parse_vkey, shown

PUBLIC_KEY_BYTES: Final = 32
SEED_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
BCRYPT_ROUNDS: Final = 32
"""About a quarter of a second to try one pass phrase; ssh-keygen uses 24."""
MAX_PASSPHRASE_BYTES: Final = 1023
"""The most that `cryptography` takes."""

_MLDSA_SEED: Final = b"plumbline/witness/ml-dsa-44/v1\n"
_MAX_KEY_FILE_BYTES: Final = 1 << 16
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_PEM_LINES: Final = (b"-----BEGIN OPENSSH PRIVATE KEY-----", b"-----END OPENSSH PRIVATE KEY-----")
_OPENSSH_MAGIC: Final = b"openssh-key-v1\0"
_ED25519_MULTICODEC: Final = b"\xed\x01"
_DID_KEY: Final = "did:key:z"
_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_MAX_BASE58: Final = 256


class Signer:
    """A private key under its name: it signs bytes and shows neither itself nor its seed."""

    def __init__(self, name: str, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise FormatError(f"the seed of {shown(name)} has {len(seed)} bytes, want {SEED_BYTES}")
        self._key = SigningKey(seed)
        self.vkey: Final = VerifierKey(name, Algorithm.ED25519, bytes(self._key.verify_key))

    def __repr__(self) -> str:
        return f"Signer({self.vkey.format()!r})"

    @property
    def name(self) -> str:
        """The key name."""
        return self.vkey.name

    @property
    def public_key(self) -> bytes:
        """The 32-byte public key."""
        return self.vkey.public_key

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte Ed25519 signature of a message (RFC 8032, section 5.1.6)."""
        return self._key.sign(message).signature

    def cosigners(self) -> tuple[tuple[VerifierKey, Callable[[bytes], bytes]], ...]:
        """Return the two keys that a witness cosigns with, each with what signs for it: Ed25519 (0x04) and ML-DSA-44 (0x06).

        The second one's seed is a hash of the first one's, so one key file holds both. Whoever could work out an Ed25519 private key from
        signatures would still not have the seed.
        """
        second = MLDSA44PrivateKey.from_seed_bytes(sha256(_MLDSA_SEED + self._seed()).digest())
        public = second.public_key().public_bytes_raw()
        return (
            (VerifierKey(self.name, Algorithm.COSIGNATURE, self.public_key), self.sign),
            (VerifierKey(self.name, Algorithm.MLDSA_COSIGNATURE, public), second.sign),
        )

    def _seed(self) -> bytes:
        return bytes(self._key)


def generate(name: str, *, seed: bytes | None = None) -> Signer:
    """Make a key.

    Args:
        name: Its key name: `party/name`, or the origin for the log's own key.
        seed: 32 secret random bytes; without it libsodium draws them.

    Raises:
        FormatError: The name or the seed has a wrong form.
    """
    return Signer(name, bytes(SigningKey.generate()) if seed is None else seed)


def verify(public_key: bytes, message: bytes, signature: bytes) -> None:
    """Verify a signature: Ed25519 (RFC 8032, section 5.1.7, without the cofactor), or ML-DSA-44 (FIPS 204) for a key of its length.

    Raises:
        SignatureError: The key may not be used, or the signature is not its signature of the message.
    """
    if len(public_key) == MLDSA_PUBLIC_KEY_BYTES:
        _verify_mldsa(public_key, message, signature)
        return
    check_public_key(public_key)
    if len(signature) != SIGNATURE_BYTES:
        raise SignatureError(f"the signature has {len(signature)} bytes, want {SIGNATURE_BYTES}")
    try:
        VerifyKey(public_key).verify(message, signature)
    except BadSignatureError as error:
        raise SignatureError(f"the signature is not one of public key {public_key.hex()} over this text") from error


def _verify_mldsa(public_key: bytes, message: bytes, signature: bytes) -> None:
    """Verify an ML-DSA-44 signature with an empty context."""
    try:
        MLDSA44PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise SignatureError(f"the signature is not one of the ML-DSA-44 key {public_key[:8].hex()}… over this text") from error


def check_public_key(public_key: bytes) -> None:
    """Refuse a public key for which a signature would prove nothing.

    Refused are another length, an encoding that is not canonical, what is no point of the curve, and a point of small or mixed order.

    Raises:
        SignatureError: As said.
    """
    if len(public_key) != PUBLIC_KEY_BYTES:
        raise SignatureError(f"the public key has {len(public_key)} bytes, want {PUBLIC_KEY_BYTES}")
    if not _is_valid_point(public_key):
        raise SignatureError(f"public key {public_key.hex()} is of small order, not canonical or no key at all")


# A ledger has few keys and many signatures; the check costs as much as a signature, so its answer is remembered.
@lru_cache(maxsize=4096)
def _is_valid_point(public_key: bytes) -> bool:
    return bool(crypto_core_ed25519_is_valid_point(public_key))


def vkey_path(path: Path) -> Path:
    """Return the path of the vkey beside a key file."""
    return path.with_name(f"{path.name}.vkey")


def write_key_file(path: Path, signer: Signer, passphrase: bytes | None, *, rounds: int = BCRYPT_ROUNDS) -> None:
    """Write a key file and the vkey beside it; neither is ever overwritten.

    The key file is created with mode 0600, and both are on the disk before this returns.

    Args:
        path: The key file.
        signer: The key.
        passphrase: Encrypts the file; None leaves it in the clear.
        rounds: Rounds of bcrypt, each about 8 ms.

    Raises:
        KeyFileError: One of the files exists or cannot be written, or the pass phrase is empty or too long. Nothing is left behind.
    """
    encryption: KeySerializationEncryption = NoEncryption()
    if passphrase is not None:
        if not 1 <= len(passphrase) <= MAX_PASSPHRASE_BYTES:
            raise KeyFileError(
                f"a pass phrase has 1 to {MAX_PASSPHRASE_BYTES} bytes, got {len(passphrase)}",
                hint="a file without pass phrase is asked for with --no-passphrase",
            )
        encryption = PrivateFormat.OpenSSH.encryption_builder().kdf_rounds(rounds).build(passphrase)
    key = Ed25519PrivateKey.from_private_bytes(signer._seed())  # noqa: SLF001 - the file is where the seed goes
    beside = vkey_path(path)
    # The vkey first: a crash in between leaves a public line without a key, never a key that nobody can name.
    _create(beside, f"{signer.vkey.format()}\n".encode(), mode=0o644)
    try:
        _create(path, key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, encryption), mode=0o600)
    except KeyFileError:
        beside.unlink()
        raise


def read_key_file(path: Path, passphrase: Callable[[], bytes | None]) -> Signer:
    """Read a key file and the vkey beside it.

    Args:
        path: The key file.
        passphrase: Asked only when the file is encrypted; None when there is no pass phrase to be had.

    Raises:
        KeyFileError: The file is missing, readable by others, damaged, not Ed25519, locked by another pass phrase, or its vkey is
            missing or another key's.
    """
    data = _read_private(path)
    secret = None
    if _is_encrypted(data, path):
        secret = passphrase()
        if not secret:
            raise KeyFileError(
                f"the key file {path} is locked by a pass phrase and none was given",
                hint="use --passphrase-fd or PLUMBLINE_PASSPHRASE_FILE where there is no terminal",
            )
    try:
        key = load_ssh_private_key(data, secret)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        problem = "is damaged" if secret is None else "cannot be opened: the pass phrase is wrong or the file is damaged"
        raise KeyFileError(f"the key file {path} {problem}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError(f"the key file {path} holds a key that is not Ed25519")
    vkey = _read_vkey(vkey_path(path))
    if vkey.public_key != key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw):
        raise KeyFileError(f"{vkey_path(path)} is the vkey of another key than {path}")
    return Signer(vkey.name, key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()))


def is_encrypted(path: Path) -> bool:
    """Say whether a key file is locked by a pass phrase.

    Raises:
        KeyFileError: The file is missing, readable by others, or no OpenSSH private key.
    """
    return _is_encrypted(_read_private(path), path)


def possession_message(origin: str, key_name: str, vkey: str) -> bytes:
    """Return what a key signs to prove that its owner holds it, for one ledger and under one name."""
    return f"plumbline/possession/v1\n{origin}\n{key_name}\n{vkey}\n".encode()


def prove_possession(signer: Signer, origin: str) -> str:
    """Return the key's proof of possession for the ledger of this origin, in base64."""
    return base64.b64encode(signer.sign(possession_message(origin, signer.name, signer.vkey.format()))).decode()


def verify_possession(vkey: VerifierKey, proof: str, origin: str) -> None:
    """Verify a proof of possession.

    Raises:
        FormatError: The proof is not base64.
        SignatureError: The key may not be used, or the proof is for another key, name or ledger.
    """
    signature = decode_base64(proof)
    try:
        verify(vkey.public_key, possession_message(origin, vkey.name, vkey.format()), signature)
    except SignatureError as error:
        raise SignatureError(f"the proof of possession of {vkey.name} for {origin} does not hold: {error}") from error


def did_key(public_key: bytes) -> str:
    """Return the did:key of an Ed25519 public key (did:key method, multicodec 0xed01, base58btc): `did:key:z6Mk…`."""
    return _DID_KEY + base58_encode(_ED25519_MULTICODEC + public_key)


def public_key_of_did(did: str) -> bytes:
    """Return the public key in a did:key.

    Raises:
        EncodingError: The text is not the did:key of an Ed25519 key.
        SignatureError: The key may not be used.
    """
    if not did.startswith(_DID_KEY):
        raise EncodingError("did:key", f"{shown(did)} does not begin with {_DID_KEY}")
    data = base58_decode(did.removeprefix(_DID_KEY))
    if not data.startswith(_ED25519_MULTICODEC):
        raise EncodingError("did:key", f"{shown(did)} is not of an Ed25519 key")
    public_key = data.removeprefix(_ED25519_MULTICODEC)
    check_public_key(public_key)
    return public_key


def base58_encode(data: bytes) -> str:
    """Encode bytes in base58btc: the number in base 58, and one 1 for each zero byte in front."""
    number = int.from_bytes(data, "big")
    digits = ""
    while number:
        number, digit = divmod(number, len(_BASE58))
        digits = _BASE58[digit] + digits
    return _BASE58[0] * (len(data) - len(data.lstrip(b"\0"))) + digits


def base58_decode(text: str) -> bytes:
    """Decode base58btc.

    Raises:
        EncodingError: A character is not of its alphabet, or the text is longer than 256.
    """
    if len(text) > _MAX_BASE58 or not set(text) <= set(_BASE58):
        raise EncodingError("base58", f"{shown(text)} is not base58btc of at most {_MAX_BASE58} characters")
    number = 0
    for character in text:
        number = number * len(_BASE58) + _BASE58.index(character)
    zeros = len(text) - len(text.lstrip(_BASE58[0]))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def _create(path: Path, data: bytes, *, mode: int) -> None:
    """Create a file with this content, on the disk with its name when this returns; remove it when that fails."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError as error:
        raise KeyFileError(f"{path} exists and is not overwritten", hint="choose another file name") from error
    except OSError as error:
        raise KeyFileError(f"cannot create {path}: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            path.unlink()
        raise KeyFileError(f"cannot write {path}: {error.strerror}") from error


def _sync_folder(folder: Path) -> None:
    """Put a folder's names on the disk; Windows opens no folders and needs none of it."""
    if os.name == "posix":  # pragma: no branch
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _read_private(path: Path) -> bytes:
    """Read a key file, refusing one that others can use or that is no file of a key's size."""
    try:
        # Not blocking: a pipe in the key's place is refused, not waited for.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        try:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_KEY_FILE_BYTES:
                raise KeyFileError(f"{path} is not a key file")
            if os.name == "posix" and status.st_mode & _OTHERS:
                mode = stat.S_IMODE(status.st_mode)
                raise KeyFileError(f"the key file {path} has mode {mode:04o}: others than its owner can use it", hint=f"chmod 600 {path}")
            return os.read(handle, _MAX_KEY_FILE_BYTES)
        finally:
            os.close(handle)
    except OSError as error:
        raise KeyFileError(f"cannot read the key file {path}: {error.strerror}") from error


def _is_encrypted(data: bytes, path: Path) -> bool:
    """Read the cipher name of an OpenSSH private key (PROTOCOL.key): magic, then a string with its length in 4 bytes."""
    try:
        body = base64.b64decode(data.partition(_PEM_LINES[0])[2].partition(_PEM_LINES[1])[0])
    except ValueError as error:
        raise KeyFileError(f"the key file {path} is damaged") from error
    if not body.startswith(_OPENSSH_MAGIC):
        raise KeyFileError(f"{path} is not an OpenSSH private key")
    return not body.startswith(_OPENSSH_MAGIC + b"\0\0\0\x04none")


def _read_vkey(path: Path) -> VerifierKey:
    """Read the vkey beside a key file."""
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_KEY_FILE_BYTES).decode()
        vkey = parse_vkey(text.removesuffix("\n"))
    except OSError as error:
        raise KeyFileError(f"cannot open {path}: {error.strerror}", hint="it holds the key's name: keep it beside the key") from error
    except (UnicodeDecodeError, FormatError) as error:
        raise KeyFileError(f"{path} does not hold a vkey") from error
    if vkey.algorithm is not Algorithm.ED25519:
        raise KeyFileError(f"{path} holds the vkey of a cosigner, want one of algorithm 0x01")
    return vkey
