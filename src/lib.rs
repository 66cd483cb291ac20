//! Converts Service Mesh Interface manifests to Gateway API for meshes.
//!
//! The rooms stand in the order in which data passes through them:
//!
//! ```text
//! scan ─── load ──────────────────── model ─── convert ─── settle ─── report
//!          │ yaml  smi                 │          │            └── candidate (edit) ─── diff
//!          └ inventory  referrers   pattern     target
//! ```
//!
//! `docs/architecture.md` says what each room is for and what must not come in.

pub mod access;
pub mod candidate;
pub mod cli;
pub mod convert;
pub mod edit;
pub mod filter;
pub mod inventory;
pub mod load;
pub mod manifest;
pub mod mappings;
pub mod model;
pub mod outcome;
pub mod pattern;
pub mod place;
pub mod prove;
pub mod referrers;
pub mod report;
pub mod run;
pub mod scan;
pub mod scope;
pub mod settle;
pub mod sides;
pub mod smi;
pub mod status;
pub mod target;
pub mod verify;
pub mod yaml;
