"""The store's tables. Five are evidence, append-only by trigger; the others are projections, derived from the entries and rebuildable."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, Text, UniqueConstraint

SCHEMA_VERSION = 3

metadata = MetaData()


class Blob(LargeBinary):
    """Bytes, read as the driver gives them: after a foreign hand something else may stand there, and the audit has to see it."""

    def result_processor(self, dialect: object, coltype: object) -> None:
        """Return nothing to convert with."""


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
    Column("record_id", Text, primary_key=True),
    Column("key", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("record", Blob, nullable=False),
)

cosignature = Table(
    "cosignature",
    metadata,
    Column("size", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, primary_key=True),
    Column("key_id", Text, primary_key=True),
    Column("time", BigInteger, nullable=False),
    Column("line", Blob, nullable=False),
)
attestation = Table(
    "attestation",
    metadata,
    Column("size", Integer, primary_key=True, autoincrement=False),
    Column("auditor", Text, primary_key=True),
    Column("note", Blob, primary_key=True),
)

# Beside the log: what the ledger remembers about itself, stored credentials, and what opens sealed fields

meta = Table("meta", metadata, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))
credential = Table(
    "credential",
    metadata,
    Column("number", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("unsigned", Blob, nullable=False),
    Column("signed", Blob),
)
opening = Table(
    "opening",
    metadata,
    Column("record", Text, primary_key=True),
    Column("event", Integer, primary_key=True, autoincrement=False),
    Column("field", Text, primary_key=True),
    Column("salt", Blob, nullable=False),
    Column("value", Text, nullable=False),
)

# Projections

record = Table(
    "record",
    metadata,
    Column("idx", Integer, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False, unique=True),
    Column("key", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
    UniqueConstraint("key", "seq"),
)
party = Table("party", metadata, Column("id", Text, primary_key=True), Column("facts", Text, nullable=False))
site = Table("site", metadata, Column("id", Text, primary_key=True), Column("facts", Text, nullable=False))
key = Table(
    "key",
    metadata,
    Column("name", Text, primary_key=True),
    Column("public", Text, nullable=False, unique=True),
    Column("facts", Text, nullable=False),
)
number = Table("number", metadata, Column("batch", Text, primary_key=True), Column("position", BigInteger, nullable=False))
amendment = Table(
    "amendment",
    metadata,
    Column("target", BigInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
)
booking = Table(
    "booking",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("site", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("residuals", Text, nullable=False),
    Column("notes", Text, nullable=False),
)
batch = Table(
    "batch",
    metadata,
    Column("id", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("made", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Index("batch_by_position", "position"),
    sqlite_with_rowid=False,
)
posting = Table(
    "posting",
    metadata,
    Column("position", BigInteger, nullable=False),
    Column("site", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("constituent", Text, nullable=False),
    Column("mass", BigInteger, nullable=False),
    Index("posting_by_position", "position"),
)
edge = Table(
    "edge",
    metadata,
    Column("child", Text, primary_key=True),
    Column("parent", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("gross", BigInteger, nullable=False),
    Column("contained", Text, nullable=False),
    Index("edge_by_parent", "parent", "child"),
    Index("edge_by_position", "position"),
    sqlite_with_rowid=False,
)
vessel = Table(
    "vessel",
    metadata,
    Column("site", Text, primary_key=True),
    Column("vessel", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("batch", Text, primary_key=True),
    Index("vessel_by_position", "position"),
)
serial = Table(
    "serial",
    metadata,
    Column("beginning", Text, nullable=False),
    Column("low", BigInteger, nullable=False),
    Column("high", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("batch", Text, nullable=False),
    Index("serial_by_number", "beginning", "low"),
    Index("serial_by_position", "position"),
)
claim = Table(
    "claim",
    metadata,
    Column("number", Text, primary_key=True),
    Column("party", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("facts", Text, nullable=False),
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
BY_POSITION = (booking, batch, posting, edge, vessel, serial)
"""Tables whose rows belong to one event, and are written anew when it is booked again."""

TRIGGERS = {
    f"{table}_is_append_only_{action.lower()}": f"CREATE TRIGGER {table}_is_append_only_{action.lower()} BEFORE {action} ON {table} "
    f"BEGIN SELECT RAISE(ABORT, 'table {table} is append-only'); END"
    for table in ("entry", "checkpoint", "equivocation", "cosignature", "attestation")
    for action in ("UPDATE", "DELETE")
}
"""The append-only triggers by name."""
