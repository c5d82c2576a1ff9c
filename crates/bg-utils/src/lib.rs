//! What long-running async programs need.

#![forbid(unsafe_code)]
