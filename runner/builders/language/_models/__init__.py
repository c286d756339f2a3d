"""Language models: loaded from a name, trained in part or whole, stored so that their ecosystem loads them."""
