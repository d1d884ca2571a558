"""What a run says, as page, text and charts."""
