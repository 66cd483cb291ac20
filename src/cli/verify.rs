//! `smi2gamma verify`: how routes and policy stand to the SMI that they replace.

use anyhow::{Result, bail};
use std::collections::BTreeSet;

use super::args::{VerdictFormat, VerifyArgs};
use super::exit::Exit;
use super::options::{inputs, sides};
use super::output::{Stream, Terminal};
use crate::report::verdicts::{Verdicts, json, markdown, text};
use crate::sides::{self, SideScope, read};
use crate::verify::Relation;

pub(super) fn run_verify(args: &VerifyArgs, terminal: &Terminal) -> Result<Exit> {
    let one = |path: &std::path::PathBuf| inputs(std::slice::from_ref(path), &[], &args.sides.cluster);
    let plan = sides(&args.sides, &args.callers, one(&args.before)?, one(&args.after)?)?;
    let allowed = allowed(&args.allow)?;
    let found = read(&plan, &mut std::io::stdin().lock())?;
    if found.unread.is_empty() && !found.scopes.iter().any(SideScope::has_smi) {
        bail!("`{}` has no SMI: first name what SMI said, then what replaces it", args.before.display());
    }
    let judged = sides::verify(&found, &plan);
    let to = plan.to.display();
    let notes = sides::notes(&found, &plan);
    let verdicts = Verdicts { to: &to, judged: &judged, unread: &found.unread, notes: &notes, allowed: &allowed };
    let page = match args.output {
        VerdictFormat::Text => text(&verdicts, &found.sources),
        VerdictFormat::Json => json(&verdicts, &found.sources),
        VerdictFormat::Markdown => markdown(&verdicts, &found.sources),
    };
    terminal.write(Stream::Out, &page)?;
    let differs = if verdicts.failing().next().is_some() { Exit::Differs } else { Exit::Done };
    Ok(if found.is_whole() { differs } else { Exit::NoResult })
}

fn allowed(words: &[String]) -> Result<BTreeSet<Relation>> {
    let mut allowed = BTreeSet::new();
    for word in words {
        let Some(relation) = Relation::from_word(word) else {
            let known: Vec<&str> = Relation::ALL.iter().map(|relation| relation.word()).collect();
            bail!("--allow: there is no verdict `{word}`; verdicts are {}", known.join(", "));
        };
        allowed.insert(relation);
    }
    Ok(allowed)
}
