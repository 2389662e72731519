"""Blinkenlights: the machine as a picture, in a terminal or a browser; a client like any other."""
