"""Questions about a whole run: what is noted of each interval, and how that makes tables."""
