"""How long should a visibility timeout be? Longer than the work, but not by much.

A job takes 45 seconds of work. One worker does it; a second one is free. What one learns, in simulated
seconds: below the time of the work the job is done twice, because the message is shown again while the
first worker is still busy. Above it the job is done once, but after a crash the queue tells nobody: the
retry comes only when the timeout of the dead worker's receive ends, so the cure of one costs the other.
"""

import minisqs

WORK_SECONDS = 45
CRASH_SECONDS = 20


def times_done(visibility_timeout: int) -> int:
    """How often the job is done when nothing goes wrong."""
    world = minisqs.World()
    jobs = world.create_queue("jobs", visibility_timeout=visibility_timeout)
    done = []
    for _ in range(2):
        minisqs.Consumer(jobs, lambda message: done.append(message.body), duration=WORK_SECONDS).start()
    jobs.send("bake a cake")
    world.run_until_idle()
    return len(done)


def seconds_until_retry(visibility_timeout: int) -> float:
    """How long after a worker's crash another one gets the message."""
    world = minisqs.World()
    jobs = world.create_queue("jobs", visibility_timeout=visibility_timeout)
    jobs.send("bake a cake")
    doomed = minisqs.Consumer(jobs, lambda message: None, name="doomed", duration=WORK_SECONDS)
    doomed.start()
    world.advance(CRASH_SECONDS)
    doomed.stop()  # the worker is gone, and its message neither deleted nor given back
    minisqs.Consumer(jobs, lambda message: None, name="other", duration=WORK_SECONDS).start()
    world.run_until_idle()
    [retry] = [one for one in world.journal if one.action == "ReceiveMessage" and one.receive_count == 2]
    return retry.seconds - CRASH_SECONDS


print(f"A job of {WORK_SECONDS} s; in the second column two workers, in the third a crash after {CRASH_SECONDS} s.\n")
print("visibility timeout  job is done  retry comes after the crash")
print("------------------  -----------  ---------------------------")
for timeout in (30, 44, 46, 60, 300, 3600, 43_200):
    times = {1: "once", 2: "twice"}[times_done(timeout)]
    print(f"{timeout:16,} s  {times:11}  {seconds_until_retry(timeout):25,.0f} s")
