"""What keys do, a theme a file."""
