"""The words and colours in which reports speak of constituents, feedstock classes, models and places."""

from __future__ import annotations

from typing import Final

CONSTITUENTS: Final = {
    "Pb": "lead",
    "Sb": "antimony",
    "Sn": "tin",
    "Ca": "calcium",
    "Ag": "silver",
    "As": "arsenic",
    "Bi": "bismuth",
    "Cu": "copper",
    "Se": "selenium",
    "Al": "aluminium",
    "Cd": "cadmium",
    "Zn": "zinc",
    "S": "sulfur",
    "Li": "lithium",
    "Co": "cobalt",
    "Ni": "nickel",
    "PP": "polypropylene",
}

FEEDSTOCKS: Final = {
    "end_of_life": ("end of life", "#1F6B5B"),
    "distribution_return": ("distribution return", "#63A894"),
    "pre_consumer_external": ("pre-consumer, other plants", "#35639A"),
    "pre_consumer_internal": ("pre-consumer, own plant", "#8DB0D6"),
    "home_scrap": ("home scrap", "#9A8FB5"),
    "by_product": ("by-product", "#C9A24B"),
    "primary": ("primary (mined)", "#A85F3B"),
    "unknown": ("unknown", "#C3C7CC"),
}
"""Feedstock class → how it is called, its colour. The order is that of every bar and legend; unknown comes last and is always there."""

MATERIALS: Final = {
    "spent_battery": "#1F6B5B",
    "plant_scrap": "#35639A",
    "battery_paste": "#4E8F7F",
    "grid_metal": "#4E8F7F",
    "bullion": "#6B7F8C",
    "soft_lead": "#54677A",
    "antimonial_lead": "#54677A",
    "calcium_lead": "#54677A",
    "primary_lead": "#A85F3B",
    "primary_antimony": "#A85F3B",
    "tin": "#A85F3B",
    "lead_oxide": "#8A93A8",
    "antimony_oxide": "#8A93A8",
    "battery_plate": "#3F4E63",
    "battery": "#26313F",
    "slag": "#B09A7C",
    "dross": "#B09A7C",
    "flue_dust": "#B09A7C",
    "sludge": "#B09A7C",
    "matte": "#B09A7C",
}
OTHER: Final = "#8B9198"

MODELS: Final = {
    "identity_preserved": "Identity preserved",
    "segregated": "Segregated",
    "controlled_blending": "Controlled blending",
    "mass_balance": "Mass balance",
    "book_and_claim": "Book and claim",
}
"""Chain-of-custody models of ISO 22095."""

PLACES: Final = ("#1F6B5B", "#35639A", "#A85F3B", "#C9A24B", "#9A8FB5")
UNPLACED: Final = "#C3C7CC"
"""Colours of places in a bar: at home, then the others in their order; what is unknown is grey."""

COUNTRIES: Final = {"US": "the United States", "CA": "Canada", "MX": "Mexico", "AU": "Australia", "CN": "China", "DE": "Germany"}


def plain(name: str) -> str:
    """Return a name of ours in plain words: `antimonial_lead` → antimonial lead."""
    return name.replace("_", " ")


def constituent(symbol: str) -> str:
    """Return what a constituent is called: Pb → lead; a symbol that has no word here is its own."""
    return CONSTITUENTS.get(symbol, symbol)


def feedstock(name: str) -> str:
    """Return what a feedstock class is called."""
    return FEEDSTOCKS[name][0] if name in FEEDSTOCKS else plain(name)


def model(name: str) -> str:
    """Return what a chain-of-custody model is called."""
    return MODELS.get(name, plain(name))


def place(characteristic: str) -> str:
    """Return a place claim in words: `smelted_in:US+unknown` → smelted in US + unknown."""
    fact, _, countries = characteristic.partition(":")
    return f"{plain(fact)} {countries.replace('+', ' + ')}" if countries else plain(fact)


def country(code: str) -> str:
    """Return a country's name where we know it, else its ISO 3166-1 code."""
    return COUNTRIES.get(code, code)


def bar_piece(characteristic: str, number: int) -> tuple[str, str]:
    """Return what a piece of a bar is called, and its colour: a feedstock class, or the `number`th place of several."""
    if characteristic in FEEDSTOCKS:
        return FEEDSTOCKS[characteristic]
    fill = UNPLACED if "unknown" in characteristic else PLACES[min(number, len(PLACES) - 1)]
    return place(characteristic), fill


def colour(feedstock_class: str | None, material: str) -> str:
    """Return the colour of a batch: that of its feedstock class when one is given, else that of its material."""
    if feedstock_class in FEEDSTOCKS:
        return FEEDSTOCKS[feedstock_class][1]
    return MATERIALS.get(material, OTHER)
