"""From a question and a conversation to a plan."""
