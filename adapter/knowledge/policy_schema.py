"""JSON Schemas of policies and products, made from the tables their readers go by."""

from __future__ import annotations

from typing import get_args

from adapter.domain.findings import MECHANISMS
from adapter.domain.policy import ConfirmedBy, DecisionTable, LossWhen, LowMeans
from adapter.knowledge.numbers import GRADES, UNITS
from adapter.knowledge.policy_numbers import OPTIONAL, SECTIONS, WINDOW
from adapter.knowledge.product_file import DOSE_UNITS_OF_PRODUCTS, FAMILIES, LIMITS
from adapter.knowledge.schema_parts import (
    Schema,
    block,
    maybe,
    named,
    number,
    rows,
    said,
    text,
    texts,
    whole,
    whole_file,
    words,
    yes_no,
)

_NUMBER_KEYS = {"value": number(), "cites": text(), "grade": words(GRADES), "note": maybe(text())}
_CITATIONS = said(maybe(named(text())), "Source key -> reference text.")


def policy_schema() -> Schema:
    """The schema of a file in config/policies."""
    keys: dict[str, Schema] = {
        "policy": said(text(), "The id of the policy."),
        "version": whole(),
        "title": text(),
        "valid_from": said(text("[0-9]{4}-[0-9]{2}-[0-9]{2}"), "A dose is read by the version in force at its start."),
        "products": texts(),
        "time_points": {"type": "array", "minItems": 1, "items": _time_point()},
        **{section: maybe(_section(section)) for section in SECTIONS},
        **{key: _number(unit) for key, unit in OPTIONAL.items()},
        "loss_when": maybe(words(get_args(LossWhen))),
        "confirmed_by": maybe(words(get_args(ConfirmedBy))),
        "based_on": said(maybe(text()), "The policy whose numbers stand where this file has none."),
        "draft": maybe(yes_no()),
        "note": maybe(text()),
        "quotations": rows(_quotation()),
        "citations": _CITATIONS,
    }
    needed = ("policy", "version", "title", "valid_from", "products", "time_points")
    return whole_file("Clinical policy", block(keys, needed))


def products_schema() -> Schema:
    """The schema of config/products.yaml."""
    limits = {key: _number(unit) for key, unit in LIMITS.items()}
    keys: dict[str, Schema] = {
        "label": text(),
        "family": words(FAMILIES),
        "dose_unit": words(DOSE_UNITS_OF_PRODUCTS),
        "default_policy": said(maybe(text()), "The policy that reads this product when nobody names another."),
        "decision_table": words(get_args(DecisionTable)),
        **limits,
    }
    needed = [key for key in keys if key not in ("default_policy", "course_gap")]
    products = named(block(keys, needed), least=1)
    return whole_file("Asparaginase products", block({"products": products, "citations": _CITATIONS}, ("products",)))


def _number(unit: str) -> Schema:
    keys = {**_NUMBER_KEYS, "unit": words((unit,))}
    return said(block(keys, ("value", "unit", "cites", "grade")), f"A cited number in {UNITS[unit]}.")


def _section(name: str) -> Schema:
    return block({key: _number(unit) for key, (_, unit) in SECTIONS[name].items()})


def _time_point() -> Schema:
    numbers = {key: _number(unit) for key, (_, unit) in WINDOW.items()}
    keys: dict[str, Schema] = {"name": text(), "low": words(get_args(LowMeans)), **numbers}
    return block(keys, tuple(keys))


def _quotation() -> Schema:
    keys: dict[str, Schema] = {
        "situation": words(MECHANISMS),
        "statement": text(),
        "cites": text(),
        "route": maybe(text()),
        "window": maybe(text()),
        "from_grade": maybe(text()),
    }
    return block(keys, ("situation", "statement", "cites"))
