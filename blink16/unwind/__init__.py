"""Finding callers: from the registers and the code to the frames of a backtrace."""
