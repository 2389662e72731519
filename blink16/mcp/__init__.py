"""`blink16-mcp`: tools with which an assistant debugs 8086 programs."""
