//! `verify` and `simulate`: what the comparison finds, and what it must not take for equal.

mod golden;
mod imports;
mod mistakes;
mod mutations;
mod unread;
mod world;
