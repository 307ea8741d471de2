"""Code to which no name leads from the subject: it is found as it runs, so that things go wrong between its statements."""

from __future__ import annotations

import gc
import importlib
import subprocess
import sys
import textwrap
import weakref
from pathlib import Path

import pytest

import minisqs
from minisqs.explore import runs_beside

STEPS = """
    def charge(seen, charges, body):
        if body not in seen:
            charges.append(body)
            seen.add(body)
    def charge_as_well(seen, charges, body):
        if body not in seen:
            charges.append(body)
            seen.add(body)
    def good(seen, charges, body):
        if body not in seen:
            seen.add(body) or charges.append(body)
    def decorated(function):
        def wrapper(*arguments):
            return function(*arguments)
        return wrapper
    wrapped = decorated(charge)
    def charging():
        def inner(*arguments):
            charge(*arguments)
        return inner
    ROUTES = [("orders", {"created": charge})]
    current = good
    class Plugin:
        pass
    class Charger(Plugin):
        def go(self, seen, charges, body):
            if body not in seen:
                charges.append(body)
                seen.add(body)
"""

AGAIN = """
    def on_order(seen, charges, body):
        if body in seen:
            again(seen, charges, body)
        else:
            seen.add(body) or charges.append(body)
    def again(seen, charges, body):
        if body + "!" not in seen:
            charges.remove(body) or charges.append("again")
            seen.add(body + "!")
            charges.remove("again") or charges.append(body)
"""

SHOP = """
    import importlib
    import minisqs
    class Shop:
        def __init__(self):
            self.seen, self.charges = set(), []
        def handler(self, event, context):
            for record in event["Records"]:
                self.take(self.seen, self.charges, record["body"])
        def take(self, *arguments):
            {body}
        def observe(self):
            return sorted(self.charges)
    @minisqs.scenario
    def scenario(world):
        shop = Shop()
        queue = world.create_queue("orders")
        function = world.create_function(shop.handler)
        world.create_event_source_mapping(queue, function)
        queue.send("a")
        return shop.observe
    def poll(client, url, shop):
        while True:
            for message in client.receive_message(QueueUrl=url, WaitTimeSeconds=20).get("Messages", []):
                shop.take(shop.seen, shop.charges, message["Body"])
                client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    @minisqs.scenario
    def spawned(world):
        shop = Shop()
        queue = world.create_queue("orders")
        for _ in range(2):
            world.spawn(poll, world.client(), queue.url, shop)
        queue.send("a")
        return shop.observe
"""

HIDDEN = {
    "imported in the function": "from {steps} import charge; charge(*arguments)",
    "imported by name": 'importlib.import_module("{steps}").charge(*arguments)',
    "in a table in a table": "import {steps}; {steps}.ROUTES[0][1]['created'](*arguments)",
    "a subclass": "import {steps}; [plugin().go(*arguments) for plugin in {steps}.Plugin.__subclasses__()]",
    "by a computed name": "import {steps}; getattr({steps}, 'char' + 'ge')(*arguments)",
    "decorated": "import {steps}; getattr({steps}, 'wrap' + 'ped')(*arguments)",
    "made by a function": "import {steps}; getattr({steps}, 'char' + 'ging')()(*arguments)",
}


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """Makes a module with a shop whose steps lie in another, which is not loaded yet; gives the names of both."""
    monkeypatch.syspath_prepend(tmp_path)
    name = "".join(letter for letter in tmp_path.name if letter.isalnum())
    steps, shop = f"steps_{name}", f"shop_{name}"

    def make(body):
        (tmp_path / f"{steps}.py").write_text(textwrap.dedent(STEPS))
        (tmp_path / f"{shop}.py").write_text(textwrap.dedent(SHOP).format(body=body.format(steps=steps)))
        return importlib.import_module(shop)

    yield make
    for module in (steps, shop):
        sys.modules.pop(module, None)


def found(subject, *messages, **settings):
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(subject, *messages, faults=["kill"], **settings)
    return caught.value.report


@pytest.mark.parametrize("body", HIDDEN.values(), ids=HIDDEN)
def test_a_bug_is_found_by_the_first_check_however_its_code_is_reached(body, shop):
    report = found(shop(body).Shop, ["a"])
    assert "is killed before `seen.add(body)`" in report.verdict
    assert report.tried.unfollowed == ()


def test_a_bug_is_found_in_a_scenario_and_by_a_proof_and_by_a_sweep(shop):
    module = shop(HIDDEN["imported by name"])
    steps = module.__name__.replace("shop", "steps")
    for scenario in (module.scenario, module.spawned):
        assert "is killed before `seen.add(body)`" in found(scenario).verdict
        sys.modules.pop(steps)
    with pytest.raises(minisqs.CheckFailed, match=r"before `seen\.add"):
        minisqs.prove(module.Shop, ["a"], faults=1, kinds=["kill"])
    sys.modules.pop(steps)
    sweep = minisqs.sweep(module.Shop, ["a"], seeds=range(200), faults=["kill"], progress=False)
    assert any("before `seen.add" in failure.verdict for failure in sweep.failures)


@pytest.mark.parametrize("body", [HIDDEN["imported in the function"], HIDDEN["made by a function"]])
def test_a_token_and_a_plan_are_the_same_run_in_a_fresh_process(body, shop, tmp_path):
    module = shop(body)
    report = found(module.Shop, ["a"])
    replayed = f"""
        import minisqs
        from {module.__name__} import Shop
        run = minisqs.replay(Shop, {report.token!r}, ["a"])
        print(run.state, run.token == {report.token!r})
    """
    planned = f"""
        import minisqs
        from {module.__name__} import Shop
        from minisqs.sim.sources import PointAddress
        print(minisqs.run(Shop, ["a"], faults=minisqs.Plan({report.plan!r})).state)
    """
    for program, printed in ((replayed, "['a', 'a'] True\n"), (planned, "['a', 'a']\n")):
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=False, cwd=tmp_path
        )
        assert (done.stdout, done.stderr) == (printed, "")


def test_where_every_file_is_traced_that_of_what_runs_the_code_is_left_aside(shop):
    report = found(shop(HIDDEN["by a computed name"]).Shop, ["a"], trace=lambda path: True)
    assert "is killed before `seen.add(body)`" in report.verdict
    assert report.tried.unfollowed == ()


def test_what_is_found_does_not_depend_on_what_was_checked_before(shop, monkeypatch):
    module = shop("import {steps}; {steps}.current(*arguments)")
    for _ in range(2):  # of which the first loads what it is about
        assert minisqs.check(module.Shop, ["a"], faults=["kill"], budget=50, runs=10).unfollowed == ()
    steps = sys.modules[module.__name__.replace("shop", "steps")]
    monkeypatch.setattr(steps, "current", steps.charge_as_well)  # as another test does it
    first = found(module.Shop, ["a"])
    assert "is killed before `seen.add(body)`" in first.verdict
    assert found(module.Shop, ["a"]).text() == first.text()


def test_code_that_runs_and_is_not_to_be_found_is_named(shop):
    module = shop(
        "exec(compile('def made(): return 1\\nmade()', __file__, 'exec'), {{}}); self.charges.append(arguments[2])"
    )
    checked = minisqs.check(module.Shop, ["a"], faults=["duplicate"], oracles=["drains"], budget=20, runs=5)
    assert checked.unfollowed == (f"made ({module.__file__}:1)",)
    assert "Between the statements of made (" in checked.text()


def test_what_is_found_leads_to_what_it_names_though_that_runs_only_when_something_goes_wrong(shop):
    module = shop("import {steps}; getattr({steps}, 'on_' + 'order')(*arguments)")
    with Path(module.__file__.replace("shop_", "steps_")).open("a") as file:
        file.write(textwrap.dedent(AGAIN))
    assert 'is killed before `seen.add(body + "!")`' in found(module.Shop, ["a"]).verdict


@pytest.fixture
def watched(monkeypatch):
    """How often runs were watched."""
    looks = []
    entered = runs_beside.Laboratory.follow_what_runs
    monkeypatch.setattr(
        runs_beside.Laboratory, "follow_what_runs", lambda laboratory: looks.append(1) or entered(laboratory)
    )
    return looks


def test_a_single_run_has_the_points_of_a_check_and_looks_for_them_once(shop, watched):
    module = shop(HIDDEN["by a computed name"])
    runs = [minisqs.run(module.Shop, ["a"], faults=minisqs.Faults(kill=0.3), seed=seed) for seed in range(40)]
    assert len(watched) == 1
    assert any(run.state == ["a", "a"] for run in runs)
    again = minisqs.run(module.Shop, ["a"], faults=minisqs.Faults(kill=0.3), seed=7)
    assert again.choices == runs[7].choices
    minisqs.run(module.Shop, ["a", "b"], faults=minisqs.Faults(kill=0.3), seed=7)
    assert len(watched) == 2


def test_a_replay_whose_code_is_known_makes_no_other_run_at_which_a_debugger_would_stop(shop, watched):
    module = shop("import {steps}; {steps}.charge(*arguments)")
    report = found(module.Shop, ["a"])
    assert len(watched) == 1
    assert minisqs.replay(module.Shop, report.token, ["a"]).state == ["a", "a"]
    assert len(watched) == 1


def test_few_single_runs_are_remembered_and_no_subject_is_kept_alive_by_that(shop):
    module = shop(HIDDEN["by a computed name"])
    subjects = [type("Shop", (module.Shop,), {}) for _ in range(runs_beside._FOUND_MAX + 3)]
    for subject in subjects:
        minisqs.run(subject, ["a"], faults=minisqs.Faults(kill=0.3))
    assert len(runs_beside._FOUND) == runs_beside._FOUND_MAX
    last = weakref.ref(subjects[-1])
    del subject, subjects
    gc.collect()
    assert last() is None
