//! One assertion, asked of SMI and of manifests: the request by direct evaluation, as `simulate` does, and the comparison
//! of both sides as a whole, as `verify` does.

use smi2gamma::report::Chosen;
use smi2gamma::scan;
use smi2gamma::sides::{self, Inputs, SideScope};
use smi2gamma::target::Profile;
use smi2gamma::verify::{
    Absent, Account, After, Answer, Backend, Before, Decision, Destination, Given, Grants, Guard, Relation, Request,
    ServiceName, ServicePort, Shares, Source, access, policy, simulate,
};

use crate::situation::{Mesh, NAMESPACE, Names};
use crate::suite::{Assertion, Wants};
use crate::worlds::Files;

/// SMI and what is said to replace it.
#[derive(Clone, Copy, Debug)]
pub struct Question<'q> {
    /// What is asserted.
    pub assertion: &'q Assertion,
    /// The applications and SMI.
    pub before: &'q str,
    /// The manifests.
    pub after: &'q str,
    /// What everything is called.
    pub names: Names,
    /// Whose reading of SMI applies.
    pub mesh: Mesh,
    /// Whose engine reads the manifests.
    pub to: &'q Profile,
}

/// What a question comes to.
#[derive(Clone, Debug)]
pub struct Answers {
    /// What SMI does.
    pub before: Does,
    /// What the manifests do.
    pub after: Does,
    /// Both were compared at the destination of the request, and are equal.
    pub equal: bool,
    /// The same in words, for a failure.
    pub words: String,
}

/// How an answer stands to what is asserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    /// It is that.
    AsAsserted,
    /// It is something else.
    Otherwise,
    /// Nobody can say what it is, or there is nothing to ask.
    Unknown,
}

// === impl Question ===

impl Question<'_> {
    /// Both answers, and the verdict; where `prepared`, with all that the manifests need beside themselves.
    pub fn ask(&self, prepared: bool) -> Answers {
        let files = Files::new(&[("before.yaml", self.before), ("after.yaml", self.after)]);
        let inputs = Inputs {
            scan: scan::Options { sources: vec![files.input("before.yaml")], ..scan::Options::default() },
            after: vec![files.input("after.yaml")],
            from: Some(Chosen { name: self.mesh.0.name.clone(), because: "the test".into() }),
            to: self.to.clone(),
            ports: [].into(),
            prepared,
            enforced: None,
            callers: [].into(),
        };
        let found = sides::read(&inputs, &mut std::io::empty()).expect("files that can be read");
        let [scope] = found.scopes.as_slice() else { panic!("one scope was wanted: {}", found.scopes.len()) };
        let verdicts = sides::verify(&found, &inputs);
        let given = Given { services: Absent::Exists, prepared };
        let (before, after, destination) = match self.assertion.wants {
            Wants::Allowed | Wants::Denied => self.access(scope, &given),
            Wants::ByTheServiceItself | Wants::Shares(..) => self.routes(scope, &given),
        };
        let about: Vec<_> = verdicts.iter().filter(|judged| judged.verdict.destination == destination).collect();
        Answers {
            before: self.judge(before.as_ref().filter(|_| found.unread.is_empty())),
            after: self.judge(after.as_ref()),
            equal: !about.is_empty() && about.iter().all(|judged| judged.verdict.relation == Relation::Equal),
            words: format!("before: {before:?}\nafter: {after:?}\nverdicts on {destination}: {about:#?}"),
        }
    }

    /// Whether the request may reach the pods behind the Service.
    fn access(&self, scope: &SideScope, given: &Given) -> (Option<Answer>, Option<Answer>, Destination) {
        let account = Account { namespace: Some(NAMESPACE.into()), name: self.names.b.into() };
        let (before, after) = (scope.before(), scope.after());
        let grants = Grants::new(&before, self.mesh.0, scope.enforced(self.mesh.0, None));
        let side = After::new(&after, self.to.target, &self.to.version);
        let request = self.request();
        let ask =
            |guard: &dyn Guard| access::simulate(guard, scope.pods(), &account, self.names.port, &request, given).0;
        let before = grants.is_known().then(|| ask(&grants));
        (before, policy(&side).map(|policy| ask(policy.as_ref())), account.destination(None))
    }

    /// Where the request to the Service goes.
    fn routes(&self, scope: &SideScope, given: &Given) -> (Option<Answer>, Option<Answer>, Destination) {
        let (before, after) = (scope.before(), scope.after());
        let request = self.request();
        let own = scope.has_smi().then(|| simulate(&Before::new(&before, self.mesh.0), &request, given).0);
        let side = After::new(&after, self.to.target, &self.to.version);
        (own, Some(simulate(&side, &request, given).0), request.to)
    }

    fn request(&self) -> Request {
        let asks = self.assertion.asks;
        let service = ServiceName { namespace: Some(NAMESPACE.into()), name: self.names.service(asks.to).into() };
        Request {
            source: Source::Identity { namespace: NAMESPACE.into(), service_account: self.names.a.into() },
            method: asks.method.into(),
            path: asks.path.into(),
            ..Request::get(ServicePort { service, port: self.names.port })
        }
    }

    fn judge(&self, answer: Option<&Answer>) -> Does {
        let backend = |name: &str| Backend { namespace: None, name: name.into(), port: self.names.port };
        let [b, c] = self.names.leaves.map(backend);
        let shares = match self.assertion.wants {
            Wants::Allowed | Wants::Denied => {
                let wanted = self.assertion.wants == Wants::Allowed;
                return answer.and_then(Answer::permits).map_or(Does::Unknown, |permits| Does::of(permits == wanted));
            }
            Wants::ByTheServiceItself => Shares::all_to(backend(self.names.root)),
            Wants::Shares(to_b, to_c) => Shares::new([(b, to_b.into()), (c, to_c.into())], 0),
        };
        match answer {
            Some(Answer::Certain(Decision::Route(route))) => Does::of(route.shares == shares),
            _ => Does::Unknown,
        }
    }
}

// === impl Does ===

impl Does {
    fn of(as_asserted: bool) -> Self {
        if as_asserted { Self::AsAsserted } else { Self::Otherwise }
    }
}
