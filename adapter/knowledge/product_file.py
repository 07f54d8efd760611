"""config/products.yaml as typed values: what each product is, and the limits that belong to the substance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast, get_args

from adapter.domain.policy import DecisionTable, Family, Product
from adapter.knowledge.numbers import (
    DAYS,
    HOURS,
    check_citations,
    read_citations,
    read_number,
    read_optional_number,
)
from adapter.knowledge.reading import top_block
from adapter.knowledge.text_yaml import Document, Fault

DOSE_UNITS_OF_PRODUCTS = ("[IU]/m2", "mg/m2")
LIMITS = {
    "residual": DAYS,
    "uninterpretable_iv": HOURS,
    "uninterpretable_im": HOURS,
    "carryover": DAYS,
    "course_gap": DAYS,
}
"""Key of the file -> its unit."""
FAMILIES: tuple[str, ...] = get_args(Family)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductFile:
    """The products, and which policy reads each of them when nobody names another."""

    products: dict[str, Product]
    defaults: dict[str, str]
    """Product key -> policy id, for the products that have one."""
    document: Document


def read_products(document: Document) -> tuple[ProductFile, list[Fault]]:
    """The products of the file, and every fault in it."""
    faults: list[Fault] = []
    top = top_block(document, faults)
    citations = dict(read_citations(top))
    products: dict[str, Product] = {}
    defaults: dict[str, str] = {}
    for key, block in top.blocks("products"):
        policy = block.optional("default_policy")
        if policy:
            defaults[key] = policy
        products[key] = Product(
            key=key,
            label=block.text("label"),
            family=cast("Family", block.choice("family", FAMILIES)),
            dose_unit=block.choice("dose_unit", DOSE_UNITS_OF_PRODUCTS),
            residual_days=read_number(block, "residual", LIMITS["residual"], citations),
            uninterpretable_iv_h=read_number(block, "uninterpretable_iv", LIMITS["uninterpretable_iv"], citations),
            uninterpretable_im_h=read_number(block, "uninterpretable_im", LIMITS["uninterpretable_im"], citations),
            carryover_days=read_number(block, "carryover", LIMITS["carryover"], citations),
            decision_table=cast("DecisionTable", block.choice("decision_table", get_args(DecisionTable))),
            course_gap_days=read_optional_number(block, "course_gap", LIMITS["course_gap"], citations),
        )
        block.finish()
    if not products:
        top.fault("'products' is missing; list at least one product", "products")
    top.finish()
    check_citations(top, citations)
    return ProductFile(products=products, defaults=defaults, document=document), faults
