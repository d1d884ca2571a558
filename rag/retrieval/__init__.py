"""From a plan to ranked passages."""
