//! Two texts to compare, and what came of it.

use std::io::Cursor;

use smi2gamma::report::Chosen;
use smi2gamma::scan::{self, Input};
use smi2gamma::sides::{self, Inputs, Judged, Sides};
use smi2gamma::target::Profile;
use smi2gamma::verify::{
    Absent, After, Answer, Before, Destination, Field, Given, Judge, Relation, Request, ServiceName, ServicePort, Side,
    Source, simulate,
};

/// A comparison.
pub struct Compared {
    pub sides: Sides,
    pub inputs: Inputs,
    pub judged: Vec<Judged>,
}

/// Compares two texts; Services stand in the first.
pub fn compare(before: &str, after: &str, from: &str, to: &str) -> Compared {
    compare_in(before, after, from, to, false)
}

/// As `compare`, with what routes need beside themselves taken for granted.
pub fn compare_prepared(before: &str, after: &str, from: &str, to: &str) -> Compared {
    compare_in(before, after, from, to, true)
}

fn compare_in(before: &str, after: &str, from: &str, to: &str, prepared: bool) -> Compared {
    let folder = tempfile::tempdir().expect("a directory");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        Input::Path(path)
    };
    let inputs = Inputs {
        scan: scan::Options { sources: vec![file("before.yaml", before)], ..scan::Options::default() },
        after: vec![file("after.yaml", after)],
        from: Some(Chosen { name: from.into(), because: "the test".into() }),
        to: Profile::parse(to).expect("a target"),
        ports: Default::default(),
        prepared,
        enforced: None,
        callers: Default::default(),
    };
    let sides = sides::read(&inputs, &mut Cursor::new("")).expect("files that can be read");
    let judged = sides::verify(&sides, &inputs);
    Compared { sides, inputs, judged }
}

// === impl Compared ===

impl Compared {
    /// The verdict on one port of a Service.
    pub fn at(&self, destination: &str) -> &Judged {
        let found = self.judged.iter().find(|judged| judged.verdict.destination.to_string() == destination);
        found.unwrap_or_else(|| panic!("no verdict on {destination}: {:#?}", self.judged))
    }

    pub fn relation(&self, destination: &str) -> Relation {
        self.at(destination).verdict.relation
    }

    /// What each side says of a request, with missing Services taken as there.
    pub fn ask(&self, request: &Request, absent: Absent) -> (Answer, Answer) {
        let given = Given { services: absent, prepared: self.inputs.prepared };
        let scope = &self.sides.scopes[0];
        let (before, after) = (scope.before(), scope.after());
        let one = simulate(&Before::new(&before, scope.meshes[0]), request, &given).0;
        let side = After::new(&after, self.inputs.to.target, &self.inputs.to.version);
        (one, simulate(&side, request, &given).0)
    }

    /// What each side says of many requests to one port, each asked by itself.
    pub fn ask_each(&self, at: &ServicePort, requests: &[Request]) -> Vec<(Answer, Answer)> {
        let given = Given { services: Absent::Exists, prepared: self.inputs.prepared };
        let scope = &self.sides.scopes[0];
        let (before, after) = (scope.before(), scope.after());
        let before = Before::new(&before, scope.meshes[0]);
        let after = After::new(&after, self.inputs.to.target, &self.inputs.to.version);
        let (one, other) = (before.judge(at), after.judge(at));
        let ask = |judge: &dyn Judge, request: &Request| judge.answer(request, &given, &mut Default::default());
        requests.iter().map(|request| (ask(one.as_ref(), request), ask(other.as_ref(), request))).collect()
    }

    /// Every witness differs when it is asked again.
    pub fn witnesses_hold(&self) {
        for judged in &self.judged {
            let Some(witness) = &judged.verdict.witness else { continue };
            let again = |absent| {
                let (one, other) = self.ask(&witness.request, absent);
                one.relate(&other)
            };
            assert_ne!(again(Absent::Exists), Relation::Equal, "{judged:#?}");
        }
    }
}

/// `GET /path x-a=1` to a port of `shop/web`.
pub fn request(words: &str) -> Request {
    let mut words = words.split(' ');
    let (method, path) = (words.next().expect("a method"), words.next().expect("a path"));
    let fields = words.map(|word| {
        let (name, value) = word.split_once('=').expect("a header");
        (Field::Header(name.into()), value.to_owned())
    });
    Request {
        source: Source::Unauthenticated,
        to: Destination::Service(web(80)),
        method: method.into(),
        path: path.into(),
        fields: fields.collect(),
    }
}

pub fn web(port: u16) -> ServicePort {
    ServicePort { service: ServiceName { namespace: Some("shop".into()), name: "web".into() }, port }
}

/// Services of namespace `shop` with port 80 for HTTP.
pub fn services() -> String {
    ["web", "web-v1", "web-v2"].map(|name| service(name, "{name: http, port: 80}")).concat()
}

pub fn service(name: &str, ports: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{ports: [{ports}]}}\n"
    )
}

/// A split of `web`, 9 to 1, under the matches of a group where there are any.
pub fn split(matches: &str) -> String {
    let condition = if matches.is_empty() { "" } else { "matches: [{kind: HTTPRouteGroup, name: g}], " };
    let mut text = format!(
        "---\napiVersion: split.smi-spec.io/v1alpha4\nkind: TrafficSplit\nmetadata: {{name: web, namespace: shop}}\nspec: \
         {{service: web, {condition}backends: [{{service: web-v1, weight: 90}}, {{service: web-v2, weight: 10}}]}}\n"
    );
    if !matches.is_empty() {
        text += &format!(
            "---\napiVersion: specs.smi-spec.io/v1alpha4\nkind: HTTPRouteGroup\nmetadata: {{name: g, namespace: \
             shop}}\nspec: {{matches: [{matches}]}}\n"
        );
    }
    text + &services()
}

/// An HTTPRoute of namespace `shop` on port 80 of `web`.
pub fn route(rules: &str) -> String {
    named_route("web", "shop", "{group: \"\", kind: Service, name: web, port: 80}", rules)
}

pub fn named_route(name: &str, namespace: &str, parents: &str, rules: &str) -> String {
    format!(
        "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: {name}, namespace: \
         {namespace}}}\nspec: {{parentRefs: [{parents}], rules: [{rules}]}}\n"
    )
}

/// The backends that the split has.
pub const NINE_TO_ONE: &str = "backendRefs: [{name: web-v1, port: 80, weight: 9}, {name: web-v2, port: 80, weight: 1}]";
/// A rule for everything else.
pub const REST: &str = "{backendRefs: [{name: web, port: 80}]}";
