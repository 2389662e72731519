"""The 8087: a coprocessor for real numbers, and the 80287, whose arithmetic is the same."""
