"""Collects cases, runs each with a deadline, prints one line a case, and the logs of what failed."""

import signal
import sys
import time
import traceback

CASES = []


def case(function=None, *, seconds=60):
    """Marks a function as a case. Its name is a claim; it gets the world and fails by raising."""

    def register(marked):
        group = marked.__module__.removesuffix("_test")
        CASES.append((f"{group}.{marked.__name__}", marked, seconds))
        return marked

    return register(function) if function else register


class Failed(AssertionError):
    """What a case found otherwise than claimed."""


class Skipped(Exception):
    """The machine lacks what the case is about."""


class OutOfTime(BaseException):
    """The case's deadline. Not an Exception, so that nothing in a case swallows it."""


def expect(condition, text):
    if not condition:
        raise Failed(text)


def expect_equal(got, want, what):
    if got != want:
        raise Failed(f"{what}: got {got!r}, want {want!r}")


def expect_in(part, whole, what):
    if part not in whole:
        raise Failed(f"{what}: {part!r} is not in {whole!r}")


def within(seconds, condition, what):
    """Waits until condition() is true and returns its value; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failed(f"not within {seconds} s: {what}")
        time.sleep(0.02)


def _alarm(_signal, _frame):
    raise OutOfTime()


def run(make_world, only=""):
    """Runs the cases whose name contains `only`; returns how many passed and failed."""
    chosen = [each for each in CASES if only in each[0]]
    if not chosen:
        print(f"no case is named like {only!r}", file=sys.stderr)
        return 0, 1
    colour = sys.stdout.isatty()
    good, bad = ("\033[32mok\033[0m  ", "\033[31mFAIL\033[0m") if colour else ("ok  ", "FAIL")
    width = max(len(name) for name, _, _ in chosen)
    failures = []
    skipped = {}
    world = make_world()
    signal.signal(signal.SIGALRM, _alarm)
    try:
        for name, function, seconds in chosen:
            begin = time.monotonic()
            problem = None
            signal.alarm(seconds)
            try:
                world.begin_case(name)
                function(world)
            except OutOfTime:
                problem = f"not finished within {seconds} s"
            except Failed as failure:
                problem = str(failure)
            except Skipped as reason:
                skipped[name] = str(reason)
            except Exception:
                problem = traceback.format_exc()
            finally:
                signal.alarm(0)
            logs = world.logs() if problem else ""
            try:
                world.end_case()
            except Exception:
                problem = (problem or "") + "cleaning up: " + traceback.format_exc()
            verdict = bad if problem else "skip" if name in skipped else good
            print(f"{verdict} {name:{width}} {time.monotonic() - begin:6.1f} s", flush=True)
            if problem:
                failures.append(name)
                print("     " + problem.strip().replace("\n", "\n     "))
                print("       | " + logs.strip().replace("\n", "\n       | "), flush=True)
    finally:
        world.end()
    for name, reason in skipped.items():
        print(f"skipped: {name}: {reason}")
    if failures:
        print("failed: " + " ".join(failures))
    return len(chosen) - len(failures) - len(skipped), len(failures)
