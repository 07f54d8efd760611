"""Merges and unlinks of patient records as a registration system sends them."""

from __future__ import annotations


def adt(trigger: str, control_id: str, *segments: str, at: str = "20250320090000+0000") -> bytes:
    """One ADT message; `at` is EVN-2 and MSH-7."""
    head = f"MSH|^~\\&|REG|HOSP|TROUGHLINE|HOSP|{at}||ADT^{trigger}|{control_id}|P|2.5.1"
    return "".join(f"{segment}\r" for segment in (head, f"EVN|{trigger}|{at}", *segments)).encode()


def merge(survivor: str, absorbed: str, *, at: str = "20250320090000+0000", trigger: str = "A40") -> bytes:
    """`absorbed` ends in `survivor`."""
    return adt(trigger, f"M{survivor}{absorbed}{at[:14]}", f"PID|1||{cx(survivor)}", f"MRG|{cx(absorbed)}", at=at)


def unlink(one: str, other: str, *, at: str = "20250321090000+0000") -> bytes:
    """Two records are two people."""
    return adt("A37", f"U{one}{other}{at[:14]}", f"PID|1||{cx(one)}", f"PID|2||{cx(other)}", at=at)


def cx(mrn: str) -> str:
    """A record number with its assigning authority."""
    return f"{mrn}^^^HOSP^MR"
