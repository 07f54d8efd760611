"""Troughline: reads laboratory and medication feeds, interprets asparaginase levels, writes the answer back as FHIR."""

__version__ = "0.1.0"
