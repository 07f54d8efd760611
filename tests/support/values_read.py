"""What the value grammar reads from a text, by kind."""

from __future__ import annotations

from decimal import Decimal

from adapter.domain.values import Value


def number(text, value, unit=None):
    return Value(kind="number", low=Decimal(value), high=Decimal(value), number=Decimal(value), unit=unit, text=text)


def below(text, value, sign="<", unit=None):
    limit = Decimal(value)
    return Value(kind="below", low=Decimal(0), high=limit, comparator=sign, number=limit, unit=unit, text=text)


def above(text, value, sign=">", unit=None):
    return Value(kind="above", low=Decimal(value), comparator=sign, number=Decimal(value), unit=unit, text=text)


def span(text, low, high, unit=None):
    return Value(kind="range", low=Decimal(low), high=Decimal(high), unit=unit, text=text)


def unreadable(text):
    return Value(kind="unreadable", text=text)
