//! Who may call what: both evaluators held to the golden requests of the tables, to hand-written policy with the mistakes
//! that people make, and to mutations of policy that is right.

mod converted;
mod goldens;
mod istio_words;
mod mistakes;
mod mutations;
mod upstream;
mod world;
#[path = "../worlds/mod.rs"]
mod worlds;
