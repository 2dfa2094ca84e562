"""The USMCA certification of origin on a page of its own: the nine elements of Annex 5-A and the certifying statement.

The annex sets no form, only what must stand there. It may be in English, Spanish or French; the statement is that of Annex 5-A in each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from reports import pdf
from reports.fields import Fields
from reports.page import Block, Run, Text

_WORDS: Final = {
    "en": {
        "title": "USMCA certification of origin",
        "importer": "Importer",
        "exporter": "Exporter",
        "producer": "Producer",
        "elements": (
            "Importer, exporter or producer certification",
            "Certifier",
            "Exporter",
            "Producer",
            "Importer",
            "Description and HS tariff classification of the good",
            "Origin criterion",
            "Blanket period",
            "Authorized signature and date",
        ),
        "invoice": "invoice",
        "single": "single shipment",
        "to": "to",
        "statement": (
            "I certify that the goods described in this document qualify as originating and the information contained in this document is "
            "true and accurate. I assume responsibility for proving such representations and agree to maintain and present upon request or "
            "to make available during a verification visit, documentation necessary to support this certification."
        ),
        "same as certifier": "same as certifier",
        "various": "Various",
        "available upon request by the importing authorities": "Available upon request by the importing authorities",
        "unknown": "Unknown",
    },
    "es": {
        "title": "Certificación de origen T-MEC",
        "importer": "Importador",
        "exporter": "Exportador",
        "producer": "Productor",
        "elements": (
            "Certificación de importador, exportador o productor",
            "Certificador",
            "Exportador",
            "Productor",
            "Importador",
            "Descripción y clasificación arancelaria SA de la mercancía",
            "Criterio de origen",
            "Periodo global",
            "Firma autorizada y fecha",
        ),
        "invoice": "factura",
        "single": "un solo embarque",
        "to": "a",
        "statement": (
            "Certifico que las mercancías descritas en este documento califican como originarias y que la información contenida en este "
            "documento es verdadera y exacta. Asumo la responsabilidad de comprobar lo aquí declarado y me comprometo a conservar y "
            "presentar, en caso de ser requerido, o a poner a disposición durante una visita de verificación, la documentación necesaria "
            "que soporte esta certificación."
        ),
        "same as certifier": "el mismo que el certificador",
        "various": "Varios",
        "available upon request by the importing authorities": "Disponible a solicitud de las autoridades importadoras",
        "unknown": "Desconocido",
    },
    "fr": {
        "title": "Certification d'origine ACEUM",
        "importer": "Importateur",
        "exporter": "Exportateur",
        "producer": "Producteur",
        "elements": (
            "Certification de l'importateur, de l'exportateur ou du producteur",
            "Certificateur",
            "Exportateur",
            "Producteur",
            "Importateur",
            "Description et classement tarifaire SH du produit",
            "Critère d'origine",
            "Période globale",
            "Signature autorisée et date",
        ),
        "invoice": "facture",
        "single": "expédition unique",
        "to": "au",
        "statement": (
            "J'atteste que les produits décrits dans le présent document sont admissibles à titre de produits originaires et que les "
            "renseignements figurant dans le présent document sont véridiques et exacts. J'assume la responsabilité de prouver ces "
            "affirmations et je m'engage à conserver, à présenter sur demande ou à mettre à disposition lors d'une visite de vérification "
            "les documents nécessaires à l'appui de la présente certification."
        ),
        "same as certifier": "le même que le certificateur",
        "various": "Divers",
        "available upon request by the importing authorities": "Disponible sur demande des autorités importatrices",
        "unknown": "Inconnu",
    },
}
"""Labels and the statement of Annex 5-A by language; the Spanish and the French wording are to be compared with the treaty's before use."""


def usmca_page(stated: Fields, *, date: str) -> list[Block]:
    """Set a certification of origin.

    Args:
        stated: The credential's `usmca`.
        date: The day of the signature, that of the certificate.
    """
    language = stated.optional("language") or "en"
    words = _WORDS[language]
    goods, signature = stated.inside("goods"), stated.inside("authorized_signature")
    invoice = goods.optional("invoice")
    good = f"{goods.text('description')}; HS {goods.text('hs')}" + (f"; {words['invoice']} {invoice}" if invoice else "")
    period = stated.inside("blanket_period") if stated.values.get("blanket_period") else None
    values: list[Text] = [
        str(words[stated.text("certifier_capacity")]),
        *(_contact(stated, name, words) for name in ("certifier", "exporter", "producer", "importer")),
        Run(good, "usmca.goods"),
        stated.text("origin_criterion"),
        f"{period.text('from')} {words['to']} {period.text('to')}" if period else str(words["single"]),
        Run(f"{signature.text('name')}, {signature.text('title')}, {date}", "usmca.authorized_signature"),
    ]
    rows: list[list[Text]] = [
        [str(number), label, value] for number, (label, value) in enumerate(zip(words["elements"], values, strict=True), 1)
    ]
    page = [
        pdf.next_page(),
        *pdf.heading(str(words["title"])),
        pdf.space(4),
        pdf.table(["", "ANNEX 5-A", str(words["title"]).upper()], rows, [6, 34, 60]),
        pdf.space(10),
        pdf.paragraph(str(words["statement"]), "body"),
    ]
    return page if language == "en" else pdf.in_language(page, {"es": "es-MX", "fr": "fr-CA"}[language])


def _contact(stated: Fields, name: str, words: Mapping[str, object]) -> Text:
    value = stated.values.get(name)
    if isinstance(value, str):
        return str(words[value])
    contact = stated.inside(name)
    parts = [contact.optional(field) for field in ("name", "title", "address", "country", "phone", "email")]
    return Run("; ".join(part for part in parts if part), f"usmca.{name}")
