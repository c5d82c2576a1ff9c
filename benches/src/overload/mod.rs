//! What an urgent request waits for when there is too much to do: the same program on several executors, with several
//! locks.
//!
//! Requests of three classes arrive at random. Each does its work in steps of 20 to 50 us, and gives way after each. The
//! urgent ones and the batches share a lock. Time is what the steps say they take, so what comes out is exact, and the
//! same on every machine; or they really take it, in processor time.

mod contestant;
mod inversion;
mod load;
mod starvation;
mod world;

pub use contestant::{Contestant, Locks, Order, Runtime};
pub use inversion::inversion;
pub use load::{Class, Latencies, Load, overload};
pub use starvation::{longest_wait, longest_wait_allowed};
pub use world::Clock;
