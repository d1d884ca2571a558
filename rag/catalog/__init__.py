"""What tags say: fields, normalised values, selections, counts and facets."""
