"""How an encoder of this family reads texts, compares them, and is stored."""
