//! The cluster as a source, and the program as a plugin of kubectl, against a kubectl that plays recorded answers.
#![cfg(unix)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};
use smi2gamma::scan::cluster::{KINDS, Reading, Verb};
use tempfile::TempDir;

const SMI2GAMMA: &str = env!("CARGO_BIN_EXE_smi2gamma");
const PLUGIN: &str = env!("CARGO_BIN_EXE_kubectl-smi2gamma");

const SPLIT: &str = "\
apiVersion: split.smi-spec.io/v1alpha2
kind: TrafficSplit
metadata:
  name: web
  namespace: shop
spec:
  service: web
  backends:
  - service: web-v1
    weight: 90
  - service: web-v2
    weight: 10
";

fn service(namespace: &str, name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\n  namespace: {namespace}\nspec:\n  ports:\n  - name: http\n    port: 80\n"
    )
}

fn services() -> String {
    ["web", "web-v1", "web-v2"].map(|name| service("shop", name)).join("---\n")
}

/// A cluster, as the answers of its API server.
struct Cluster {
    folder: TempDir,
    served: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
    items: BTreeMap<String, Vec<Value>>,
}

impl Cluster {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder, served: BTreeMap::new(), items: BTreeMap::new() }.serving("apps", "v1", "deployments")
    }

    fn of(manifests: &str) -> Self {
        Self::new().holding(manifests)
    }

    fn serving(mut self, group: &str, version: &str, plural: &str) -> Self {
        let versions = self.served.entry(group.into()).or_default();
        versions.entry(version.into()).or_default().insert(plural.into());
        self.write()
    }

    /// With objects as an API server gives them back.
    fn holding(mut self, manifests: &str) -> Self {
        for document in serde_yaml::Deserializer::from_str(manifests) {
            let mut object = Value::deserialize(document).unwrap();
            let api_version = object["apiVersion"].as_str().unwrap().to_owned();
            let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
            let kind = KINDS.iter().find(|kind| kind.group == group && object["kind"] == kind.kind).unwrap();
            let resource = match group {
                "" => kind.plural.to_owned(),
                _ => format!("{}.{version}.{group}", kind.plural),
            };
            if !group.is_empty() {
                self = self.serving(group, version, kind.plural);
            }
            let metadata = &mut object["metadata"];
            metadata["uid"] = json!("2b9cd2f5-0000-4000-8000-000000000000");
            metadata["resourceVersion"] = json!("4711");
            metadata["generation"] = json!(3);
            metadata["creationTimestamp"] = json!("2026-01-01T00:00:00Z");
            metadata["managedFields"] = json!([{"manager": "kubectl", "operation": "Update"}]);
            if object.get("status").is_none() {
                object["status"] = json!({"observed": true});
            }
            self.items.entry(resource).or_default().push(object);
        }
        self.write()
    }

    /// With a file that the fake kubectl looks for.
    fn with(self, name: &str, content: &str) -> Self {
        fs::write(self.path(name), content).unwrap();
        self
    }

    fn write(self) -> Self {
        let versions = |versions: &BTreeMap<String, BTreeSet<String>>| -> Vec<Value> {
            versions.keys().rev().map(|version| json!({"version": version})).collect()
        };
        let groups: Vec<Value> = self
            .served
            .iter()
            .map(|(name, served)| json!({"name": name, "versions": versions(served), "preferredVersion": versions(served)[0]}))
            .collect();
        let mut files = vec![("apis".to_owned(), json!({"kind": "APIGroupList", "groups": groups}))];
        for (group, served) in &self.served {
            for (version, plurals) in served {
                let resources: Vec<Value> =
                    plurals.iter().map(|plural| json!({"name": plural, "verbs": ["get", "list"]})).collect();
                files.push((format!("apis_{group}_{version}"), json!({"resources": resources})));
                for plural in plurals {
                    let resource = format!("{plural}.{version}.{group}");
                    let items = self.items.get(&resource).cloned().unwrap_or_default();
                    files.push((resource, json!({"kind": "List", "items": items})));
                }
            }
        }
        files.push(("services".to_owned(), json!({"kind": "List", "items": []})));
        for (plural, items) in self.items.iter().filter(|(resource, _)| !resource.contains('.')) {
            files.push((plural.clone(), json!({"kind": "List", "items": items})));
        }
        for namespace in self.items.get("namespaces").into_iter().flatten() {
            let name = namespace["metadata"]["name"].as_str().unwrap();
            files.push((format!("namespaces_{name}"), namespace.clone()));
        }
        for (name, value) in files {
            fs::write(self.path(&format!("{name}.json")), value.to_string()).unwrap();
        }
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(args)
            .env("KUBECTL", Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fake-kubectl/kubectl"))
            .env("FAKE", self.folder.path())
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(SMI2GAMMA, args).output().unwrap()
    }
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

// --- what is read ---

#[test]
fn a_cluster_and_the_manifests_of_it_come_to_the_same_output() {
    let manifests = format!("{SPLIT}---\n{}", services());
    let cluster = Cluster::of(&manifests);
    let files = tempfile::tempdir().unwrap();
    fs::write(files.path().join("all.yaml"), &manifests).unwrap();
    let of_files = cluster.run(&["convert", files.path().to_str().unwrap()]);
    let of_cluster = cluster.run(&["convert", "cluster:"]);
    assert!(out(&of_files).contains("kind: HTTPRoute"), "{}", err(&of_files));
    assert_eq!(out(&of_cluster), out(&of_files));
    assert_eq!((code(&of_cluster), code(&of_files)), (0, 0), "{}", err(&of_cluster));
    let said = err(&of_cluster);
    assert!(said.contains("cluster:prod read, all namespaces: 1 SMI and 3 other objects"), "{said}");
}

#[test]
fn a_finding_names_the_object_in_its_cluster() {
    let output = Cluster::of(SPLIT).run(&["report", "cluster:prod"]);
    assert!(out(&output).contains("cluster:prod TrafficSplit shop/web:"), "{}", out(&output));
}

#[test]
fn only_what_smi_mentions_is_kept_and_only_of_its_namespaces() {
    let others = [service("shop", "other"), service("pay", "web")].join("---\n");
    let cluster = Cluster::of(&format!("{SPLIT}---\n{}---\n{others}", services()));
    let said = err(&cluster.run(&["convert", "cluster:"]));
    assert!(said.contains("1 SMI and 3 other objects"), "{said}");
    assert!(cluster.log().contains("get services --namespace=shop --chunk-size=500"), "{}", cluster.log());
    let said = err(&cluster.run(&["convert", "-A", "cluster:"]));
    assert!(said.contains("1 SMI and 4 other objects"), "{said}");
}

#[test]
fn a_namespace_keeps_every_list_to_it() {
    let cluster = Cluster::of(&format!("{SPLIT}---\n{}", services()));
    let output = cluster.run(&["convert", "-n", "shop", "cluster:"]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    assert!(!cluster.log().contains("--all-namespaces"), "{}", cluster.log());
}

#[test]
fn a_cluster_gives_context_to_files() {
    let cluster = Cluster::of(&services());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("split.yaml");
    fs::write(&file, SPLIT).unwrap();
    let alone = cluster.run(&["convert", file.to_str().unwrap()]);
    assert_eq!((code(&alone), out(&alone).as_str()), (3, ""));
    let output = cluster.run(&["convert", file.to_str().unwrap(), "--with", "cluster:"]);
    assert!(out(&output).contains("kind: HTTPRoute"), "{}", err(&output));
}

#[test]
fn the_preferred_version_is_asked_for_and_another_where_it_lacks_the_kind() {
    let newer = SPLIT.replace("v1alpha2", "v1alpha4");
    let cluster = Cluster::of(&newer).serving("split.smi-spec.io", "v1alpha2", "trafficsplits");
    cluster.run(&["convert", "cluster:"]);
    assert!(cluster.log().contains("get trafficsplits.v1alpha4.split.smi-spec.io "), "{}", cluster.log());
    let cluster = Cluster::of(SPLIT).serving("split.smi-spec.io", "v1alpha4", "others");
    cluster.run(&["convert", "cluster:"]);
    assert!(cluster.log().contains("get trafficsplits.v1alpha2.split.smi-spec.io "), "{}", cluster.log());
}

#[test]
fn a_cluster_without_smi_says_that_it_serves_none() {
    let output = Cluster::new().run(&["convert", "cluster:"]);
    assert_eq!((code(&output), out(&output).as_str()), (0, ""));
    assert!(
        err(&output).starts_with("found no SMI: cluster:prod read, all namespaces: it serves no kind of SMI"),
        "{}",
        err(&output)
    );
}

#[test]
fn the_flags_of_kubectl_are_passed_on() {
    let cluster = Cluster::of(SPLIT);
    let flags = ["--as", "ann", "--as-group", "ops", "--kubeconfig", "k.yaml", "--request-timeout", "7s"];
    cluster.run(&[&["convert", "cluster:dev"], flags.as_slice()].concat());
    let passed = "--kubeconfig=k.yaml --context=dev --as=ann --as-group=ops --request-timeout=7000ms";
    let log = cluster.log();
    assert!(log.lines().all(|line| line.ends_with(passed)), "{log}");
    let output = cluster.run(&["convert", "cluster:dev", "--context", "prod"]);
    assert_eq!(code(&output), 2);
    assert!(err(&output).contains("name two clusters"), "{}", err(&output));
}

#[test]
fn the_change_of_a_cluster_is_shown_by_object() {
    let cluster = Cluster::of(&format!("{SPLIT}---\n{}", services()));
    let patch = out(&cluster.run(&["diff", "cluster:"]));
    assert!(patch.contains("--- a/cluster:prod TrafficSplit shop/web"), "{patch}");
    assert!(patch.contains("-kind: TrafficSplit\n") && patch.contains("+kind: HTTPRoute\n"), "{patch}");
    assert!(!patch.contains("managedFields") && !patch.contains("4711"), "{patch}");
}

#[test]
fn who_keeps_an_object_is_told_and_not_carried_over() {
    let tracked = SPLIT.replace(
        "  namespace: shop\n",
        "  namespace: shop\n  annotations:\n    argocd.argoproj.io/tracking-id: shop:split.smi-spec.io/TrafficSplit:shop/web\n",
    );
    let cluster = Cluster::of(&format!("{tracked}---\n{}", services()));
    let output = cluster.run(&["convert", "cluster:"]);
    assert!(
        err(&output).contains("warning[managed-by-gitops]: TrafficSplit `web` is kept by Argo CD"),
        "{}",
        err(&output)
    );
    assert!(!out(&output).contains("argocd"), "{}", out(&output));
    let file = cluster.path("split.yaml");
    fs::write(&file, &tracked).unwrap();
    let of_file = cluster.run(&["convert", file.to_str().unwrap(), "--with", "cluster:"]);
    assert!(!err(&of_file).contains("managed-by-gitops"), "{}", err(&of_file));
}

#[test]
fn every_source_of_truth_says_what_to_change() {
    for (mark, said) in [
        ("labels: {argocd.argoproj.io/instance: shop}", "is kept by Argo CD (`shop`)"),
        ("labels: {kustomize.toolkit.fluxcd.io/name: apps}", "is kept by Flux (`apps`)"),
        ("labels: {helm.toolkit.fluxcd.io/name: web}", "is kept by Flux (`web`)"),
        ("annotations: {meta.helm.sh/release-name: web}", "is kept by Helm (`web`)"),
        ("labels: {app.kubernetes.io/managed-by: Helm}", "is kept by Helm"),
        ("annotations: {kubectl.kubernetes.io/last-applied-configuration: '{}'}", "was written by kubectl apply"),
    ] {
        let marked = SPLIT.replace("  namespace: shop\n", &format!("  namespace: shop\n  {mark}\n"));
        let said_by = out(&Cluster::of(&marked).run(&["report", "cluster:"]));
        assert!(said_by.contains(&format!("warning[managed-by-gitops]: TrafficSplit `web` {said}")), "{said_by}");
    }
    let other =
        SPLIT.replace("  namespace: shop\n", "  namespace: shop\n  labels: {app.kubernetes.io/managed-by: hand}\n");
    assert!(!out(&Cluster::of(&other).run(&["report", "cluster:"])).contains("managed-by-gitops"));
}

// --- policy ---

const GRANT: &str = "\
apiVersion: access.smi-spec.io/v1alpha3
kind: TrafficTarget
metadata: {name: api, namespace: shop}
spec:
  destination: {kind: ServiceAccount, name: api, namespace: shop}
  rules: [{kind: HTTPRouteGroup, name: api, matches: [read]}]
  sources: [{kind: ServiceAccount, name: web, namespace: front}]
---
apiVersion: specs.smi-spec.io/v1alpha4
kind: HTTPRouteGroup
metadata: {name: api, namespace: shop}
spec: {matches: [{name: read, pathRegex: /items, methods: [GET]}]}
";

/// The destination's pods, made by `kind`, and their Service; the pods of the source.
const WORKLOADS: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: shop}
spec:
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec:
      serviceAccountName: api
      containers: [{name: api, image: api, ports: [{name: http, containerPort: 8080}]}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: front}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {serviceAccountName: web, containers: [{name: web, image: web}]}
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: shop}
spec: {selector: {app: api}, ports: [{name: http, port: 80, targetPort: 8080, appProtocol: http}]}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop}
";

fn granted(more: &str) -> Cluster {
    Cluster::of(&format!("{GRANT}---\n{WORKLOADS}{}{more}", if more.is_empty() { "" } else { "---\n" }))
}

const TO_LINKERD: [&str; 7] = ["convert", "--from", "osm", "--enforced", "yes", "--to", "linkerd"];

fn to_linkerd(cluster: &Cluster, more: &[&str]) -> Output {
    cluster.run(&[TO_LINKERD.as_slice(), more].concat())
}

/// Whether something is written that denies; what audits does not.
fn enforces(output: &Output) -> bool {
    out(output).contains("podSelector:") && !out(output).contains("accessPolicy: audit")
}

/// That nothing enforces, and why.
fn held(cluster: &Cluster, why: &str) {
    let output = to_linkerd(cluster, &["cluster:"]);
    assert!(!enforces(&output) && code(&output) == 3, "{}{}", out(&output), err(&output));
    assert!(err(&output).contains(why), "{why}\n{}", err(&output));
}

#[test]
fn grants_of_a_cluster_and_those_of_its_manifests_come_to_the_same_policy() {
    let job = "\
apiVersion: batch/v1
kind: Job
metadata: {name: fill, namespace: shop}
spec: {template: {metadata: {labels: {app: fill}}, spec: {serviceAccountName: fill, containers: [{name: a, image: a}]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: once, namespace: shop, labels: {app: once}}
spec: {serviceAccountName: once, containers: [{name: a, image: a}]}
";
    let manifests = format!("{GRANT}---\n{WORKLOADS}---\n{job}");
    let cluster = Cluster::of(&manifests);
    let files = tempfile::tempdir().unwrap();
    fs::write(files.path().join("all.yaml"), &manifests).unwrap();
    for target in ["linkerd", "istio", "istio-ambient"] {
        let run =
            |source: &str| cluster.run(&["convert", "--from", "osm", "--enforced", "yes", "--to", target, source]);
        let (of_files, of_cluster) = (run(files.path().to_str().unwrap()), run("cluster:"));
        assert!(out(&of_files).contains("kind: AuthorizationPolicy"), "{}", err(&of_files));
        assert_eq!(out(&of_cluster), out(&of_files), "{}", err(&of_cluster));
        assert_eq!(code(&of_cluster), code(&of_files), "{}", err(&of_cluster));
        assert!(!out(&of_cluster).contains("2b9cd2f5"), "{}", out(&of_cluster));
    }
}

#[test]
fn without_a_grant_nothing_is_asked_for_the_sake_of_policy() {
    let ask = |to: &str| {
        let cluster = Cluster::of(&format!("{SPLIT}---\n{}---\n{WORKLOADS}", services()));
        assert_eq!(code(&cluster.run(&["convert", "cluster:", "--from", "spec", "--to", to])), 0);
        let mut lines: Vec<String> = cluster.log().lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(ask("linkerd"), ask("gateway-api"));
    let log = granted("");
    log.run(&["convert", "cluster:", "--from", "osm", "--to", "gateway-api"]);
    assert!(!log.log().contains("get pods") && !log.log().contains("deployments"), "{}", log.log());
}

#[test]
fn workloads_are_asked_for_where_destinations_are_and_the_namespace_by_its_name() {
    let cluster = granted("").serving("apps", "v1", "statefulsets");
    to_linkerd(&cluster, &["cluster:"]);
    let log = cluster.log();
    for asked in [
        "get pods --namespace=shop --chunk-size=500",
        "get statefulsets.v1.apps --namespace=shop --chunk-size=500",
        "get services --namespace=shop --chunk-size=500",
        "get namespaces shop --ignore-not-found",
        "get configmaps --all-namespaces --chunk-size=500 --field-selector=metadata.name=osm-config",
    ] {
        assert!(log.contains(asked), "{asked}\n{log}");
    }
    assert!(!log.contains("--namespace=front") && !log.contains("get namespaces front"), "{log}");
    assert!(!log.contains("peerauthentications"), "{log}");
}

#[test]
fn many_destinations_cost_one_question_for_each_kind() {
    let more: Vec<String> = (0..6).map(|number| GRANT.replace("shop", &format!("shop-{number}"))).collect();
    let cluster = granted(&more.join("---\n"));
    let output = to_linkerd(&cluster, &["cluster:"]);
    let log = cluster.log();
    assert_eq!(log.matches("get pods ").count(), 1, "{log}");
    assert!(log.contains("get pods --all-namespaces") && log.contains("get namespaces shop shop-0 "), "{log}");
    assert!(enforces(&output), "{}", err(&output));
}

#[test]
fn what_a_controller_made_is_not_read_twice() {
    let made = |kind: &str, version: &str, name: &str, owner: &str| {
        let pods = "serviceAccountName: other, containers: [{name: a, image: a}]";
        let spec = match kind {
            "Pod" => pods.to_owned(),
            _ => format!("template: {{metadata: {{labels: {{app: api}}}}, spec: {{{pods}}}}}"),
        };
        format!(
            "apiVersion: {version}\nkind: {kind}\nmetadata:\n  name: {name}\n  namespace: shop\n  labels: {{app: api}}\n  ownerReferences: [{owner}]\nspec: {{{spec}}}\n"
        )
    };
    let set = made("ReplicaSet", "apps/v1", "api-5f", "{apiVersion: apps/v1, kind: Deployment, name: api, uid: a}");
    let pod = made("Pod", "v1", "api-5f-x", "{apiVersion: apps/v1, kind: ReplicaSet, name: api-5f, uid: b}");
    let output = to_linkerd(&granted(&format!("{set}---\n{pod}")), &["cluster:"]);
    assert!(enforces(&output), "{}", err(&output));
    let stranger =
        made("Pod", "v1", "api-0", "{apiVersion: core.strimzi.io/v1beta2, kind: StrimziPodSet, name: api, uid: c}");
    held(&granted(&stranger), "workload-labels-shared");
}

#[test]
fn what_the_controller_of_jobs_writes_is_no_label_of_the_destination() {
    let cluster = Cluster::of(&format!(
        "{GRANT}---\n{}",
        "\
apiVersion: batch/v1
kind: Job
metadata: {name: api, namespace: shop}
spec:
  selector: {matchLabels: {batch.kubernetes.io/controller-uid: 77aa}}
  template:
    metadata: {labels: {app: api, batch.kubernetes.io/controller-uid: 77aa, controller-uid: 77aa, job-name: api}}
    spec: {serviceAccountName: api, containers: [{name: a, image: a, ports: [{containerPort: 8080}]}]}
"
    ));
    let output = to_linkerd(&cluster, &["cluster:"]);
    assert!(out(&output).contains("app: api") && !out(&output).contains("77aa"), "{}{}", out(&output), err(&output));
}

#[test]
fn a_destination_is_held_while_a_list_of_its_namespace_is_missing() {
    let forbidden = |plural: &str| {
        format!("Error from server (Forbidden): {plural} is forbidden: User \"ann\" cannot list resource\n")
    };
    for resource in [
        "statefulsets.v1.apps",
        "pods",
        "services",
        "ingresses.v1.networking.k8s.io",
        "httproutes.v1.gateway.networking.k8s.io",
    ] {
        let mut parts = resource.splitn(3, '.');
        let (plural, version, group) = (parts.next().unwrap(), parts.next(), parts.next());
        let cluster = match version.zip(group) {
            Some((version, group)) => granted("").serving(group, version, plural),
            None => granted(""),
        };
        let cluster = cluster.with(&format!("{resource}.err"), &forbidden(plural));
        held(&cluster, "error[workload-unreadable]");
        let said = err(&to_linkerd(&cluster, &["cluster:"]));
        assert!(said.contains("incomplete"), "{said}");
        let report = out(&cluster.run(&["report", "cluster:", "--from", "osm", "--to", "linkerd"]));
        assert_eq!(report.matches("may not be listed").count(), 1, "{report}");
        assert!(report.contains("`smi2gamma rbac --to linkerd`"), "{report}");
    }
    let cluster = granted("").with("namespaces_shop.err", &forbidden("namespaces"));
    held(&cluster, "Namespace may not be read");
    held(
        &granted("").with("apis_apps_v1.err", "Error from server (ServiceUnavailable): down\n"),
        "the kinds of apps could not be read",
    );
    let whole = fs::read_to_string(granted("").path("deployments.v1.apps.json")).unwrap();
    held(
        &granted("").with("deployments.v1.apps.json", &whole[..whole.len() - 3]),
        "Deployment.apps could not be read: the answer is not whole",
    );
}

#[test]
fn who_reaches_a_destination_without_a_grant_is_found_wherever_it_stands() {
    for (caller, why) in [
        (
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i, namespace: shop}\nspec: {defaultBackend: {service: {name: api, port: {number: 80}}}}\n",
            "caller-ingress",
        ),
        (
            "apiVersion: monitoring.coreos.com/v1\nkind: PodMonitor\nmetadata: {name: m, namespace: monitoring}\nspec: {selector: {matchLabels: {app: api}}, namespaceSelector: {any: true}, podMetricsEndpoints: [{port: http}]}\n",
            "caller-scraper",
        ),
        (
            "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata: {name: w}\nwebhooks: [{name: w, clientConfig: {service: {name: api, namespace: shop}}}]\n",
            "caller-ingress",
        ),
        (
            "apiVersion: gateway.networking.k8s.io/v1\nkind: TLSRoute\nmetadata: {name: t, namespace: edge}\nspec: {parentRefs: [{name: gw}], rules: [{backendRefs: [{name: api, namespace: shop, port: 80}]}]}\n",
            "caller-ingress",
        ),
        (
            "apiVersion: policy.linkerd.io/v1beta3\nkind: Server\nmetadata: {name: s, namespace: shop}\nspec: {podSelector: {matchLabels: {app: api}}, port: 8080}\n",
            "policy-exists",
        ),
    ] {
        held(&granted(caller), why);
    }
    let elsewhere = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i, namespace: front}\nspec: {defaultBackend: {service: {name: api, port: {number: 80}}}}\n";
    let output = to_linkerd(&granted(elsewhere), &["cluster:"]);
    assert!(enforces(&output), "{}", err(&output));
}

#[test]
fn the_switch_of_the_source_mesh_is_found_in_its_own_namespace() {
    let config = "apiVersion: config.openservicemesh.io/v1alpha2\nkind: MeshConfig\nmetadata: {name: osm-mesh-config, namespace: osm-system}\nspec: {traffic: {enablePermissiveTrafficPolicyMode: true}}\n";
    let old = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: osm-config, namespace: osm-system}\ndata: {permissive_traffic_policy_mode: \"true\"}\n";
    let controller = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: controller, namespace: mesh}\nspec: {template: {spec: {containers: [{name: c, image: \"traefik/mesh:v1.4.8\", args: [mesh]}]}}}\n";
    let other =
        GRANT.replace("v1alpha3", "v1alpha2").replace("specs.smi-spec.io/v1alpha4", "specs.smi-spec.io/v1alpha3");
    for (mesh, grant, switch) in [("osm", GRANT, config), ("osm", GRANT, old), ("traefik", &*other, controller)] {
        let cluster = Cluster::of(&format!("{grant}---\n{WORKLOADS}---\n{switch}"));
        let output = cluster.run(&["report", "cluster:", "--from", mesh, "--to", "linkerd"]);
        assert!(out(&output).contains("[source-permissive]"), "{mesh}: {}", out(&output));
        assert!(!out(&output).contains("enforcement-assumed"), "{mesh}: {}", out(&output));
    }
}

#[test]
fn one_namespace_alone_does_not_pass_for_the_whole_cluster() {
    let cluster = granted("").serving("admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations");
    let output = to_linkerd(&cluster, &["cluster:", "-n", "shop"]);
    assert!(err(&output).contains("warning[cluster-one-namespace]"), "{}", err(&output));
    assert!(enforces(&output), "{}", err(&output));
    let log = cluster.log();
    assert!(!log.contains("--all-namespaces") && !log.contains("get validatingwebhook"), "{log}");
    let away = GRANT.replacen("name: api, namespace: shop}\n  rules", "name: api, namespace: pay}\n  rules", 1);
    let cluster = Cluster::of(&format!("{away}---\n{WORKLOADS}"));
    let known = ["--from", "spec", "--workload", "pay/api=app=api", "--ingress", "none", "--scraper", "none"];
    let output = cluster.run(&[&["convert", "cluster:", "-n", "shop", "--to", "linkerd"], known.as_slice()].concat());
    assert!(!enforces(&output), "{}", out(&output));
    assert!(err(&output).contains("namespace `pay` could not be read"), "{}", err(&output));
}

#[test]
fn a_cluster_gives_the_workloads_to_grants_that_stand_in_files() {
    let cluster = Cluster::of(WORKLOADS);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("grant.yaml"), GRANT).unwrap();
    let path = folder.path().to_str().unwrap();
    let alone = to_linkerd(&cluster, &[path]);
    assert!(err(&alone).contains("workload-missing"), "{}", err(&alone));
    let output = to_linkerd(&cluster, &[path, "--with", "cluster:"]);
    assert!(enforces(&output), "{}", err(&output));
    assert!(cluster.log().contains("get pods --namespace=shop"), "{}", cluster.log());
    let bare = GRANT
        .replace(", namespace: shop", "")
        .replace("v1alpha3", "v1alpha2")
        .replace("specs.smi-spec.io/v1alpha4", "specs.smi-spec.io/v1alpha3");
    fs::write(folder.path().join("grant.yaml"), bare).unwrap();
    fs::write(folder.path().join("kustomization.yaml"), "namespace: shop\nresources: [grant.yaml]\n").unwrap();
    let as_nginx = ["convert", "--from", "nginx", "--enforced", "yes", "--to", "linkerd", path, "--with", "cluster:"];
    let output = cluster.run(&as_nginx);
    assert!(enforces(&output), "{}", err(&output));
}

// --- what goes wrong ---

const SPLITS: &str = "trafficsplits.v1alpha2.split.smi-spec.io";
const GROUP: &str = "\
apiVersion: specs.smi-spec.io/v1alpha4
kind: HTTPRouteGroup
metadata: {name: unused, namespace: shop}
spec: {matches: [{name: all, methods: [GET]}]}
";

fn both() -> Cluster {
    Cluster::of(&format!("{SPLIT}---\n{GROUP}---\n{}", services()))
}

#[test]
fn a_list_that_is_denied_is_a_finding_and_the_rest_is_used() {
    let said = "Error from server (Forbidden): httproutegroups is forbidden: User \"ann\" cannot list resource\n";
    let cluster = both().with("httproutegroups.v1alpha4.specs.smi-spec.io.err", said);
    let output = cluster.run(&["convert", "cluster:"]);
    assert_eq!(code(&output), 3, "{}", err(&output));
    assert!(out(&output).contains("kind: HTTPRoute"));
    let said = err(&output);
    assert!(
        said.contains("error[cluster-denied]: cluster:prod: HTTPRouteGroup.specs.smi-spec.io may not be listed"),
        "{said}"
    );
    assert!(said.contains("incomplete"), "{said}");
    let report = out(&cluster.run(&["report", "cluster:"]));
    assert!(report.contains("`smi2gamma rbac`"), "{report}");
}

#[test]
fn context_that_is_denied_is_a_warning() {
    let cluster = both().serving("networking.istio.io", "v1", "virtualservices");
    let cluster = cluster.with("virtualservices.v1.networking.istio.io.err", "Error from server (Forbidden): no\n");
    let said = err(&cluster.run(&["convert", "cluster:"]));
    assert!(said.contains("warning[cluster-context-denied]"), "{said}");
}

#[test]
fn half_an_answer_is_not_used() {
    let cluster = both();
    let whole = fs::read_to_string(cluster.path(&format!("{SPLITS}.json"))).unwrap();
    let cluster = cluster.with(&format!("{SPLITS}.json"), &whole[..whole.len() - 3]);
    let output = cluster.run(&["convert", "cluster:"]);
    assert_eq!((code(&output), out(&output).as_str()), (3, ""));
    let said = err(&output);
    assert!(said.contains("error[cluster-unread]: cluster:prod: TrafficSplit.split.smi-spec.io could not be read: the answer is not whole"), "{said}");
}

#[test]
fn a_slow_list_is_given_up_at_the_deadline() {
    let cluster = both().with(&format!("{SPLITS}.sleep"), "60");
    let output = timed(&cluster, &["convert", "cluster:", "--request-timeout", "200ms"]);
    assert_eq!(code(&output), 3);
    assert!(
        err(&output).contains("could not be read: no answer within 200ms; raise `--request-timeout`"),
        "{}",
        err(&output)
    );
}

/// Runs, and holds the run to its deadline and the child to its end.
fn timed(cluster: &Cluster, args: &[&str]) -> Output {
    let start = Instant::now();
    let output = cluster.run(args);
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    let pid = fs::read_to_string(cluster.path("pid")).unwrap();
    assert!(!Path::new("/proc").join(pid.trim()).exists(), "the child still runs");
    output
}

#[test]
fn a_cluster_that_never_answers_is_no_result() {
    let cluster = both().with("apis.sleep", "60");
    let output = timed(&cluster, &["convert", "cluster:", "--request-timeout", "200ms"]);
    assert_eq!((code(&output), out(&output).as_str()), (2, ""));
    assert_eq!(err(&output), "error: cluster:prod cannot be read: no answer within 200ms; raise `--request-timeout`\n");
}

#[test]
fn what_makes_a_cluster_unreadable_is_said_in_one_line() {
    let expired =
        "E1122 02:40:00.1 12 memcache.go:265] noise\nerror: You must be logged in to the server (Unauthorized)\n";
    let old = "error: unknown flag: --as-group\n";
    for (file, content, said) in [
        (
            "apis.err",
            expired,
            "the login was refused: You must be logged in to the server (Unauthorized); log in again",
        ),
        ("apis.err", old, "is not kubectl, or too old (1.25 or later is needed): unknown flag: --as-group"),
        ("apis.err", "error: context \"x\" does not exist\n", "kubectl failed: context \"x\" does not exist"),
        ("apis.silent", "", "kubectl failed: it ended with exit status: 3 and said nothing"),
        ("apis.json", "{\"groups\": [", "the answer is not whole: EOF"),
        ("apis.json", "hello\n", "the answer is not whole: expected value"),
    ] {
        let output = both().with(file, content).run(&["convert", "cluster:"]);
        assert_eq!((code(&output), out(&output).as_str()), (2, ""), "{said}");
        assert_eq!(err(&output).lines().count(), 1, "{}", err(&output));
        assert!(err(&output).contains(said), "{}", err(&output));
    }
    for (program, said) in [("no-such-kubectl", "kubectl was not found"), ("/", "cannot be run")] {
        let output = both().run(&["convert", "cluster:", "--kubectl", program]);
        assert_eq!(code(&output), 2);
        assert!(err(&output).contains(said), "{}", err(&output));
    }
}

#[test]
fn smi_that_cannot_be_read_at_all_is_no_result() {
    let cluster = Cluster::of(SPLIT).with(&format!("{SPLITS}.silent"), "");
    assert_eq!(code(&cluster.run(&["convert", "cluster:"])), 2);
}

#[test]
fn a_group_that_does_not_answer_leaves_the_others() {
    let cluster = both().with("apis_specs.smi-spec.io_v1alpha4.err", "Error from server (ServiceUnavailable): down\n");
    let output = cluster.run(&["convert", "cluster:"]);
    assert!(out(&output).contains("kind: HTTPRoute"));
    assert!(err(&output).contains("cluster-unread"), "{}", err(&output));
}

// --- the plugin ---

#[test]
fn the_plugin_reads_the_cluster_and_names_itself_as_it_is_called() {
    let cluster = both();
    let output = cluster.command(PLUGIN, &["convert"]).output().unwrap();
    assert!(out(&output).contains("kind: HTTPRoute"), "{}", err(&output));
    assert!(err(&output).contains("run `kubectl smi2gamma report` for the details"), "{}", err(&output));
    let help = out(&cluster.command(PLUGIN, &["--help"]).output().unwrap());
    assert!(help.contains("Usage: kubectl smi2gamma ") && help.contains("`kubectl smi2gamma report`"), "{help}");
    let help = out(&cluster.command(PLUGIN, &["diff", "--help"]).output().unwrap());
    assert!(help.contains("Usage: kubectl smi2gamma diff "), "{help}");
    let alone = cluster.run(&["convert"]);
    assert_eq!(code(&alone), 2);
    assert!(err(&alone).contains("nothing to read"), "{}", err(&alone));
}

#[test]
fn piped_data_without_a_source_asks_which_is_meant() {
    let cluster = both();
    let output = cluster.command(PLUGIN, &["convert"]).stdin(Stdio::piped()).output().unwrap();
    assert_eq!((code(&output), out(&output).as_str()), (2, ""));
    assert!(err(&output).contains("`-`") && err(&output).contains("`cluster:`"), "{}", err(&output));
    assert_eq!(cluster.log(), "");
}

#[test]
fn completions_answer_in_the_form_that_kubectl_reads() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/kubectl_complete-smi2gamma");
    let folder = Path::new(PLUGIN).parent().unwrap().display();
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap());
    let output = Command::new(script).args(["st"]).env("PATH", path).output().unwrap();
    let said = out(&output);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("status\t") && lines[1] == ":4", "{lines:?}");
}

#[test]
fn shells_and_manual_pages_are_served() {
    let cluster = Cluster::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(out(&cluster.run(&["completions", shell])).contains("smi2gamma"), "{shell}");
    }
    assert!(out(&cluster.run(&["man"])).starts_with(".ie"), "{}", out(&cluster.run(&["man"])));
    let pages = cluster.path("man");
    cluster.run(&["man", "--output-dir", pages.to_str().unwrap()]);
    assert!(pages.join("smi2gamma.1").exists() && pages.join("smi2gamma-convert.1").exists());
}

/// A right of a role: group, resource, verb, and the only names.
type Right = (String, String, String, Vec<String>);

/// What a role is, and what it allows.
fn allowed(page: &str) -> (String, BTreeSet<Right>) {
    let documents: Vec<Value> =
        serde_yaml::Deserializer::from_str(page).map(|document| Value::deserialize(document).unwrap()).collect();
    assert_eq!(documents[0]["kind"], documents[1]["roleRef"]["kind"]);
    let words = |rule: &Value, key: &str| -> Vec<String> {
        rule[key].as_array().into_iter().flatten().map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    let mut allowed = BTreeSet::new();
    for rule in documents[0]["rules"].as_array().unwrap() {
        let (group, verbs) = (words(rule, "apiGroups"), words(rule, "verbs"));
        assert_eq!((group.len(), verbs.len()), (1, 1), "{rule}");
        for plural in words(rule, "resources") {
            let right = (group[0].clone(), plural, verbs[0].clone(), words(rule, "resourceNames"));
            assert!(allowed.insert(right), "twice: {rule}");
        }
    }
    (documents[0]["kind"].as_str().unwrap().to_owned(), allowed)
}

#[test]
fn the_role_allows_what_is_read_and_nothing_else() {
    for (args, reading) in [
        (vec![], Reading::Convert),
        (vec!["--to", "gateway-api"], Reading::Convert),
        (vec!["--to", "linkerd"], Reading::Policy("linkerd")),
        (vec!["--to", "istio-ambient@1.27"], Reading::Policy("istio-ambient")),
    ] {
        for namespace in [None, Some("shop")] {
            let args = [vec!["rbac"], args.clone(), namespace.map_or(vec![], |name| vec!["-n", name])].concat();
            let (kind, allowed) = allowed(&out(&Cluster::new().run(&args)));
            assert_eq!(kind, if namespace.is_some() { "Role" } else { "ClusterRole" });
            let read: BTreeSet<_> = KINDS
                .iter()
                .filter(|kind| kind.read_for(reading) || kind.read_for(Reading::Status))
                .filter(|kind| namespace.is_none() || kind.is_namespaced())
                .map(|kind| {
                    let (verb, names) = match kind.verb() {
                        Verb::List => ("list", kind.names().to_vec()),
                        Verb::Get => ("get", namespace.into_iter().collect()),
                    };
                    let names = names.into_iter().map(str::to_owned).collect();
                    (kind.group.to_owned(), kind.plural.to_owned(), verb.to_owned(), names)
                })
                .collect();
            assert_eq!(allowed, read);
        }
    }
}

#[test]
fn routes_alone_need_no_right_on_pods_and_policy_of_one_mesh_none_on_that_of_another() {
    let allowed = |args: &[&str]| -> Vec<String> {
        let rights = allowed(&out(&Cluster::new().run(&[&["rbac"], args].concat()))).1;
        rights.into_iter().map(|(_, plural, ..)| plural).collect()
    };
    let has = |rights: &[String], plural: &str| rights.iter().any(|right| right == plural);
    let routes = allowed(&[]);
    assert!(has(&routes, "services") && !has(&routes, "pods") && !has(&routes, "configmaps"), "{routes:?}");
    let linkerd = allowed(&["--to", "linkerd"]);
    assert!(has(&linkerd, "pods") && has(&linkerd, "servers") && !has(&linkerd, "peerauthentications"), "{linkerd:?}");
    let output = Cluster::new().run(&["rbac", "--to", "nothing"]);
    assert_eq!(code(&output), 2, "{}", err(&output));
}

#[test]
fn a_dry_run_says_what_the_api_server_says_and_fails_where_it_refuses() {
    let second = SPLIT.replace("name: web\n", "name: api\n").replace("service: web\n", "service: api\n");
    let cluster = Cluster::of(&format!("{SPLIT}---\n{second}---\n{}---\n{}", services(), service("shop", "api")));
    let output = cluster.run(&["convert", "cluster:", "--server-dry-run"]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    assert!(
        err(&output).contains("accepted HTTPRoute.gateway.networking.k8s.io/shop/web-split-80\n"),
        "{}",
        err(&output)
    );
    assert!(cluster.log().contains("apply --dry-run=server --validate=strict --output=name --filename=-"));
    assert!(
        cluster.log().lines().filter(|line| line.starts_with("apply")).all(|line| line.contains("--dry-run=server"))
    );
    let cluster = cluster.with("refuse", "api-split-80");
    let output = cluster.run(&["convert", "cluster:", "--server-dry-run"]);
    assert_eq!(code(&output), 3);
    let refused = "refused HTTPRoute.gateway.networking.k8s.io/shop/api-split-80: The HTTPRoute is invalid: * spec.rules: Too many: 17\n";
    assert!(err(&output).contains(refused), "{}", err(&output));
}

// --- status ---

const MIGRATED: &str = "\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web-split-80, namespace: shop}
spec:
  parentRefs: [{group: \"\", kind: Service, name: web, port: 80}]
status:
  parents:
  - parentRef: {group: \"\", kind: Service, name: web, port: 80}
    controllerName: linkerd.io/policy-controller
    conditions:
    - {type: Accepted, status: \"True\", reason: Accepted}
    - {type: ResolvedRefs, status: \"False\", reason: BackendNotFound, message: no Service web-v2}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: api-split-80, namespace: shop}
spec:
  parentRefs: [{group: \"\", kind: Service, name: api, port: 80}]
---
apiVersion: linkerd.io/v1alpha2
kind: ServiceProfile
metadata: {name: web.shop.svc.cluster.local, namespace: shop}
spec: {dstOverrides: [{authority: web-v1.shop.svc.cluster.local, weight: 1}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: smi-adaptor, namespace: linkerd-smi}
spec: {template: {spec: {containers: [{name: a, image: \"cr.l5d.io/linkerd/smi-adaptor:v0.2.0\"}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {spec: {containers: [{name: a, image: nginx}]}}}
";

#[test]
fn status_says_what_is_left_and_what_has_no_effect() {
    let cluster = Cluster::of(&format!("{SPLIT}---\n{MIGRATED}"));
    let output = cluster.run(&["status"]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let said = out(&output);
    for line in [
        "1 SMI object is left",
        "  1 TrafficSplit: shop 1",
        "programs that act on SMI: 1",
        "  Deployment linkerd-smi/smi-adaptor (cr.l5d.io/linkerd/smi-adaptor:v0.2.0): it turns",
        "routes attached to Services: 2",
        "  HTTPRoute shop/web-split-80 for Service shop/web:80: ResolvedRefs is False (BackendNotFound): no Service web-v2",
        "  HTTPRoute shop/api-split-80 for Service shop/api:80: no controller has said anything about it",
        "  ServiceProfile shop/web.shop.svc.cluster.local before HTTPRoute shop/web-split-80",
        "policies that select nothing: not checked",
    ] {
        assert!(said.lines().any(|found| found.starts_with(line)), "{line}\n---\n{said}");
    }
    let json: Value = serde_json::from_str(&out(&cluster.run(&["status", "-o", "json"]))).unwrap();
    assert_eq!(json["smi"][0], json!({"kind": "TrafficSplit", "count": 1, "namespaces": {"shop": 1}}));
    assert_eq!(json["routesWithoutEffect"].as_array().unwrap().len(), 2);
    assert_eq!(json["incomplete"], json!(false));
}

#[test]
fn status_of_a_cluster_that_is_done_says_so() {
    let said = out(&Cluster::new().run(&["status"]));
    assert!(
        said.starts_with("no SMI is left\ncluster:prod read, all namespaces: it serves no kind of SMI\n"),
        "{said}"
    );
}

#[test]
fn status_that_saw_only_a_part_says_so() {
    let cluster = both().with(&format!("{SPLITS}.err"), "Error from server (Forbidden): no\n");
    let said = out(&cluster.run(&["status"]));
    assert!(said.contains("incomplete: all numbers may be too low"), "{said}");
    assert!(said.contains("TrafficSplit.split.smi-spec.io may not be listed"), "{said}");
}
