"""Time travel: the ring of checkpoints, the log of inputs, and the timeline made of them."""
