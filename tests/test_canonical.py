import json
import re
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import EncodingError
from ledger.tlog.canonical import MAX_DEPTH, MAX_INTEGER, decode, encode, parse
from published import folder, table

KEYS = st.text(st.characters(codec="ascii"), max_size=8)
SCALARS = st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | st.text(st.characters(codec="utf-8"), max_size=12)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=20)


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


@given(VALUES)
def test_the_bytes_are_those_of_an_independent_rfc8785_encoder(value):
    assert encode(value) == rfc8785.dumps(value)


@given(VALUES)
def test_what_was_encoded_decodes_to_the_same_value(value):
    assert decode(encode(value), what="value") == value
    assert encode(parse(json.dumps(value, indent=1).encode(), what="value")) == encode(value)


@given(st.binary(max_size=60) | st.text('[]{}",:\\u0019eE-.ntfa \n', max_size=60).map(str.encode))
def test_any_bytes_decode_to_themselves_or_are_refused(data):
    try:
        value = decode(data, what="data")
    except EncodingError:
        return
    assert encode(value) == data == rfc8785.dumps(value)


def published_cases() -> list[str]:
    return ["arrays", "french", "structures", "unicode", "values", "weird"]


@pytest.mark.parametrize("name", ["arrays", "unicode"])
def test_a_published_vector_inside_the_domain_gives_the_published_bytes(name):
    vectors = folder("jcs-rfc8785")
    value = parse((vectors / "input" / f"{name}.json").read_bytes(), what=name)
    assert encode(value) == (vectors / "output" / f"{name}.json").read_bytes()
    assert encode(value) == bytes.fromhex((vectors / "outhex" / f"{name}.txt").read_text(encoding="ascii"))


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("french", r"the key 'p\xe9ch\xe9' is not ASCII"),
        ("structures", "the number 56.0 is not an integer; a measured number is a string with a unit"),
        ("values", "the number 333333333.33333329 is not an integer; a measured number is a string with a unit"),
        ("weird", r"the key '\u20ac' is not ASCII"),
    ],
)
def test_a_published_vector_outside_the_domain_is_refused(name, problem):
    with pytest.raises(EncodingError) as caught:
        parse((folder("jcs-rfc8785") / "input" / f"{name}.json").read_bytes(), what=name)
    assert str(caught.value) == f"{name}: {problem}"


def test_structures_of_the_published_vectors_match_once_their_one_float_is_an_integer():
    vectors = folder("jcs-rfc8785")
    given_as_integer = (vectors / "input" / "structures.json").read_bytes().replace(b"56.0", b"56")
    assert encode(parse(given_as_integer, what="structures")) == (vectors / "output" / "structures.json").read_bytes()


def test_every_published_vector_is_accounted_for():
    assert sorted(Path(file).stem for file in (folder("jcs-rfc8785") / "input").iterdir()) == published_cases()
    assert table("jcs-rfc8785", "es6-number-checksums.json")  # floating-point numbers only, all outside the domain


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (1.5, "$: a value of type float has no canonical JSON"),
        ({"mass": {"value": 42200.0}}, "$.mass.value: a value of type float has no canonical JSON"),
        ({"a": [0, float("nan")]}, "$.a[1]: a value of type float has no canonical JSON"),
        ((1, 2), "$: a value of type tuple has no canonical JSON"),
        (b"bytes", "$: a value of type bytes has no canonical JSON"),
        (type("Text", (str,), {})("x"), "$: a value of type Text has no canonical JSON"),
        (type("Count", (int,), {})(1), "$: a value of type Count has no canonical JSON"),
        (type("Map", (dict,), {})(a=1), "$: a value of type Map has no canonical JSON"),
        (type("Row", (list,), {})([1]), "$: a value of type Row has no canonical JSON"),
        ({"n": MAX_INTEGER + 1}, "$.n: a number of 54 bits is beyond ±(2^53 - 1)"),
        ({"n": -MAX_INTEGER - 1}, "$.n: a number of 54 bits is beyond ±(2^53 - 1)"),
        ({"n": 10**5000}, "$.n: a number of 16610 bits is beyond ±(2^53 - 1)"),
        ({1: "a"}, "$: a key is of type int, want str"),
        ({"é": 1}, r"$: the key '\xe9' is not ASCII"),
        ({"é" * 50: 1}, "$: the key '" + r"\xe9" * 40 + r"\u2026' is not ASCII"),
        ({"a": ["\ud800"]}, "$.a[0]: a string holds a lone surrogate"),
        ({"\udfff": 1}, r"$: the key '\udfff' is not ASCII"),
    ],
)
def test_a_value_outside_the_domain_is_refused_with_its_path(value, message):
    with pytest.raises(EncodingError) as caught:
        encode(value)
    assert str(caught.value) == message


BEYOND = "is beyond ±(2^53 - 1)"
FLOAT = "is not an integer; a measured number is a string with a unit"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"\xff", "not UTF-8 at byte 0"),
        (b'"\xed\xa0\x80"', "not UTF-8 at byte 1"),
        (b"\xef\xbb\xbf1", "begins with a byte order mark"),
        (b"", "not JSON at column 1"),
        (b"{", "not JSON at column 2"),
        (b"1 2", "not JSON at column 3"),
        (b'"a\x01"', "not JSON at column 3"),
        (b'"a\n"', "not JSON at column 3"),
        (b"'a'", "not JSON at column 1"),
        (b"01", "not JSON at column 2"),
        (b"+1", "not JSON at column 1"),
        (b'{"a":1,"a":2}', "the key 'a' stands twice in one object"),
        (b'{"a":1,"\\u0061":2}', "the key 'a' stands twice in one object"),
        (b'{"b":{"a":1,"a":1}}', "the key 'a' stands twice in one object"),
        (b'{"\xc3\xa9":1}', r"the key '\xe9' is not ASCII"),
        (b"1.0", f"the number 1.0 {FLOAT}"),
        (b"1e3", f"the number 1e3 {FLOAT}"),
        (b"1E400", f"the number 1E400 {FLOAT}"),
        (b"-0.0", f"the number -0.0 {FLOAT}"),
        (b"0." + b"1" * 50, f"the number 0.{'1' * 38}… {FLOAT}"),
        (b"-0", "the number -0 is written 0"),
        (b"9007199254740992", f"the number 9007199254740992 {BEYOND}"),
        (b"-9007199254740992", f"the number -9007199254740992 {BEYOND}"),
        (b"1" * 40, f"the number {'1' * 40} {BEYOND}"),
        (b"1" * 41, f"the number {'1' * 40}… {BEYOND}"),
        (b"1" * 100_000, f"the number {'1' * 40}… {BEYOND}"),
        (b'{"%b\xc3\xa9":1}' % (b"a" * 39), f"the key '{'a' * 39}\\xe9' is not ASCII"),
        (b'{"%b\xc3\xa9":1}' % (b"a" * 40), f"the key '{'a' * 40}\\u2026' is not ASCII"),
        (b"NaN", "NaN is not JSON"),
        (b"[Infinity]", "Infinity is not JSON"),
        (b"-Infinity", "-Infinity is not JSON"),
        (b'"\\ud800"', "a string holds a lone surrogate"),
        (b'{"a":["\\udfff\\ud800"]}', "a string holds a lone surrogate"),
        (nested(MAX_DEPTH + 1), "nested more than 16 deep at byte 16"),
        (b"[" * 1_000_000, "nested more than 16 deep at byte 16"),
        (b'{"a":' * 1_000, "nested more than 16 deep at byte 80"),
    ],
)
def test_bytes_outside_the_domain_are_refused_however_they_are_spaced(data, problem):
    for read in (parse, decode):
        with pytest.raises(EncodingError) as caught:
            read(data, what="event 3")
        assert str(caught.value) == f"event 3: {problem}"


@pytest.mark.parametrize(
    ("data", "at"),
    [
        (b' {"a":1}', 0),
        (b'{"a":1}\n', 7),
        (b'{"a": 1}', 5),
        (b'{"b":1,"a":2}', 2),
        (b'"\\u0041"', 1),
        (b'"\\/"', 1),
        (b'"\\u001F"', 6),
        (b'"\\u000a"', 2),
        (b'"\\ud83d\\ude00"', 1),
        (b"[1,2 ]", 4),
    ],
)
def test_json_that_is_not_canonical_parses_and_does_not_decode(data, at):
    parse(data, what="header")
    problem = f"header: not canonical JSON from byte {at} on: RFC 8785 sorts keys and allows no other spelling or space"
    with pytest.raises(EncodingError, match=f"^{re.escape(problem)}$"):
        decode(data, what="header")


def test_the_depth_limit_is_met_exactly():
    assert encode(decode(nested(MAX_DEPTH), what="deep")) == nested(MAX_DEPTH)
    value: object = 1
    for _ in range(MAX_DEPTH):
        value = {"a": value}
    assert decode(encode(value), what="deep") == value
    with pytest.raises(EncodingError, match=re.escape(f"$.a{'.a' * 15}: nested more than 16 deep")):
        encode({"a": value})
    with pytest.raises(EncodingError, match=re.escape(f"$[0]{'[0]' * 15}: nested more than 16 deep")):
        encode([json.loads(nested(MAX_DEPTH))])


def test_many_brackets_side_by_side_or_in_strings_are_not_deep():
    flat = b"[" + b",".join([b"[]"] * 500) + b"]"
    assert decode(flat, what="flat") == [[]] * 500
    text = encode(['"[[[[[[[[[[[[[[[[[[[[\\', {"{{{{{{{{{{{{": "}"}])
    assert encode(decode(text, what="text")) == text


def test_a_string_of_quotes_that_never_closes_is_refused_in_linear_time():
    with pytest.raises(EncodingError, match=r"^text: not JSON at column 18$"):
        parse(b"[" + b"[],[]," * 2 + b"[],[" + b'"' + b'\\"' * 200_000 + b"[" * 30, what="text")


def test_a_cycle_ends_at_the_depth_limit():
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(EncodingError, match="nested more than 16 deep"):
        encode(loop)


def test_the_bounds_of_an_integer_are_inside_the_domain():
    text = f"[{MAX_INTEGER},-{MAX_INTEGER},0]".encode()
    assert decode(text, what="bounds") == [MAX_INTEGER, -MAX_INTEGER, 0]


def test_a_container_that_closes_gives_back_one_level_and_no_more():
    deep = b"[" * 15 + b"[],[[]]" + b"]" * 15
    with pytest.raises(EncodingError, match=r"^deep: nested more than 16 deep at byte 19$"):
        parse(deep, what="deep")


def test_a_key_that_is_more_than_a_string_is_refused():
    class Name(str):
        __slots__ = ()

    with pytest.raises(EncodingError, match=r"^\$: a key is of type Name, want str$"):
        encode({Name("a"): 1})
