//! Who may call what: both evaluators held to the golden requests of the tables, to hand-written policy with the mistakes
//! that people make, and to every change of policy that is right.

#[path = "../changes/mod.rs"]
mod changes;
mod converted;
mod goldens;
#[path = "../istio/engine.rs"]
#[allow(dead_code)]
mod istio_engine;
mod istio_words;
#[path = "../../src/target/linkerd/tests/engine.rs"]
#[allow(dead_code)]
mod linkerd_engine;
mod mistakes;
mod mutations;
mod second;
mod upstream;
mod world;
#[path = "../worlds/mod.rs"]
mod worlds;
