"""What most tests of the poller begin with: a world, a queue with a dead-letter queue, a handler that notes its runs."""

from __future__ import annotations

import pytest

import minisqs


class Scene:
    """A queue behind Lambda, and what happened there."""

    def __init__(self, vis=30, mrc=None, *, fifo=False, world=None, **world_settings):
        self.world = world or minisqs.World(journal_length=None, **world_settings)
        suffix = ".fifo" if fifo else ""
        self.dead = self.world.create_queue("dead" + suffix, **({"fifo_queue": True} if fifo else {}))
        settings = {"visibility_timeout": vis}
        if mrc is not None:
            settings["redrive_policy"] = minisqs.RedrivePolicy(self.dead, max_receive_count=mrc)
        if fifo:
            settings |= {"fifo_queue": True, "content_based_deduplication": True}
        self.queue = self.world.create_queue("orders" + suffix, **settings)
        self.runs = []

    def send(self, *bodies, group=None):
        for body in bodies:
            self.queue.send(str(body), message_group_id=group)

    def function(self, decide=lambda bodies: None, **settings):
        """A function whose handler notes when it got which bodies, and answers or raises as ``decide`` does."""

        def handler(event, context):
            bodies = [record["body"] for record in event["Records"]]
            self.runs.append((self.world.clock.seconds, *bodies))
            return decide(event["Records"])

        return self.world.create_function(handler, **settings)

    def map(self, function, **settings):
        return self.world.create_event_source_mapping(self.queue, function, **settings)

    def to_ns(self, seconds, ns=0):
        """Go to an instant, some nanoseconds before or after."""
        self.world.sqs.kernel.run_until(self.world.clock.started_ns + round(seconds * 10**9) + ns)

    def dead_letters(self):
        return [message.body for message in self.dead.messages()]

    def times(self, action, cause=""):
        return [
            (entry.seconds, entry.message.rpartition("/")[2])
            for entry in self.world.journal
            if entry.action == action and cause in entry.cause
        ]


@pytest.fixture
def scene():
    return Scene
