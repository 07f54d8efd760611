"""mappings/ and config/ become typed, checked tables."""
