"""Words and numbers that people type and read, the same in every command and front end."""
