"""The programs whose configurations are read, a module each: the table of its settings, its defaults, its data."""
