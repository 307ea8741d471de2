from __future__ import annotations

import copy
import enum
import pickle
from contextlib import contextmanager
from decimal import Decimal

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisqs import outside


@pytest.fixture
def table():
    return outside.Table("charges")


@pytest.fixture
def other():
    return outside.Table("orders")


@contextmanager
def failing(error=outside.ConditionFailed, match=None):
    """A transaction that ends with an error."""
    with pytest.raises(error, match=match), outside.transaction() as step:
        yield step


class Colour(enum.Enum):
    RED = 1


class Meddler:
    """A value that lets something happen whenever it is copied, as another delivery might."""

    def __init__(self, meddle):
        self.meddle = meddle

    def __deepcopy__(self, memo):
        self.meddle()
        return "copied"


# ------------------------------------------------------------------------------------------ reading and writing
def test_what_was_put_is_got(table):
    assert table.put("a", 1) == 1
    assert table.get("a") == 1
    assert "a" in table


def test_an_absent_key_gives_the_default(table):
    marker = object()
    assert table.get("a") is None
    assert table.get("a", marker) is marker
    assert "a" not in table
    assert table.get_versioned("a", marker) == (marker, 0)


def test_none_is_a_value_like_others(table):
    table.put("a", None)
    assert "a" in table
    assert table.get("a", "default") is None
    assert not table.put_new("a", 1)


def test_a_deleted_key_is_absent(table):
    table.put("a", 1)
    assert table.delete("a") is True
    assert table.delete("a") is False
    assert ("a" in table, table.get("a"), table.version("a"), len(table)) == (False, None, 0, 0)


def test_a_version_grows_with_each_write_and_is_never_given_twice(table):
    seen = [table.version("a"), table.put("a", 1), table.version("a"), table.put("a", 1)]
    table.update("a", lambda value: value + 1)
    seen.append(table.version("a"))
    table.add("a", 1)
    seen.append(table.version("a"))
    table.delete("a")
    seen.append(table.version("a"))
    table.put_new("a", 1)
    seen.append(table.version("a"))
    assert seen == [0, 1, 1, 2, 3, 4, 0, 6]


def test_versions_of_keys_are_apart(table):
    table.put("a", 1)
    table.put("a", 1)
    table.put("b", 1)
    assert (table.version("a"), table.version("b")) == (2, 1)


def test_reading_and_deleting_what_is_absent_write_nothing(table):
    table.get("a")
    table.delete("a")
    assert table.put("a", 1) == 1


def test_iteration_is_in_the_order_of_insertion_as_that_of_a_dict(table):
    expected = {}
    for key in ("c", "a", "b"):
        table.put(key, key * 2)
        expected[key] = key * 2
    table.put("c", "again")
    expected["c"] = "again"
    table.delete("a")
    del expected["a"]
    table.put("a", "back")
    expected["a"] = "back"
    assert list(table) == table.keys() == list(expected) == ["c", "b", "a"]
    assert table.values() == list(expected.values())
    assert table.items() == list(expected.items())
    assert len(table) == 3


def test_a_refused_write_has_no_part_in_the_order(table):
    with pytest.raises(outside.ConditionFailed):
        table.put("a", 1, if_version=1)
    table.put("b", 1)
    table.put("a", 1)
    assert table.keys() == ["b", "a"]


def test_a_table_may_be_changed_while_it_is_iterated(table):
    table.put("a", 1)
    table.put("b", 1)
    for key in table:
        table.delete(key)
    assert len(table) == 0


# --------------------------------------------------------------------------------------------------- conditions
@pytest.mark.parametrize("required", [1, 2, 3])
def test_a_put_if_version_needs_that_very_version(table, required):
    table.put("a", "first")
    table.put("a", "second")
    if required == 2:
        assert table.put("a", "third", if_version=required) == 3
        assert table.get("a") == "third"
    else:
        with pytest.raises(outside.ConditionFailed):
            table.put("a", "third", if_version=required)
        assert table.get_versioned("a") == ("second", 2)


@pytest.mark.parametrize("required", [1, 2, 3])
def test_a_delete_if_version_needs_that_very_version(table, required):
    table.put("a", "first")
    table.put("a", "second")
    if required == 2:
        assert table.delete("a", if_version=required)
        assert "a" not in table
    else:
        with pytest.raises(outside.ConditionFailed):
            table.delete("a", if_version=required)
        assert table.get_versioned("a") == ("second", 2)


@pytest.mark.parametrize("condition", [{"if_absent": True}, {"if_version": 0}])
def test_a_put_if_absent_needs_an_absent_key(table, condition):
    assert table.put("a", 1, **condition) == 1
    with pytest.raises(outside.ConditionFailed):
        table.put("a", 2, **condition)
    table.delete("a")
    assert table.put("a", 3, **condition) == 3
    assert table.get("a") == 3


def test_a_version_of_before_a_delete_is_no_longer_the_version(table):
    before = table.put("a", 1)
    table.delete("a")
    table.put("a", 1)
    with pytest.raises(outside.ConditionFailed):
        table.put("a", 2, if_version=before)


def test_put_new_tells_whether_the_key_was_absent(table):
    assert table.put_new("a", 1) is True
    assert table.put_new("a", 2) is False
    assert table.get_versioned("a") == (1, 1)
    table.delete("a")
    assert table.put_new("a", 3) is True


def test_a_failed_condition_tells_what_was_required_and_what_was_there(table):
    table.put("a", ["x"])
    with pytest.raises(outside.ConditionFailed) as caught:
        table.put("a", [], if_version=7)
    error = caught.value
    assert (error.table, error.key, error.required, error.found, error.value) == ("charges", "a", "version 7", 1, ["x"])
    assert str(error) == "table charges, key 'a': required version 7, found version 1 with ['x']"
    error.value.append("y")
    assert table.get("a") == ["x"]
    with pytest.raises(outside.ConditionFailed, match="required absent, found version 1"):
        table.put("a", [], if_absent=True)
    with pytest.raises(outside.ConditionFailed, match=r"key 'b': required version 1, found absent$"):
        table.delete("b", if_version=1)


@pytest.mark.parametrize("through", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy, copy.deepcopy])
def test_a_failed_condition_survives_pickling_and_copying(through):
    error = outside.ConditionFailed("charges", "a", "absent", 1, ["x"])
    again = through(error)
    assert type(again) is outside.ConditionFailed
    assert (str(again), again.__dict__) == (str(error), error.__dict__)


def test_a_condition_is_judged_after_the_value_was_copied(table):
    value = Meddler(lambda: table.put("a", "meddled"))
    with pytest.raises(outside.ConditionFailed):
        table.put("a", value, if_absent=True)
    assert not table.put_new("a", value)
    assert table.get("a") == "meddled"


# ------------------------------------------------------------------------------------------------------- update
def test_update_replaces_a_value_by_what_the_function_makes_of_it(table):
    table.put("a", 1)
    assert table.update("a", lambda value: value + 1) == 2
    assert table.get("a") == 2


def test_update_begins_from_the_default_if_the_key_is_absent(table):
    assert table.update("a", lambda value: [value]) == [None]
    default = []
    assert table.update("b", lambda value: [*value, 1], default) == [1]
    table.update("c", lambda value: value.append(1) or value, default)
    assert default == []


def test_an_update_that_is_overtaken_is_made_again_from_what_is_there(table):
    table.put("a", 1)
    seen = []

    def slow(value):
        seen.append(value)
        if len(seen) == 1:
            table.add("a", 10)
        return value + 100

    assert table.update("a", slow) == 111
    assert seen == [1, 11]
    assert table.version("a") == 3


def test_an_update_sees_that_the_key_was_made_or_deleted_meanwhile(table):
    seen = []

    def slow(value):
        seen.append(value)
        if len(seen) == 1:
            table.put("a", "made")
        elif len(seen) == 2:
            table.delete("a")
        return "updated"

    assert table.update("a", slow, "default") == "updated"
    assert seen == ["default", "made", "default"]


def test_an_update_is_not_disturbed_by_a_write_of_another_key(table):
    table.put("a", 1)
    table.update("a", lambda value: table.put("b", 1) + value)
    assert (table.get("a"), table.version("a")) == (2, 2)


def test_an_update_is_judged_after_the_new_value_was_copied(table):
    meddled = []

    def meddle():
        if not meddled:
            meddled.append(True)
            table.put("a", "meddled")

    seen = []
    table.update("a", lambda value: seen.append(value) or Meddler(meddle))
    assert seen == [None, "meddled"]
    assert table.get("a") == "copied"


def test_an_update_that_always_writes_its_own_key_is_told(table):
    with pytest.raises(RuntimeError, match="key 'a': the function of update was called 1000 times"):
        table.update("a", lambda value: table.put("a", 1))


def test_a_function_that_fails_leaves_the_table_alone(table):
    table.put("a", [1])

    def fail(value):
        value.append(2)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        table.update("a", fail)
    assert table.get_versioned("a") == ([1], 1)


def test_a_function_that_forgets_to_return_is_told(table):
    table.put("a", [1])
    with pytest.raises(TypeError, match="key 'a': the function of update must return the new value, not None"):
        table.update("a", lambda value: value.append(2))
    assert table.get("a") == [1]


def test_add_counts_from_zero(table):
    assert table.add("a", 3) == 3
    assert table.add("a", -1) == 2
    assert table.add("b", Decimal("0.5")) == Decimal("0.5")
    assert table.get("a") == 2


@pytest.mark.parametrize("number", ["1", None, True, [1]])
def test_add_refuses_what_is_no_number(table, number):
    with pytest.raises(TypeError, match="add takes a number, not"):
        table.add("a", number)
    table.put("a", number)
    with pytest.raises(TypeError, match="key 'a': only a number can be added to, not"):
        table.add("a", 1)


# ------------------------------------------------------------------------------------------------------- copies
def test_a_change_to_what_was_put_changes_nothing_in_the_table(table):
    order = {"lines": ["book"]}
    table.put("a", order)
    table.put_new("b", order)
    table.update("c", lambda _: order)
    order["lines"].append("pen")
    assert table.values() == [{"lines": ["book"]}] * 3


def test_a_change_to_what_was_got_changes_nothing_in_the_table(table):
    table.put("a", {"lines": ["book"]})
    got = [
        table.get("a"), table.get_versioned("a")[0], table.values()[0], table.items()[0][1], table.observe()["a"],
        table.update("a", lambda value: value),
    ]  # fmt: skip
    for one in got:
        one["lines"].append("pen")
    assert table.get("a") == {"lines": ["book"]}


def test_a_tuple_is_copied_as_deep_as_it_can_change(table):
    plain, deep = (1, ("a", None)), (1, (["a"],))
    table.put("plain", plain)
    table.put("deep", deep)
    assert table.get("plain") is plain
    deep[1][0].append("b")
    table.get("deep")[1][0].append("c")
    assert table.get("deep") == (1, (["a"],))


def test_a_value_that_cannot_be_copied_is_refused(table):
    with pytest.raises(TypeError, match=r"copy\.deepcopy cannot copy \[<generator .*cannot pickle 'generator'"):
        table.put("a", [one for one in [(x for x in "ab")]])  # noqa: C416
    assert len(table) == 0


# --------------------------------------------------------------------------------------------------------- keys
@attrs.frozen
class Address:
    street: str
    number: int


@pytest.mark.parametrize(
    "key", ["a", 1, 1.5, None, b"a", ("a", 1, (2,)), Colour.RED, Address("Long Lane", 3), Decimal(1)]
)
def test_a_key_is_anything_hashable_that_is_shown_the_same_in_every_run(table, key):
    table.put(key, 1)
    assert table.observe() == {key: 1}


@pytest.mark.parametrize(
    ("key", "rule"),
    [
        (["a"], r"must be hashable: .*\['a'\]"),
        (("a", {}), "must be hashable"),
        (object(), "must be shown the same in every run, and <object object"),
        ((1, pytest.fixture), "must be shown the same in every run, and <function fixture"),
        (frozenset("ab"), "must be shown the same in every run, and frozenset"),
        (float("nan"), "must equal itself, and nan does not"),
        (("a", Decimal("nan")), "must equal itself"),
    ],
    ids=["list", "tuple-with-dict", "object", "function", "frozenset", "nan", "nan-in-tuple"],
)
def test_other_keys_are_refused(table, other, key, rule):
    operations = [
        lambda: table.get(key), lambda: table.version(key), lambda: key in table, lambda: table.put(key, 1),
        lambda: table.put_new(key, 1), lambda: table.update(key, str), lambda: table.add(key, 1), lambda: table.delete(key),
    ]  # fmt: skip
    for operation in operations:
        with pytest.raises(TypeError, match=rule):
            operation()
    assert len(table) == 0


# ------------------------------------------------------------------------------------------------- transactions
def test_a_transaction_writes_to_several_tables_at_its_end(table, other):
    other.put("order-1", "open")
    with outside.transaction() as step:
        step.put(table, "order-1", 30, if_absent=True)
        step.put(other, "order-2", "open")
        step.delete(other, "order-1", if_version=1)
        assert (table.items(), other.items()) == ([], [("order-1", "open")])
    assert (table.items(), other.items()) == ([("order-1", 30)], [("order-2", "open")])


def test_a_transaction_that_ends_with_an_exception_writes_nothing(table, other):
    with failing(ZeroDivisionError) as step:
        step.put(table, "a", 1)
        step.put(other, "a", 1)
        raise ZeroDivisionError
    assert (len(table), len(other)) == (0, 0)


@pytest.mark.parametrize(
    "demand",
    [
        lambda step, table: step.put(table, "there", 2, if_absent=True),
        lambda step, table: step.put(table, "there", 2, if_version=1),
        lambda step, table: step.put(table, "there", 2, if_version=3),
        lambda step, table: step.put(table, "missing", 2, if_version=1),
        lambda step, table: step.delete(table, "there", if_version=1),
        lambda step, table: step.delete(table, "there", if_version=3),
        lambda step, table: step.check(table, "there", if_absent=True),
        lambda step, table: step.check(table, "there", if_version=3),
    ],
)
def test_one_failed_condition_undoes_the_whole_transaction(table, other, demand):
    for value in (0, 1):
        table.put("there", value)
    other.put("kept", 1)
    with failing(match="table charges") as step:
        step.put(other, "before", 1)
        demand(step, table)
        step.delete(other, "kept")
    assert (table.items(), other.items()) == ([("there", 1)], [("kept", 1)])
    assert (table.version("there"), other.version("kept")) == (2, 1)


@pytest.mark.parametrize(
    "demand",
    [
        lambda step, table: step.put(table, "missing", 2, if_absent=True),
        lambda step, table: step.put(table, "there", 2, if_version=2),
        lambda step, table: step.delete(table, "there", if_version=2),
        lambda step, table: step.check(table, "missing", if_absent=True),
        lambda step, table: step.check(table, "there", if_version=2),
    ],
)
def test_a_transaction_whose_conditions_hold_happens(table, other, demand):
    for value in (0, 1):
        table.put("there", value)
    with outside.transaction() as step:
        demand(step, table)
        step.put(other, "after", 1)
    assert other.get("after") == 1


def test_conditions_are_judged_when_the_transaction_ends(table):
    with failing() as step:
        step.put(table, "a", "mine", if_absent=True)
        table.put("a", "theirs")
    assert table.get("a") == "theirs"
    table.put("b", "theirs")
    with outside.transaction() as step:
        step.put(table, "b", "mine", if_absent=True)
        table.delete("b")
    assert table.get("b") == "mine"


def test_a_transaction_fails_if_what_it_read_has_changed(table, other):
    table.put("a", 1)
    with failing(match="required version 1 as it was read, found version 2 with 2") as step:
        step.put(other, "sum", step.get(table, "a") + 1)
        table.put("a", 2)
    assert len(other) == 0


def test_a_transaction_fails_if_what_it_missed_has_appeared(table, other):
    with failing(match="required absent as it was read, found version 1") as step:
        assert step.get(table, "a", "default") == "default"
        step.put(other, "a", 1)
        table.put("a", 1)
    assert len(other) == 0


def test_what_a_transaction_did_not_read_may_change(table, other):
    with outside.transaction() as step:
        step.get(table, "a")
        step.put(other, "a", "mine")
        table.put("b", 1)
        other.put("a", "theirs")
    assert other.get("a") == "mine"


def test_a_transaction_reads_a_key_as_it_was_when_first_read(table):
    table.put("a", [1])
    with failing() as step:
        assert step.get(table, "a") == [1]
        table.put("a", [2])
        assert step.get(table, "a") == [1]


def test_a_transaction_never_reads_what_was_not_there_together(table, other):
    table.put("from", 10)
    other.put("to", 0)
    read = []
    with failing(match="version 1 as it was read, found version 2 with 0") as step:
        read.append(step.get(table, "from"))
        with outside.transaction() as transfer:
            transfer.put(table, "from", transfer.get(table, "from") - 10)
            transfer.put(other, "to", transfer.get(other, "to") + 10)
        read.append(step.get(other, "to"))
    assert read == [10]


def test_of_two_transactions_that_read_and_write_the_same_one_succeeds(table):
    with failing() as first:
        first.put(table, "a", first.get(table, "a", 0) + 1)
        with outside.transaction() as second:
            second.put(table, "a", second.get(table, "a", 0) + 1)
    assert table.get("a") == 1


def test_a_transaction_sees_its_own_writes(table):
    table.put("a", [1])
    with outside.transaction() as step:
        step.put(table, "a", [2])
        step.get(table, "a").append(3)
        assert step.get(table, "a") == [2]
        step.delete(table, "a")
        assert step.get(table, "a", "gone") == "gone"
        step.put(table, "a", [4])
    assert table.get_versioned("a") == ([4], 2)


def test_a_transaction_copies_what_it_is_given_and_what_it_gives(table):
    order = ["book"]
    table.put("old", order)
    with outside.transaction() as step:
        step.put(table, "new", order)
        order.append("pen")
        step.get(table, "old").append("pen")
        assert step.get(table, "old") == ["book"]
    assert table.get("new") == ["book"]


def test_a_transaction_takes_one_condition_for_a_key(table):
    with outside.transaction() as step:
        step.check(table, "a", if_absent=True)
        step.put(table, "a", 1)
        for again in (
            lambda: step.put(table, "a", 2, if_absent=True),
            lambda: step.delete(table, "a", if_version=1),
            lambda: step.check(table, "a", if_version=0),
        ):
            with pytest.raises(ValueError, match="key 'a': this transaction has already written or checked it"):
                again()
    assert table.get("a") == 1


def test_a_transaction_is_used_inside_its_block_and_once(table):
    step = outside.transaction()
    with pytest.raises(ValueError, match="has not begun"):
        step.put(table, "a", 1)
    with step:
        step.put(table, "a", 1)
        with pytest.raises(ValueError, match="has begun"):
            step.__enter__()
    for use in (lambda: step.get(table, "a"), lambda: step.put(table, "a", 2), step.__enter__):
        with pytest.raises(ValueError, match="has ended"):
            use()
    assert repr(step) == "<Transaction: ended, keys: 1>"
    assert table.get_versioned("a") == (1, 1)


def test_a_check_needs_a_condition_and_a_transaction_a_table(table):
    with outside.transaction() as step:
        with pytest.raises(ValueError, match="check of key 'a' needs a condition"):
            step.check(table, "a")
        with pytest.raises(TypeError, match="takes the table, then the key; 'a' is not a Table"):
            step.get("a", table)


# ------------------------------------------------------------------------------------------ arguments, conditions
@pytest.mark.parametrize(
    ("condition", "error", "rule"),
    [
        ({"if_version": -1}, ValueError, "a whole number from 0, not -1"),
        ({"if_version": "1"}, TypeError, "a whole number from 0, not '1'"),
        ({"if_version": True}, TypeError, "a whole number from 0, not True"),
        ({"if_version": 3, "if_absent": True}, ValueError, "if_absent and if_version=3 are two conditions"),
    ],
)
def test_a_condition_that_makes_no_sense_is_refused(table, condition, error, rule):
    with pytest.raises(error, match=rule):
        table.put("a", 1, **condition)
    with outside.transaction() as step, pytest.raises(error, match=rule):
        step.put(table, "a", 1, **condition)
    if "if_absent" not in condition:
        with pytest.raises(error, match=rule):
            table.delete("a", **condition)
    assert len(table) == 0


def test_the_name_of_a_table_is_a_text():
    with pytest.raises(TypeError, match=r"the name of a table is a text, not \{'a': 1\}; values go in with put"):
        outside.Table({"a": 1})


# ------------------------------------------------------------------------------------------------------ observing
def test_the_same_content_is_observed_the_same_whatever_the_order_of_the_writes(table, other):
    keys = ["b", 2, "a", ("a", 1), None, 10, b"a"]
    for key in keys:
        table.put(key, [key])
    for key in reversed(keys):
        other.put(key, "first")
        other.put(key, [key])
    other.put("deleted", 1)
    other.delete("deleted")
    assert table.observe() == other.observe() == {key: [key] for key in keys}
    assert list(table.observe()) == list(other.observe()) == [None, b"a", 10, 2, "a", "b", ("a", 1)]


def test_other_content_is_observed_differently(table, other):
    table.put("a", 1)
    other.put("a", 2)
    assert table.observe() != other.observe()


def test_a_table_is_shown_with_its_name_and_size(table):
    assert repr(table) == "<Table charges: 0 rows>"
    table.put("a", 1)
    assert repr(table) == "<Table charges: 1 row>"
    assert repr(outside.Table()) == "<Table table: 0 rows>"


@pytest.mark.parametrize("through", [lambda table: pickle.loads(pickle.dumps(table)), copy.copy, copy.deepcopy])
def test_a_copy_of_a_table_goes_its_own_way(table, through):
    table.put("a", [1])
    table.put("a", [2])
    table.put("b", [3])
    table.delete("b")
    again = through(table)
    assert (again.name, again.items(), again.version("a")) == ("charges", [("a", [2])], 2)
    again.put("a", [4], if_version=2)
    assert again.put("b", [5]) == 3
    assert table.items() == [("a", [2])]


# ------------------------------------------------------------------------------------------------------ all runs
KEYS = st.sampled_from(["a", "b", ("c", 1)])
STEPS = st.one_of(
    st.tuples(st.just("put"), KEYS, st.integers(0, 5)),
    st.tuples(st.just("put_new"), KEYS, st.integers(0, 5)),
    st.tuples(st.just("add"), KEYS, st.integers(0, 5)),
    st.tuples(st.just("delete"), KEYS),
    st.tuples(st.just("put_if_version"), KEYS, st.integers(0, 5), st.integers(0, 4)),
)


def step_both(table, model, versions, action, key, *arguments):
    """Do the same to a table and to a dict; the version that the table then must give is one more, if it wrote."""
    before = versions[-1] if key in model else 0
    if action == "put_if_version" and before != arguments[1]:
        with pytest.raises(outside.ConditionFailed):
            table.put(key, arguments[0], if_version=arguments[1])
        return
    if action == "put_new":
        assert table.put_new(key, *arguments) == (key not in model)
        if key in model:
            return
    elif action == "add":
        arguments = (table.add(key, *arguments),)
        assert arguments[0] >= model.get(key, 0)
    elif action == "delete":
        assert table.delete(key) == (key in model)
        if model.pop(key, None) is not None:
            versions.append(versions[-1] + 1)
        return
    else:
        table.put(key, arguments[0], **({"if_version": arguments[1]} if action == "put_if_version" else {}))
    model[key] = arguments[0]
    versions.append(versions[-1] + 1)


@given(st.lists(STEPS, max_size=30))
def test_a_table_holds_what_a_dict_would(steps):
    table, model, versions = outside.Table(), {}, {}
    for action, key, *arguments in steps:
        of_key = versions.setdefault(key, [0])
        step_both(table, model, of_key, action, key, *arguments)
        assert table.items() == list(model.items())
        assert table.version(key) == (of_key[-1] if key in model else 0)


WRITES = st.tuples(st.sampled_from(["put", "delete", "double"]), KEYS, st.integers(0, 5))


@given(st.dictionaries(KEYS, st.integers(0, 5)), st.lists(WRITES, max_size=10))
def test_a_transaction_is_what_its_writes_are_one_after_another(content, writes):
    table, model = outside.Table(), dict(content)
    for key, value in content.items():
        table.put(key, value)
    with outside.transaction() as together:
        for action, key, value in writes:
            if action == "put":
                together.put(table, key, value)
                model[key] = value
            elif action == "double":
                together.put(table, key, together.get(table, key, value) * 2)
                model[key] = model.get(key, value) * 2
            else:
                together.delete(table, key)
                model.pop(key, None)
        assert table.observe() == content
    assert table.observe() == model
