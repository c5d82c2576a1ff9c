//! The server of `examples/kv`, as a program: real clients, Redis itself as the oracle, and
//! clients that mean no good.
//!
//! `redis-cli`, `redis-benchmark` and `redis-server` are Debian's packages `redis-tools` and
//! `redis-server`; redis-py is installed from PyPI into the target folder. What is not there is
//! left out with a line that says so, unless `KV_TESTS_STRICT=1`.

#![cfg(unix)]

mod clients;
mod durable;
mod hostile;
mod oracle;
mod server;
mod service;
mod wire;
