"""Who goes first, and who may begin."""

import asyncio

from server.streams.turns import Turn, Turns


def test_turns_follow_the_order_of_entering_and_a_dropout_holds_up_nobody() -> None:
    async def run() -> list[int]:
        turns = Turns()
        order: list[int] = []
        may_end = asyncio.Event()

        async def one(number: int, *, work: bool) -> None:
            with turns.enter() as turn:
                await asyncio.sleep(0)  # its body arrives
                if not work:
                    return  # and is broken
                await turn.wait()
                await may_end.wait()
                order.append(number)

        tasks = []
        for number in range(4):
            tasks.append(asyncio.create_task(one(number, work=number != 1)))
            await asyncio.sleep(0)
        tasks[2].cancel()
        may_end.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert len(turns) == 0
        return order

    assert asyncio.run(run()) == [0, 3]


def begin(turn: Turn, began: list[str], name: str) -> "asyncio.Task[None]":
    """Its body has arrived."""

    async def arrive() -> None:
        await turn.arrive()
        began.append(name)

    return asyncio.create_task(arrive())


def test_nobody_begins_before_the_bodies_of_all_before_it_are_there() -> None:
    async def run() -> None:
        turns, began = Turns(), list[str]()
        with turns.enter() as slow, turns.enter() as second, turns.enter() as third:
            waiting = begin(second, began, "second"), begin(third, began, "third")
            await asyncio.sleep(0)
            assert began == []
            await slow.arrive()  # not done: it is only there
            await asyncio.gather(*waiting)
        assert began == ["second", "third"]

    asyncio.run(run())


def test_a_body_that_never_comes_holds_up_nobody_once_it_is_given_up() -> None:
    async def run() -> None:
        turns, began = Turns(), list[str]()
        with turns.enter() as first, turns.enter() as slow, turns.enter() as third:
            await begin(first, began, "first")
            waiting = begin(third, began, "third")
            first.done()
            await asyncio.sleep(0)
            assert began == ["first"]
            slow.done()
            await waiting
        assert began == ["first", "third"]

    asyncio.run(run())
