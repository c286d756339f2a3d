"""The fields of the routers, as far as several have the same. Light: checking a spec loads it."""
