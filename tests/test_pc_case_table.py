        for case, cycles in _cases(shared, form)
        if bytes(case["bytes"])[:1] == like[:1] and (len(like) == 1 or case["bytes"][1] >= 0xC0)
    )


def _captured_word(shared: Path) -> float:
    """Return what a round of REP STOSW took at even addresses: by the longest case."""
    cycles, rounds = max(
        (cycles - START_OF_REP, case["initial"]["regs"]["cx"])
        for case, cycles in _cases(shared, "AB")
        if len(case["bytes"]) > 1 and not case["initial"]["regs"]["di"] % 2
    )
    return cycles / int(rounds)

