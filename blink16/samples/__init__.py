"""Sample programs that come with blink16, with their sources."""
