"""A bank in redis, asked by redis-py: a transfer is a MULTI with its EXEC."""

from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.exceptions import RedisError
from redis.retry import Retry

from colo_harness.traffic.bank import ACCOUNTS, OPENING, Teller
from colo_harness.traffic.library import as_sockets_tell
from colo_harness.traffic.session import Target

_PORT = 6379


class RedisBank(Teller):
    """One client of redis-py that keeps its only connection, and tries nothing again."""

    kind = bank = "redis"

    def __init__(self, target: Target, name: str) -> None:
        super().__init__(target, name)
        self._redis = Redis(
            host=target.address,
            port=_PORT,
            protocol=2,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=self.timeout,
            decode_responses=True,
        )
        opening = self._redis.pipeline()
        opening.msetnx({f"account:{number}": OPENING for number in range(ACCOUNTS)})
        with self.operation("connect", port=_PORT) as answer:
            answer["connection"] = self._ask(opening)[-1]

    def _transfer(self, id: str, debit: int, credit: int, amount: int) -> dict[str, Any]:  # noqa: A002 - the bank's word
        order = self._redis.pipeline()
        order.decrby(f"account:{debit}", amount)
        order.incrby(f"account:{credit}", amount)
        order.rpush("commits", id)
        *_, number, connection = self._ask(order)
        return {"number": number, "connection": connection}

    def _books(self) -> dict[str, Any]:
        question = self._redis.pipeline()
        question.mget([f"account:{number}" for number in range(ACCOUNTS)])
        question.lrange("commits", 0, -1)
        balances, commits, connection = self._ask(question)
        return {"balances": [int(balance) for balance in balances], "commits": commits, "connection": connection}

    def _ask(self, order: Pipeline) -> list[Any]:
        """Return the answers to a transaction, and behind them redis' number of the connection."""
        order.client_id()
        with as_sockets_tell(RedisError), self.target.namespace.entered():
            return list(order.execute())

    def _interrupt(self) -> None:
        self._redis.connection_pool.disconnect()

    def _release(self) -> None:
        self._redis.close()
