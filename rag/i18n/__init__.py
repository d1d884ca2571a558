"""The product's own words in the reader's language."""
