//! Istio's policy: what is written for a closure, and what Istio's proxies make of it.
//!
//! A situation is a closure with calls that must be allowed and calls that must be denied. What was written is judged by
//! `engine`, which knows how Istio reads a policy and nothing of how one is written.

mod ambient;
mod call;
mod engine;
mod golden;
mod random;
mod sidecar;
mod world;
