"""Scenarios of spawned workers under check, prove, sweep and replay."""

import asyncio  # noqa: TID251  # what user code uses
import gc
import os
import subprocess
import sys
import threading  # noqa: TID251  # what user code uses
import time  # noqa: TID251  # what user code asks
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import minisqs
from minisqs import Plan
from minisqs.explore.check import NO_KINDS
from minisqs.explore.choices import Exploration
from minisqs.explore.laboratory import Laboratory
from minisqs.explore.oracles import Oracles
from minisqs.explore.subjects import Case
from minisqs.sim.code import statements


def handled(client, url, handle, wait=20):
    """The loop of every tutorial: receive, work, delete."""
    while True:
        for message in client.receive_message(QueueUrl=url, WaitTimeSeconds=wait).get("Messages", []):
            handle(message)
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def workers(handle_of, *, count=2, bodies=("a", "b"), loop=handled, **options):
    """A scenario of equal workers; ``handle_of`` makes their function, of what is observed."""

    @minisqs.scenario
    def scenario(world):
        queue = world.create_queue("in", visibility_timeout=30)
        outside = []
        for number in range(count):
            world.spawn(loop, world.client(), queue.url, handle_of(outside), name=f"worker-{number + 1}", **options)
        queue.send_batch(list(bodies))
        return lambda: sorted(outside)

    return scenario


def charges(paid):
    def charge(message):
        paid.append(message["Body"])

    return charge


def charges_once(paid):
    def charge(message):
        paid[:] = {*paid, message["Body"]}

    return charge


def reads_then_writes(total):
    def add(message):
        before = len(total)
        now = before + 1
        total[:] = range(now)

    return add


pays = workers(charges)
pays_once = workers(charges_once)


def found(scenario, **arguments):
    """The report of what is found."""
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(scenario, **arguments)
    return caught.value.report


# --------------------------------------------------------------------------------------------- kills and calls
def test_a_worker_that_is_killed_between_its_effect_and_the_delete_pays_twice():
    report = found(pays, faults=["kill"])
    assert (report.expected, report.got) == (["a", "b"], ["a", "a", "b"])
    assert [fault.name for fault in report.faults] == ["kill"]
    assert "worker-1" in report.lanes
    assert "worker-1 is started anew" in report.text()
    assert len(report.token) <= 80
    assert minisqs.replay(pays, report.token).state == report.got
    assert minisqs.run(pays, faults=Plan(report.plan)).state == report.got


def test_a_worker_that_looks_before_it_pays_passes_kills_stalls_and_preemption_were_tried():
    checked = minisqs.check(pays_once, budget=300, runs=20)
    assert {"kill", "stall", "overlap", "duplicate", "lost_answer", "api_error"} <= checked.faults.keys()
    assert checked.redeliveries > 0
    assert checked.overlaps > 0


def points(scenario, kind):
    """The texts before which a fault can happen in the perfect run, in order."""
    case = Case(scenario, None)
    with Laboratory(case, Oracles.of(None, scenario), {kind}) as laboratory:
        _, source, _ = laboratory.explore((), {})
    digests = {one.digest: one.text for one in statements.STATEMENTS}
    return [
        (address.subject, digests[address.point.partition(".")[0]])
        for address, _ in source.alternatives()
        if address.kind == kind
    ]


def test_kills_are_offered_before_each_statement_and_each_call():
    offered = points(workers(charges, count=1, bodies=["a"]), "kill")
    assert {who for who, _ in offered} == {"worker-1"}
    texts = [text for _, text in offered]
    assert texts.index("ReceiveMessage") < texts.index("handle(message)") < texts.index('paid.append(message["Body"])')
    assert texts.index('paid.append(message["Body"])') < texts.index("DeleteMessage")
    assert texts.count("ReceiveMessage") == 3  # once for the message, twice for polls that find nothing


def test_a_call_inside_of_a_library_is_a_point_though_its_statements_are_not():
    """Traced is this file only; the loop that calls is compiled from a text, as if it were somebody else's."""
    space = {}
    exec(  # a library
        "def loop(client, url, handle):\n"
        "    while True:\n"
        "        for one in client.receive_message(QueueUrl=url, WaitTimeSeconds=20).get('Messages', []):\n"
        "            handle(one)\n"
        "            client.delete_message(QueueUrl=url, ReceiptHandle=one['ReceiptHandle'])\n",
        space,
    )
    report = found(workers(charges, count=1, bodies=["a"], loop=space["loop"]), faults=["kill"])
    assert report.got == ["a", "a"]
    assert "before its call DeleteMessage" in report.verdict


def test_a_worker_that_is_not_started_anew_leaves_its_message():
    report = found(workers(charges_once, count=1, bodies=["a"], restart=False), faults=["kill"])
    assert report.oracle in ("drains", "same")


def test_workers_of_one_process_die_together():
    @minisqs.scenario
    def scenario(world):
        queue, ticks = world.create_queue("in", visibility_timeout=30), []
        world.spawn(handled, world.client(), queue.url, ticks.append, process="app", name="poller", restart=False)

        def beside():
            time.sleep(600)
            ticks.append("beside")

        world.spawn(beside, process="app", name="beside")
        return lambda: ticks

    report = found(scenario, faults=["kill"])
    assert (report.expected, report.got) == (["beside"], [])


def test_an_interrupt_runs_finally_and_a_kill_does_not():
    def repairs(ledger):
        def handle(message):
            ledger.append("begun")
            try:
                ledger.append("done")
            finally:
                ledger.append("repaired")

        return handle

    scenario = workers(repairs, count=1, bodies=["a"], restart=False)
    proof = minisqs.prove(scenario, faults=1, kinds=["interrupt"], oracles=["conserved"])
    states = set(proof.states)
    assert "['begun', 'repaired']" in states
    killed = minisqs.prove(scenario, faults=1, kinds=["kill"], oracles=["conserved"])
    assert "['begun', 'repaired']" not in killed.states


# ------------------------------------------------------------------------------------------ stalls, preemption
def test_an_update_that_another_worker_makes_meanwhile_is_lost():
    report = found(workers(reads_then_writes), faults=["overlap"])
    assert report.expected == [0, 1]
    assert report.got in ([0], [0, 1, 2])
    assert minisqs.replay(workers(reads_then_writes), report.token).state == report.got


def test_a_worker_that_stalls_past_its_lease_works_on_a_message_that_is_anothers():
    report = found(workers(charges, bodies=["a"]), faults=["stall"])
    assert (report.expected, report.got) == (["a"], ["a", "a"])


def test_two_stalls_may_end_in_the_order_in_which_they_began():
    """A stack of works inside of each other cannot do that: the first to wait would go on last."""

    @minisqs.scenario
    def scenario(world):
        queue, marks, wrong = world.create_queue("in", visibility_timeout=30), [], []

        def handle(message):
            mark = object()
            marks.append(mark)
            if marks.pop() is not mark:
                wrong.append("not mine")

        for _ in range(2):
            world.spawn(handled, world.client(), queue.url, handle)
        queue.send("a")
        return lambda: wrong

    report = found(scenario, faults=["stall"])
    assert report.got[:1] == ["not mine"]
    assert [fault.name for fault in report.faults] == ["stall", "stall"]


def test_two_stalls_may_end_in_the_other_order_than_they_began():
    @minisqs.scenario
    def scenario(world):
        queue, order = world.create_queue("in", visibility_timeout=30), []

        def handle(message):
            began = world.clock.seconds
            order.append(("ended", began, world.clock.seconds))

        for number in range(2):
            world.spawn(handled, world.client(), queue.url, handle, name=f"worker-{number + 1}")
        queue.send_batch(["a", "b"])
        return lambda: [began for _, began, _ in order]

    runs = minisqs.perfect(scenario)
    assert runs.state == [0.005, 0.005]
    digest = next(one.digest for one in statements.STATEMENTS if 'order.append(("ended"' in one.text)
    plan = {("stall", "worker-1", 0, f"{digest}.1"): 2, ("stall", "worker-2", 0, f"{digest}.1"): 1}
    run = minisqs.run(scenario, faults=Plan(plan))
    assert run.choices.keys() == {tuple(one) for one in plan}
    assert run.state[-1] == 0.005  # the first to begin is the last to end


def test_preemptions_are_bounded_by_a_proof():
    scenario = workers(reads_then_writes)
    proof = minisqs.prove(scenario, faults=1, preemptions=0, kinds=["overlap", "duplicate"], oracles=["conserved"])
    assert proof.bounds["preemptions"] == 0
    with pytest.raises(minisqs.CheckFailed):
        minisqs.prove(scenario, faults=1, preemptions=1, kinds=["overlap"])


@pytest.mark.parametrize("handle_of", [charges, charges_once, reads_then_writes])
def test_a_proof_sees_the_same_states_as_plain_enumeration(handle_of):
    scenario = workers(handle_of)
    for faults in (0, 1):
        proofs = [
            minisqs.prove(scenario, faults=faults, oracles=["conserved"], reduce=reduce) for reduce in (True, False)
        ]
        assert set(proofs[0].states) == set(proofs[1].states)
        assert proofs[0].runs <= proofs[1].runs


@pytest.mark.slow
def test_a_proof_of_two_faults_sees_the_same_states_as_plain_enumeration():
    scenario = workers(reads_then_writes, bodies=["a"])
    proofs = [
        minisqs.prove(scenario, faults=2, kinds=["kill", "overlap"], oracles=["conserved"], reduce=reduce)
        for reduce in (True, False)
    ]
    assert set(proofs[0].states) == set(proofs[1].states)


# ------------------------------------------------------------------------------------------------ calls that fail
def test_a_receive_whose_answer_is_lost_hides_its_messages_and_raises_where_it_was_called():
    def loop(client, url, handle):
        while True:
            try:
                answer = client.receive_message(QueueUrl=url, WaitTimeSeconds=20)
            except ConnectionError:
                continue
            for message in answer.get("Messages", []):
                handle(message)
                client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    checked = minisqs.check(workers(charges_once, loop=loop), faults=["lost_answer"], budget=100, runs=10)
    assert checked.faults["lost_answer"] > 5
    report = found(workers(charges_once, restart=False), faults=["lost_answer"])
    assert report.oracle == "drains"  # nobody catches it, so both workers may end of it


def test_the_scenarios_own_body_is_exempt_and_what_it_spawns_is_not():
    run = minisqs.run(pays_once, faults=minisqs.Faults(api_error=0.5, lost_answer=0.4), seed=3)
    assert run.state == ["a", "b"]
    assert {address.subject.partition("/")[0] for address in run.choices} <= {"worker-1", "worker-2", "main"} | {
        f"worker-{number}#{again}" for number in (1, 2) for again in range(40)
    }


# --------------------------------------------------------------------------------------- coroutines and threads
async def handled_on_a_loop(client, url, handle):
    while True:
        answer = await asyncio.to_thread(client.receive_message, QueueUrl=url, WaitTimeSeconds=20)
        for message in answer.get("Messages", []):
            await handle(message)
            await asyncio.to_thread(client.delete_message, QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def awaits_between(total):
    async def add(message):
        before = len(total)
        await asyncio.sleep(0.5)
        total[:] = range(before + 1)

    return add


def test_coroutines_have_points_and_a_kill_between_two_of_their_statements_is_found():
    def pays_on_a_loop(paid):
        async def pay(message):
            paid.append(message["Body"])
            await asyncio.sleep(1)

        return pay

    report = found(workers(pays_on_a_loop, loop=handled_on_a_loop), faults=["kill"])
    assert report.got == ["a", "a", "b"]
    assert minisqs.replay(workers(pays_on_a_loop, loop=handled_on_a_loop), report.token).state == report.got


def handled_by_a_pool(client, url, handle):
    with ThreadPoolExecutor(2) as pool:
        while True:
            answer = client.receive_message(QueueUrl=url, WaitTimeSeconds=20, MaxNumberOfMessages=10)
            list(pool.map(handle, answer.get("Messages", [])))
            for message in answer.get("Messages", []):
                client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def test_the_threads_of_a_pool_are_switched_between_their_statements():
    report = found(workers(reads_then_writes, count=1, loop=handled_by_a_pool), faults=["overlap"])
    assert (report.expected, report.got) == ([0, 1], [0])
    assert report.verdict.startswith("Worker-1.")


def test_a_pool_whose_handler_is_idempotent_passes():
    minisqs.check(workers(charges_once, loop=handled_by_a_pool, count=1), budget=150, runs=10)


def test_a_lock_that_a_killed_thread_holds_is_named_with_the_line_that_took_it():
    @minisqs.scenario
    def scenario(world):
        queue, lock, done = world.create_queue("in", visibility_timeout=30), threading.Lock(), set()

        def handle(message):
            with lock:
                done.add(message["Body"])

        for number in range(2):
            world.spawn(handled, world.client(), queue.url, handle, name=f"worker-{number}")
        queue.send_batch(["a", "b"])
        return lambda: sorted(done)

    report = found(scenario, faults=["kill"])
    assert "a lock that was taken at" in report.verdict
    assert "test_spawned.py:" in report.verdict
    assert "which held it, is dead" in report.verdict


# ------------------------------------------------------------------------------------------------- detectors
def test_code_that_takes_real_time_within_a_step_is_named_with_its_line():
    def spins(outside):
        def handle(message):
            while True:
                pass

        return handle

    with pytest.raises(minisqs.EscapedSimulation, match=r"test_spawned\.py:\d+ in .*handle"):
        minisqs.check(workers(spins, count=1), runs=0, budget=3)


def test_a_connection_is_named_with_its_line():
    def connects(outside):
        import socket  # noqa: PLC0415, TID251  # what user code does

        def handle(message):
            with socket.socket() as connection:
                connection.connect(("192.0.2.1", 80))

        return handle

    with pytest.raises(minisqs.EscapedSimulation, match=r"a connection to .*test_spawned\.py:\d+ in .*handle"):
        minisqs.check(workers(connects, count=1), runs=0, budget=3)


def test_what_raises_on_the_perfect_queue_gets_its_own_traceback():
    def wrong(outside):
        def handle(message):
            raise LookupError("not there")

        return handle

    with pytest.raises(LookupError, match="not there"):
        minisqs.check(workers(wrong))


# --------------------------------------------------------------------------------------------- always the same
PROGRAM = Path(__file__).with_name("spawned_program.py")


@pytest.mark.slow
@pytest.mark.parametrize("busy", [False, True])
def test_runs_are_the_same_under_every_hash_seed_and_on_a_busy_machine(busy):
    beside = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 if busy else 0)]
    try:
        printed = {
            subprocess.run(
                [sys.executable, str(PROGRAM), "15"],
                capture_output=True,
                text=True,
                check=True,
                env={**os.environ, "PYTHONHASHSEED": hash_seed},
            ).stdout
            for hash_seed in ("0", "77")
        }
    finally:
        for process in beside:
            process.kill()
            process.wait()
    assert len(printed) == 1


def test_sweeps_take_scenarios_of_spawned_workers():
    swept = minisqs.sweep(pays_once, seeds=range(40))
    assert (swept.runs, swept.failures) == (40, ())
    assert minisqs.sweep(pays, seeds=range(10)).failures


def test_runs_leave_no_thread_no_file_and_no_memory_behind():
    def runs(number):
        for seed in range(number):
            minisqs.run(pays_once, faults=minisqs.Faults(kill=0.1, overlap=0.1, stall=0.05), seed=seed)

    def held():
        gc.collect()
        descriptors = Path("/proc/self/fd")
        files = len(list(descriptors.iterdir())) if descriptors.exists() else 0
        return len(sys._current_frames()), files, len(gc.get_objects())

    runs(20)
    threads, files, objects = held()
    runs(150)
    threads_after, files_after, objects_after = held()
    assert threads_after <= threads
    assert files_after <= files
    assert objects_after - objects < 2000


def test_a_run_without_faults_is_the_perfect_one_also_with_a_source():
    source = Exploration({}, NO_KINDS, records=True)
    case = Case(pays_once, None)
    with Laboratory(case, Oracles.of(None, pays_once), NO_KINDS) as laboratory:
        _, outcome = laboratory.show((), source, None)
    assert outcome.state == ["a", "b"]
    assert case.spawns


IN_TWO_THREADS = """
import asyncio, minisqs

async def consume(queue, done):
    while True:
        for message in await asyncio.to_thread(queue.receive, wait_time_seconds=20):
            done.add(message.body)
            await asyncio.to_thread(message.delete)

@minisqs.scenario
def app(world):
    queue, done = world.create_queue("orders"), set()
    for _ in range(2):
        world.spawn(consume, queue, done, process="app")
    queue.send_batch(["a", "b"])
    return lambda: sorted(done)

if __name__ == "__main__":
    tried = minisqs.check(app, budget=50, runs=5, faults=["kill"])
    print(tried.found, tried.faults["kill"] > 10)
"""


def test_a_process_of_several_coroutines_with_threads_is_killed_and_nothing_is_left_to_wait_for(tmp_path):
    Path(tmp_path, "app.py").write_text(IN_TWO_THREADS)
    ran = subprocess.run([sys.executable, "app.py"], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert ran.stdout.split() == ["False", "True"]
    assert not ran.stderr
