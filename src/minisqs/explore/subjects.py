"""What is checked: a consumer with the world outside of it, the messages it gets, and the settings it runs under.

A *subject* is built afresh for each run: it is the outside world, which survives every crash. Its handler is
what will be deployed; or it makes one for each environment, and what that closes over dies with the
environment. A *scenario* sets a whole world up by itself.
"""

from __future__ import annotations

import difflib
import inspect
import random  # noqa: TID251  # for the names of what draws
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from functools import lru_cache, partial
from hashlib import blake2b
from types import FunctionType, ModuleType
from typing import Any, Final

import attrs

from .. import errors
from ..client.attributes import RedrivePolicy, raw_message_attributes
from ..engine.values import SendMessage
from ..limits import BATCH_ENTRIES
from ..outside import Table
from ..sim.code import statements
from ..sim.code.following import Following, follow
from ..sim.code.reaching import names_in
from ..sim.code.users_files import traced
from ..sim.port import MAIN
from ..world import World
from .deploying import Deployed, DeployedSubject

QUEUE: Final = "orders"
DEAD_LETTER_QUEUE: Final = "orders-dead"
SMALL: Final = 20_000
"""Ten texts of fewer characters fit into one call."""

CHANCE: Final = frozenset(
    {*random.__all__, "random", "randbelow", "token_hex", "token_bytes", "token_urlsafe", "secrets", "uuid", "uuid1",
     "uuid4", "urandom", "getrandom", "numpy"}
)  # fmt: skip
"""Names by which code draws random numbers."""

_CACHE: Final = type(lru_cache(None)(int))

_ENTRY_IDS: Final = tuple(str(number) for number in range(BATCH_ENTRIES))

FUNCTION_SETTINGS: Final = (
    "name", "timeout", "duration", "reserved_concurrency", "cold_start", "memory_size", "keep_warm",
)  # fmt: skip


def scenario(function: Callable[[World], Callable[[], object]]) -> Callable[[World], Callable[[], object]]:
    """Mark a function that sets a world up and returns what observes it, for ``check`` and its like.

    The function gets a fresh ``World`` for each run. What it sends itself is exempt from faults; the consumers
    and functions that it starts are not. What it returns is called once the world has come to rest.
    """
    if not callable(function):
        raise errors.UsageError(f"a scenario is a function that takes the world and sets it up, not {function!r}")
    function.__minisqs_scenario__ = True  # type: ignore[attr-defined]
    return function


class Case:
    """A subject, its messages and its settings: everything that the runs of one check have in common.

    Args:
        subject: A class, or a function, that makes the outside world of a run; a ``deployed``; a scenario.
        messages: Texts or ``SendMessage``; none for a scenario.
        queue: Arguments of ``create_queue``, and ``max_receive_count``.
        function: Arguments of ``create_function``.
        mapping: Arguments of ``create_event_source_mapping``.
        trace: Which files are the user's own.
        seed: From which ids and draws come.

    Raises:
        UsageError: An argument is not of its form.
    """

    def __init__(
        self,
        subject: Any,
        messages: Sequence[str | SendMessage] | None,
        *,
        queue: Mapping[str, Any] | None = None,
        function: Mapping[str, Any] | None = None,
        mapping: Mapping[str, Any] | None = None,
        trace: object = None,
        seed: int | str | None = None,
    ) -> None:
        self.is_scenario = getattr(subject, "__minisqs_scenario__", False)
        self.subject = _checked_subject(subject, is_scenario=self.is_scenario)
        self.messages = () if self.is_scenario and messages is None else _checked_messages(messages)
        if self.is_scenario and self.messages:
            raise errors.UsageError("a scenario sends its own messages; give it none")
        for name, given in (("queue", queue), ("function", function), ("mapping", mapping)):
            if self.is_scenario and given:
                raise errors.UsageError(
                    f"a scenario makes its own queues and functions; {name}={given!r} would say nothing"
                )
        self.queue = _settings("queue", queue)
        self._given_queue = dict(self.queue)
        self.max_receive_count = self.queue.pop("max_receive_count", None)
        if self.max_receive_count is not None and self.queue.get("redrive_policy") is not None:
            raise errors.UsageError(
                "queue= has a max_receive_count, which makes a dead-letter queue of its own, and a redrive_policy, "
                "which names another one; give one of them"
            )
        self.function = _settings("function", function)
        for name in self.function:
            if name not in FUNCTION_SETTINGS:
                close = difflib.get_close_matches(name, FUNCTION_SETTINGS, n=1)
                meant = f"did you mean {close[0]!r}?" if close else f"those are {', '.join(FUNCTION_SETTINGS)}"
                raise errors.UsageError(f"{name!r} is not a setting of a function; {meant}")
        self.mapping = _settings("mapping", mapping)
        self.seed = seed
        self.is_fifo = bool(self.queue.get("fifo_queue"))
        self.queue_name = self.queue.pop("name", QUEUE + ".fifo" if self.is_fifo else QUEUE)
        self.trace = traced(trace, _file_of(self.subject))
        self._mapping_settings: Any = None
        self._small: bool | None = None
        self._draws: bool | None = None
        self.spawns = False
        """Whether workers are spawned, each on a stack of its own."""
        self.keeps_elsewhere = False
        """Whether something changes where nobody compares it: in a file, in a library, in what a function closes over."""
        self.ran_beside: tuple[FunctionType, ...] = ()
        """Functions to which no name leads from the subject, but which ran when it did."""
        self.ran_unfollowed: list[str] = []
        """What of the user's files ran without points all the same: "name (path:line)"."""
        self._following: Following | None = None
        self._forget_what_is_followed()

    def _forget_what_is_followed(self) -> None:
        """What is told of the followed functions is to be found anew."""
        self._classes: tuple[type, ...] | None = None
        self._lasting: list[tuple[str, Any, str]] = []
        self._lasting_sizes: tuple[int, ...] | None = None
        self._namespaces: list[Any] | None = None
        self._defaults: list[tuple[FunctionType, dict[str, Any]]] = []
        self._has_caches: bool | None = None

    @property
    def name(self) -> str:
        """What the user calls the subject."""
        name = getattr(self.subject, "__qualname__", None) or getattr(self.subject, "__name__", None) or "subject"
        return str(name).rpartition("<locals>.")[2].replace("<lambda>", "subject")

    @property
    def everything(self) -> tuple[int, ...]:
        """The places of all messages, from 0."""
        return tuple(range(len(self.messages)))

    @property
    def is_deployed(self) -> bool:
        """Whether the handlers are those of modules that are executed anew."""
        return isinstance(self.subject, Deployed)

    @property
    def following(self) -> Following:
        """The statements of the user's code."""
        if self._following is None:
            self._following = follow([self.subject, *self.ran_beside], self.trace)
        return self._following

    def follow_anew(self, ran_beside: Iterable[FunctionType] = ()) -> bool:
        """Follow what the subject leads to by now, and what was seen to run beside it; whether that is another."""
        before = self.following.functions
        self.ran_beside = tuple(dict.fromkeys((*self.ran_beside, *ran_beside)))
        self._following = None
        if self.following.functions == before:
            return False
        self._draws = self._draws or None
        self._forget_what_is_followed()
        return True

    @property
    def unfollowed(self) -> tuple[str, ...]:
        """The functions of the user's files that run without points: "name (path:line)"."""
        return tuple(dict.fromkeys((*self.following.unfollowed, *self.ran_unfollowed)))

    @property
    def statements(self) -> list[statements.Statement]:
        """The statements of the user's code as it is now."""
        found = list(self.following.statements)
        if isinstance(self.subject, Deployed):
            found += self.subject.statements
        return found

    @property
    def digest(self) -> str:
        """Four hexadecimal digits for the subject's name and settings: not for its code, which may be edited."""
        return blake2b(repr([self.name, self.seed, *self.settings]).encode(), digest_size=2).hexdigest()

    @property
    def settings(self) -> list[object]:
        """The settings of the queue, the function and the mapping, to be compared."""
        return [self.max_receive_count, *map(_in_order, (self.queue, self.function, self.mapping))]

    @property
    def messages_digest(self) -> str:
        """Four hexadecimal digits for the messages."""
        return blake2b(repr([_told(message) for message in self.messages]).encode(), digest_size=2).hexdigest()

    def keeps_groups(self, order: Sequence[int]) -> bool:
        """Whether an order of the messages leaves each message group of a FIFO queue in its own."""
        groups: dict[object, int] = {}
        for place in order if self.is_fifo else ():
            group = getattr(self.messages[place], "message_group_id", None)
            if groups.get(group, -1) > place:
                return False
            groups[group] = place
        return True

    def replay_line(self, token: str) -> str:
        """What a user types to see a run again."""
        given = {"queue": self._given_queue, "function": self.function, "mapping": self.mapping}
        settings = "".join(f", {name}={value!r}" for name, value in given.items() if value)
        seed = "" if self.seed is None else f", seed={self.seed!r}"
        messages = "" if self.is_scenario else ", messages"
        subject = self.subject.written if isinstance(self.subject, Deployed) else self.name
        return f'minisqs.replay({subject}, "{token}"{messages}{settings}{seed})'

    def body(self, place: int) -> str:
        """The body of the message at a place, from 0."""
        message = self.messages[place]
        return message if isinstance(message, str) else message.body

    def lasting_values(self) -> dict[str, Any]:
        """What the user's code keeps beside the subject, by name: in module globals that it names, and in its classes.

        Functions, classes and modules keep nothing. Cost: that of looking, where nothing new has come since.
        """
        owners = self._owners
        sizes = tuple(map(len, owners))
        if sizes != self._lasting_sizes:
            self._lasting_sizes = sizes
            self._lasting = [
                (told, owner, name) for told, owner, name in self._places() if name in owner and _keeps(owner[name])
            ]
        return {told: owner.get(name) for told, owner, name in self._lasting}

    @property
    def lasting_places(self) -> list[tuple[Any, str]]:
        """Where ``lasting_values`` has last found these: the namespace, and the name in it."""
        return [(owner, name) for _, owner, name in self._lasting]

    def globals_kept(self) -> dict[str, tuple[dict[str, Any], str]]:
        """Of these, the module globals: the namespace of each, and its name there."""
        self.lasting_values()
        modules = {id(function.__globals__) for function in self.following.functions}
        return {told: (owner, name) for told, owner, name in self._lasting if id(owner) in modules}

    def is_users_module(self, name: object) -> bool:
        """Whether a module's functions are followed, or the subject stands in it."""
        path = getattr(sys.modules.get(name), "__file__", None) if isinstance(name, str) else None
        return isinstance(path, str) and (path == _file_of(self.subject) or self.trace(path))

    @property
    def is_opaque(self) -> bool:
        """Whether it cannot be told what a run's state is, so that no two are compared.

        Random numbers decide what comes next, or something is kept elsewhere than where it is looked at.
        """
        return self.draws or self.keeps_elsewhere or self.has_caches

    @property
    def _owners(self) -> list[Any]:
        """The namespaces in which something may be kept."""
        if self._namespaces is None:
            functions = self.following.functions
            modules = {id(function.__globals__): function.__globals__ for function in functions}
            classes = [*getattr(self.subject, "__mro__", ())[:-1], *self._helpers]
            self._defaults = [(function, _mutable_defaults(function)) for function in functions]
            self._namespaces = [
                *modules.values(),
                *(vars(one) for one in classes),
                *(vars(function) for function in functions),
                *(defaults for _, defaults in self._defaults),
            ]
        return self._namespaces

    @property
    def _helpers(self) -> list[type]:
        """The classes in the modules of followed functions that stand there, are not the subject's, and no enumerations."""
        modules = {function.__globals__.get("__name__") for function in self.following.functions}
        own = set(map(id, getattr(self.subject, "__mro__", ())))
        helpers = (one for one in self.classes if one.__module__ in modules and id(one) not in own)
        return [one for one in helpers if not issubclass(one, Enum)]

    def _places(self) -> Iterator[tuple[str, Any, str]]:
        """Each name under which something may be kept: in words, the namespace, the name."""
        for function in self.following.functions:
            module = function.__globals__
            for name in names_in(function.__code__):
                yield f"The module global {module.get('__name__')}.{name}", module, name
        for one in getattr(self.subject, "__mro__", ())[:-1]:
            for name in vars(one):
                if not name.startswith("__"):
                    yield f"The class attribute {one.__name__}.{name}", vars(one), name
        yield from self._places_of_helpers()

    def _places_of_helpers(self) -> Iterator[tuple[str, Any, str]]:
        """Those of the other classes and of functions, where what is kept may change in its place."""
        for one in self._helpers:
            for name, value in list(vars(one).items()):
                if not name.startswith("__") and isinstance(value, _MUTABLE):
                    yield f"The class attribute {one.__name__}.{name}", vars(one), name
        for function in self.following.functions:
            for name in vars(function):
                if name != "__wrapped__":
                    yield f"The attribute {name} of {function.__qualname__}", vars(function), name
        for function, defaults in self._defaults:
            for name in defaults:
                yield f"The default {name} of {function.__qualname__}", defaults, name

    @property
    def classes(self) -> tuple[type, ...]:
        """The user's classes: the subject's own, and those in the modules of followed functions."""
        if self._classes is None:
            modules = {id(function.__globals__): function.__globals__ for function in self.following.functions}
            found = [value for module in modules.values() for value in module.values() if issubclass(type(value), type)]
            each = {id(one): one for one in [*getattr(self.subject, "__mro__", ()), *found]}  # they may have no hash
            self._classes = tuple(each.values())
        return self._classes

    @property
    def draws(self) -> bool:
        """Whether the user's code names anything that draws random numbers."""
        if self._draws is None:
            names = {name for function in self.following.functions for name in names_in(function.__code__)}
            self._draws = not names.isdisjoint(CHANCE)
        return self._draws

    @draws.setter
    def draws(self, was_seen: bool) -> None:
        self._draws = was_seen

    @property
    def has_caches(self) -> bool:
        """Whether the user's code has functions that remember what they have returned, such as by ``lru_cache``."""
        if self._has_caches is None:
            self._has_caches = any(isinstance(value, _CACHE) for owner in self._owners for value in owner.values())
        return self._has_caches

    # -------------------------------------------------------------------------------------------- setting up
    def build(self) -> Any:
        """The outside world of one run."""
        outside = self.subject()
        if not callable(getattr(outside, "environment", None)) and not callable(getattr(outside, "handler", None)):
            raise errors.UsageError(
                f"{self.name} has neither a handler(event, context) nor an environment() that makes one: the subject "
                "of a check is a class whose instance is the outside world, with the handler as a method"
            )
        return outside

    def set_up(self, world: World, outside: Any, kept: Sequence[int]) -> None:
        """Make the queue, the function and the mapping in a world, and send the messages at ``kept`` places."""
        attributes = dict(self.queue)
        if self.max_receive_count is not None:
            name = DEAD_LETTER_QUEUE + (".fifo" if self.is_fifo else "")
            dead = world.create_queue(name, **({"fifo_queue": True} if self.is_fifo else {}))  # type: ignore[arg-type]
            attributes["redrive_policy"] = RedrivePolicy(dead, self.max_receive_count)
        queue = world.create_queue(self.queue_name, **attributes)
        handler = getattr(outside, "handler", None)
        lambda_ = world._functions
        settings = dict(self.function)
        if callable(getattr(outside, "environment", None)):
            make = partial(_handler_made_by, outside.environment, self.name)
            settings |= {"environment": make}
            handler = _handler_of_environment
        if callable(disconnect := getattr(outside, "disconnect", None)):
            settings |= {"ends": disconnect}
        function = lambda_.create_function(
            handler, settings.pop("name", "handler"), settings.pop("reserved_concurrency", None), **settings
        )
        given = dict(self.mapping) if self._mapping_settings is None else self._mapping_settings
        self._mapping_settings = lambda_.create_event_source_mapping(queue.arn, function, given).settings
        self._send(world, queue.url, kept)

    def _send(self, world: World, queue_url: str, kept: Sequence[int]) -> None:
        """Send the messages at ``kept`` places, in tens where they lie side by side; each keeps its place."""
        start = 0
        while start < len(kept):
            many = 1
            while (
                many < BATCH_ENTRIES
                and kept[start : start + many + 1] == tuple(range(kept[start], kept[start] + many + 1))
                and self._are_small
            ):
                many += 1
            world.sqs.service.skip_places(MAIN, kept[start])
            entries = [(_ENTRY_IDS[index], self.messages[kept[start] + index]) for index in range(many)]
            answer = world.sqs.send_message_batch(queue_url, entries)
            for _, error in answer.failed:
                raise error
            start += many

    @property
    def _are_small(self) -> bool:
        """Whether ten messages always fit into one call."""
        if self._small is None:
            self._small = all(isinstance(one, str) and len(one) < SMALL for one in self.messages)
        return self._small

    def observe(self, outside: Any) -> Any:
        """What the outside world looks like: what the subject's ``observe()`` says, or else its tables."""
        if callable(observe := getattr(outside, "observe", None)):
            return observe()
        held = sorted(attributes_of(outside).items())
        tables = {name: value.observe() for name, value in held if isinstance(value, Table)}
        if not tables:
            raise errors.UsageError(
                f"{self.name} has no observe(): it returns what the outside world would see, such as "
                "sorted(self.charges); without it, minisqs looks at the outside.Table objects among its attributes, "
                "and there is none"
            )
        return tables


def _keeps(value: object) -> bool:
    return not callable(value) and not isinstance(value, (ModuleType, classmethod, staticmethod, property))


_MUTABLE: Final = (list, dict, set, bytearray, deque)


def _mutable_defaults(function: FunctionType) -> dict[str, Any]:
    """The defaults of a function that may hold something from one call to the next, by parameter."""
    code, defaults = function.__code__, function.__defaults__ or ()
    named = dict(zip(code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount], defaults, strict=True))
    named |= function.__kwdefaults__ or {}
    return {name: value for name, value in named.items() if isinstance(value, _MUTABLE)}


def attributes_of(outside: Any) -> dict[str, Any]:
    """What the outside world of a run holds, by the names of its attributes."""
    if isinstance(outside, DeployedSubject):
        outside = outside.outside
    slots = (name for one in type(outside).__mro__ for name in getattr(one, "__slots__", ()))
    held = {name: getattr(outside, name) for name in slots if isinstance(name, str) and hasattr(outside, name)}
    return {**held, **getattr(outside, "__dict__", {})}


def _handler_of_environment(event: Any, context: Any) -> None:
    """Stands where the handlers that environments make are called."""


def _handler_made_by(environment: Callable[[], Any], name: str) -> Any:
    handler = environment()
    if not callable(handler):
        raise errors.UsageError(f"{name}.environment() returns the handler of a new environment, not {handler!r}")
    return handler


def _checked_subject(subject: Any, *, is_scenario: bool) -> Callable[..., Any]:
    if is_scenario:
        if not _may_be_called(subject, object()):
            raise errors.UsageError(
                f"the scenario {getattr(subject, '__name__', repr(subject))} takes one argument, the world that it sets up"
            )
        return subject  # type: ignore[no-any-return]  # a scenario is a function
    if not callable(subject):
        raise errors.UsageError(
            f"a subject is a class, or a function without arguments, that makes the outside world; not {subject!r}: "
            "each run needs a fresh one"
        )
    if inspect.isclass(subject) and not _may_be_called(subject):
        raise errors.UsageError(
            f"{subject.__name__} is made with arguments, and each run makes one without any: give a function that does it, "
            f"such as lambda: {subject.__name__}(...)"
        )
    if (inspect.isfunction(subject) or inspect.ismethod(subject)) and not _may_be_called(subject):
        raise errors.UsageError(
            f"{subject.__name__} takes arguments, so it looks like the handler itself. A subject makes the world that "
            "the handler works on: a class with handler(self, event, context) and observe(self); for code in a file "
            "there is minisqs.deployed('module:handler', outside=...). If it makes queues and workers in a world that it "
            "is given, decorate it with @minisqs.scenario"
        )
    return subject  # type: ignore[no-any-return]  # it is called without arguments


def _may_be_called(function: Callable[..., Any], *arguments: object) -> bool:
    """Whether it takes these arguments, and no others have to be given."""
    try:
        signature = inspect.signature(function, follow_wrapped=False)
    except Exception:  # noqa: BLE001  # some of C do not say what they take, nor do annotations that cannot be evaluated
        return True
    try:
        signature.bind(*arguments)
    except TypeError:
        return False
    return True


def _checked_messages(messages: object) -> tuple[str | SendMessage, ...]:
    if messages is None or isinstance(messages, (str, bytes)) or not isinstance(messages, Sequence):
        raise errors.UsageError(f"messages are a list of texts or SendMessage, not {messages!r}")
    for message in messages:
        if not isinstance(message, (str, SendMessage)):
            raise errors.UsageError(f"a message is a text or a SendMessage, not {message!r}")
    if not messages:
        raise errors.UsageError("there are no messages, so there is nothing to check")
    return tuple(map(_with_raw_attributes, messages))


def _with_raw_attributes(message: str | SendMessage) -> str | SendMessage:
    """A message whose attributes may be given as ``Queue.send`` takes them, by plain values."""
    if isinstance(message, str) or not message.message_attributes:
        return message
    given: Mapping[str, Any] = message.message_attributes
    if all(isinstance(value, Mapping) for value in given.values()):
        return message
    return attrs.evolve(message, message_attributes=raw_message_attributes(given))


def _settings(name: str, given: object) -> dict[str, Any]:
    if given is not None and not isinstance(given, Mapping):
        raise errors.UsageError(f"{name}= holds arguments by name, such as a dictionary, not {given!r}")
    return dict(given or {})


def _in_order(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(name, getattr(value, "__name__", None) or repr(value)) for name, value in sorted(settings.items())]


def _told(message: str | SendMessage) -> str:
    return message if isinstance(message, str) else repr(message)


def _file_of(subject: Any) -> str:
    if isinstance(subject, Deployed):
        return subject.path
    target = inspect.unwrap(getattr(subject, "func", subject))
    if not isinstance(target, type) and not inspect.isfunction(target):
        target = type(target)
    for one in (target, *getattr(target, "__mro__", ())):
        for function in _functions(one):
            return str(function.__code__.co_filename)
    module = sys.modules.get(getattr(target, "__module__", ""))
    return str(getattr(module, "__file__", None) or "")


def _functions(target: Any) -> Iterator[Any]:
    if inspect.isfunction(target):
        yield target
    elif isinstance(target, type) and target is not object:
        yield from filter(inspect.isfunction, vars(target).values())
