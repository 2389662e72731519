"""The terminal that we ourselves are started on: its streams, its mouse, words for its user."""
