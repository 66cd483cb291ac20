//! Grants of SMI with every form of methods, paths, headers, ports and sources that a conversion says in Istio's words.

use super::super::mutations::Dice;

/// Matches of a group, as flow mappings.
const MATCHES: [&str; 18] = [
    "pathRegex: /a, methods: [GET]",
    "pathRegex: '/a/.*', methods: [GET, POST]",
    "pathRegex: '/a(/.*)?', methods: ['*']",
    "pathRegex: '.*', methods: [GET]",
    "pathRegex: '.*b', methods: [GET, PUT]",
    "pathRegex: '/a|/b', methods: [POST]",
    "pathRegex: '/(a|x)/b', methods: [PUT]",
    "pathRegex: '/a\\.c', methods: ['*']",
    "pathRegex: '/(a=1|x)/b', methods: ['*']",
    "pathRegex: '/.+', methods: [POST]",
    "methods: [DELETE]",
    "methods: [GET, POST, PUT]",
    "pathRegex: /a, headers: [{x-k: '1'}]",
    "headers: [{x-k: '1.*'}], methods: [GET]",
    "headers: [{x-k: '.*1'}, {x-l: '.+'}]",
    "pathRegex: '/b', headers: [{x-l: 'x|12'}]",
    "headers: [{host: 'api|api[.]shop'}], methods: [GET]",
    "pathRegex: '/x/.*', headers: [{x-k: '.*'}], methods: [GET]",
];

const SOURCES: [&str; 4] = [
    "name: web, namespace: shop",
    "name: cron, namespace: shop",
    "name: web, namespace: ops",
    "name: web, namespace: shop-eu",
];

const PORTS: [u16; 3] = [8080, 8081, 9000];

/// One to four grants for the pods of `api`, with all groups.
pub fn some(dice: &mut Dice) -> String {
    let mut text = String::from(
        "---\napiVersion: specs.smi-spec.io/v1alpha4\nkind: HTTPRouteGroup\nmetadata: {name: routes, namespace: shop}\nspec:\n  matches:\n",
    );
    for (number, one) in MATCHES.iter().enumerate() {
        text.push_str(&format!("  - {{name: m{number}, {one}}}\n"));
    }
    for port in PORTS {
        text.push_str(&format!(
            "---\napiVersion: specs.smi-spec.io/v1alpha4\nkind: TCPRoute\nmetadata: {{name: p{port}, namespace: shop}}\nspec: {{matches: {{ports: [{port}]}}}}\n"
        ));
    }
    for number in 0..=dice.below(4) {
        let sources: Vec<String> = (0..=dice.below(2))
            .map(|_| format!("{{kind: ServiceAccount, {}}}", SOURCES[dice.below(SOURCES.len())]))
            .collect();
        let mut rules = Vec::new();
        let asks = dice.below(5) > 0;
        if asks {
            let names: Vec<String> = (0..=dice.below(3)).map(|_| format!("m{}", dice.below(MATCHES.len()))).collect();
            rules.push(format!("{{kind: HTTPRouteGroup, name: routes, matches: [{}]}}", names.join(", ")));
        }
        if !asks || dice.below(3) == 0 {
            rules.push(format!("{{kind: TCPRoute, name: p{}}}", PORTS[dice.below(PORTS.len())]));
        }
        text.push_str(&format!(
            "---
apiVersion: access.smi-spec.io/v1alpha3
kind: TrafficTarget
metadata: {{name: t{number}, namespace: shop}}
spec:
  destination: {{kind: ServiceAccount, name: api, namespace: shop}}
  sources: [{}]
  rules: [{}]
",
            sources.join(", "),
            rules.join(", ")
        ));
    }
    text
}
