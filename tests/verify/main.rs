//! `verify` and `simulate`: what the comparison finds, and what it must not take for equal.

#[path = "../changes/mod.rs"]
mod changes;
mod converted;
#[path = "../cases/engine.rs"]
#[allow(dead_code)]
mod engine;
mod golden;
mod imports;
mod json;
mod mistakes;
mod mutations;
#[path = "../schema/mod.rs"]
mod schema;
mod unread;
mod world;
#[path = "../worlds/mod.rs"]
mod worlds;
