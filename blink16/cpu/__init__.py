"""The 8086: its encodings, what its instructions mean, and the engines that execute them."""
