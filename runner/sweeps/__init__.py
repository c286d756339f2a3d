"""One document into many ordinary specs, and a journal of what became of them."""
