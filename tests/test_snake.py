"""The game in a boot sector: right on an 80186, told of on an 8086."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from guests import ENGINES

from blink16 import Machine
from blink16.devices.keys import NAMES, stroke
from blink16.samples.build import SAMPLES
from blink16.setup import loader
from blink16.setup.loader import Options

ROW, SCREEN = 160, 0xB8000
FOOD, HEAD = b"*\x0c", b"O\x0a"
PLACE, SCORE = 0x7E04, 0x7E08
STEP_CYCLES = 2 * 4_772_727 * 65_536 // 1_193_182 + 1
MAX_STEPS = 100


class Game:
    """A PC that runs the game."""

    def __init__(self, engine: str = "reference", cpu: str = "80186") -> None:
        self.notices: list[str] = []
        self.machine: Machine = loader.load(
            loader.read("snake"), (), Options(engine=engine, cpu=cpu)
        ).machine
        self.machine.idle_after = 1 << 62
        self.machine.on_notice = self.notices.append

    def let_pass(self, steps: int = 1) -> None:
        """Run on for so many steps of the snake."""
        end = self.machine.cycles + steps * STEP_CYCLES
        while self.machine.cycles < end:
            self.machine.run(50)

    def until(self, condition: Callable[[], bool]) -> None:
        """Run on until something holds."""
        for _ in range(MAX_STEPS):
            if condition():
                return
            self.let_pass()
        pytest.fail("this does not happen")

    def press(self, name: str) -> None:
        """Press and release a key."""

        self.machine.receive("keyboard", stroke(NAMES[name]))

    def row(self, number: int) -> str:
        """Return the characters of a row of the screen."""
        start = SCREEN + number * ROW
        return self.machine.memory[start : start + ROW][::2].decode("cp437")

    @property
    def place(self) -> int:
        """Where the head is on the screen."""
        return self.machine.memory.read_word(PLACE)

    @property
    def is_over(self) -> bool:
        """Whether the game says that it is over."""
        return "GAME OVER" in self.row(12)

    @property
    def length(self) -> int:
        """Parts of the body that are shown."""
        return sum(self.row(number).count("O") for number in range(1, 24))


@pytest.fixture(params=ENGINES)
def game(request: pytest.FixtureRequest) -> Game:
    """Return a game that has begun."""
    made = Game(request.param)
    made.let_pass(2)
    return made


def test_the_snake_goes_where_it_is_steered_and_dies_at_the_wall(game: Game) -> None:
    """Prevents keys that don't steer, a tail that stays behind, and a wall that can be passed."""
    assert game.row(0) == "#####0" + "#" * 74
    before = game.place
    game.let_pass(3)
    assert (game.place - before) in (4, 6, 8)  # to the right
    assert game.length == 4
    game.press("up")
    game.let_pass(2)
    column = game.place % ROW
    game.until(lambda: game.is_over)
    assert (game.place % ROW, game.place // ROW) == (column, 1)
    assert game.notices == []


def test_backward_is_no_way_to_go(game: Game) -> None:
    """Prevents a snake that bites its neck."""
    game.press("left")
    game.let_pass(4)
    assert not game.is_over


def test_food_makes_it_longer_and_counts(game: Game) -> None:
    """Prevents food without effect; the next one lies elsewhere, and the score is shown."""
    ahead = SCREEN + game.place + 8
    for number in range(1, 24):
        row = SCREEN + number * ROW
        game.machine.memory[row : row + ROW] = game.machine.memory[row : row + ROW].replace(
            FOOD, b" \x07"
        )
    game.machine.memory[ahead : ahead + 2] = FOOD
    game.until(lambda: game.machine.memory.read_word(SCORE) == 1)
    game.let_pass()
    assert game.length == 5
    assert game.row(0)[:7] == "#####1#"
    assert sum(game.row(number).count("*") for number in range(1, 24)) == 1


def test_another_game_follows(game: Game) -> None:
    """Prevents a game that can be played once."""
    game.until(lambda: game.is_over)
    game.press("enter")
    game.let_pass(3)
    assert not game.is_over
    assert game.length == 4


def test_an_8086_tells_of_it() -> None:
    """Prevents a black screen without a word on a processor that hasn't got its instructions."""
    game = Game(cpu="8086")
    game.machine.run(20_000)
    assert any("80186" in notice and "--cpu 80186 runs it" in notice for notice in game.notices)


def test_the_sample_is_a_boot_sector() -> None:
    """Prevents an image that no BIOS takes."""
    image = (SAMPLES / "snake.img").read_bytes()
    assert len(image) == 512
    assert image[-2:] == b"\x55\xaa"
