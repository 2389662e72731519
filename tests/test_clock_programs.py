"""A program that uses an AT's clock in every way: its alarm, waits, and its own interrupts."""

from __future__ import annotations

import pytest
from boot_sectors import sector
from guests import ENGINES

from blink16 import bios
from blink16.console import Console
from blink16.debugger import Debugger, Resume
from blink16.devices.cards import Cards
from blink16.machine import Machine

CLOCK = bytes.fromhex(
    "fa31c08ed88ec08ed0bc007cc7062801a27ca32a01fbb403b95923ba0059cd1ab40631c931d2cd1a80160206"
    "00b406b93412cd1a8016030600b8008331c9ba204ebb0406cd15f4803e00060074f8b404cd1a89160606b407"
    "cd1afac706c001a87cc706c2010000b80b52e82e00b00ce670e471fbf4f60608061074f8b48631c9ba88138b"
    "1e0a06cd152b1e0a06f7db891e0c06fab80b02e80100f4e67088e0e671c32efe060006cf50b00ce670e4712e"
    "080608062eff060a06b020e6a0e62058cf"
)
"""nasm, org 7C00h:

            cli
            xor ax,ax
            mov ds,ax
            mov es,ax
            mov ss,ax
            mov sp,7c00h
            mov word [4ah*4],alarm
            mov [4ah*4+2],ax
            sti
            mov ah,3                ; a second before midnight
            mov cx,2359h
            mov dx,5900h
            int 1ah
            mov ah,6                ; an alarm at midnight
            xor cx,cx
            xor dx,dx
            int 1ah
            adc byte [602h],0
            mov ah,6                ; which stays
            mov cx,1234h
            int 1ah
            adc byte [603h],0
            mov ax,8300h            ; bit 7 of 604h after 20 ms
            xor cx,cx
            mov dx,20000
            mov bx,604h
            int 15h
    w1:     hlt
            cmp byte [600h],0
            je w1
            mov ah,4
            int 1ah
            mov [606h],dx
            mov ah,7
            int 1ah
            cli
            mov word [70h*4],tick
            mov word [70h*4+2],0
            mov ax,520bh            ; periodic and update interrupts
            call cmos
            mov al,0ch
            out 70h,al
            in al,71h
            sti
    w2:     hlt
            test byte [608h],10h
            jz w2
            mov ah,86h              ; 5 ms, in which five come
            xor cx,cx
            mov dx,5000
            mov bx,[60ah]
            int 15h
            sub bx,[60ah]
            neg bx
            mov [60ch],bx
            cli
            mov ax,020bh
            call cmos
            hlt
    cmos:   out 70h,al
            mov al,ah
            out 71h,al
            ret
    alarm:  inc byte [cs:600h]
            iret
    tick:   push ax
            mov al,0ch
            out 70h,al
            in al,71h
            or [cs:608h],al
            inc word [cs:60ah]
            mov al,20h
            out 0a0h,al
            out 20h,al
            pop ax
            iret
"""
BEFORE_A_SECOND = 1_000_000_000_950_000_000
"""Nanoseconds since the Unix epoch: 9 September 2001, 50 ms before a second."""
MOST = 30_000
FACTS = 0x600


@pytest.mark.parametrize("engine", ENGINES)
def test_alarms_waits_and_the_clocks_own_interrupts(engine: str) -> None:
    """Prevents an AT's clock that programs hear nothing of, or other than they heard it."""
    machine = Machine(engine, epoch_ns=BEFORE_A_SECOND)
    bios.power_on(machine, Console(), [bios.disk_of(0, sector(CLOCK))], cards=Cards(at=True))
    start = machine.save(), bytes(machine.memory.ram)
    debugger = Debugger(machine)
    debugger.resume(Resume(count=MOST))
    facts = machine.memory.read(FACTS, 14)
    assert facts[0] == 1  # INT 4Ah, once
    assert facts[2:4] == b"\0\1"  # CF of INT 1Ah/06h, and of one that comes before the alarm
    assert facts[4] == 0x80  # INT 15h/83h has told of its time
    assert facts[6:8] == b"\x10\x09"  # midnight has passed: the tenth of September
    assert facts[8] == 0xD0  # requested, periodic, updated
    assert int.from_bytes(facts[10:12], "little") in range(1020, 1032)  # 1024 a second
    assert int.from_bytes(facts[12:14], "little") in (5, 6)  # within 5 ms of INT 15h/86h
    end = debugger.timeline.now
    states = {end: (machine.save(), bytes(machine.memory.ram)), 0: start}
    for instant in (end // 3, 0, end // 2, end):
        debugger.seek(instant)
        state = machine.save(), bytes(machine.memory.ram)
        assert states.setdefault(instant, state) == state
    debugger.seek(end // 3)
    assert (machine.save(), bytes(machine.memory.ram)) == states[end // 3]
