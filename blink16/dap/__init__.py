"""`blink16-dap`: the Debug Adapter Protocol in front of a blink16-server."""
