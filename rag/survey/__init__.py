"""Surveys: every report in scope read for a topic, with a verdict and its own words."""
