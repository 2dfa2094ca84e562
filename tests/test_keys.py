import base64
import json
import os
import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from keyring import PRIME, SMALL_ORDER, signer
from ledger import keys
from ledger.errors import EncodingError, FormatError, KeyFileError, SignatureError
from ledger.keys import (
    base58_decode,
    base58_encode,
    check_public_key,
    did_key,
    generate,
    is_encrypted,
    possession_message,
    prove_possession,
    public_key_of_did,
    read_key_file,
    verify,
    verify_possession,
    vkey_path,
    write_key_file,
)
from ledger.tlog.checkpoint import cosigner
from ledger.tlog.note import MLDSA_PUBLIC_KEY_BYTES, Algorithm
from published import folder, table

ORIGIN = "ledger.example/lead"
SCALE = signer("keystone/scale-1")
NOT_CANONICAL = [(PRIME + y | sign << 255).to_bytes(32, "little") for y in range(2, 19) for sign in (0, 1)]


def no_passphrase() -> bytes | None:
    pytest.fail("a file in the clear asks for no pass phrase")


def key_file(folder: Path, passphrase: bytes | None = None) -> Path:
    path = folder / "scale.key"
    write_key_file(path, SCALE, passphrase, rounds=1)
    return path


# ---- signatures


def test_signatures_are_those_of_rfc_8032():
    for case in json.loads((Path(__file__).parent / "vectors" / "rfc8032-ed25519.json").read_text())["tests"]:
        one = generate("a/b", seed=bytes.fromhex(case["seed"]))
        message, signature = bytes.fromhex(case["message"]), bytes.fromhex(case["signature"])
        assert one.public_key.hex() == case["public_key"]
        assert one.sign(message) == signature
        verify(one.public_key, message, signature)


def test_every_wycheproof_signature_verifies_or_is_refused_as_it_says():
    """Its public keys are all of prime order, so the stricter rule on keys changes no answer; test_small_order covers that rule."""
    count = 0
    for group in table("wycheproof", "ed25519_test.json")["testGroups"]:
        public_key = bytes.fromhex(group["publicKey"]["pk"])
        check_public_key(public_key)
        for case in group["tests"]:
            count += 1
            try:
                verify(public_key, bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"]))
                result = "valid"
            except SignatureError:
                result = "invalid"
            assert result == case["result"], case
    assert count == table("wycheproof", "ed25519_test.json")["numberOfTests"]


def test_every_wycheproof_ml_dsa_signature_without_a_context_verifies_or_is_refused_as_it_says():
    """A cosignature has an empty context, so vectors with one are refused, whatever they say of themselves."""
    count = 0
    for group in table("wycheproof", "mldsa_44_verify_test.json")["testGroups"]:
        public_key = bytes.fromhex(group["publicKey"])
        for case in group["tests"]:
            count += 1
            try:
                assert len(public_key) == MLDSA_PUBLIC_KEY_BYTES
                verify(public_key, bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"]))
                result = "valid"
            except (AssertionError, SignatureError):
                result = "invalid"
            assert result == ("invalid" if case.get("ctx") else case["result"]), case["tcId"]
    assert count == table("wycheproof", "mldsa_44_verify_test.json")["numberOfTests"]


def test_the_two_keys_of_a_witness_are_different_keys_from_one_seed():
    ed25519, mldsa = (key for key, _ in generate("witness.example/w", seed=bytes(32)).cosigners())
    assert (ed25519.algorithm, mldsa.algorithm) == (Algorithm.COSIGNATURE, Algorithm.MLDSA_COSIGNATURE)
    again = generate("witness.example/w", seed=bytes(32)).cosigners()
    assert [key for key, _ in again] == [ed25519, mldsa]
    for key, sign in again:
        verify(key.public_key, b"text", sign(b"text"))


def test_small_order_has_fourteen_encodings():
    assert len(set(SMALL_ORDER)) == 14


@pytest.mark.parametrize("public_key", SMALL_ORDER, ids=bytes.hex)
def test_a_small_order_key_is_refused_at_enrolment_and_in_the_verifier(public_key):
    message = f"public key {public_key.hex()} is of small order, not canonical or no key at all"
    with pytest.raises(SignatureError, match=f"^{message}$"):
        check_public_key(public_key)
    for first in (public_key, (1).to_bytes(32, "little")):
        with pytest.raises(SignatureError, match=f"^{message}$"):
            verify(public_key, b"any text", first + bytes(32))


def test_another_library_takes_one_constant_signature_for_any_text_under_a_small_order_key():
    """The reason for the rule: with the neutral point as key, R neutral and S zero satisfy the equation for every message."""
    neutral = (1).to_bytes(32, "little")
    constant = neutral + bytes(32)
    for number in range(100):
        Ed25519PublicKey.from_public_bytes(neutral).verify(constant, b"text %d" % number)
        with pytest.raises(SignatureError):
            verify(neutral, b"text %d" % number, constant)


@pytest.mark.parametrize("public_key", NOT_CANONICAL, ids=bytes.hex)
def test_a_key_that_is_not_canonical_is_refused(public_key):
    with pytest.raises(SignatureError, match="is of small order, not canonical or no key at all"):
        check_public_key(public_key)


def test_a_key_of_mixed_order_is_refused():
    """An honest key plus a point of order 2 negates both coordinates: y becomes p - y, and x changes sign."""
    number = int.from_bytes(SCALE.public_key, "little")
    y, sign = number & (1 << 255) - 1, number >> 255
    mixed = (PRIME - y | (1 - sign) << 255).to_bytes(32, "little")
    Ed25519PublicKey.from_public_bytes(mixed)
    with pytest.raises(SignatureError, match="is of small order, not canonical or no key at all"):
        check_public_key(mixed)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_key_or_signature_of_another_length_is_refused(size):
    with pytest.raises(SignatureError, match=f"^the public key has {size} bytes, want 32$"):
        verify(bytes(size), b"", bytes(64))
    with pytest.raises(SignatureError, match=f"^the signature has {size * 2} bytes, want 64$"):
        verify(SCALE.public_key, b"", bytes(size * 2))


def test_a_signature_with_s_beyond_the_group_order_is_refused():
    order = 2**252 + 27742317777372353535851937790883648493
    signature = SCALE.sign(b"text")
    other = signature[:32] + (int.from_bytes(signature[32:], "little") + order).to_bytes(32, "little")
    with pytest.raises(SignatureError, match=f"^the signature is not one of public key {SCALE.public_key.hex()} over this text$"):
        verify(SCALE.public_key, b"text", other)


@given(st.binary(max_size=50), st.integers(0, 511))
def test_a_signature_with_one_flipped_bit_is_refused(message, bit):
    signature = bytearray(SCALE.sign(message))
    verify(SCALE.public_key, message, bytes(signature))
    signature[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SignatureError):
        verify(SCALE.public_key, message, bytes(signature))


# ---- signers


def test_a_signer_shows_its_vkey_and_not_its_seed():
    one = generate("keystone/scale-1", seed=bytes(32))
    assert repr(one) == f"Signer({one.vkey.format()!r})"
    assert one.name == "keystone/scale-1"
    assert one.public_key == one.vkey.public_key


def test_a_key_without_a_seed_is_a_new_one_each_time():
    assert generate("a/b").public_key != generate("a/b").public_key


def test_a_seed_of_another_length_or_a_name_with_a_space_is_refused():
    with pytest.raises(FormatError, match=r"^the seed of 'a/b' has 31 bytes, want 32$"):
        generate("a/b", seed=bytes(31))
    with pytest.raises(FormatError, match=r"^the key name 'a b' holds a space, a control character or a plus$"):
        generate("a b", seed=bytes(32))


# ---- proof of possession


def test_a_proof_of_possession_holds_for_its_key_its_name_and_its_ledger_only():
    proof = prove_possession(SCALE, ORIGIN)
    message = possession_message(ORIGIN, SCALE.name, SCALE.vkey.format())
    assert message == f"plumbline/possession/v1\n{ORIGIN}\nkeystone/scale-1\n{SCALE.vkey.format()}\n".encode()
    assert base64.b64decode(proof) == SCALE.sign(message)
    verify_possession(SCALE.vkey, proof, ORIGIN)
    for vkey, origin in (
        (SCALE.vkey, "other.example/lead"),
        (signer("keystone/scale-2").vkey, ORIGIN),
        (generate("other/scale-1", seed=SCALE._seed()).vkey, ORIGIN),
        (cosigner(SCALE.vkey), ORIGIN),
    ):
        wanted = f"the proof of possession of {vkey.name} for {origin} does not hold: the signature is not one of public key "
        with pytest.raises(SignatureError, match=f"^{re.escape(wanted)}"):
            verify_possession(vkey, proof, origin)


def test_a_proof_of_possession_that_is_not_base64_or_too_short_is_refused():
    with pytest.raises(FormatError, match=r"^'\?' is not base64$"):
        verify_possession(SCALE.vkey, "?", ORIGIN)
    with pytest.raises(SignatureError, match=r"does not hold: the signature has 3 bytes, want 64$"):
        verify_possession(SCALE.vkey, "AAAA", ORIGIN)


# ---- did:key


def test_the_did_of_the_w3c_vector_is_read_and_written_alike():
    pair = json.loads((folder("w3c-vc-di-eddsa") / "TestVectors" / "keyPair.json").read_text())
    did = f"did:key:{pair['publicKeyMultibase']}"
    assert did.startswith("did:key:z6Mk")
    assert did_key(public_key_of_did(did)) == did


@given(st.binary(max_size=70))
def test_base58_survives_and_keeps_zero_bytes_in_front(data):
    text = base58_encode(data)
    assert base58_decode(text) == data
    assert len(text) - len(text.lstrip("1")) == len(data) - len(data.lstrip(b"\0"))


def test_base58_gives_the_published_examples():
    """From draft-msporny-base58, section 5."""
    assert base58_encode(b"Hello World!") == "2NEpo7TZRRrLZSi2U"
    assert base58_encode(bytes.fromhex("0000287fb4cd")) == "11233QC4"


@pytest.mark.parametrize(
    ("did", "error", "message"),
    [
        ("did:web:example.com", EncodingError, "did:key: 'did:web:example.com' does not begin with did:key:z"),
        ("did:key:z0", EncodingError, "base58: '0' is not base58btc of at most 256 characters"),
        ("did:key:z" + "2" * 257, EncodingError, f"base58: '{'2' * 60}\\u2026' is not base58btc of at most 256 characters"),
        ("did:key:z6", EncodingError, "did:key: 'did:key:z6' is not of an Ed25519 key"),
        (did_key(bytes(31)), SignatureError, "the public key has 31 bytes, want 32"),
        (did_key(bytes(32)), SignatureError, f"public key {'00' * 32} is of small order, not canonical or no key at all"),
    ],
)
def test_what_is_not_the_did_of_a_usable_key_is_refused(did, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        public_key_of_did(did)


# ---- key files


@pytest.mark.parametrize("passphrase", [None, b"correct horse"])
def test_a_key_file_is_read_back_with_its_name(tmp_path, passphrase):
    path = key_file(tmp_path, passphrase)
    assert is_encrypted(path) is (passphrase is not None)
    assert read_key_file(path, lambda: passphrase).vkey == SCALE.vkey
    assert read_key_file(path, lambda: passphrase).sign(b"x") == SCALE.sign(b"x")
    assert path.stat().st_mode & 0o777 == 0o600
    assert vkey_path(path).read_text() == f"{SCALE.vkey.format()}\n"
    assert path.read_text().startswith("-----BEGIN OPENSSH PRIVATE KEY-----\n")


def test_a_file_in_the_clear_asks_for_no_pass_phrase(tmp_path):
    read_key_file(key_file(tmp_path), no_passphrase)


def test_the_passphrase_is_stretched_by_bcrypt(tmp_path):
    path = key_file(tmp_path, b"correct horse")
    body = base64.b64decode(b"".join(path.read_bytes().split(b"\n")[1:-2]))
    assert body.startswith(b"openssh-key-v1\0\0\0\0\x0aaes256-ctr\0\0\0\x06bcrypt")
    assert keys.BCRYPT_ROUNDS >= 16


def test_neither_file_is_ever_overwritten(tmp_path):
    path = key_file(tmp_path)
    before = path.read_bytes()
    with pytest.raises(KeyFileError, match=f"^{re.escape(str(path))}.vkey exists and is not overwritten$"):
        write_key_file(path, signer("other/key"), None)
    vkey_path(path).unlink()
    with pytest.raises(KeyFileError, match=f"^{re.escape(str(path))} exists and is not overwritten$"):
        write_key_file(path, signer("other/key"), None)
    assert path.read_bytes() == before
    assert not vkey_path(path).exists()


def test_a_key_file_is_not_written_through_a_link(tmp_path):
    path = tmp_path / "scale.key"
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyFileError, match=r"exists and is not overwritten$"):
        write_key_file(path, SCALE, None)
    assert [file.name for file in tmp_path.iterdir()] == ["scale.key"]


def test_a_folder_that_is_not_there_is_named(tmp_path):
    path = tmp_path / "missing" / "scale.key"
    with pytest.raises(KeyFileError, match=f"^cannot create {re.escape(str(path))}.vkey: No such file or directory$"):
        write_key_file(path, SCALE, None)


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    path = tmp_path / "scale.key"
    with pytest.raises(KeyFileError, match=f"^cannot write {re.escape(str(path))}.vkey: No space left on device$"):
        write_key_file(path, SCALE, None)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("size", [0, 1024])
def test_an_empty_or_endless_passphrase_is_refused(tmp_path, size):
    with pytest.raises(KeyFileError, match=f"^a pass phrase has 1 to 1023 bytes, got {size}$") as caught:
        write_key_file(tmp_path / "scale.key", SCALE, b"x" * size)
    assert caught.value.hint == "a file without pass phrase is asked for with --no-passphrase"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o610, 0o644, 0o666])
def test_a_key_file_that_others_can_use_is_refused(tmp_path, mode):
    path = key_file(tmp_path)
    path.chmod(mode)
    message = f"the key file {path} has mode {mode:04o}: others than its owner can use it"
    for read in (lambda: read_key_file(path, no_passphrase), lambda: is_encrypted(path)):
        with pytest.raises(KeyFileError, match=f"^{re.escape(message)}$") as caught:
            read()
        assert caught.value.hint == f"chmod 600 {path}"


def test_a_missing_key_file_is_named(tmp_path):
    path = tmp_path / "none.key"
    with pytest.raises(KeyFileError, match=f"^cannot read the key file {re.escape(str(path))}: No such file or directory$"):
        read_key_file(path, no_passphrase)


@pytest.mark.parametrize("kind", ["pipe", "folder", "large"])
def test_what_cannot_be_a_key_file_is_refused_without_waiting(tmp_path, kind):
    path = tmp_path / "odd.key"
    if kind == "pipe":
        os.mkfifo(path, 0o600)
    elif kind == "folder":
        path.mkdir(mode=0o700)
    else:
        path.touch(mode=0o600)
        path.write_bytes(bytes(1 << 17))
    with pytest.raises(KeyFileError, match=r"odd\.key is not a key file$"):
        read_key_file(path, no_passphrase)


@pytest.mark.parametrize("answer", [None, b""])
def test_a_locked_key_file_without_a_passphrase_is_refused_with_a_hint(tmp_path, answer):
    path = key_file(tmp_path, b"correct horse")
    with pytest.raises(
        KeyFileError, match=f"^the key file {re.escape(str(path))} is locked by a pass phrase and none was given$"
    ) as caught:
        read_key_file(path, lambda: answer)
    assert caught.value.hint == "use --passphrase-fd or PLUMBLINE_PASSPHRASE_FILE where there is no terminal"


def test_a_wrong_passphrase_is_refused(tmp_path):
    path = key_file(tmp_path, b"correct horse")
    message = f"the key file {path} cannot be opened: the pass phrase is wrong or the file is damaged"
    with pytest.raises(KeyFileError, match=f"^{re.escape(message)}$"):
        read_key_file(path, lambda: b"battery staple")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param(lambda data: b"", "{path} is not an OpenSSH private key", id="empty"),
        pytest.param(lambda data: b"not a key\n", "{path} is not an OpenSSH private key", id="text"),
        pytest.param(lambda data: data.replace(b"OPENSSH", b"RSA"), "{path} is not an OpenSSH private key", id="another kind"),
        pytest.param(lambda data: data[:50] + data[51:], "the key file {path} is damaged", id="a character lost"),
        pytest.param(lambda data: data[:250] + data[350:], "the key file {path} is damaged", id="cut"),
        pytest.param(lambda data: data[:-60], "the key file {path} is damaged", id="the end lost"),
    ],
)
def test_a_damaged_key_file_is_refused(tmp_path, damage, message):
    path = key_file(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(KeyFileError, match=f"^{re.escape(message.format(path=path))}$"):
        read_key_file(path, no_passphrase)


def test_one_flipped_bit_anywhere_in_a_key_file_is_refused_or_harmless(tmp_path):
    path = key_file(tmp_path)
    whole = path.read_bytes()
    for bit in range(0, len(whole) * 8, 5):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(bytes(damaged))
        try:
            assert read_key_file(path, lambda: None).vkey == SCALE.vkey
        except KeyFileError:
            continue


def test_a_key_that_is_not_ed25519_is_refused(tmp_path):
    path = key_file(tmp_path)
    other = ec.generate_private_key(ec.SECP256R1())
    path.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    with pytest.raises(KeyFileError, match=f"^the key file {re.escape(str(path))} holds a key that is not Ed25519$"):
        read_key_file(path, no_passphrase)


def test_a_key_file_made_by_another_program_is_read_with_its_vkey_beside_it(tmp_path):
    path = key_file(tmp_path)
    foreign = Ed25519PrivateKey.from_private_bytes(SCALE._seed())
    path.write_bytes(foreign.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    assert read_key_file(path, no_passphrase).vkey == SCALE.vkey


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot open {path}.vkey: No such file or directory"),
        ("", "{path}.vkey does not hold a vkey"),
        ("keystone/scale-1\n", "{path}.vkey does not hold a vkey"),
        (f"{SCALE.vkey.format()}\n\n", "{path}.vkey does not hold a vkey"),
        ("\udcff", "{path}.vkey does not hold a vkey"),
        (f"{signer('keystone/scale-2').vkey.format()}\n", "{path}.vkey is the vkey of another key than {path}"),
        (f"{cosigner(SCALE.vkey).format()}\n", "{path}.vkey holds the vkey of a cosigner, want one of algorithm 0x01"),
    ],
)
def test_a_missing_or_wrong_vkey_beside_the_key_is_refused(tmp_path, content, message):
    path = key_file(tmp_path)
    beside = vkey_path(path)
    if content is None:
        beside.unlink()
    else:
        beside.write_text(content, errors="surrogateescape")
    with pytest.raises(KeyFileError, match=f"^{re.escape(message.format(path=path))}$"):
        read_key_file(path, no_passphrase)
