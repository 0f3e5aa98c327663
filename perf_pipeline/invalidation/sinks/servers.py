"""Talking to a Redis or Valkey: connections, our Lua scripts, errors in our words."""

import hashlib
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import redis
from redis.backoff import ExponentialBackoff
from redis.cluster import RedisCluster
from redis.exceptions import NoScriptError, RedisClusterException, RedisError
from redis.retry import Retry

from perf_pipeline import settings
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.invalidation.sinks.base import SinkError
from perf_pipeline.invalidation.sinks.policy import DEFAULT_ENV, SinkPolicy

Client = redis.Redis | RedisCluster

#: What in an error's text says that the server, not the one command, is the trouble.
_SERVER = re.compile(
    r"ConnectionError|TimeoutError|ClusterDown|ClusterException|LOADING|BUSY |CLUSTERDOWN"
    r"|MASTERDOWN|READONLY|ReadOnly|read only|NOPERM|NoPermission|ACL failure|OOM|OutOfMemory"
    r"|MISCONF|NOREPLICAS|UNKILLABLE"
)
#: What a call can raise at all; a cluster's own exception is no RedisError.
ANY = (RedisError, RedisClusterException, OSError)

_FOLDER = Path(__file__).parent / "lua"


@cache
def source(name: str) -> str:
    """Return the text of one of our Lua scripts (`sinks/lua/<name>.lua`)."""
    return (_FOLDER / f"{name}.lua").read_text()


@cache
def digest(text: str) -> str:
    """Return what EVALSHA calls a script."""
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def url_of(policy: SinkPolicy) -> str:
    """Return the URL a policy's variable holds.

    Raises
    ------
    ConfigurationError
        The variable is unset, or no redis:// URL.

    """
    name = policy.url_env
    url = settings.load().redis_url if name == DEFAULT_ENV else settings.variable(name)
    if not url:
        raise ConfigurationError(
            f"environment variable {policy.url_env} is not set",
            f"set {policy.url_env}=redis://user:password@host:6379/0 (rediss:// for TLS)",
        )
    if urlsplit(url).scheme not in ("redis", "rediss", "unix"):
        raise ConfigurationError(
            f"environment variable {policy.url_env} is no redis:// URL",
            "begin it with redis://, rediss:// or unix://",
        )
    return url


def connect(policy: SinkPolicy, attempts: int | None = None) -> Client:
    """Return a client; a single server is reached at the first command, a cluster now.

    Parameters
    ----------
    policy : SinkPolicy
        Of kind redis.
    attempts : int, optional
        Tries of one command where the connection fails; default: the policy's.

    Raises
    ------
    ConfigurationError
        See `url_of`.
    SinkError
        No node of the cluster answers.

    """
    url = url_of(policy)
    retries = (policy.attempts if attempts is None else attempts) - 1
    retry = Retry(ExponentialBackoff(cap=0.5, base=0.05), retries)
    limits: dict[str, Any] = {
        "socket_timeout": policy.timeout_s,
        "socket_connect_timeout": policy.timeout_s,
    }
    try:
        if policy.cluster:
            return RedisCluster.from_url(url, retry=retry, **limits)
        return redis.Redis.from_url(url, retry=retry, **limits)
    except ANY as error:
        raise down(policy, error) from error
    except ValueError as error:  # a port that is no number, say
        raise ConfigurationError(
            f"environment variable {policy.url_env}: {error}", "correct the URL"
        ) from error


def down(policy: SinkPolicy, error: Exception) -> SinkError:
    """Return the error of a server that is the trouble, without its URL."""
    return SinkError(
        f"Redis of {policy.url_env} does not do it: {type(error).__name__}: {error}",
        "see that it runs, accepts writes, and that the user may run scripts and INFO;"
        " what is due stays due",
    )


def concerns_all(error: str) -> bool:
    """Tell whether an error's text is of the whole server, so that no entity is to blame."""
    return _SERVER.search(error) is not None


def run(client: Client, name: str, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
    """Run one of our scripts; it is loaded where the server does not know it."""
    text = source(name)
    try:
        return client.evalsha(digest(text), len(keys), *keys, *arguments)
    except NoScriptError:
        client.script_load(text)
        return client.evalsha(digest(text), len(keys), *keys, *arguments)


def run_many(
    client: Client, calls: Sequence[tuple[str, Sequence[str], Sequence[Any]]]
) -> list[Any]:
    """Run scripts in one round trip; an answer may be an exception.

    Parameters
    ----------
    client : redis client
        Single or cluster: there, one round trip to each node concerned.
    calls : sequence of (script, keys, arguments)
        Each is atomic, all together are not.

    """
    answers = _pipelined(client, calls)
    unknown = [at for at, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
    if unknown:
        for name in {calls[at][0] for at in unknown}:
            client.script_load(source(name))
        again = _pipelined(client, [calls[at] for at in unknown])
        for at, answer in zip(unknown, again, strict=True):
            answers[at] = answer
    return answers


def _pipelined(
    client: Client, calls: Sequence[tuple[str, Sequence[str], Sequence[Any]]]
) -> list[Any]:
    with client.pipeline(transaction=False) as pipe:
        for name, keys, arguments in calls:
            pipe.execute_command("EVALSHA", digest(source(name)), len(keys), *keys, *arguments)
        return pipe.execute(raise_on_error=False)
