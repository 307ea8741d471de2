"""Puts stand-ins in the place of methods of classes."""

from __future__ import annotations

import datetime as dt

from . import chance, clocks, system, threads
from .attributes import Attribute


class Classes:
    """The attributes of classes that have stand-ins."""

    def __init__(self) -> None:
        self._lasting = [*chance.attributes(), *threads.attributes(), *system.attributes()]
        self._of_datetime: list[Attribute] = []
        self._of_sockets: list[Attribute] = []
        self._datetime_classes: list[type] = []

    def install(self) -> None:
        """Put the stand-ins in place of what is there."""
        classes: list[type] = [dt.datetime, dt.date]
        if classes != self._datetime_classes:  # somebody has put others in their place
            self._datetime_classes = classes
            self._of_datetime = list(clocks.attributes(classes))
        if not self._of_sockets:
            self._of_sockets = list(system.attributes_of_sockets())
        for attribute in (*self._lasting, *self._of_datetime, *self._of_sockets):
            attribute.install()

    def remove(self) -> None:
        """Put back what was there."""
        for attribute in (*self._lasting, *self._of_datetime, *self._of_sockets):
            attribute.remove()
