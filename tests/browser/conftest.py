"""The page, its visitors and a browser, for all tests of this folder."""

from page_fixtures import browser, engine, page, sample_site, site, visit

__all__ = ["browser", "engine", "page", "sample_site", "site", "visit"]
