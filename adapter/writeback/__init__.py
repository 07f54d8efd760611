"""Findings become wanted FHIR resources and the difference from what was written; no I/O."""
