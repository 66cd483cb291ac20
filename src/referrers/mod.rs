//! What points at SMI or came with it, and must follow when SMI goes: one file per kind.
//!
//! None of these objects is converted. Each gets a finding that says what to do with it and when.

pub mod adaptor;
pub mod api;
pub mod argo_rollouts;
pub mod flagger;
pub mod managed;
pub mod owner;
pub mod packages;
pub mod rbac;
pub mod vendor;

use crate::inventory::kinds::Header;
use crate::place::SourceId;
use crate::report::Finding;

/// Everything that the object of `header` calls for.
#[must_use]
pub fn inspect(header: &Header<'_>, source: SourceId) -> Vec<Finding> {
    const INSPECTORS: [fn(&Header<'_>, SourceId) -> Vec<Finding>; 7] = [
        api::inspect,
        adaptor::inspect,
        argo_rollouts::inspect,
        flagger::inspect,
        packages::inspect,
        rbac::inspect,
        vendor::inspect,
    ];
    INSPECTORS.iter().flat_map(|inspect| inspect(header, source)).collect()
}
