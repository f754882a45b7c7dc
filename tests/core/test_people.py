"""What is known of a face decides whether it is swapped."""

from livecam.core.people import Known, Standing


def test_nobody_is_a_wearer_without_being_said_to_be_one() -> None:
    assert Known(Standing.UNSURE) != Known(Standing.WEARER)
    assert Known(Standing.WEARER) != Known(Standing.WEARER, "ann")
    assert {str(standing) for standing in Standing} == {"wearer", "other", "unsure"}
