"""The user's code asks the simulation for time, chance, locks and threads, instead of the machine.

While ``Intercepts`` is entered, the functions of ``time``, ``datetime``, ``os``, ``random``, ``uuid``,
``threading``, ``selectors``, ``signal`` and ``sqlite3`` that ask such things have stand-ins, and so have ``open`` and what
starts processes. These are process-wide; a stand-in looks at
``here.simulation`` and asks the real thing wherever that is None, so every thread that is not simulated goes on
as ever. After the last exit everything is what it was before the first entry, to the very object.

Names bound before (``from time import sleep``) are replaced too, in every module there is. The modules are
searched once, and again only where one is new. A class of C is changed in its own dictionary, so that
``from datetime import datetime`` and subclasses are met as well.

What escapes, as it is captured where nobody looks: default arguments, closures, class attributes and
``default_factory`` of before; containers in modules; names that a module binds from such a place between two
entries; C extensions (uvloop, numpy's generators); ``_thread.allocate_lock`` under its own name and
``_thread.RLock``; locks and ``queue.SimpleQueue`` objects made outside of the simulation, such as those of modules;
``random.Random`` objects made before, ``uuid.getnode`` and, until the next entry, ``uuid.uuid1`` of a ``uuid`` that
was not yet loaded; the names of a module that has itself put something in the place of ``time.sleep`` and the like,
as that may ask the original; sockets and subprocesses but of spawned workers, ``select.select``, and the proactor of
Windows. A stand-in that was captured itself asks the real thing once the simulation is over.

The hidden generator of ``random`` is one for the whole process: it is seeded for each run, and another thread
that draws from it meanwhile disturbs the run.
"""

from .context import Intercepts, drawn, monotonic_origin, seed_randomness, shift_clock
from .here import Simulation, here
from .locks import SimulatedLock, SimulatedRLock

__all__ = [
    "Intercepts",
    "SimulatedLock",
    "SimulatedRLock",
    "Simulation",
    "drawn",
    "here",
    "monotonic_origin",
    "seed_randomness",
    "shift_clock",
]
