"""The short form of `make soak`: the same program, a few hundred requests."""

from pathlib import Path

from tests.soak.long_bundle import write_long_bundle
from tests.soak.patient import tail
from tests.soak.soak import Settings, soak


def test_no_request_is_lost_and_no_answer_wrong_while_clients_leave_and_workers_die(
    tmp_path: Path,
) -> None:
    write_long_bundle(tmp_path)
    log = tmp_path / "server.log"
    tally = soak(
        Settings(
            title="short",
            bundle=tmp_path,
            num_requests=200,
            num_cases=14,
            num_parts=2,
            num_faults=4,
            largest_px=120,
            capacity_s=1.0,
            limit_s=60.0,
            seed=1,
        ),
        log,
    )
    assert tally.num_sent == 200
    assert not tally.findings, "\n".join((*tally.lines(), tail(log, 60)))
