"""Bytes and HTTP; no medicine."""
