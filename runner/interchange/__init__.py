"""Configurations of other programs made into specs, and specs into theirs, with a report of every line."""
