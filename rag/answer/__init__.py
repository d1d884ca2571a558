"""From a plan and passages to an answer."""
