"""One tree for everything the ledger refuses.

A constructor takes facts, keeps them as attributes, and makes its own message: lower case, what was got, what was wanted, the
difference. `code` names the refusal for programs; `hint` is advice for a person and never part of the message.

| branch            | meaning                         | exit code |
|-------------------|---------------------------------|-----------|
| InputError        | unreadable: the form is wrong   | 2         |
| RuleError         | well formed, not allowed        | 1         |
| VerificationError | the evidence does not hold      | 1         |
| StoreError        | cannot open, read, write, sign  | 3         |
"""

from __future__ import annotations

import re


def grams(mass_mg: int) -> str:
    """Return a mass in grams, exact to the milligram, without needless zeros."""
    sign = "-" if mass_mg < 0 else ""
    whole, rest = divmod(abs(mass_mg), 1000)
    return f"{sign}{whole}.{rest:03d}".rstrip("0").rstrip(".") + " g"


MOST_SHOWN = 80
"""How many characters of somebody else's text a message repeats."""


def clipped(message: str, got: object) -> str:
    """Return a message that repeats a text with that text cut short: nobody is shown a megabyte of it."""
    text = got if isinstance(got, str) else ""
    return message.replace(repr(text), repr(f"{text[:MOST_SHOWN]}…")) if len(text) > MOST_SHOWN else message


class LedgerError(Exception):
    """The base of the tree; never raised itself."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint

    @property
    def code(self) -> str:
        """The refusal's stable name: the class name in kebab case, without its ending."""
        return re.sub(r"(?<!^)(?=[A-Z])", "-", type(self).__name__.removesuffix("Error")).lower()


class InputError(LedgerError):
    """Unreadable: the form is wrong."""

    exit_code = 2
    file: str | None = None
    """The file that could not be read, where it is known."""

    def at(self, *, file: str) -> InputError:
        """Return the same refusal with the file that the caller knows."""
        self.file = file
        return self


class EncodingError(InputError):
    """Bytes that are not the canonical JSON, base64 or text they claim to be."""

    def __init__(self, what: str, problem: str, *, hint: str | None = None) -> None:
        self.what = what
        self.problem = problem
        super().__init__(f"{what}: {problem}", hint=hint)

    def at(self, *, file: str) -> EncodingError:
        """Return the same refusal with the file that the caller knows."""
        found = EncodingError(f"{file}: {self.what}", self.problem, hint=self.hint)
        found.file = file
        return found


class FormatError(InputError):
    """A note, record, event or file that does not have its form.

    `file`, `line` and `field` say where, as far as that is known.
    """

    def __init__(
        self,
        problem: str,
        *,
        file: str | None = None,
        line: int | None = None,
        field: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.problem = problem
        self.file = file
        self.line = line
        self.field = field
        place = ", ".join(
            part
            for part in (
                file,
                None if line is None else f"line {line}",
                None if field is None else f"field {field}",
            )
            if part
        )
        super().__init__(f"{place}: {problem}" if place else problem, hint=hint)

    def at(self, *, file: str | None = None, line: int | None = None) -> FormatError:
        """Return the same refusal with the file and line that the caller knows."""
        return FormatError(self.problem, file=file or self.file, line=line or self.line, field=self.field, hint=self.hint)


class LimitError(InputError):
    """Something larger, deeper or longer than the format allows."""

    def __init__(self, what: str, *, got: int, limit: int, unit: str, hint: str | None = None) -> None:
        self.what = what
        self.got = got
        self.limit = limit
        self.unit = unit
        super().__init__(f"{what} has {got} {unit}, the limit is {limit}", hint=hint)

    def at(self, *, file: str) -> LimitError:
        """Return the same refusal with the file that the caller knows."""
        found = LimitError(f"{file}: {self.what}", got=self.got, limit=self.limit, unit=self.unit, hint=self.hint)
        found.file = file
        return found


class UnknownVersionError(InputError):
    """A format or policy version that this program does not know."""

    def __init__(self, what: str, got: str, *, known: str) -> None:
        self.what = what
        self.got = got
        super().__init__(f"{what} is {got!r}, this program knows {known}", hint="a newer plumbline may read it")


class RuleError(LedgerError):
    """Well formed, but not allowed."""


class AuthorityError(RuleError):
    """A key that may not sign this: not enrolled, without the scope, retired, revoked, or of another party."""


class ChainError(RuleError):
    """A record that does not continue its key's own chain, or what it says it saw is not this log."""


class DuplicateError(RuleError):
    """A name that was used before: a party, key, batch number, certificate."""

    def __init__(self, what: str, name: str, *, problem: str = "exists already", hint: str | None = None) -> None:
        self.what = what
        self.name = name
        super().__init__(f"{what} {name} {problem}", hint=hint)


class UnknownError(RuleError):
    """A party, site, key, batch or certificate that this ledger does not hold, or a rule that the book does not."""

    def __init__(self, what: str, name: str, *, where: str = "this ledger", hint: str | None = None) -> None:
        self.what = what
        self.name = name
        super().__init__(f"no {what} {name} in {where}", hint=hint)


class StaleError(RuleError):
    """A use that names another record than the one that last fixed the batch's facts."""

    def __init__(self, batch: str, *, got: str | None, want: str) -> None:
        self.batch = batch
        self.got = got
        self.want = want
        super().__init__(
            f"batch {batch} was last fixed by record {want}, made_by names {got or 'none'}",
            hint=f"look at it with `plumbline show {batch}` and log the event again",
        )


class OverdrawnError(RuleError):
    """A draw above what is left. Masses in mg."""

    def __init__(self, batch: str, *, left: int, asked: int, what: str = "give") -> None:
        self.batch = batch
        self.left = left
        self.asked = asked
        super().__init__(f"batch {batch} holds {grams(left)}, cannot {what} {grams(asked)} ({grams(asked - left)} short)")


class BalanceError(RuleError):
    """More of a constituent comes out than went in, beyond the bound. Masses in mg."""

    def __init__(self, constituent: str, *, into: int, out: int, bound: int) -> None:
        self.constituent = constituent
        self.into = into
        self.out = out
        self.residual = into - out
        self.bound = bound
        super().__init__(
            f"{constituent}: {grams(into)} in, {grams(out)} out and declared lost, residual {grams(into - out)}, "
            f"allowed gain {grams(bound)}",
            hint="a step cannot make metal; look for a wrong unit, a missing input, or wet mass entered as dry",
        )


class LossError(RuleError):
    """Declared losses above what went in. Masses in mg."""

    def __init__(self, constituent: str, *, into: int, lost: int) -> None:
        self.constituent = constituent
        self.into = into
        self.lost = lost
        super().__init__(f"{constituent}: {grams(lost)} declared lost of {grams(into)} in ({grams(lost - into)} too much)")


class CustodyError(RuleError):
    """A batch used by somebody who does not hold it, or while it is on the road."""


class AmountError(RuleError):
    """A mass, count or moisture that cannot be: zero, negative, or more than the whole."""


class AssayError(RuleError):
    """An assay that cannot be, or is not allowed where it stands."""


class FormChangeError(RuleError):
    """A change of form that is not in the table."""

    def __init__(self, kind: str, *, source: str, source_form: str, target: str, target_form: str) -> None:
        self.source = source
        self.target = target
        super().__init__(f"{kind} cannot turn {source} ({source_form}) into {target} ({target_form})")


class OriginError(RuleError):
    """Feedstock, shares, places or a generator that cannot be as stated."""


class VesselError(RuleError):
    """A kettle that would hold two batches, or whose heel was left out."""


class CorrectionError(RuleError):
    """A correction or void of something that cannot be corrected or voided so."""


class ClaimError(RuleError):
    """Mass that is certified already, or may not be certified."""


class ConservationError(RuleError):
    """Books that would not balance to the milligram: a fault of this program, caught before anything is written."""

    def __init__(self, constituent: str, *, difference: int) -> None:
        self.constituent = constituent
        self.difference = difference
        super().__init__(
            f"{constituent}: the books would not balance by {difference} mg",
            hint="nothing was written; please report this with the event that caused it",
        )


class VerificationError(LedgerError):
    """Evidence that does not hold."""


class SignatureError(VerificationError):
    """A signature that does not verify, or a key that may not be used."""


class InclusionError(VerificationError):
    """An inclusion proof that does not hold."""


class ConsistencyError(VerificationError):
    """A consistency proof, or two statements about one log, that do not agree."""


class CheckpointError(VerificationError):
    """A checkpoint that is not this log's, or is not well signed."""


class QuorumError(VerificationError):
    """A quorum that is not reached, or one that two histories could both reach."""


class EvidenceError(VerificationError):
    """Evidence that leaves out what its conclusion needs, or does not fit together."""


class CertificateError(VerificationError):
    """A certificate whose figures, registration or proof do not hold.

    `path` names the first field that does not follow from the records, `claimed` and `recomputed` are what stands there and what should.
    """

    def __init__(
        self,
        problem: str,
        *,
        path: str | None = None,
        claimed: str | None = None,
        recomputed: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.path = path
        self.claimed = claimed
        self.recomputed = recomputed
        figures = "" if claimed is None else f" claims {claimed}, recomputed {recomputed}"
        super().__init__(problem + figures + (f" ({path})" if path else ""), hint=hint)


class StoreError(LedgerError):
    """A store, key file or installation that cannot be opened, read or written."""

    exit_code = 3


class ConflictError(StoreError):
    """The store is locked by somebody else for longer than we wait."""


class SerializationError(ConflictError):
    """Another writer's transaction got between this one's reads and its writes. Nothing was written, and it can be done again."""


class RollbackError(StoreError):
    """The store is older than what was already signed for."""


class StoreVersionError(StoreError):
    """A store written by another version of the schema."""


class KeyFileError(StoreError):
    """A key file that is missing, open to others, damaged, or locked by a pass phrase."""


class InstallationError(StoreError):
    """Packages that do not belong together, or an extra that a command needs and that is not installed."""
