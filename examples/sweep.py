"""A thousand seeds, each a run in which other things go wrong, on two processes.

A till charges each order once, or so it seems: it looks whether it has seen the order, charges, and notes it.
On the perfect queue that is right. A sweep draws for every seed what goes wrong in the world. Most seeds do no
harm; of those that do, the first few are made small, until no fault can be taken away any more.

A seed is one run, the same wherever it is made. So the sweep may be spread over any executor of
``concurrent.futures``, or over a cluster with Dask's ``client.get_executor()``, and the result is equal.
"""

from concurrent.futures import ProcessPoolExecutor
from textwrap import fill

import minisqs

ORDERS = ["order-1", "order-2"]


class Till:
    """The outside world: what was charged, and what is noted as seen. It survives every crash."""

    def __init__(self):
        self.seen, self.charges = set(), []

    def handler(self, event, context):
        for record in event["Records"]:
            if record["body"] not in self.seen:
                self.charges.append(record["body"])  # whatever happens from here ...
                self.seen.add(record["body"])  # ... to here is not seen

    def observe(self):
        return sorted(self.charges)


class SafeTill(Till):
    """The same with one step in place of two: the charge has the order's name, so it is made once."""

    def handler(self, event, context):
        for record in event["Records"]:
            self.seen.add(record["body"])

    def observe(self):
        return sorted(self.seen)


def main() -> None:
    with ProcessPoolExecutor(2) as pool:
        swept = minisqs.sweep(Till, ORDERS, seeds=range(1_000), executor=pool, faults=["kill", "duplicate"])
        safe = minisqs.sweep(SafeTill, ORDERS, seeds=range(200), executor=pool)
    print(f"{swept.runs:,} seeds, {len(swept.failing_seeds):,} of them fail: {swept.failing_seeds[:8]} and so on.")
    print("The first ten, made small, are these stories:\n")
    for report in swept.failures:
        print(fill(f"seed {report.seed}: {report.verdict}", 110, subsequent_indent="    "))
    print("\nThe first of them, in full:\n")
    for line in swept.failures[0].text().splitlines():
        print(line if len(line) <= 110 else f"{line[:109]}…")
    here = minisqs.sweep(Till, ORDERS, seeds=range(1_000), faults=["kill", "duplicate"])
    print(f"\nThe same without a pool: {here == swept}.")
    print(safe.text().partition("\n")[0])


if __name__ == "__main__":
    main()
