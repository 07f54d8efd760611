"""Lossless reading and writing of HL7 v2: what comes in can be given back byte for byte."""

from __future__ import annotations

from adapter.ingest.hl7v2.batch import Batch, read_batch, split_messages
from adapter.ingest.hl7v2.delimiters import STANDARD, Delimiters
from adapter.ingest.hl7v2.escapes import escape, unescape
from adapter.ingest.hl7v2.header import Header, peek
from adapter.ingest.hl7v2.message import Message, NotHl7, read_message
from adapter.ingest.hl7v2.paths import Path, parse_path
from adapter.ingest.hl7v2.segment import NULL, Segment
from adapter.ingest.hl7v2.times import read_time
from adapter.ingest.hl7v2.writer import CannotWriteError, new_message, with_null, with_segment, with_value

__all__ = [
    "NULL",
    "STANDARD",
    "Batch",
    "CannotWriteError",
    "Delimiters",
    "Header",
    "Message",
    "NotHl7",
    "Path",
    "Segment",
    "escape",
    "new_message",
    "parse_path",
    "peek",
    "read_batch",
    "read_message",
    "read_time",
    "split_messages",
    "unescape",
    "with_null",
    "with_segment",
    "with_value",
]
