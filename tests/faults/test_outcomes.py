"""What is sent again is not counted again, whichever process it reaches."""

from tests.faults.outcomes import TIMES, race


def test_outcomes_sent_three_times_over_four_processes_count_once(fleet, some):
    counted = race(fleet, some(20), 2_000)

    assert (counted.recorded, counted.in_records) == (2_000, 2_000)
    assert counted.duplicates == counted.sent - 2_000 == (TIMES - 1) * 2_000
