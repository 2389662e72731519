"""The native engine with probes."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future

from blink16.bus import Bus
from blink16.cpu.hot import HotBoard
from blink16.cpu.model import Model
from blink16.cpu.native import loading
from blink16.cpu.native.blocks import CodeCopy, RegionPlan
from blink16.cpu.native.engine import NativeEngine
from blink16.cpu.native.loading import Core
from blink16.cpu.native.probing import ProbedRegion
from blink16.cpu.native.region import RegionFunction
from blink16.cpu.native.translations import Translations
from blink16.cpu.probed_reference import ProbedReference
from blink16.cpu.probes import Probe, Tape
from blink16.cpu.registers import Registers
from blink16.memory import Memory


class ProbedEngine(NativeEngine):
    """Runs guest code natively, and writes down what was asked for."""

    def __init__(
        self,
        model: Model,
        registers: Registers,
        memory: Memory,
        bus: Bus,
        board: HotBoard,
        tape: Tape,
        *,
        regions: bool = True,
    ) -> None:
        """Make an engine over shared state; NativeError if there can't be any.

        What other engines have translated in this memory must be gone (`NativeEngine.forget`).
        """
        self._tape = tape
        if model.reaches_high and tape.probes.wanted & (Probe.READS | Probe.WRITES):
            regions = False  # they begin instructions anew that are given up, and would note twice
        super().__init__(model, registers, memory, bus, board, regions=regions)
        assert self._coming is not None
        core = self._coming.result()
        self._reference = ProbedReference(model, registers, memory, bus, tape)
        tape.attach(registers)
        self._use(core)

    def _begin_loading(self, model: Model, board: HotBoard) -> Future[Core]:
        return loading.core(model, board, probed=True)

    def _translations(self, core: Core) -> Translations:
        def make(segment: CodeCopy, flow: RegionPlan, watching: bool) -> Sequence[RegionFunction]:
            probes, counts = self._tape.probes.wanted, self._tape.counts
            return (ProbedRegion(segment, flow, watching, probes, counts),)

        return Translations(core, self.registers, self.memory, make)
