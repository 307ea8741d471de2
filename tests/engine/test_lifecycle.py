from minisqs.engine.lifecycle import DELAYED, GONE, STRAY, TRANSITIONS, WAITING_FOR_TIME, Event, State


def test_every_state_has_a_row():
    assert set(TRANSITIONS) == set(State)


def test_only_the_end_is_a_dead_end():
    assert [state for state in State if not TRANSITIONS[state]] == [GONE]


def test_every_state_can_be_reached_from_a_send():
    reached, new = set(), {DELAYED, State.AVAILABLE}
    while new:
        reached |= new
        new = {target for state in new for target in TRANSITIONS[state].values()} - reached
    assert reached == set(State)


def test_every_event_happens_somewhere():
    assert {event for row in TRANSITIONS.values() for event in row} == set(Event)


def test_every_living_message_can_expire_and_be_purged():
    for state in set(State) - {GONE}:
        assert TRANSITIONS[state][Event.EXPIRED] is GONE
        assert TRANSITIONS[state][Event.PURGED] is GONE


def test_a_state_that_ends_by_itself_leads_to_available():
    for state, event in WAITING_FOR_TIME.items():
        assert TRANSITIONS[state][event] is State.AVAILABLE


def test_only_a_missed_delete_leads_to_a_stray_copy():
    events = {event for row in TRANSITIONS.values() for event, target in row.items() if target is STRAY}
    assert events == {Event.DELETE_MISSED}


def test_only_an_available_message_is_received_or_moved():
    """sqs.md 4.5"""
    for event in (Event.RECEIVED, Event.MOVED):
        assert [state for state in State if event in TRANSITIONS[state]] == [State.AVAILABLE]
