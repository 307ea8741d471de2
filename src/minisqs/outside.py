"""Ready-made durable worlds for subjects under test: a table whose every call is one atomic effect.

A subject is a consumer of messages together with the outside world that it works on; it is built afresh for
each run, and survives every crash within one. ``Table`` is such a world, in memory, with what DynamoDB is
used for: reads that are up to date, conditional writes, counters and transactions.

A handler may be stopped for ever between two of its statements, and another delivery may run there. So each
operation first runs whatever code of the user it needs (hashing and showing a key, copying a value, the
function of ``update``), and then looks and writes with nothing in between. Between two calls in one statement, as
in ``table.put(key, table.get(key) + 1)``, others may go on. What a table holds is never handed
out, only copies of it: a handler that changes what it got, and dies before it puts it back, has changed nothing.

Conditional writes have one convention. ``put`` and ``delete`` take ``if_absent`` or ``if_version`` and raise
``ConditionFailed``, as DynamoDB does: an answer would be easy to overlook, and an overlooked refusal is a
lost update. Only ``put_new`` answers with a bool, because for it "somebody was here before" is everyday life.

>>> table = Table("charges")
>>> table.put_new("order-1", 30), table.put_new("order-1", 30)
(True, False)
>>> table.put("order-1", 25, if_version=1)
2
>>> table.put("order-1", 20, if_version=1)
Traceback (most recent call last):
    ...
minisqs.outside.ConditionFailed: table charges, key 'order-1': required version 1, found version 2 with 25
"""

from __future__ import annotations

import copy
import numbers
import reprlib
from collections.abc import Callable, Hashable, Iterator
from decimal import Decimal
from typing import Any, Final, Self

import attrs

_UNCHANGING: Final = frozenset({str, int, float, bool, type(None), bytes, complex, Decimal})
"""Types whose values cannot change, so that a value is its own copy."""

on_call: Callable[[str], None] | None = None
"""What is told of each call of a table: before a write the write's name, after a read nothing; set by whoever runs a
handler in which something may go wrong between two calls of one statement."""

on_refusal: Callable[[str], None] | None = None
"""What is told of each conditional write that is refused, and why, in words; set by whoever tells the story of a run."""

_TRIES: Final = 1000
"""How often ``update`` calls its function before it says that the function never lets it finish."""


class ConditionFailed(Exception):
    """A conditional write found something else than it required; nothing was changed.

    Attributes:
        table: The name of the table.
        key: The key.
        required: What the condition was, in words: ``"absent"``, ``"version 3"``.
        found: The version of what was there, 0 if the key was absent.
        value: A copy of what was there, None if the key was absent.
    """

    def __init__(self, table: str, key: Hashable, required: str, found: int, value: Any) -> None:
        super().__init__(table, key, required, found, value)
        self.table = table
        self.key = key
        self.required = required
        self.found = found
        self.value = value

    def __str__(self) -> str:
        there = f"version {self.found} with {reprlib.repr(self.value)}" if self.found else "absent"
        return f"table {self.table}, key {self.key!r}: required {self.required}, found {there}"


@attrs.define(eq=False)
class _Row:
    """What a table knows of one key; it outlives the value, so that no version is given twice."""

    writes: int = 0
    value: Any = None
    place: int = 0  # in the order of insertion; 0 while the key is absent

    @property
    def version(self) -> int:
        return self.writes if self.place else 0


class Table:
    """A durable table, like one of DynamoDB's: keys with values, each call one atomic effect.

    A key is a text, a number, bytes, None, a tuple of these, or any other hashable value whose ``repr`` is the
    same in every run; keys that Python calls equal are one key. A value is whatever ``copy.deepcopy`` copies.
    Reads give copies, writes store copies. Iteration is in the order of insertion, as a dict's.

    Real threads that run at the same time are not kept apart; the simulation never runs two at once.

    Args:
        name: What errors and ``repr`` call the table.

    Raises:
        TypeError: Of any method: the key or the value is not as above.

    Cost: O(1) a row, and copying the value.
    """

    __slots__ = ("_places", "_rows", "name")

    def __init__(self, name: str = "table") -> None:
        if not isinstance(name, str):
            raise TypeError(f"the name of a table is a text, not {name!r}; values go in with put")
        self.name = name
        self._rows: dict[Hashable, _Row] = {}
        self._places = 0

    # ------------------------------------------------------------------------------------------------ reading
    def get(self, key: Hashable, default: Any = None) -> Any:
        """A copy of the value of ``key``, or ``default`` itself if the key is absent."""
        return self.get_versioned(key, default)[0]

    def get_versioned(self, key: Hashable, default: Any = None) -> tuple[Any, int]:
        """The value as ``get`` gives it and its version, read at one instant; the version is 0 if absent.

        This is the read that belongs to a write with ``if_version``: between a ``get`` and a ``version`` of
        their own, another delivery may write.
        """
        row = self._rows.get(_checked(key))
        if row is None or not row.place:
            _tell_read()
            return default, 0
        value, version = row.value, row.version
        _tell_read()
        return _copied(value), version

    def version(self, key: Hashable) -> int:
        """How often ``key`` was written by now, deletes included; 0 if it is absent.

        So no two values that a key ever had share a version, not even if it was deleted in between.
        """
        row = self._rows.get(_checked(key))
        version = row.version if row else 0
        _tell_read()
        return version

    def keys(self) -> list[Any]:
        """The keys that have a value."""
        return [key for key, _ in self._present()]

    def values(self) -> list[Any]:
        """Copies of the values, all as they are at one instant."""
        return [_copied(value) for _, value in self._present()]

    def items(self) -> list[tuple[Any, Any]]:
        """The keys with copies of their values, all as they are at one instant."""
        return [(key, _copied(value)) for key, value in self._present()]

    def __contains__(self, key: Hashable) -> bool:
        return self.version(key) > 0

    def __len__(self) -> int:
        length = sum(1 for row in self._rows.values() if row.place)
        _tell_read()
        return length

    def __iter__(self) -> Iterator[Any]:
        return iter(self.keys())

    def observe(self) -> dict[Any, Any]:
        """The content in a canonical form, to compare one run with another by ``==``.

        A dict from keys to copies of their values, sorted by the keys' types and ``repr``, so that it also reads
        the same whatever the order of the writes was. Versions are no part of it.
        """
        return dict(sorted(self.items(), key=lambda item: (type(item[0]).__name__, repr(item[0]))))

    # ------------------------------------------------------------------------------------------------ writing
    def put(self, key: Hashable, value: Any, *, if_absent: bool = False, if_version: int | None = None) -> int:
        """Store a copy of ``value``; gives the version that this makes.

        Args:
            key: What to store it under.
            value: What to store.
            if_absent: Only if the key is absent.
            if_version: Only if the key has this version; 0 is the same as ``if_absent``.

        Raises:
            ConditionFailed: The key was not as required; nothing was changed.
            ValueError: Both conditions at once, or a version below 0.
        """
        required = _required(if_absent=if_absent, if_version=if_version)
        stored = _copied(value)
        row = self._row(key)
        self._tell("put")
        self._require(key, row, required)
        return self._write(row, stored)

    def put_new(self, key: Hashable, value: Any) -> bool:
        """Store a copy of ``value`` if ``key`` is absent; gives whether it was."""
        stored = _copied(value)
        row = self._row(key)
        self._tell("put_new")
        if row.place:
            self._tell_refusal(key, row)
            return False
        self._write(row, stored)
        return True

    def update(self, key: Hashable, function: Callable[[Any], Any], default: Any = None) -> Any:
        """Replace the value of ``key`` by what ``function`` makes of it; gives the new value.

        Read, change and write are one effect: if the key was written while the function ran, by the function
        itself or by another delivery, the function is called again with what is there now. It should have no
        other effect than its result.

        Args:
            key: What to update; if it is absent it is made.
            function: From a copy of the present value to the new value, which must not be None.
            default: What the function gets a copy of if the key is absent.

        Raises:
            TypeError: The function gave None: it has likely changed its argument and returned nothing.
            RuntimeError: The function was called 1,000 times, and each time the key was written meanwhile.
        """
        row = self._row(key)
        self._tell("update")
        for _ in range(_TRIES):
            version, present = row.version, row.value if row.place else default
            value = function(_copied(present))
            if value is None:
                raise TypeError(
                    f"table {self.name}, key {key!r}: the function of update must return the new value, not None"
                )
            stored = _copied(value)
            if row.version == version:
                self._write(row, stored)
                return value
        raise RuntimeError(
            f"table {self.name}, key {key!r}: the function of update was called {_TRIES} times, and the key was written "
            "each time while it ran; does the function itself write it?"
        )

    def add(self, key: Hashable, number: Any) -> Any:
        """Add ``number`` to the number at ``key``, 0 if the key is absent; gives the sum.

        Raises:
            TypeError: Either is not a number, or the two cannot be added.
        """
        _check_number(number, "add takes a number")

        def added(present: Any) -> Any:
            _check_number(present, f"table {self.name}, key {key!r}: only a number can be added to")
            return present + number

        return self.update(key, added, default=0)

    def delete(self, key: Hashable, *, if_version: int | None = None) -> bool:
        """Make ``key`` absent; gives whether it was there.

        Args:
            key: What to delete.
            if_version: Only if the key has this version.

        Raises:
            ConditionFailed: The key had another version, or was absent; nothing was changed.
            ValueError: A version below 0.
        """
        required = _required(if_version=if_version)
        row = self._row(key)
        self._tell("delete")
        self._require(key, row, required)
        return self._erase(row)

    # -------------------------------------------------------------------------------------------------- inside
    def _tell(self, write: str) -> None:
        """Say what is about to be written, before anything is looked at for it."""
        if (told := on_call) is not None:
            told(f"{self.name}.{write}")

    def _row(self, key: Hashable) -> _Row:
        """The row of a key, made if there is none; the last thing of an operation that runs the user's code."""
        return self._rows.setdefault(_checked(key), _Row())

    def _present(self) -> list[tuple[Any, Any]]:
        """Keys and values as stored, of one instant, in the order of insertion."""
        present = [(row.place, key, row.value) for key, row in self._rows.items() if row.place]
        _tell_read()
        return [(key, value) for _, key, value in sorted(present, key=lambda one: one[0])]

    def _require(self, key: Hashable, row: _Row, required: int | None) -> None:
        if required is not None and row.version != required:
            raise self._failed(key, row, _version(required))

    def _tell_refusal(self, key: Hashable, row: _Row) -> None:
        if (told := on_refusal) is not None:
            version = f" in version {row.writes}" if row.place and row.writes > 1 else ""
            told(f"{self.name} {'has' if row.place else 'does not have'} {key!r}{version}")

    def _failed(self, key: Hashable, row: _Row, required: str) -> ConditionFailed:
        self._tell_refusal(key, row)
        found, value = row.version, row.value
        return ConditionFailed(self.name, key, required, found, _copied(value))

    def _write(self, row: _Row, stored: Any) -> int:
        row.writes += 1
        row.value = stored
        if not row.place:
            self._places += 1
            row.place = self._places
        return row.writes

    def _erase(self, row: _Row) -> bool:
        if not row.place:
            return False
        row.writes += 1
        row.value, row.place = None, 0
        return True

    def __copy__(self) -> Table:
        return copy.deepcopy(self)

    def __repr__(self) -> str:
        count = len(self)
        return f"<Table {self.name}: {count} {'row' if count == 1 else 'rows'}>"


@attrs.define(eq=False)
class _Touched:
    """What a transaction has seen of one row, and what it will do to it."""

    table: Table
    key: Hashable
    row: _Row
    read: tuple[int, Any] | None = None  # version and value as they were when first read
    required: int | None = None
    written: bool = False
    deleted: bool = False  # what was written is the key's absence
    value: Any = None

    def write(self, value: Any = None, *, deleted: bool = False) -> None:
        """Keep a write for the end, in place of one that was kept before."""
        self.written, self.deleted, self.value = True, deleted, value

    def check_read(self) -> None:
        """Raise ``ConditionFailed`` if the row is not as it was read."""
        if self.read and self.read[0] != self.row.version:
            raise self.table._failed(self.key, self.row, f"{_version(self.read[0])} as it was read")

    def apply(self) -> None:
        """Do what was kept; only for rows that have been checked."""
        if self.deleted:
            self.table._erase(self.row)
        elif self.written:
            self.table._write(self.row, self.value)


class Transaction:
    """Reads and writes of several keys, of one table or several, that take effect all together or not at all.

    ``transaction()`` makes one. Reads are all of one instant, but for the transaction's own writes, which they
    see. Writes are kept back until the ``with`` block ends; then, if all that was read is still as it was and
    every condition holds, they happen as one effect. Otherwise ``ConditionFailed`` is raised and nothing
    happens, nor does it if the block ends with an exception.
    """

    __slots__ = ("_state", "_touched")

    def __init__(self) -> None:
        self._touched: dict[_Row, _Touched] = {}
        self._state = "not begun"

    def __enter__(self) -> Self:
        if self._state != "not begun":
            raise ValueError(f"this transaction has {self._state}; each with block takes a new outside.transaction()")
        self._state = "begun"
        return self

    def __exit__(self, kind: type[BaseException] | None, *raised: object) -> None:
        self._state = "ended"
        if kind is None:
            self._check_reads()
            for touched in self._touched.values():
                touched.table._require(touched.key, touched.row, touched.required)
            for touched in self._touched.values():
                touched.apply()

    def get(self, table: Table, key: Hashable, default: Any = None) -> Any:
        """A copy of the value of ``key`` in ``table``, or ``default`` if the key is absent.

        Raises:
            ConditionFailed: Something that this transaction has read is no longer so. It would read what never
                was there together.
        """
        touched = self._touch(table, key)
        if touched.written:
            return default if touched.deleted else _copied(touched.value)
        if not touched.read:
            self._check_reads()
            touched.read = (touched.row.version, touched.row.value)
        version, value = touched.read
        return _copied(value) if version else default

    def put(
        self,
        table: Table,
        key: Hashable,
        value: Any,
        *,
        if_absent: bool = False,
        if_version: int | None = None,
    ) -> None:
        """Store a copy of ``value`` when the transaction ends; conditions as those of ``Table.put``.

        Conditions are judged at the end, on the tables without the transaction's own writes. So only the first
        write of a key may have one; a further write takes the place of the first.

        Raises:
            ValueError: Both conditions at once, a version below 0, or a condition for a key that this
                transaction has already written or checked.
        """
        required = _required(if_absent=if_absent, if_version=if_version)
        stored = _copied(value)
        touched = self._touch(table, key)
        self._demand(touched, required)
        touched.write(stored)

    def delete(self, table: Table, key: Hashable, *, if_version: int | None = None) -> None:
        """Make ``key`` absent when the transaction ends; conditions as those of ``Table.delete``, errors as ``put``."""
        required = _required(if_version=if_version)
        touched = self._touch(table, key)
        self._demand(touched, required)
        touched.write(deleted=True)

    def check(self, table: Table, key: Hashable, *, if_absent: bool = False, if_version: int | None = None) -> None:
        """Let the transaction fail unless the key is as required when it ends; errors as ``put``.

        Raises:
            ValueError: No condition was given.
        """
        required = _required(if_absent=if_absent, if_version=if_version)
        if required is None:
            raise ValueError(f"a check of key {key!r} needs a condition: if_absent=True or if_version")
        self._demand(self._touch(table, key), required)

    def _touch(self, table: Table, key: Hashable) -> _Touched:
        if self._state != "begun":
            raise ValueError(f"this transaction has {self._state}; it is used inside its with block")
        if not isinstance(table, Table):
            raise TypeError(f"a transaction takes the table, then the key; {table!r} is not a Table")
        row = table._row(key)
        if row not in self._touched:
            self._touched[row] = _Touched(table, key, row)
        return self._touched[row]

    @staticmethod
    def _demand(touched: _Touched, required: int | None) -> None:
        if required is None:
            return
        if touched.written or touched.required is not None:
            raise ValueError(
                f"table {touched.table.name}, key {touched.key!r}: this transaction has already written or checked it; "
                "a condition belongs to the first write"
            )
        touched.required = required

    def _check_reads(self) -> None:
        for touched in self._touched.values():
            touched.check_read()

    def __repr__(self) -> str:
        return f"<Transaction: {self._state}, keys: {len(self._touched)}>"


def transaction() -> Transaction:
    """A transaction over any tables, for a ``with`` block.

    >>> stock, orders = Table("stock"), Table("orders")
    >>> stock.put("book", 3)
    1
    >>> with transaction() as step:
    ...     step.put(stock, "book", step.get(stock, "book") - 1)
    ...     step.put(orders, "order-1", "book", if_absent=True)
    >>> stock.get("book"), orders.get("order-1")
    (2, 'book')
    """
    return Transaction()


# ------------------------------------------------------------------------------------------------------ values
def _tell_read() -> None:
    """Say that something has been read."""
    if (told := on_call) is not None:
        told("")


def _plain(value: Any) -> bool:
    """Whether a value cannot change, nor anything in it."""
    return type(value) in _UNCHANGING or (type(value) is tuple and all(map(_plain, value)))


def _copied(value: Any) -> Any:
    if _plain(value):
        return value
    try:
        return copy.deepcopy(value)
    except Exception as error:
        raise TypeError(
            f"a table stores copies, and copy.deepcopy cannot copy {reprlib.repr(value)}: {error}"
        ) from error


def _check_number(value: Any, rule: str) -> None:
    if isinstance(value, bool) or not isinstance(value, numbers.Number):
        raise TypeError(f"{rule}, not {value!r}")


# -------------------------------------------------------------------------------------------------------- keys
def _checked(key: Hashable) -> Hashable:
    """The key, once it is known to be good for one."""
    if type(key) is tuple:
        for part in key:
            _checked(part)
    elif type(key) not in _UNCHANGING:
        _check_strange(key)
    elif key != key:  # noqa: PLR0124  # so is NaN
        raise TypeError(f"a key of a table must equal itself, and {key!r} does not")
    return key


def _check_strange(key: Hashable) -> None:
    """Refuse a key that is not of Python's own plain types unless it is hashable and shown the same everywhere."""
    try:
        hash(key)
    except TypeError as error:
        raise TypeError(f"a key of a table must be hashable: {error}, and so {key!r} is none") from error
    if isinstance(key, frozenset) or " at 0x" in repr(key):
        raise TypeError(f"a key of a table must be shown the same in every run, and {key!r} is not")
    if key != key:  # noqa: PLR0124
        raise TypeError(f"a key of a table must equal itself, and {key!r} does not")


def _required(*, if_absent: bool = False, if_version: int | None = None) -> int | None:
    """The version that a condition requires: 0 is absent, None is no condition."""
    if if_version is None:
        return 0 if if_absent else None
    if isinstance(if_version, bool) or not isinstance(if_version, int):
        raise TypeError(f"if_version is a whole number from 0, not {if_version!r}")
    if if_version < 0:
        raise ValueError(f"if_version is a whole number from 0, not {if_version}")
    if if_absent:
        raise ValueError(f"if_absent and if_version={if_version} are two conditions; a write takes one")
    return if_version


def _version(required: int) -> str:
    return f"version {required}" if required else "absent"
