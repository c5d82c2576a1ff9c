"""What a Python program does with redis-py, against the server on the port given."""

import sys
import threading

import redis

port = int(sys.argv[1])


def connect(**options):
    return redis.Redis(port=port, protocol=2, decode_responses=True, **options)


client = connect(client_name="tester")
assert client.ping()
assert client.client_getname() == "tester"
assert client.client_id() > 0
assert client.info()["redis_version"].startswith("7.")
assert client.config_get("maxclients") == {"maxclients": "10000"}

# Strings.
assert client.set("a", "1")
assert client.get("a") == "1"
assert client.set("a", "2", nx=True) is None
assert client.set("a", "2", xx=True, ex=100)
assert 40 < client.ttl("a") <= 100
assert client.persist("a")
assert client.expire("a", 1_000) and 900_000 < client.pttl("a") <= 1_000_000
assert client.incr("a") == 3 and client.incrby("a", 10) == 13 and client.decr("a") == 12
assert client.mset({"b": "x", "c": "y"})
assert client.mget("a", "b", "c", "none") == ["12", "x", "y", None]
assert client.delete("b", "none") == 1
assert client.exists("a", "c", "none") == 2
assert client.dbsize() == 2

# Bytes that are no text.
plain = redis.Redis(port=port, protocol=2)
everything = bytes(range(256)) * 100
assert plain.set(everything, everything) and plain.get(everything) == everything
assert plain.delete(everything) == 1

# Lists.
assert client.rpush("list", *"abc") == 3
assert client.lpush("list", "z") == 4
assert client.lrange("list", 0, -1) == ["z", "a", "b", "c"]
assert client.lpop("list") == "z" and client.rpop("list", 2) == ["c", "b"]
assert client.llen("list") == 1
assert client.blpop(["none", "list"], timeout=1) == ("list", "a")
assert client.blpop("none", timeout=0.01) is None

# A client that waits gets what another one pushes.
waiting = connect()
waiting_id = waiting.client_id()
got = []
thread = threading.Thread(target=lambda: got.append(waiting.blpop("later", timeout=30)))
thread.start()
while f"command of client {waiting_id}" not in [task[1] for task in client.execute_command("TASKS")]:
    pass
assert client.rpush("later", "now") == 1
thread.join()
assert got == [("later", "now")], got

# A pipeline, whose errors are where they belong.
pipe = client.pipeline(transaction=False)
for number in range(1000):
    pipe.set(f"key:{number}", number)
pipe.lpush("a", "x")
pipe.get("key:999")
*stored, error, last = pipe.execute(raise_on_error=False)
assert stored == [True] * 1000 and last == "999"
assert isinstance(error, redis.ResponseError) and "wrong kind of value" in str(error)

# Keys.
assert len(client.keys("key:*")) == 1000
assert set(client.scan_iter(match="key:*", count=7)) == {f"key:{n}" for n in range(1000)}
assert client.flushall() and client.keys() == []

# Errors.
for command in [("nosuch", "a"), ("get",), ("set", "a", "b", "nosuch")]:
    try:
        client.execute_command(*command)
    except redis.ResponseError:
        pass
    else:
        raise AssertionError(command)

# Version 3 of the protocol is refused.
try:
    redis.Redis(port=port, protocol=3).ping()
except redis.RedisError as error:
    assert "unsupported protocol version" in str(error), error
else:
    raise AssertionError("HELLO 3 was accepted")

print("redis-py is content")
