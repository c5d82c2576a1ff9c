//! What a run of the benches leaves behind: its figures as JSON, and from these a page of the guide and its pictures.
//!
//! ```
//! use figures::{Run, page};
//!
//! let run = Run::read(r#"{
//!     "schema": 1, "area": "scheduler", "date": "2026-11-21T12:00:00Z", "rustc": "rustc 1.95.0",
//!     "machine": { "cpu": "a processor", "cores": 2, "system": "linux x86_64", "load": 0.1 },
//!     "rounds": 15, "seed": 7, "quick": false, "partial": false, "left_out": [],
//!     "lines": [{
//!         "title": "spawn 1000 and run all", "unit": "ns per task", "better": "lower", "baseline": "async-executor",
//!         "rows": [
//!             { "name": "corokit", "role": "ours", "rounds": 15, "median": 80.0, "min": 78.0, "max": 99.0 },
//!             { "name": "async-executor", "role": "peer", "rounds": 15, "median": 200.0, "min": 190.0, "max": 230.0 }
//!         ],
//!         "targets": [{ "target": ">= 2x async-executor", "reached": "2.50x", "met": true }]
//!     }]
//! }"#)?;
//! assert!(page(&[run]).contains("async-executor 200 (2.50x)"));
//! # Ok::<(), figures::Unreadable>(())
//! ```
//!
//! # The schema
//!
//! A file holds one run of one area: an object, [`Run`], whose keys are the fields of these types.
//!
//! | key | what it holds |
//! |---|---|
//! | `schema` | 1, this table. It goes up when a key changes its meaning or goes away |
//! | `area` | the bench target: `scheduler`, `locks`, ... |
//! | `date` | when the run began, UTC, as in `2026-11-21T12:00:00Z` |
//! | `rustc` | the line that `rustc --version` prints |
//! | `machine` | `cpu`, the processor's name; `cores`; `system`, operating system and architecture; `load`, how many processes wanted to run in the minute before the run, or `null` where the system does not say |
//! | `rounds` | the measured rounds of the run; a row may have fewer, where its figures are the same each time |
//! | `seed` | what the order of the contestants came from |
//! | `quick` | whether the run was only to see that everything works: its figures mean nothing, and nothing is judged |
//! | `partial` | whether the command line left benches or contestants out |
//! | `left_out` | contestants that this machine could not run, and why, in words |
//! | `lines` | the comparisons, in the order in which they ran |
//! | `lines[].title`, `unit` | the work, and what a figure counts |
//! | `lines[].better` | `lower` or `higher`: which figures are the good ones |
//! | `lines[].baseline` | the contestant that the printed table compares all others with |
//! | `lines[].rows` | a contestant each: `name`; `role`, which is `ours`, `peer` or `floor`; `rounds`, and their `median`, `min` and `max` |
//! | `lines[].targets` | what the line is held against: `target` and what was `reached`, both in words, and `met`, which is `null` if a contestant took no part |

#![forbid(unsafe_code)]

mod machine;
mod page;
mod plot;
mod run;

pub use machine::Machine;
pub use page::page;
pub use plot::{Plotted, plot};
pub use run::{Better, Line, Role, Row, Run, SCHEMA, Target, Unreadable, read_folder};
