"""Codes that mean something only where they were made: two senders may use the same one for different tests."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from adapter.knowledge.layers import TABLES
from adapter.knowledge.senders import same_sender
from adapter.knowledge.spec import NOT_OURS, Table
from adapter.knowledge.text_yaml import Fault

CODES_OF_A_SENDER = ("activity_tests", "quantification_limits")
"""Tables of codes that a laboratory hands out itself."""
_LOCAL = re.compile(r"L|99\w+|\*")
"""HL7 table 0396: `L` and `99...` are local; `*` takes any system, local ones too."""


def shared_codes(tables: Iterable[Table], senders: Sequence[str], owned: Sequence[str]) -> Iterator[Fault]:
    """Warnings for local codes without a sender at a site that has several; `owned` are the folders of the site."""
    several = sorted({same_sender(sender) for sender in senders} - {""})
    if len(several) < 2:
        return
    for table in tables:
        if table.name not in CODES_OF_A_SENDER:
            continue
        for row in table.rows:
            of_site = any(row.file.startswith(f"{folder}/{TABLES}/") for folder in owned)
            if of_site and not same_sender(row.sender) and row.target != NOT_OURS and _LOCAL.fullmatch(row.system):
                text = (
                    f"'{row.code}' is a local code, and this site has {len(several)} senders ({', '.join(several)}): "
                    "the row counts for all of them; name the one it is of"
                )
                yield row.fault("sender", text, "warning")
