"""A PC's screen and keyboard on a terminal: `painter` draws one, `viewer` shows a machine on one,
`input` is what is typed there.
"""
