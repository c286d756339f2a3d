"""The programs that a spec is written for: what becomes of each of its fields in their configurations."""
