-- What tells one state of a report from another is all of its head.
ALTER TABLE report DROP mark;
