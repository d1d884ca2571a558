"""What a reader does with answers and reports: open a report, vote, build a brief."""
