"""A stored model against data: several on one held-out split, by one protocol, in one table."""
