"""The store's tables. Five are evidence, append-only by trigger; the others are projections, derived from the entries and rebuildable."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, Text, UniqueConstraint

SCHEMA_VERSION = 3

metadata = MetaData()


class Blob(LargeBinary):
    """Bytes, read as the driver gives them: after a foreign hand something else may stand there, and the audit has to see it."""

    def result_processor(self, dialect: object, coltype: object) -> None:
        """Return nothing to convert with."""


Words = Text().with_variant(Text(collation="C"), "postgresql")
"""Text in the order of its bytes, on every database."""

# Evidence

entry = Table(
    "entry",
    metadata,
    Column("idx", Integer, primary_key=True, autoincrement=False),
    Column("record", Blob, nullable=False),
    Column("leaf", Blob, nullable=False),
    Column("chain", Blob, nullable=False),
)
checkpoint = Table(
    "checkpoint",
    metadata,
    Column("size", Integer, primary_key=True, autoincrement=False),
    Column("root", Blob, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("note", Blob, nullable=False),
)
equivocation = Table(
    "equivocation",
    metadata,
    Column("record_id", Words, primary_key=True),
    Column("key", Words, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("record", Blob, nullable=False),
)

cosignature = Table(
    "cosignature",
    metadata,
    Column("size", Integer, primary_key=True, autoincrement=False),
    Column("name", Words, primary_key=True),
    Column("key_id", Words, primary_key=True),
    Column("time", BigInteger, nullable=False),
    Column("line", Blob, nullable=False),
)
attestation = Table(
    "attestation",
    metadata,
    Column("size", Integer, primary_key=True, autoincrement=False),
    Column("auditor", Words, primary_key=True),
    Column("note", Blob, primary_key=True),
)

# Beside the log: what the ledger remembers about itself, stored credentials, and what opens sealed fields

meta = Table("meta", metadata, Column("name", Words, primary_key=True), Column("value", Words, nullable=False))
credential = Table(
    "credential",
    metadata,
    Column("number", Words, primary_key=True),
    Column("digest", Words, nullable=False),
    Column("unsigned", Blob, nullable=False),
    Column("signed", Blob),
)
opening = Table(
    "opening",
    metadata,
    Column("record", Words, primary_key=True),
    Column("event", Integer, primary_key=True, autoincrement=False),
    Column("field", Words, primary_key=True),
    Column("salt", Blob, nullable=False),
    Column("value", Words, nullable=False),
)

# Projections

record = Table(
    "record",
    metadata,
    Column("idx", Integer, primary_key=True, autoincrement=False),
    Column("id", Words, nullable=False, unique=True),
    Column("key", Words, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
    UniqueConstraint("key", "seq"),
)
party = Table("party", metadata, Column("id", Words, primary_key=True), Column("facts", Words, nullable=False))
site = Table("site", metadata, Column("id", Words, primary_key=True), Column("facts", Words, nullable=False))
key = Table(
    "key",
    metadata,
    Column("name", Words, primary_key=True),
    Column("public", Words, nullable=False, unique=True),
    Column("facts", Words, nullable=False),
)
number = Table("number", metadata, Column("batch", Words, primary_key=True), Column("position", BigInteger, nullable=False))
amendment = Table(
    "amendment",
    metadata,
    Column("target", BigInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Words, nullable=False),
)
booking = Table(
    "booking",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("site", Words, nullable=False),
    Column("kind", Words, nullable=False),
    Column("residuals", Words, nullable=False),
    Column("notes", Words, nullable=False),
)
batch = Table(
    "batch",
    metadata,
    Column("id", Words, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("made", Integer, nullable=False),
    Column("state", Words, nullable=False),
    Index("batch_by_position", "position"),
    sqlite_with_rowid=False,
)
posting = Table(
    "posting",
    metadata,
    Column("position", BigInteger, nullable=False),
    Column("site", Words, nullable=False),
    Column("account", Words, nullable=False),
    Column("kind", Words, nullable=False),
    Column("constituent", Words, nullable=False),
    Column("mass", BigInteger, nullable=False),
    Index("posting_by_position", "position"),
)
edge = Table(
    "edge",
    metadata,
    Column("child", Words, primary_key=True),
    Column("parent", Words, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("gross", BigInteger, nullable=False),
    Column("contained", Words, nullable=False),
    Index("edge_by_parent", "parent", "child"),
    Index("edge_by_position", "position"),
    sqlite_with_rowid=False,
)
vessel = Table(
    "vessel",
    metadata,
    Column("site", Words, primary_key=True),
    Column("vessel", Words, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("batch", Words, primary_key=True),
    Index("vessel_by_position", "position"),
)
serial = Table(
    "serial",
    metadata,
    Column("beginning", Words, nullable=False),
    Column("low", BigInteger, nullable=False),
    Column("high", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("batch", Words, nullable=False),
    Index("serial_by_number", "beginning", "low"),
    Index("serial_by_position", "position"),
)
claim = Table(
    "claim",
    metadata,
    Column("number", Words, primary_key=True),
    Column("party", Words, nullable=False),
    Column("kind", Words, nullable=False),
    Column("facts", Words, nullable=False),
)
subtree = Table(
    "subtree",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("idx", Integer, primary_key=True, autoincrement=False),
    Column("hash", Blob, nullable=False),
    sqlite_with_rowid=False,
)
"""The root of every full subtree of 256^level leaves, level 1 and up; level 0 is `entry.leaf`. A projection of the entries themselves."""

PROJECTIONS = (record, party, site, key, number, amendment, booking, batch, posting, edge, vessel, serial, claim)
EVIDENCE = ("entry", "checkpoint", "equivocation", "cosignature", "attestation")
"""Tables that are only added to."""
BY_POSITION = (booking, batch, posting, edge, vessel, serial)
"""Tables whose rows belong to one event, and are written anew when it is booked again."""
