"""Tables: rows of columns that are numbers, categories, dates, truths and texts; some are to be predicted."""
