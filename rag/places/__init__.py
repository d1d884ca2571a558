"""Countries and regions: their names in five languages as ISO 3166 codes."""
