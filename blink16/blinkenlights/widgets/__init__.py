"""The panels of the view, one widget a file."""
