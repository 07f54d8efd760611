"""The read-only FHIR facade over what was written."""
