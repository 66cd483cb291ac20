//! Decisions about policy: their flags, their entries in `smi2gamma.yaml`, and the plain settings that both come to.

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use std::collections::{BTreeMap, BTreeSet};

use crate::access::{AcceptedLoss, CallerClass, Named, Settings, Side};
use crate::mappings;
use crate::model::grant::Account;
use crate::place::Span;
use crate::yaml::{self, Node};

/// Decisions about policy, as flags.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct PolicyArgs {
    /// Labels of the pods of a ServiceAccount that no workload of the input runs as; repeatable.
    #[arg(long, value_name = "NAMESPACE/ACCOUNT=KEY=VALUE[,...]", help_heading = "Policy")]
    pub workload: Vec<String>,
    /// Who calls without a grant.
    #[command(flatten)]
    pub callers: CallerArgs,
    /// Whether the source mesh enforced TrafficTargets, where no object of it says so.
    #[arg(long, value_enum, value_name = "ANSWER", help_heading = "Policy")]
    pub enforced: Option<Answer>,
    /// Hosts that only the source mesh served are used no more.
    #[arg(long, help_heading = "Policy")]
    pub hosts_moved: bool,
    /// Trust domain of the target mesh, for policy that names it.
    #[arg(long, value_name = "DOMAIN", value_parser = trust_domain, help_heading = "Policy")]
    pub trust_domain: Option<String>,
    /// Deny what has no grant in the namespaces of the destinations, last in the output.
    #[arg(long, help_heading = "Policy")]
    pub default_deny: bool,
}

/// Who calls without a grant, as flags.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct CallerArgs {
    /// ServiceAccount that an ingress calls as, or `none` if nothing from outside may go on; repeatable.
    #[arg(long, value_name = "NAMESPACE/ACCOUNT", help_heading = "Policy")]
    pub ingress: Vec<String>,
    /// ServiceAccount that reads metrics, or `none` if nobody may go on; repeatable.
    #[arg(long, value_name = "NAMESPACE/ACCOUNT", help_heading = "Policy")]
    pub scraper: Vec<String>,
}

/// An answer to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Answer {
    /// It did.
    Yes,
    /// It did not.
    No,
}

/// Decisions about policy in `smi2gamma.yaml`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct PolicyConfig {
    /// As `--workload`: `namespace/account` to labels.
    pub workloads: BTreeMap<String, BTreeMap<String, String>>,
    /// As `--ingress`; an empty list says that there is none.
    pub ingress: Option<Vec<String>>,
    /// As `--scraper`; an empty list says that there is none.
    pub scrapers: Option<Vec<String>>,
    /// As `--enforced`.
    pub enforced: Option<bool>,
    /// As `--hosts-moved`.
    pub hosts_moved: bool,
    /// As `--trust-domain`.
    #[serde(deserialize_with = "configured_trust_domain")]
    pub trust_domain: Option<String>,
    /// As `--default-deny`.
    pub default_deny: bool,
}

/// A loss that the configuration accepts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct LossConfig {
    /// The target, without a version.
    #[serde(deserialize_with = "configured_target")]
    pub to: String,
    /// The TrafficTarget, `namespace/name`.
    pub grant: String,
    /// What the target cannot say, as the finding calls it.
    pub what: String,
    /// The side that is accepted.
    pub accept: SideConfig,
    /// What is said instead, as the finding calls it.
    pub says: String,
    /// Why.
    pub reason: String,
}

/// A side of a loss.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SideConfig {
    /// More is allowed.
    Wider,
    /// Less is allowed.
    Narrower,
}

/// The settings that flags and configuration come to; flags win.
pub fn settings(args: &PolicyArgs, config: &PolicyConfig, losses: Vec<AcceptedLoss>, file: &str) -> Result<Settings> {
    let mut workloads = BTreeMap::new();
    for (account, labels) in &config.workloads {
        let key = pair(account).with_context(|| format!("policy.workloads in {file}"))?;
        workloads.insert(key, labels.clone());
    }
    for written in &args.workload {
        let (account, labels) = workload(written).context("--workload")?;
        workloads.insert(account, labels);
    }
    Ok(Settings {
        trust_domain: args.trust_domain.clone().or_else(|| config.trust_domain.clone()),
        losses,
        workloads,
        callers: callers(&args.callers, config, file)?,
        enforced: enforced(args.enforced, config),
        hosts_moved: args.hosts_moved || config.hosts_moved,
        default_deny: args.default_deny || config.default_deny,
    })
}

/// Who calls without a grant; flags win.
pub fn callers(args: &CallerArgs, config: &PolicyConfig, file: &str) -> Result<BTreeMap<CallerClass, Named>> {
    let mut callers = BTreeMap::new();
    let classes = [
        (CallerClass::Ingress, &args.ingress, &config.ingress),
        (CallerClass::Scraper, &args.scraper, &config.scrapers),
    ];
    for (class, flagged, configured) in classes {
        let named = match (flagged.as_slice(), configured) {
            ([], None) => continue,
            ([], Some(accounts)) => named(accounts).with_context(|| format!("policy in {file}"))?,
            (accounts, _) => named(accounts).context(class.flag())?,
        };
        callers.insert(class, named);
    }
    Ok(callers)
}

/// Whether the source mesh enforced, where somebody says so; the flag wins.
pub fn enforced(flag: Option<Answer>, config: &PolicyConfig) -> Option<bool> {
    flag.map(|answer| answer == Answer::Yes).or(config.enforced)
}

/// The losses that a configuration accepts, each with its line.
pub fn losses(entries: Vec<LossConfig>, text: &str, file: &str) -> Result<Vec<AcceptedLoss>> {
    let document = yaml::parse(text, Span::new(0, text.len())).ok();
    let root = document.as_ref().and_then(|document| document.root.as_ref());
    let nodes = root.and_then(|root| root.get("losses")).map(Node::items).unwrap_or_default();
    let line = |index: usize| {
        let start = nodes.get(index).map_or(0, |node| node.span.start);
        1 + text.as_bytes()[..start].iter().filter(|&&byte| byte == b'\n').count()
    };
    let accepted = entries.into_iter().enumerate().map(|(index, entry)| {
        let at = format!("{file}:{}", line(index));
        if matches!(entry.reason.trim(), "" | "WHY") {
            bail!("{at}: a loss is accepted with a reason: write why it may be so instead of `WHY`");
        }
        let LossConfig { to, grant, what, accept, says, reason } = entry;
        let accept = match accept {
            SideConfig::Wider => Side::Wider,
            SideConfig::Narrower => Side::Narrower,
        };
        Ok(AcceptedLoss { to, grant, what, accept, says, reason, at })
    });
    accepted.collect()
}

/// A trust domain as SPIFFE writes it: lower-case letters, digits, dots, dashes and underscores (spiffe/spiffe
/// `standards/SPIFFE-ID.md`, section 2.1).
fn trust_domain(text: &str) -> Result<String, String> {
    let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || ".-_".contains(letter);
    match !text.is_empty() && text.chars().all(fits) {
        true => Ok(text.to_owned()),
        false => Err(format!("`{text}` is no trust domain: write it as the mesh has it, such as `cluster.local`")),
    }
}

fn configured_trust_domain<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    text.map(|text| trust_domain(&text).map_err(D::Error::custom)).transpose()
}

/// The name of a target. An entry for a target that there is not would wait for a run that never comes.
fn configured_target<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    if mappings::target(&text).is_some() {
        return Ok(text);
    }
    let known = mappings::names(mappings::targets().iter().map(|target| target.name.as_str()));
    let why =
        if text.contains('@') { "a loss is accepted for a target at every version" } else { "there is no such target" };
    Err(D::Error::custom(format!("`{text}`: {why}; write one of {known}")))
}

fn named(accounts: &[String]) -> Result<Named> {
    if accounts.is_empty() || accounts == ["none"] {
        return Ok(Named::None);
    }
    let accounts: Result<BTreeSet<Account>> = accounts
        .iter()
        .map(|account| pair(account).map(|(namespace, name)| Account { namespace: Some(namespace), name }))
        .collect();
    Ok(Named::Accounts(accounts?))
}

/// `namespace/account`
fn pair(text: &str) -> Result<(String, String)> {
    match text.split_once('/') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => {
            Ok((namespace.to_owned(), name.to_owned()))
        }
        _ => bail!("`{text}` is no NAMESPACE/ACCOUNT"),
    }
}

/// `namespace/account=key=value,key=value`
fn workload(text: &str) -> Result<((String, String), BTreeMap<String, String>)> {
    let (account, labels) = text.split_once('=').with_context(|| format!("`{text}` has no labels"))?;
    let labels: Option<BTreeMap<String, String>> = labels
        .split(',')
        .map(|label| label.split_once('=').map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned())))
        .collect();
    let labels = labels.filter(|labels| labels.keys().all(|key| !key.is_empty()));
    Ok((pair(account)?, labels.with_context(|| format!("write the labels of `{account}` as KEY=VALUE[,KEY=VALUE]"))?))
}

impl PolicyArgs {
    /// The flags that were given, for a person to paste.
    #[must_use]
    pub fn words(&self) -> Vec<(&'static str, Option<String>)> {
        let Self {
            workload,
            callers: CallerArgs { ingress, scraper },
            enforced,
            hosts_moved,
            trust_domain,
            default_deny,
        } = self;
        let mut words = Vec::new();
        words.extend(workload.iter().map(|value| ("--workload", Some(value.clone()))));
        words.extend(ingress.iter().map(|value| ("--ingress", Some(value.clone()))));
        words.extend(scraper.iter().map(|value| ("--scraper", Some(value.clone()))));
        let answer = |answer: &Answer| if *answer == Answer::Yes { "yes" } else { "no" }.to_owned();
        words.extend(enforced.iter().map(|value| ("--enforced", Some(answer(value)))));
        words.extend(trust_domain.iter().map(|value| ("--trust-domain", Some(value.clone()))));
        let switches = [(*hosts_moved, "--hosts-moved"), (*default_deny, "--default-deny")];
        words.extend(switches.into_iter().filter(|(on, _)| *on).map(|(_, name)| (name, None)));
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_wins_over_the_configuration_and_none_says_that_there_is_nobody() {
        let callers = CallerArgs { ingress: vec!["none".into()], scraper: Vec::new() };
        let args = PolicyArgs { callers, ..PolicyArgs::default() };
        let config = PolicyConfig { ingress: Some(vec!["edge/nginx".into()]), ..PolicyConfig::default() };
        let settings = settings(&args, &config, Vec::new(), "smi2gamma.yaml").expect("settings");
        assert_eq!(settings.callers.get(&CallerClass::Ingress), Some(&Named::None));
        assert_eq!(settings.callers.get(&CallerClass::Scraper), None);
    }

    #[test]
    fn labels_of_a_workload_are_given_with_its_account() {
        let (account, labels) = workload("shop/api=app=api,tier=back").expect("a workload");
        assert_eq!(account, ("shop".into(), "api".into()));
        assert_eq!(labels.len(), 2);
        assert!(workload("shop/api").is_err());
        assert!(workload("api=app=api").is_err());
        assert!(workload("shop/api=app").is_err());
    }

    #[test]
    fn a_loss_without_a_reason_is_not_accepted() {
        let text = "to: istio\nlosses:\n- to: istio\n  grant: shop/api\n  what: w\n  accept: wider\n  says: s\n  reason: WHY\n";
        let entry = |reason: &str| LossConfig {
            to: "istio".into(),
            grant: "shop/api".into(),
            what: "w".into(),
            accept: SideConfig::Wider,
            says: "s".into(),
            reason: reason.into(),
        };
        let error = losses(vec![entry("WHY")], text, "smi2gamma.yaml").expect_err("no reason");
        assert!(error.to_string().starts_with("smi2gamma.yaml:3:"), "{error}");
        let accepted = losses(vec![entry("nobody calls it")], text, "smi2gamma.yaml").expect("accepted");
        assert_eq!(accepted[0].at, "smi2gamma.yaml:3");
    }
}
