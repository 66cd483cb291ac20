//! What each reader takes from manifests, and what the lookups answer.

use super::kinds::Header;
use super::*;
use crate::place::SourceId;
use crate::smi;
use crate::yaml::{parse, split};

const SOURCE: SourceId = SourceId(0);

fn entries(text: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    for piece in split(text) {
        let document = parse(text, piece.span).unwrap_or_else(|problem| panic!("{text}: {problem:?}"));
        let Some(root) = &document.root else { continue };
        for found in smi::objects(root) {
            let Some(header) = Header::of(found.node) else { continue };
            entries.extend(Entry::read(&header, SOURCE));
            entries.extend(Entry::mentions(&header, SOURCE));
        }
    }
    entries
}

fn inventory(text: &str) -> Inventory {
    Inventory::new(entries(text))
}

fn of_patch(text: &str) -> Vec<Entry> {
    let root = parse(text, split(text)[0].span).expect("a document").root.expect("a root");
    Entry::read_patch(&Header::of(&root).expect("an object"), SOURCE)
}

/// A Deployment of one container, `pods` being the indented rest of the pods' spec.
fn deployment(namespace: &str, name: &str, account: &str, labels: &str) -> String {
    format!(
        "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec:\n  template:\n    \
         metadata: {{labels: {{{labels}}}}}\n    spec:\n      serviceAccountName: {account}\n      containers:\n      \
         - {{name: main, image: main, ports: [{{containerPort: 8080, name: http}}]}}\n"
    )
}

fn service(namespace: &str, name: &str, selector: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec:\n  selector: \
         {{{selector}}}\n  ports: [{{port: 80, targetPort: http}}]\n"
    )
}

fn names(workloads: &[&Workload]) -> Vec<String> {
    workloads.iter().map(|workload| workload.name.clone()).collect()
}

fn hows(callers: &[&Caller]) -> Vec<(CallerKind, String)> {
    callers.iter().map(|caller| (caller.how, caller.display())).collect()
}

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

// === workloads ===

#[test]
fn every_kind_that_makes_pods_is_a_workload() {
    let template = "{metadata: {labels: {app: x}}, spec: {serviceAccountName: own, containers: [{name: c}]}}";
    for (version, kind) in [
        ("apps/v1", "Deployment"),
        ("apps/v1", "StatefulSet"),
        ("apps/v1", "DaemonSet"),
        ("apps/v1", "ReplicaSet"),
        ("v1", "ReplicationController"),
        ("batch/v1", "Job"),
        ("argoproj.io/v1alpha1", "Rollout"),
        ("apps.openshift.io/v1", "DeploymentConfig"),
        ("serving.example/v1", "Function"),
    ] {
        let text =
            format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: x}}\nspec: {{template: {template}}}\n");
        let inventory = inventory(&text);
        let [workload] = inventory.workloads() else { panic!("{kind}: {inventory:?}") };
        assert_eq!((workload.kind.as_str(), workload.account.as_str()), (kind, "own"));
        assert_eq!(workload.labels, labels(&[("app", "x")]));
    }
    let cron = format!(
        "apiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: x}}\nspec: {{jobTemplate: {{spec: {{template: {template}}}}}}}\n"
    );
    assert_eq!(inventory(&cron).workloads()[0].account, "own");
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: x, labels: {app: x}}\nspec: {containers: [{name: c}]}\n";
    assert_eq!(inventory(pod).workloads()[0].labels, labels(&[("app", "x")]));
}

#[test]
fn pods_without_an_account_run_as_default_and_the_old_field_counts() {
    let pod = |spec: &str| {
        let text =
            format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: x}}\nspec: {{{spec}containers: [{{name: c}}]}}\n");
        inventory(&text).workloads()[0].account.clone()
    };
    assert_eq!(pod(""), "default");
    assert_eq!(pod("serviceAccountName: , "), "default");
    assert_eq!(pod("serviceAccount: old, "), "old");
    assert_eq!(pod("serviceAccount: old, serviceAccountName: new, "), "new");
}

#[test]
fn probes_name_the_port_of_their_own_container() {
    let text = "
apiVersion: v1
kind: Pod
metadata: {name: x}
spec:
  initContainers:
  - {name: once, ports: [{containerPort: 1}]}
  - {name: sidecar, restartPolicy: Always, ports: [{containerPort: 9, name: http, protocol: UDP}]}
  containers:
  - name: one
    ports: [{containerPort: 8080, name: http}]
    livenessProbe: {httpGet: {path: /live, port: http, httpHeaders: [{name: X-From, value: kubelet}]}}
    readinessProbe: {tcpSocket: {port: 8081}}
    lifecycle: {preStop: {exec: {command: [sleep, '5']}}}
  - name: two
    ports: [{containerPort: 9090, name: http, hostPort: 90}]
    startupProbe: {httpGet: {port: http}}
    livenessProbe: {grpc: {port: 9091}}
    readinessProbe: {httpGet: {path: /, port: nowhere}}
";
    let inventory = inventory(text);
    let workload = &inventory.workloads()[0];
    let ports: Vec<_> = workload.ports.iter().map(|port| (port.number, port.transport, port.on_host)).collect();
    assert_eq!(ports, [(9, Transport::Udp, false), (8080, Transport::Tcp, false), (9090, Transport::Tcp, true)]);
    let probes: Vec<_> = workload.probes.iter().map(|probe| (probe.role, probe.what.clone(), probe.port)).collect();
    let http = |path: &str, headers: &[(&str, &str)]| ProbeKind::Http {
        tls: false,
        path: path.to_owned(),
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    };
    assert_eq!(
        probes,
        [
            (ProbeRole::Liveness, http("/live", &[("X-From", "kubelet")]), Some(8080)),
            (ProbeRole::Readiness, ProbeKind::Tcp, Some(8081)),
            (ProbeRole::Lifecycle, ProbeKind::Exec, None),
            (ProbeRole::Liveness, ProbeKind::Grpc, Some(9091)),
            (ProbeRole::Readiness, http("/", &[]), None),
            (ProbeRole::Startup, http("/", &[]), Some(9090)),
        ]
    );
}

#[test]
fn what_should_make_pods_and_cannot_be_read_stays_visible() {
    for spec in ["{}", "{template: web}", "{template: {spec: {containers: []}}}"] {
        let text =
            format!("apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, namespace: shop}}\nspec: {spec}\n");
        let inventory = inventory(&text);
        assert_eq!(inventory.unreadable(Some("shop")).len(), 1, "{spec}");
        assert!(inventory.complete(Some("other")), "{spec}");
        assert!(!inventory.complete(None), "{spec}");
    }
    let odd = "apiVersion: v1\nkind: Pod\nmetadata: {name: x, labels: [a]}\nspec: {containers: [{name: c}]}\n";
    assert_eq!(inventory(odd).unreadable(None)[0].what, "Pod `x`");
    let port =
        "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{ports: [{containerPort: high}]}]}\n";
    assert_eq!((inventory(port).workloads().len(), inventory(port).complete(None)), (1, false));
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {ports: 80}\n";
    assert!(!inventory(service).complete(None));
}

#[test]
fn a_rollout_that_borrows_a_deployment_hides_nothing() {
    let text = "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: x}\nspec: {workloadRef: {kind: Deployment}}\n";
    assert!(inventory(text).complete(None));
}

#[test]
fn a_patch_counts_if_it_changes_whose_the_pods_are() {
    let patch = |pods: &str| {
        let text =
            format!("apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec: {{template: {pods}}}\n");
        of_patch(&text).iter().filter(|entry| matches!(entry, Entry::Unreadable(_))).count()
    };
    assert_eq!(patch("{spec: {containers: [{name: main, image: other}]}}"), 0);
    assert_eq!(patch("{spec: {serviceAccountName: other}}"), 1);
    assert_eq!(patch("{metadata: {labels: {app: other}}}"), 1);
    assert_eq!(patch("{spec: {containers: [{name: main, ports: [{containerPort: 1}]}]}}"), 1);
    let replicas = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 3}\n";
    assert!(of_patch(replicas).is_empty(), "{:?}", of_patch(replicas));
}

#[test]
fn operations_and_kustomizations_tell_what_they_hide() {
    let operations = "- {op: replace, path: /spec/template/spec/serviceAccountName, value: other}\n";
    let root = |text: &str| parse(text, split(text)[0].span).expect("a document").root.expect("a root");
    assert!(Unreadable::of_operations(&root(operations), SOURCE).is_some());
    assert!(Unreadable::of_operations(&root("- {op: replace, path: /spec/replicas, value: 2}\n"), SOURCE).is_none());
    let build = "resources: [web.yaml, 'https://example.com/org/repo//base?ref=v1']\nhelmCharts: [{name: db}]\npatches:\n- patch: \
                 '[{op: add, path: /spec/template/metadata/labels/app, value: x}]'\n- path: other.yaml\n";
    let found: Vec<_> = Unreadable::of_build(&root(build), SOURCE).into_iter().map(|found| found.why).collect();
    assert_eq!(found, [Unread::Generated, Unread::Generated, Unread::Patch]);
}

// === lookups ===

#[test]
fn an_account_has_the_workloads_of_its_namespace() {
    let text = deployment("one", "web", "web", "app: web") + &deployment("two", "web2", "web", "app: web");
    let inventory = inventory(&text);
    assert_eq!(names(&inventory.workloads_of(Some("one"), "web")), ["web"]);
    assert_eq!(names(&inventory.workloads_of(Some("three"), "web")), [""; 0]);
    assert_eq!(names(&inventory.workloads_of(None, "web")), ["web", "web2"]);
    assert_eq!(names(&inventory.workloads_of(Some("one"), "api")), [""; 0]);
}

#[test]
fn a_workload_without_a_namespace_may_be_in_any() {
    let text = deployment("''", "web", "web", "app: web").replace(", namespace: ''", "");
    let alone = inventory(&text);
    assert_eq!(names(&alone.workloads_of(Some("one"), "web")), ["web"]);
    let both = inventory(&(text + &deployment("one", "own", "web", "app: web")));
    assert_eq!(names(&both.workloads_of(Some("one"), "web")), ["own"]);
    assert_eq!(names(&both.selected_by(Some("one"), &labels(&[("app", "web")]))), ["web", "own"]);
}

#[test]
fn labels_that_also_select_pods_of_another_account_are_seen() {
    let text = deployment("one", "web", "web", "app: web, tier: front")
        + &deployment("one", "batch", "batch", "app: web")
        + &deployment("one", "db", "db", "app: db");
    let inventory = inventory(&text);
    assert_eq!(names(&inventory.selected_by(Some("one"), &labels(&[("app", "web")]))), ["web", "batch"]);
    assert_eq!(names(&inventory.selected_by(Some("one"), &labels(&[("app", "web"), ("tier", "front")]))), ["web"]);
    assert_eq!(names(&inventory.selected_by(Some("one"), &BTreeMap::new())).len(), 3);
    assert_eq!(names(&inventory.selected_by(Some("one"), &labels(&[("no", "such")]))), [""; 0]);
}

#[test]
fn two_manifests_of_one_workload_are_two_entries() {
    let text = deployment("one", "web", "web", "stage: dev") + &deployment("one", "web", "web", "stage: prod");
    let inventory = inventory(&text);
    let found = inventory.workloads_of(Some("one"), "web");
    assert_eq!(found.len(), 2);
    assert!(!found[0].same_pods(found[1]));
    assert!(found[0].same_pods(found[0]));
}

#[test]
fn services_find_their_pods_and_pods_their_services() {
    let text = deployment("one", "web", "web", "app: web, tier: front")
        + &service("one", "web", "app: web")
        + &service("one", "front", "app: web, tier: front")
        + &service("one", "back", "app: web, tier: back")
        + &service("two", "web", "app: web")
        + &service("one", "manual", "");
    let inventory = inventory(&text);
    let workload = &inventory.workloads()[0];
    let found: Vec<_> = inventory.services_of(workload).into_iter().map(|service| service.name.as_str()).collect();
    assert_eq!(found, ["web", "front"]);
    assert_eq!(names(&inventory.workloads_behind(inventory.services_of(workload)[0])), ["web"]);
}

#[test]
fn a_scope_that_sets_a_namespace_moves_everything() {
    let text = deployment("dev", "web", "web", "app: web")
        + &service("dev", "web", "app: web").replace("spec:\n", "spec:\n  type: LoadBalancer\n")
        + "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: dev, labels: {istio.io/dataplane-mode: ambient}}\n"
        + "---\napiVersion: policy.linkerd.io/v1beta3\nkind: Server\nmetadata: {name: web, namespace: dev}\nspec: {podSelector: \
           {matchLabels: {app: web}}, port: http}\n"
        + "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: odd, namespace: dev}\n";
    let moved = Inventory::new(entries(&text).iter().map(|entry| entry.put_into("prod")));
    let [workload] = moved.workloads_of(Some("prod"), "web")[..] else { panic!("{moved:?}") };
    assert_eq!(moved.services_of(workload).len(), 1);
    assert_eq!(hows(&moved.callers_of(workload)), [(CallerKind::LoadBalancer, "Service prod/web".to_owned())]);
    assert_eq!(moved.policies_of(workload).len(), 1);
    assert_eq!(moved.is_ambient(workload), Some(true));
    assert_eq!((moved.complete(Some("prod")), moved.complete(Some("dev"))), (false, true));
}

// === callers ===

/// What reaches the Service and pods `web` of namespace `one`, which listen at 8080, by these manifests.
fn reaching_web(text: &str) -> Vec<(CallerKind, String)> {
    let base = deployment("one", "web", "web", "app: web")
        + &service("one", "web", "app: web").replace("name: web,", "name: web, labels: {team: red},");
    let base = base + "---\n" + text.trim_start();
    let inventory = inventory(&base);
    hows(&inventory.callers_of(&inventory.workloads()[0]))
}

#[test]
fn an_ingress_of_any_maker_is_a_caller() {
    for (version, kind, spec) in [
        (
            "networking.k8s.io/v1",
            "Ingress",
            "{rules: [{http: {paths: [{backend: {service: {name: web, port: {number: 80}}}}]}}]}",
        ),
        ("networking.k8s.io/v1", "Ingress", "{defaultBackend: {service: {name: web, port: {name: http}}}}"),
        (
            "extensions/v1beta1",
            "Ingress",
            "{rules: [{http: {paths: [{backend: {serviceName: web, servicePort: 80}}]}}]}",
        ),
        ("traefik.io/v1alpha1", "IngressRoute", "{routes: [{services: [{name: web, port: 80}]}]}"),
        ("projectcontour.io/v1", "HTTPProxy", "{routes: [{services: [{name: web, port: 80}]}]}"),
        ("projectcontour.io/v1", "HTTPProxy", "{tcpproxy: {services: [{name: web, port: 80}]}}"),
        ("route.openshift.io/v1", "Route", "{to: {kind: Service, name: web}}"),
        ("k8s.nginx.org/v1", "VirtualServer", "{upstreams: [{name: u, service: web, port: 80}]}"),
        ("getambassador.io/v3alpha1", "Mapping", "{service: 'http://web.one:80'}"),
    ] {
        let text =
            format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: in, namespace: one}}\nspec: {spec}\n");
        assert_eq!(reaching_web(&text), [(CallerKind::Ingress, format!("{kind} one/in"))], "{spec}");
        let elsewhere = text.replace("namespace: one", "namespace: two").replace("web.one", "web.two");
        assert_eq!(reaching_web(&elsewhere), [], "{spec}");
    }
}

#[test]
fn a_route_is_a_caller_if_its_parent_is_a_gateway() {
    let route = |parent: &str| {
        reaching_web(&format!(
            "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: r, namespace: edge}}\nspec:\n  parentRefs: \
             [{parent}]\n  rules: [{{backendRefs: [{{name: web, namespace: one, port: 80}}]}}]\n"
        ))
    };
    assert_eq!(route("{name: gate}"), [(CallerKind::GatewayRoute, "HTTPRoute edge/r".to_owned())]);
    assert_eq!(route("{group: '', kind: Service, name: web}"), []);
    let mirror = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r, namespace: one}\nspec:\n  parentRefs: \
                  [{name: gate}]\n  rules: [{filters: [{requestMirror: {backendRef: {name: web, port: 80}}}]}]\n";
    assert_eq!(reaching_web(mirror).len(), 1);
    let virtual_service = |gateways: &str| {
        reaching_web(&format!(
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: v, namespace: edge}}\nspec: {{gateways: \
             [{gateways}], http: [{{route: [{{destination: {{host: web.one.svc.cluster.local}}}}]}}]}}\n"
        ))
    };
    assert_eq!(virtual_service("edge/gate").len(), 1);
    assert_eq!(virtual_service("mesh"), []);
}

#[test]
fn an_ingress_backend_names_who_may_come_in() {
    let text = deployment("one", "web", "web", "app: web")
        + &service("one", "web", "app: web")
        + "---\napiVersion: policy.openservicemesh.io/v1alpha1\nkind: IngressBackend\nmetadata: {name: in, namespace: one}\nspec:\n  \
           backends: [{name: web, port: {number: 8080, protocol: http}}]\n  sources: [{kind: Service, namespace: edge, name: \
           nginx}, {kind: AuthenticatedPrincipal, name: nginx.edge.cluster.local}]\n";
    let inventory = inventory(&text);
    let [caller] = inventory.callers_of(&inventory.workloads()[0])[..] else { panic!("{inventory:?}") };
    assert_eq!(caller.how, CallerKind::IngressBackend);
    assert_eq!(caller.from, ["Service `edge/nginx`", "AuthenticatedPrincipal `nginx.edge.cluster.local`"]);
    assert_eq!(
        caller.reaches,
        Reach::Service { namespace: None, name: "web".to_owned(), port: Some("8080".to_owned()) }
    );
}

#[test]
fn services_that_are_open_to_the_outside_are_callers() {
    let with = |field: &str, meta: &str| {
        let text = deployment("one", "web", "web", "app: web")
            + &service("one", "web", "app: web")
                .replace("spec:\n  s", &format!("spec:\n  {field}\n  s"))
                .replace("namespace: one}\nspec", &format!("namespace: one{meta}}}\nspec"));
        let inventory = inventory(&text);
        let workload = inventory.workloads().last().expect("a workload").clone();
        inventory.callers_of(&workload).iter().map(|caller| caller.how).collect::<Vec<_>>()
    };
    assert_eq!(with("type: ClusterIP", ""), []);
    assert_eq!(with("type: LoadBalancer", ""), [CallerKind::LoadBalancer]);
    assert_eq!(with("type: NodePort", ""), [CallerKind::NodePort]);
    assert_eq!(with("externalIPs: [192.0.2.1]", ""), [CallerKind::NodePort]);
}

#[test]
fn exported_services_and_host_ports_are_callers() {
    let export =
        "apiVersion: multicluster.x-k8s.io/v1alpha1\nkind: ServiceExport\nmetadata: {name: web, namespace: one}\n";
    assert_eq!(reaching_web(export), [(CallerKind::OtherCluster, "ServiceExport one/web".to_owned())]);
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{ports: [{containerPort: 80, hostPort: 80}]}]}\n";
    let inventory = inventory(pod);
    assert_eq!(inventory.callers_of(&inventory.workloads()[0])[0].how, CallerKind::HostPort);
}

#[test]
fn scrapers_are_found_by_annotation_and_by_selector() {
    let monitor = |kind: &str, spec: &str| {
        reaching_web(&format!(
            "apiVersion: monitoring.coreos.com/v1\nkind: {kind}\nmetadata: {{name: m, namespace: mon}}\nspec: {{{spec}}}\n"
        ))
        .len()
    };
    let here = "namespaceSelector: {matchNames: [one]}";
    assert_eq!(monitor("ServiceMonitor", &format!("{here}, selector: {{matchLabels: {{team: red}}}}")), 1);
    assert_eq!(monitor("ServiceMonitor", &format!("{here}, selector: {{matchLabels: {{team: blue}}}}")), 0);
    assert_eq!(monitor("ServiceMonitor", "selector: {matchLabels: {team: red}}"), 0);
    assert_eq!(monitor("ServiceMonitor", "namespaceSelector: {any: true}, selector: {}"), 1);
    let expressed = "selector: {matchExpressions: [{key: app, operator: In, values: [web, api]}]}";
    assert_eq!(monitor("PodMonitor", &format!("{here}, {expressed}")), 1);
    assert_eq!(monitor("PodMonitor", &format!("{here}, {}", expressed.replace("In,", "NotIn,"))), 0);

    let annotated = deployment("one", "web", "web", "app: web").replace(
        "metadata: {labels",
        "metadata: {annotations: {prometheus.io/scrape: 'true', prometheus.io/port: '9102'}, labels",
    );
    let inventory = inventory(&annotated);
    let [caller] = inventory.callers_of(&inventory.workloads()[0])[..] else { panic!("{inventory:?}") };
    assert_eq!(caller.how, CallerKind::Scraper);
    assert!(matches!(&caller.reaches, Reach::Workload { port: Some(port), .. } if port == "9102"));
}

#[test]
fn the_api_server_calls_webhooks() {
    let text = "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata: {name: v}\nwebhooks: \
                [{clientConfig: {service: {name: web, namespace: one, port: 443}}}]\n";
    assert_eq!(reaching_web(text), [(CallerKind::ApiServer, "ValidatingWebhookConfiguration v".to_owned())]);
}

// === policy and waypoints ===

#[test]
fn policy_of_target_meshes_is_listed_with_what_it_is_for() {
    let text = deployment("one", "web", "web", "app: web")
        + "---\napiVersion: policy.linkerd.io/v1beta3\nkind: Server\nmetadata: {name: s, namespace: one}\nspec: {podSelector: \
           {matchLabels: {app: web}}, port: 8080, accessPolicy: audit}\n"
        + "---\napiVersion: policy.linkerd.io/v1alpha1\nkind: AuthorizationPolicy\nmetadata: {name: a, namespace: one}\nspec: \
           {targetRef: {kind: Server, name: s}}\n"
        + "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: i, namespace: one}\nspec: {action: \
           ALLOW, targetRefs: [{kind: Service, name: web}]}\n"
        + "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: net, namespace: one}\nspec: {podSelector: {}}\n"
        + "---\napiVersion: example.com/v1\nkind: AuthorizationPolicy\nmetadata: {name: other}\nspec: {}\n";
    let inventory = inventory(&text);
    let listed: Vec<_> = inventory.policies().iter().map(|policy| policy.name.as_str()).collect();
    assert_eq!(listed, ["s", "a", "i", "net"]);
    let [server, linkerd, istio, _] = inventory.policies() else { panic!() };
    assert_eq!((server.port.as_deref(), server.action.as_deref()), (Some("8080"), Some("audit")));
    assert_eq!((linkerd.targets[0].kind.as_str(), linkerd.targets[0].name.as_deref()), ("Server", Some("s")));
    assert_eq!((istio.action.as_deref(), istio.targets.len()), (Some("ALLOW"), 1));
    let over_pods: Vec<_> =
        inventory.policies_of(&inventory.workloads()[0]).into_iter().map(|policy| policy.name.as_str()).collect();
    assert_eq!(over_pods, ["s", "net"]);
}

#[test]
fn a_service_uses_its_own_waypoint_or_that_of_its_namespace() {
    let space = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: one, labels: {istio.io/use-waypoint: shared, \
                 istio.io/use-waypoint-namespace: infra}}\n";
    let gate = "---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: shared, namespace: infra}\nspec: \
                {gatewayClassName: istio-waypoint}\n---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: edge}\n\
                spec: {gatewayClassName: istio}\n";
    let own =
        service("one", "own", "app: x").replace("name: own,", "name: own, labels: {istio.io/use-waypoint: mine},");
    let none =
        service("one", "none", "app: x").replace("name: none,", "name: none, labels: {istio.io/use-waypoint: none},");
    let text = service("one", "plain", "app: x") + &own + &none + &service("two", "far", "app: x") + space + gate;
    let inventory = inventory(&text);
    let waypoint = |name: &str| match inventory.service(None, name) {
        Lookup::Found(service) => inventory.waypoint_of(service),
        other => panic!("{other:?}"),
    };
    assert_eq!(waypoint("plain").as_deref(), Some("infra/shared"));
    assert_eq!(waypoint("own").as_deref(), Some("one/mine"));
    assert_eq!((waypoint("none"), waypoint("far")), (None, None));
    let gates: Vec<_> = inventory.waypoints().iter().map(|waypoint| waypoint.name.as_str()).collect();
    assert_eq!(gates, ["shared"]);
}

// === modes and mentions ===

#[test]
fn each_mesh_says_in_its_own_way_whether_it_enforced() {
    let controller = |args: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: c}}\nspec: {{template: {{spec: {{containers: [{{image: \
             'registry.example:5000/traefik/mesh:v1.4', {args}}}]}}}}}}\n"
        )
    };
    let mesh_config = |group: &str, spec: &str| {
        format!("apiVersion: {group}\nkind: MeshConfig\nmetadata: {{name: m}}\nspec: {{{spec}}}\n")
    };
    let config_map = |data: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata: {{{data}}}\n");
    let osm = "config.openservicemesh.io/v1alpha2";
    for (text, expected) in [
        (mesh_config(osm, "traffic: {enablePermissiveTrafficPolicyMode: true}"), Some(("osm", false))),
        (mesh_config(osm, "traffic: {enablePermissiveTrafficPolicyMode: false}"), Some(("osm", true))),
        (mesh_config(osm, "traffic: {}"), None),
        (
            mesh_config("config.flomesh.io/v1alpha3", "traffic: {enablePermissiveTrafficPolicyMode: true}"),
            Some(("flomesh", false)),
        ),
        (mesh_config("nsm.nginx.com/v1alpha2", "accessControlMode: deny"), Some(("nginx", true))),
        (mesh_config("nsm.nginx.com/v1alpha2", "accessControlMode: allow"), Some(("nginx", false))),
        (config_map("permissive_traffic_policy_mode: 'true'"), Some(("osm", false))),
        (config_map("x.json: '{\"traffic\": {\"enablePermissiveTrafficPolicyMode\": false}}'"), Some(("osm", true))),
        (config_map("mesh-config.json: '{\"accessControlMode\": \"deny\"}'"), Some(("nginx", true))),
        (config_map("other: 'true'"), None),
        (controller("args: [--acl]"), Some(("traefik", true))),
        (controller("args: ['--acl=false']"), Some(("traefik", false))),
        (controller("args: [--defaultMode=http]"), Some(("traefik", false))),
        (controller("args: ['--configFile=/etc/mesh.toml']"), None),
    ] {
        let inventory = inventory(&text);
        let found: Vec<_> = inventory.modes().iter().map(|mode| (mode.mesh.as_str(), mode.enforces)).collect();
        assert_eq!(found, Vec::from_iter(expected), "{text}");
    }
}

#[test]
fn values_of_a_chart_say_whether_the_mesh_enforced() {
    let modes = |text: &str| {
        let root = parse(text, split(text)[0].span).expect("a document").root.expect("a root");
        Mode::of_values(&root, SOURCE).into_iter().map(|mode| (mode.mesh, mode.enforces)).collect::<Vec<_>>()
    };
    let osm = |enforces| vec![("osm".to_owned(), enforces)];
    assert_eq!(modes("osm: {enablePermissiveTrafficPolicy: true}"), osm(false));
    assert_eq!(modes("osm: {osm: {enablePermissiveTrafficPolicy: false}}"), osm(true));
    assert_eq!(modes("traefik-mesh: {acl: true}"), [("traefik".to_owned(), true)]);
    assert_eq!(modes("redis: {acl: true}"), []);
    assert_eq!(modes("accessControlMode: deny"), [("nginx".to_owned(), true)]);
}

#[test]
fn hosts_that_only_a_source_mesh_served_are_found_where_they_are_written() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: shop}\ndata:\n  url: http://web.one.traefik.mesh:8080/x, \
                old.two.maesh\n  plain: web.one.svc.cluster.local example.traefik.mesh.example.com traefik.mesh\n"
        .to_owned()
        + "---\n"
        + &service("one", "web", "app: web").replace("---\n", "");
    let inventory = inventory(&text);
    let found: Vec<_> =
        inventory.mentions().iter().map(|found| (found.host.as_str(), found.service.as_deref())).collect();
    assert_eq!(found, [("web.one.traefik.mesh", Some("web")), ("old.two.maesh", Some("old"))]);
    let Lookup::Found(web) = inventory.service(Some("one"), "web") else { panic!() };
    assert_eq!(inventory.mentions_of(web).count(), 1);
}

// === scale ===

/// A lookup that walked everything would take minutes here: 2,000 namespaces, the same labels and account in each.
#[test]
fn lookups_do_not_walk_everything() {
    let mut text = String::new();
    for n in 0..2_000 {
        text += &deployment(&format!("ns-{n}"), "web", "default", "app: web, part-of: shop");
        text += &service(&format!("ns-{n}"), "web", "app: web, part-of: shop");
    }
    let inventory = inventory(&text);
    let mut steps = 0;
    for n in 0..2_000 {
        let space = format!("ns-{n}");
        let [workload] = inventory.workloads_of(Some(&space), "default")[..] else { panic!("{space}") };
        steps += inventory.services_by_selector.may(&workload.labels, Some(&space)).len();
        steps += inventory.workloads_by_label.may("app=web", Some(&space)).len();
        assert_eq!(inventory.services_of(workload).len(), 1);
        assert_eq!(inventory.selected_by(Some(&space), &workload.labels).len(), 1);
        assert!(inventory.callers_of(workload).is_empty());
    }
    assert_eq!(steps, 4_000);
}
