"""The Python originals, at the same work as corokit.

The bench `python` starts this program and talks to it by lines. It begins with a line `can WORK WHO` for all that it can
do here, `lacks NAME: REASON` for what is not installed, and `ready`. Then each line `WORK WHO COUNT` on its standard input
is answered by a figure: the nanoseconds for one of COUNT operations, in processor time of the process, or by the clock on
the wall where threads are what is measured.
"""

import asyncio
import gc
import importlib
import sys
import time

WORKS = {}
LACKING = {}


def work(name, who):
    """Enters a function into the table: it takes a count, and returns the nanoseconds for all operations."""

    def enter(function):
        WORKS[name, who] = function
        return function

    return enter


def available(name):
    """Imports a module, or notes that it is not there."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        LACKING[name.partition(".")[0]] = str(error)
        return None


asynkit = available("asynkit")
priority = available("asynkit.experimental.priority") if asynkit else None
a_sync = available("a_sync")
priority_sem = available("async_utils.priority_sem")

now = time.process_time_ns


async def trivial():
    return 7


# asyncio


@work("spawn", "asyncio")
def _(count):
    async def main():
        start = now()
        for _ in range(count):
            await asyncio.create_task(trivial())
        return now() - start

    return asyncio.run(main())


@work("yield", "asyncio")
def _(count):
    async def give_way(times):
        for _ in range(times):
            await asyncio.sleep(0)

    async def main():
        tasks = [asyncio.create_task(give_way(count // 1000)) for _ in range(1000)]
        start = now()
        await asyncio.wait(tasks)
        return now() - start

    return asyncio.run(main())


@work("eager", "asyncio")
def _(count):
    return WORKS["spawn", "asyncio"](count)


@work("generator", "asyncio")
def _(count):
    async def values():
        for number in range(count):
            yield number

    async def main():
        start = now()
        async for _ in values():
            pass
        return now() - start

    return asyncio.run(main())


def free(make):
    """Takes something that is free and gives it back."""

    def measure(count):
        async def main():
            lock = make()
            start = now()
            for _ in range(count):
                async with lock:
                    pass
            return now() - start

        return asyncio.run(main())

    return measure


def handed_over(make):
    """Hands a lock from each of 100 waiters to the next."""

    def measure(count):
        async def main():
            lock = make()

            async def waiter():
                async with lock:
                    pass

            elapsed = 0
            for _ in range(count // 100):
                await lock.acquire()
                waiters = [asyncio.create_task(waiter()) for _ in range(100)]
                await asyncio.sleep(0)
                start = now()
                lock.release()
                await asyncio.wait(waiters)
                elapsed += now() - start
            return elapsed

        return asyncio.run(main())

    return measure


work("lock", "asyncio")(free(asyncio.Lock))
work("hand-over", "asyncio")(handed_over(asyncio.Lock))
work("semaphore", "asyncio")(free(lambda: asyncio.Semaphore(2)))


@work("queue", "asyncio")
def _(count):
    async def main():
        queue = asyncio.Queue(128)
        start = now()
        for number in range(count):
            await queue.put(number)
            await queue.get()
        return now() - start

    return asyncio.run(main())


@work("gather", "asyncio")
def _(count):
    async def main():
        start = now()
        for _ in range(count // 1000):
            await asyncio.gather(*[trivial() for _ in range(1000)])
        return now() - start

    return asyncio.run(main())


# asynkit

if asynkit:

    def on_loop(main):
        """Runs a coroutine on asynkit's loop."""
        loop = asynkit.SchedulingSelectorEventLoop()
        try:
            return loop.run_until_complete(main)
        finally:
            loop.close()

    @work("eager", "asynkit")
    def _(count):
        async def main():
            start = now()
            for _ in range(count):
                await asynkit.eager(trivial())
            return now() - start

        return on_loop(main())

    def moved(length):
        """Moves a task to the front of so many."""

        def measure(count):
            async def main():
                tasks = [asyncio.create_task(trivial()) for _ in range(length)]
                start = now()
                for number in range(count):
                    asynkit.task_reinsert(tasks[(number * 7919) % length], 0)
                elapsed = now() - start
                await asyncio.wait(tasks)
                return elapsed

            return on_loop(main())

        return measure

    for length in (10, 1_000, 100_000):
        work(f"move-{length}", "asynkit")(moved(length))

    @work("switch", "asynkit")
    def _(count):
        async def main():
            leader = asyncio.current_task()
            stopped = False

            async def follow():
                while not stopped:
                    await asynkit.task_switch(leader)

            follower = asyncio.create_task(follow())
            start = now()
            for _ in range(count // 2):
                await asynkit.task_switch(follower)
            elapsed = now() - start
            stopped = True
            follower.cancel()
            await asyncio.wait([follower])
            return elapsed

        return on_loop(main())

    @work("interrupt", "asynkit")
    def _(count):
        from asynkit.experimental import InterruptException, create_pytask, task_interrupt

        async def main():
            async def target():
                while True:
                    try:
                        await asyncio.get_running_loop().create_future()
                    except InterruptException:
                        pass

            task = create_pytask(target())
            await asyncio.sleep(0)
            start = now()
            for _ in range(count):
                await task_interrupt(task, InterruptException())
            elapsed = now() - start
            task.cancel()
            await asyncio.wait([task])
            return elapsed

        return on_loop(main())

    @work("monitor", "asynkit")
    def _(count):
        async def main():
            monitor = asynkit.Monitor()

            async def asks():
                for number in range(count):
                    await monitor.oob(number)

            bound = monitor(asks())
            start = now()
            await bound.start()
            for number in range(1, count):
                try:
                    await bound.aawait(number)
                except asynkit.OOBData:
                    pass
            await bound.aawait(count)
            return now() - start

        return asyncio.run(main())

    @work("generator", "asynkit")
    def _(count):
        async def main():
            generator = asynkit.GeneratorObject()

            async def values():
                for number in range(count):
                    await generator.ayield(number)

            start = now()
            async for _ in generator(values()):
                pass
            return now() - start

        return asyncio.run(main())

    @work("await-sync", "asynkit")
    def _(count):
        start = now()
        for _ in range(count):
            asynkit.await_sync(trivial())
        return now() - start


if priority:
    work("lock", "asynkit")(free(priority.PriorityLock))
    work("hand-over", "asynkit")(handed_over(priority.PriorityLock))

# async-utils

if priority_sem:
    work("semaphore", "async-utils")(free(lambda: priority_sem.PrioritySemaphore(2)))

# a_sync

if a_sync:

    def nothing():
        return 7

    def plan(function):
        """Runs a plan of 100 functions, by the clock on the wall: a_sync hands all to threads."""

        def measure(count):
            parallel = a_sync.Parallel()
            for _ in range(100):
                parallel.schedule(function)
            start = time.perf_counter_ns()
            for _ in range(count):
                parallel.block()
            return time.perf_counter_ns() - start

        return measure

    work("plan-async", "a_sync")(plan(trivial))
    work("plan-blocking", "a_sync")(plan(nothing))


def main():
    for name, who in WORKS:
        print("can", name, who)
    for name, reason in LACKING.items():
        print(f"lacks {name}: {reason}")
    print("ready", flush=True)
    for line in sys.stdin:
        name, who, count = line.split()
        # What one measurement leaves behind is not the next one's.
        gc.collect()
        print(WORKS[name, who](int(count)) / int(count), flush=True)


if __name__ == "__main__":
    main()
