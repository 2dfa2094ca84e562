"""The pages of a certificate: what is where, and in which words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from reports import pdf
from reports.certificate_content import Claim, Content, Figure, Portion, Seal, Step
from reports.certificate_product import product_tables
from reports.certificate_usmca import usmca_page
from reports.diagram import Box, Diagram, Words
from reports.fields import Fields
from reports.page import INK, MUTED, WIDTH, Block, Head, Run, StyleName, Text
from reports.statement import annex
from reports.text import mass
from reports.words import FEEDSTOCKS, bar_piece, constituent, feedstock, model, place, plain

MOST_PORTIONS = 40
MOST_STEPS = 40
MOST_FIGURES = 2
"""Constituents with a large figure of their own on the first page; further ones stand in the tables."""
MOST_SENTENCES = 4
IN_POUNDS = {"US"}
ON_LETTER = {"US", "CA", "MX"}
"""Countries of the plant in which pounds come first, and in which papers are of letter size."""
VERDICTS = {"PASS": "#17594A", "FAIL": "#A3262A", "INDETERMINATE": "#8A5A00"}


def set_pages(content: Content, credential: Mapping[str, Any], diagram: Diagram | None, seal: Seal | None = None) -> bytes:
    """Set the first page, the details and the annex; return the PDF, nothing attached yet, and the field of a seal still unsigned.

    Raises:
        FormatError: The font lacks a character, or a part fits on no page.
    """
    blocks = [
        *_top(content),
        *_seal(seal),
        *_figures(content),
        *_verdicts(content),
        *_proves(content),
        *_verify(content),
        *_lot(content),
        *product_tables(content),
        *_picture(content, diagram),
        *_tables(content),
        *_origin(credential),
        *_statement(credential),
    ]
    head = Head(
        title=f"{content.title} {content.number}",
        author=content.issuer,
        subject=f"{content.title} for {'' if content.lots else 'lot '}{content.batch}",
        left=f"{content.title} · {content.number}",
        right=content.batch if content.lots else f"Lot {content.batch}",
        foot="First-party declaration, not a UL or SCS certification",
        paper="letter" if content.country in ON_LETTER else "a4",
        made=str(credential["validFrom"]),
    )
    return pdf.build(blocks, head)


def _top(content: Content) -> list[Block]:
    parties = [
        Run("Issued by "),
        Run(content.issuer, "issuer.name", "bold"),
        Run(" to "),
        Run(content.customer, "customer", "bold"),
    ]
    until = f"Valid {content.valid[0]} to {content.valid[1]}"
    first = content.figures[0]
    count = f"{content.pieces:,} pieces, " if content.pieces is not None else ""
    share = f"{first.name}: {'post-consumer' if content.kind == 'recycled-content' else place(first.headline.characteristic)}"
    return [
        pdf.columns(
            [
                (0.7, [pdf.paragraph(content.title, "title")]),
                (
                    0.3,
                    [
                        pdf.fitted(Run(content.number, "number"), WIDTH * 0.3, "number", 7, align="right"),
                        pdf.paragraph(until, "fine", align="right"),
                    ],
                ),
            ]
        ),
        pdf.space(4),
        pdf.paragraph(parties, "lead"),
        pdf.space(14),
        pdf.band(
            [
                (
                    0.29,
                    "LOTS" if content.lots else "LOT",
                    Run(content.batch, "batch"),
                    [Run(f"{plain(content.material)}, "), Run(content.plant, "plant.name")],
                ),
                (0.25, "QUANTITY", _masses(content, content.mass_mg)[0], f"{count}{_masses(content, content.mass_mg)[1]}"),
                (
                    0.20,
                    share.upper(),
                    f"{first.headline.percent} %",
                    f"of the {first.name} in {'these lots' if content.lots else 'this lot'}",
                ),
                (0.26, "CHAIN OF CUSTODY", model(content.model), [Run("Order: "), Run(content.order or "not stated", "order")]),
            ]
        ),
        pdf.space(16),
    ]


def _seal(seal: Seal | None) -> list[Block]:
    """Set the panel of a seal, where there is to be one; it stands at the foot of the first page and is read after its head."""
    if seal is None:
        return []
    time = seal.time.replace("T", " ").replace("Z", " UTC")
    limits = "Seals the file, proves nothing about metal."
    certificate = "The seal's certificate, which the certify record names, has the SHA-256"
    rows: list[tuple[Text, StyleName]] = [
        ([Run("Sealed by "), Run(seal.name, "the seal's certificate", "bold"), Run(f", {time}")], "lead"),
        (f"{limits} {certificate}", "fine"),
        (Run(seal.certificate, face="mono"), "fine"),
    ]
    return [pdf.field(rows, f"Sealed by {seal.name}, {time}. {limits} {certificate} {seal.certificate}")]


def _masses(content: Content, mg: int) -> tuple[str, str]:
    """Write a mass twice, the unit of the plant's country first; pounds as entered or to the tenth, kilograms exactly."""
    exact, kilograms = mass(mg, "lb"), mass(mg, "kg")
    pounds = exact if "." not in exact or len(exact.partition(".")[2]) <= len("1 lb") else mass(mg, "lb", places=1)
    return (pounds, kilograms) if content.country in IN_POUNDS else (kilograms, pounds)


def _figures(content: Content) -> list[Block]:
    blocks: list[Block] = []
    for figure in content.figures[:MOST_FIGURES]:
        claim = figure.headline
        unit = "lb" if content.country in IN_POUNDS else "kg"
        shown = f"{mass(claim.mass_mg, unit, places=1)} of {mass(claim.of_mg, unit, places=1)}"
        exact = f"exactly {claim.mass_mg:,} of {claim.of_mg:,} mg ({shown})"
        beside = " · ".join(f"{place(one.characteristic).replace('pre consumer', 'pre-consumer')} {one.percent} %" for one in figure.beside)
        sentence = [Run(figure.sentence, face="bold"), Run(f" · {beside}", colour=MUTED)]
        blocks.append(
            pdf.together(
                [
                    pdf.columns(
                        [
                            (0.24, [pdf.fitted(f"{claim.percent} %", WIDTH * 0.24 - 14, "figure", 12)]),
                            (0.76, [pdf.space(5), pdf.paragraph(sentence, "body"), pdf.paragraph(exact, "fine")]),
                        ]
                    ),
                    pdf.space(3),
                    pdf.figure(shares(figure)),
                    pdf.space(11),
                ]
            )
        )
    return blocks


def shares(figure: Figure) -> Diagram:
    """Draw the classes or places of a constituent as one bar with its key beneath; unknown is always in the key."""
    boxes, words = [], []
    left = 0.0
    x, y = 0.0, 20.0
    for number, claim in enumerate(figure.classes):
        name, fill = bar_piece(claim.characteristic, number)
        wide = WIDTH * claim.mass_mg / claim.of_mg if claim.of_mg else 0.0
        if wide:
            boxes.append(Box(left, 0, max(wide - 0.6, 0.4), 10, fill))
            left += wide
        if not claim.mass_mg and not claim.characteristic.endswith("unknown"):
            continue
        text = f"{name} {claim.percent} %"
        room = pdf.width_of(text, "Inter", 6.8) + 22
        if x + room > WIDTH:
            x, y = 0.0, y + 10
        boxes.append(Box(x, y - 5.4, 6, 6, fill))
        words.append(Words(x + 9, y, text, 6.8, INK))
        x += room
    placed = any(":" in claim.characteristic for claim in figure.classes)
    title = f"Where the {figure.name} was smelted" if placed else f"Feedstock of the {figure.name}"
    return Diagram(WIDTH, y + 3, title, ", ".join(one.text for one in words), tuple(boxes), (), tuple(words))


def _verdicts(content: Content) -> list[Block]:
    if not content.verdicts:
        return []
    rows: list[list[Text]] = []
    for one in content.verdicts:
        word = [Run(one.verdict.replace("_", " "), "verdict", "bold", VERDICTS.get(one.verdict, MUTED))]
        if one.would_be not in (None, one.verdict):
            word.append(Run(f"would be {one.would_be}", colour=MUTED, below=True))
        rule = [Run(one.title, "title", "bold"), Run(f"{one.rule} v{one.version}", "rule", colour=MUTED, below=True)]
        rows.append([rule, one.citation, word, "; ".join(one.reasons)])
    title = f"What the rules say, as of {content.verdicts[0].as_of}"
    return [*pdf.heading(title, room=60), pdf.table(["RULE", "CITATION", "VERDICT", "REASONS"], rows, [25, 18, 15, 42])]


def _proves(content: Content) -> list[Block]:
    kind = content.kind.replace("-", " ")
    proves = [
        f"{content.issuer} signed this statement; anyone can check the signature.",
        f"Its figures follow exactly from the {content.size:,} signed records under the root below; whoever holds them can recompute.",
        f"In that ledger a lot stands in one certificate for {kind} over a product at a time."
        if content.of_product
        else f"In that ledger the same mass is certified for {kind} only once.",
    ]
    limits = [
        "It proves statements, not metal: who said what, and that it adds up. It cannot show that a scale, an assay or a ticket was right.",
        "First-party declaration by the seller, not a UL or SCS certification.",
        *content.not_checked[:MOST_SENTENCES],
    ]
    if len(content.not_checked) > MOST_SENTENCES:
        limits.append(f"{len(content.not_checked) - MOST_SENTENCES} further limits stand in the annex.")
    return [
        pdf.space(16),
        pdf.panel(
            [
                pdf.columns(
                    [
                        (0.44, [pdf.paragraph("What this certificate proves", "heading"), *_sentences(proves)]),
                        (0.53, [pdf.paragraph("What it does not prove", "heading"), *_sentences(limits)]),
                    ],
                    width=WIDTH - 18,
                )
            ]
        ),
    ]


def _sentences(texts: Sequence[str]) -> list[Block]:
    return [block for text in texts for block in (pdf.space(2.5), pdf.paragraph(text, "small"))]


def _verify(content: Content) -> list[Block]:
    command = f"plumbline verify {content.number}.pdf --trust FILE"
    words = [
        pdf.paragraph("How to verify", "heading"),
        pdf.paragraph(Run(command, face="mono"), "small"),
        pdf.space(2),
        pdf.paragraph(
            "This PDF carries the records that its figures follow from, so no ledger and no network is needed. FILE is the ledger's trust "
            "file: get it from the issuer or your auditor by another way than this certificate came; without it the answer is UNPINNED.",
            "small",
        ),
        pdf.space(3),
        pdf.paragraph([Run("Ledger "), Run(content.origin, "basis.origin"), Run(f", {content.size:,} records, with the root")], "fine"),
        pdf.paragraph(Run(content.root, "basis.root", "mono"), "fine"),
        pdf.paragraph("Digest of this statement (SHA-256, without its proof)", "fine"),
        pdf.paragraph(Run(content.digest, face="mono"), "fine"),
    ]
    code = pdf.qr(f"{content.identity}#{content.digest[:32]}", 84)
    return [pdf.space(14), pdf.together([pdf.columns([(WIDTH - 84, words), (84, [code])], gap=14)])]


def _origin(credential: Mapping[str, Any]) -> list[Block]:
    """Set the USMCA certification of origin, where the issuer gives one."""
    subject = Fields(credential).inside("credentialSubject")
    return usmca_page(subject.inside("usmca"), date=str(credential["validFrom"])[:10]) if subject.values.get("usmca") else []


def _lot(content: Content) -> list[Block]:
    assay = ", ".join(f"{symbol} {value}" for symbol, value in content.assay) or "not stated"
    condition = content.condition or "not stated"
    pairs: list[tuple[str, Text]] = [
        ("CUSTOMER", Run(content.customer, "customer")),
        ("ORDER", Run(content.order or "not stated", "order")),
        ("PERIOD", content.period or "not stated"),
        ("LOTS" if content.lots else "LOT", Run(content.batch, "batch")),
        ("MASS", "{} ({})".format(*_masses(content, content.mass_mg))),
        ("PIECES", f"{content.pieces:,}" if content.pieces is not None else "not counted"),
        *([("MODEL", f"{content.product}{f', {content.category}' if content.category else ''}")] if content.product else []),
        ("PLANT", [Run(content.plant, "plant.name"), Run(f" ({content.site})", "plant.site")]),
        ("CONDITION", Run(condition, "condition")),
        ("CHAIN OF CUSTODY (ISO 22095)", model(content.model)),
        ("ASSAY OVER ALL LOTS" if content.lots else "ASSAY OF THIS LOT", assay),
        ("PERCENTAGES ARE OF THE", Run(content.denominator, "denominator")),
        ("ISSUER", Run(content.issuer, "issuer.name")),
        ("ABSORBS THE CERTIFICATES", Run(", ".join(content.absorbs) or "none", "absorbs")),
        ("CERTIFIED MASS NOT ASSAYED", ", ".join(f"{name} {amount}" for name, amount in content.not_assayed) or "none"),
        ("MASS BACKED BY A DOCUMENT", ", ".join(f"{constituent(one.symbol)} {one.percent} %" for one in content.evidence) or "not stated"),
    ]
    return [*pdf.heading(_heading(content), room=160), pdf.facts(pairs)]


def _heading(content: Content) -> str:
    if content.of_product:
        return "The product"
    return "The shipment" if content.lots else "The lot"


def _picture(content: Content, diagram: Diagram | None) -> list[Block]:
    if diagram is None:
        return []
    title = f"Where the {content.figures[0].name} came from"
    return [pdf.together([*pdf.heading(title), pdf.paragraph(diagram.description, "fine"), pdf.space(6), pdf.figure(diagram, height=420)])]


def _tables(content: Content) -> list[Block]:
    classes = [one for one in content.claims if ":" not in one.characteristic]
    places = [one for one in content.claims if ":" in one.characteristic]
    return [
        *_claims("Feedstock", "CLASS", classes),
        *_claims("Places", "PLACE", places),
        *_sources(content.portions),
        *_balance(content.steps),
    ]


def _claims(title: str, first: str, claims: Sequence[Claim]) -> list[Block]:
    """Set claims as a table, two constituents side by side; a claim that only the other one has is left empty."""
    blocks: list[Block] = []
    symbols = list(dict.fromkeys(one.symbol for one in claims))
    for at in range(0, len(symbols), 2):
        pair = symbols[at : at + 2]
        found = {(one.symbol, one.characteristic): one for one in claims if one.symbol in pair}
        heads = [first]
        for symbol in pair:
            whole = next(one.of_mg for one in claims if one.symbol == symbol)
            heads += [f"{constituent(symbol).upper()}, OF {mass(whole, 'kg')}", "SHARE"]
        rows: list[list[Text]] = []
        for name in dict.fromkeys(name for _, name in found):
            row: list[Text] = [_named(name)]
            for symbol in pair:
                one = found.get((symbol, name))
                row += [mass(one.mass_mg, "kg"), f"{one.percent} %"] if one else ["", ""]
            rows.append(row)
        blocks += [*pdf.heading(title), pdf.table(heads, rows, [30, *([30, 12] * len(pair))], right=range(1, len(heads)))]
    return blocks


def _named(characteristic: str) -> str:
    return feedstock(characteristic) if characteristic in FEEDSTOCKS else place(characteristic).replace(" consumer", "-consumer")


def _sources(portions: Sequence[Portion]) -> list[Block]:
    """List the sources, the largest first; beyond a page of them the rest is summed, and stands in the annex one by one."""
    by_symbol: dict[str, list[Portion]] = defaultdict(list)
    for portion in portions:
        by_symbol[portion.symbol].append(portion)
    rows: list[list[Text]] = []
    for symbol, all_of_it in by_symbol.items():
        ranked = sorted(all_of_it, key=lambda one: -one.mass_mg)
        for one in ranked[:MOST_PORTIONS]:
            where = "; ".join(f"{plain(fact)} {' + '.join(countries)}" for fact, countries in one.places) or "no place known"
            shown = "yes" if one.documented else "no"
            rows.append([constituent(symbol), feedstock(one.feedstock), Run(where, "places"), mass(one.mass_mg, "kg"), shown])
        rest = ranked[MOST_PORTIONS:]
        if rest:
            total = mass(sum(one.mass_mg for one in rest), "kg")
            rows.append([constituent(symbol), f"{len(rest):,} smaller sources", "one by one in the annex", total, ""])
    if not rows:
        return []
    heads = ["CONSTITUENT", "FEEDSTOCK", "PLACES", "MASS", "DOCUMENT"]
    return [*pdf.heading("Sources"), pdf.table(heads, rows, [14, 26, 36, 20, 10], right=(3,))]


def _balance(steps: Sequence[Step]) -> list[Block]:
    if not steps:
        return []
    ranked = sorted(steps, key=lambda one: -abs(one.residual_mg))
    rows: list[list[Text]] = [
        [
            Run(one.site, "site"),
            plain(one.kind),
            constituent(one.symbol),
            *(mass(mg, "kg") for mg in (one.residual_mg, one.bound_mg, one.unknown_mg)),
        ]
        for one in ranked[:MOST_STEPS]
    ]
    if len(ranked) > MOST_STEPS:
        rows.append([f"{len(ranked) - MOST_STEPS:,} smaller residuals", "", "", "in the annex", "", ""])
    text = (
        "What went into a step and what came out are weighed and assayed apart, so they never agree to the gram. The residual is input "
        "less output and declared losses; a gain is entered as unknown. The bound is three standard uncertainties."
    )
    heads = ["SITE", "STEP", "CONSTITUENT", "RESIDUAL", "BOUND", "ENTERED AS UNKNOWN"]
    table = pdf.table(heads, rows, [24, 12, 14, 18, 18, 18], right=(3, 4, 5))
    return [*pdf.heading("Balance along the chain"), pdf.paragraph(text, "fine"), pdf.space(3), table]


def _statement(credential: Mapping[str, Any]) -> list[Block]:
    text = (
        "Every field of the credential with its value, texts without quotation marks. The same statement is attached to this file as "
        "certificate.json; the attachment is what was signed."
    )
    return [
        pdf.next_page(),
        *pdf.heading("Annex: the signed statement in full"),
        pdf.paragraph(text, "fine"),
        pdf.space(6),
        annex(credential),
    ]
