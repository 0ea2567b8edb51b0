"""Which connection makes room. No sockets."""

from server.http.connections import ACCEPTED_AT_ONCE, Connections


class Client:
    def __init__(self) -> None:
        self.dropped = ""

    def drop(self, reason: str) -> None:
        self.dropped = reason


def test_the_longest_without_a_request_makes_room() -> None:
    room = Connections(max_connections=3, max_unsent_bytes=100)
    busy, slow, slower_still, newcomer = clients = [Client() for _ in range(4)]
    for client in clients[:3]:
        assert room.enter(client)
    room.has_request(busy)
    crowded = [room.is_crowded]
    assert room.enter(newcomer)
    crowded.append(room.is_crowded)
    assert crowded == [False, True]
    room.make_room()
    assert [c.dropped for c in clients] == ["", "crowded", "", ""]


def test_a_newcomer_whose_request_came_with_it_stays() -> None:
    room = Connections(max_connections=1, max_unsent_bytes=100)
    quick, slow = Client(), Client()
    for client in (quick, slow):
        assert room.enter(client)
    room.has_request(quick)  # it was read in between
    room.make_room()
    assert (quick.dropped, slow.dropped) == ("", "crowded")


def test_those_that_were_dropped_make_room_before_they_are_gone() -> None:
    room = Connections(max_connections=2, max_unsent_bytes=100)
    clients = [Client() for _ in range(4)]
    for client in clients:
        room.enter(client)
    room.make_room()
    room.awaits_request(clients[0])  # while it closes
    room.make_room()  # asked for by the second newcomer
    assert [c.dropped for c in clients] == ["crowded", "crowded", "", ""]
    assert not room.is_crowded
    room.leave(clients[0])
    room.enter(Client())
    room.closes(clients[3])  # it was too slow: it makes room as well
    room.make_room()
    assert [c.dropped for c in clients] == ["crowded", "crowded", "", ""]
    room.enter(Client())
    room.make_room()
    assert [c.dropped for c in clients] == ["crowded", "crowded", "crowded", ""]


def test_whoever_is_served_stays_and_far_too_many_are_refused() -> None:
    room = Connections(max_connections=1, max_unsent_bytes=100)
    clients = [Client() for _ in range(1 + ACCEPTED_AT_ONCE)]
    for client in clients:
        assert room.enter(client)
        room.has_request(client)
    room.make_room()
    assert not any(client.dropped for client in clients)
    assert not room.enter(Client())
    room.leave(clients[0])
    assert room.enter(Client())
    assert len(room) == 1 + ACCEPTED_AT_ONCE


def test_a_connection_that_was_answered_stands_at_the_end() -> None:
    room = Connections(max_connections=2, max_unsent_bytes=100)
    answered, waiting, newcomer = Client(), Client(), Client()
    room.enter(answered)
    room.enter(waiting)
    room.has_request(answered)
    room.awaits_request(answered)
    room.awaits_request(waiting)  # said again: its place does not get better
    room.enter(newcomer)
    room.make_room()
    assert (answered.dropped, waiting.dropped) == ("", "crowded")


def test_answers_that_are_not_taken_are_bounded_but_one_alone_may_be_large() -> None:
    room = Connections(max_connections=9, max_unsent_bytes=100)
    first, second, third = Client(), Client(), Client()
    for client in (first, second, third):
        room.enter(client)
    room.is_behind(first, 500)
    assert first.dropped == ""
    room.is_behind(second, 60)
    assert first.dropped == "unsent"
    room.is_behind(third, 40)
    assert (second.dropped, room.num_unsent_bytes) == ("", 100)
    room.caught_up(second)
    assert room.num_unsent_bytes == 40
