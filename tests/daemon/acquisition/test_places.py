"""The answers of two phones never go under one name, and a phone that comes back has the one it had."""

from rackprint.daemon.acquisition.places import Places

BOOTS = [f"00000000-0000-4000-8000-{n:012}" for n in range(4)]


def test_another_phone_at_a_place_has_another_slot():
    places = Places()
    assert places.slot("1-1.2", BOOTS[0], "R58M100001") == "1-1.2"
    assert places.slot("1-1.2", BOOTS[1], "R58M100002") == "1-1.2#2"
    assert places.slot("1-1.2", BOOTS[2], "R58M100003") == "1-1.2#3"
    assert places.slot("1-1.3", BOOTS[0], "R58M100001") == "1-1.3"


def test_a_phone_that_comes_back_is_known_by_its_boot_and_after_a_restart_by_its_serial():
    places = Places()
    places.slot("1-1", BOOTS[0], "R58M100001")
    places.slot("1-1", BOOTS[1], "R58M100002")
    assert (places.of_boot("1-1", BOOTS[1]), places.of_boot("1-1", BOOTS[2])) == ("1-1#2", None)
    assert places.slot("1-1", BOOTS[2], "R58M100001") == "1-1"
    assert places.of_boot("1-1", BOOTS[2]) == "1-1"


def test_a_serial_that_many_show_makes_no_two_phones_one():
    places = Places()
    places.slot("1-1", BOOTS[0], "0123456789ABCDEF")
    assert places.slot("1-1", BOOTS[1], "0123456789ABCDEF") == "1-1#2"


def test_who_says_nothing_is_nobody_known():
    places = Places()
    places.slot("1-1", BOOTS[0], "R58M100001")
    assert places.slot("1-1", "", "") == "1-1#2"
    assert places.of_boot("1-1", "") is None


def test_what_is_known_from_earlier_counts():
    places = Places(["1-1", "1-1#2", "1-2"])
    places.knew("1-1", boot=BOOTS[0])
    places.knew("1-1#2", boot=BOOTS[1], serial="R58M100002")
    assert places.slot("1-1", BOOTS[3], "R58M100002") == "1-1#2"
    assert places.slot("1-1", BOOTS[2], "R58M100009") == "1-1#3"
    assert places.slot("1-2", BOOTS[2], "") == "1-2"  # it never said who it was
