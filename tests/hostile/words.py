"""Names that people or programs might trip over, and JSON that parsers read differently."""

from __future__ import annotations

HIDDEN = {
    "escape": "\x1b[2J\x1b[31mHOLDS\x1b[0m",
    "title of the window": "\x1b]0;HOLDS\x07",
    "c1 control": "\x9b31mHOLDS",
    "newline": "Acme\nHOLDS: nothing is broken",
    "carriage return": "problem\rHOLDS",
    "nul": "Acme\x00Corp",
    "delete": "Acme\x7f",
    "bidi override": "Acme \u202egnol",
    "bidi isolate": "Acme \u2067gnol\u2069",
    "zero width": "Ac\u200bme",
    "byte order mark": "\ufeffAcme",
    "line separator": "Acme\u2028HOLDS",
    "tag characters": "Acme\U000e0041",
    "soft hyphen": "Ac\u00adme",
    "private use": "Acme\ue000",
    "invisible times": "Acme\u2062",
    "hangul filler": "\u3164",
    "no-break space": "Acme\u00a0Corp",
}
"""Refused at the door: in no name of a record may they stand."""

SHOWN = {
    "formula equals": "=1+1",
    "formula plus": "+1+1",
    "formula minus": "-2+3",
    "formula at": "@SUM(A1:A9)",
    "formula command": '=HYPERLINK("https://evil.example","x")',
    "html": "<script>alert(1)</script>",
    "html picture": '"><img src=x onerror=alert(1)>',
    "page markup": '<b>bold</b> <font color="red">HOLDS</font>',
    "entity": "&lt;b&gt; &#x202e; &amp;",
    "broken markup": "<b>never closed & <para",
    "xml end": "]]></title></svg>",
    "terminal markup": "[bold red]HOLDS[/bold red] [link=x]",
    "format words": "%s %n {0} {file} ${HOME} $(id)",
    "homoglyph": "\u041ameston\u0435 C\u043ere",
    "combining": "Z\u0351\u0310\u0302\u0303algo",
    "right to left": "\u05d0\u05d1\u05d2",
    "wide": "\u9244\u9285",
    "emoji": "\U0001f50b",
    "quote": 'O\'Brien "Bob" \\ `x`',
    "path": "../../etc/passwd",
    "long": "M" * 120,
}
"""Shown as they are, and harmless: nothing that prints them may read them as anything else."""

DEEP = 100_000

JSON = {
    "nothing": b"{",
    "an array": b"[]{}",
    "deep arrays": b'{"a":' + b"[" * DEEP,
    "deep objects": b'{"a":' * DEEP,
    "deep and closed": b'{"a":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "quote never closed": b'{"a":"' + b"x" * 100_000,
    "backslashes": b'{"a":"' + b"\\" * 100_001,
    "a million digits": b'{"a":' + b"9" * 1_000_000 + b"}",
    "beyond 2 to the 53": b'{"a":9007199254740993}',
    "minus nothing": b'{"a":-0}',
    "a fraction": b'{"a":1.0}',
    "an exponent": b'{"a":1e400}',
    "not a number": b'{"a":NaN}',
    "infinity": b'{"a":-Infinity}',
    "a key twice": b'{"a":1,"a":1}',
    "a key twice by an escape": b'{"a":1,"\\u0061":2}',
    "a key with an escape sequence": b'{"\\u001b[2J":1}',
    "a key beyond ascii": '{"\u202ea":1}'.encode(),
    "lone surrogate": b'{"a":"\\ud800"}',
    "surrogates the wrong way round": b'{"a":"\\udc00\\ud800"}',
    "overlong utf-8": b'{"a":"\xc0\xaf"}',
    "surrogate in utf-8": b'{"a":"\xed\xa0\x80"}',
    "latin-1": b'{"a":"\xe9"}',
    "nul": b'{"a":"\x00"}',
    "nul behind": b'{"a":1}\x00',
    "two documents": b'{"a":1}{"a":1}',
    "comment": b'{"a":1/* HOLDS */}',
    "trailing comma": b'{"a":1,}',
    "single quotes": b"{'a':1}",
    "raw newline in a string": b'{"a":"x\ny"}',
    "raw escape in a string": b'{"a":"\x1b[2J"}',
}
"""What a JSON reader may trip over, whatever the document is about."""
