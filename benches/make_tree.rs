//! Makes the trees that measurements are taken on. The same arguments make the same bytes.
//!
//! ```text
//! make-tree --files 100000 --smi 500 --out DIR
//!     A repository: 100 files of about 1 kB in each directory, ten directories in each application. Of the 100 files
//!     of a directory, 40 are Deployments, 30 Services, 30 ConfigMaps. The TrafficSplits are files of their own, spread
//!     evenly over the directories; the root Service and the two backends of each stand in the same directory.
//! make-tree --splits 10000 --out DIR
//!     Only SMI: one directory for each 100 TrafficSplits (a namespace), in it `splits.yaml` and `services.yaml` with
//!     three Services for each TrafficSplit.
//! make-tree --grants 10000 --out DIR
//!     Only access: ten TrafficTargets, each from another account, for each destination; a directory for each 100
//!     TrafficTargets (a namespace), in it `grants.yaml` with one HTTPRouteGroup of ten matches for each destination, and
//!     `apps.yaml` with the Deployment and the Service of each destination.
//! ```

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io, process};

/// How many files, or TrafficSplits, one directory holds.
const PER_DIRECTORY: usize = 100;

fn main() {
    let made =
        Wanted::from_args(env::args().skip(1)).and_then(|wanted| wanted.make().map_err(|error| error.to_string()));
    match made {
        Ok(told) => println!("{told}"),
        Err(error) => {
            eprintln!("{error}\nusage: make-tree (--files N --smi N | --splits N | --grants N) --out DIR");
            process::exit(2);
        }
    }
}

#[derive(Default)]
struct Wanted {
    files: usize,
    smi: usize,
    splits: usize,
    grants: usize,
    out: Option<PathBuf>,
}

impl Wanted {
    fn from_args(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut wanted = Self::default();
        while let Some(flag) = args.next() {
            let value = args.next().ok_or(format!("{flag} needs a value"))?;
            let number = || value.parse::<usize>().map_err(|error| format!("{flag} {value}: {error}"));
            match flag.as_str() {
                "--files" => wanted.files = number()?,
                "--smi" => wanted.smi = number()?,
                "--splits" => wanted.splits = number()?,
                "--grants" => wanted.grants = number()?,
                "--out" => wanted.out = Some(PathBuf::from(&value)),
                _ => return Err(format!("unknown flag {flag}")),
            }
        }
        if wanted.smi > wanted.files {
            return Err("--smi counts among --files".to_owned());
        }
        Ok(wanted)
    }

    fn make(&self) -> io::Result<String> {
        let out = self.out.as_deref().ok_or(io::Error::other("--out is missing"))?;
        match (self.splits, self.grants) {
            (0, 0) => make_repository(out, self.files, self.smi),
            (0, grants) => make_grants(out, grants),
            (splits, _) => make_splits(out, splits),
        }
    }
}

fn make_repository(out: &Path, files: usize, smi: usize) -> io::Result<String> {
    let (mut services, mut bytes) = (0, 0);
    for n in 0..files {
        let (directory, place) = (n / PER_DIRECTORY, n % PER_DIRECTORY);
        let folder = out.join(format!("app-{:03}/part-{:02}", directory / 10, directory % 10));
        if place == 0 {
            fs::create_dir_all(&folder)?;
        }
        // File n holds a TrafficSplit where the count of those due steps up; it and its neighbours share a directory.
        let is_split = (n + 1) * smi / files > n * smi / files;
        let (kind, text) = match place {
            _ if is_split => ("split", split_and_services(&format!("web-{n}"), "default")),
            0..40 => ("deployment", deployment(&format!("app-{n}"))),
            40..70 => ("service", service(&format!("app-{n}"), "default")),
            _ => ("config", config(&format!("app-{n}"))),
        };
        services += usize::from(kind == "service");
        let text = padded(text);
        bytes += text.len();
        fs::write(folder.join(format!("{kind}-{place:02}.yaml")), text)?;
    }
    Ok(format!(
        "{files} files of {} bytes on average, {PER_DIRECTORY} in each of {} directories; {services} hold one Service, \
         {smi} hold one TrafficSplit and its three Services",
        bytes / files.max(1),
        files.div_ceil(PER_DIRECTORY),
    ))
}

fn make_splits(out: &Path, splits: usize) -> io::Result<String> {
    for namespace in 0..splits.div_ceil(PER_DIRECTORY) {
        let name = format!("team-{namespace:04}");
        let folder = out.join(&name);
        fs::create_dir_all(&folder)?;
        let mut all = (String::new(), String::new());
        for n in (namespace * PER_DIRECTORY..splits).take(PER_DIRECTORY) {
            let root = format!("web-{n}");
            all.0.push_str(&split(&root, &name));
            all.1.push_str(&services(&root, &name));
        }
        fs::write(folder.join("splits.yaml"), all.0)?;
        fs::write(folder.join("services.yaml"), all.1)?;
    }
    Ok(format!("{splits} TrafficSplits and {} Services in {} namespaces", splits * 3, splits.div_ceil(PER_DIRECTORY)))
}

/// How many TrafficTargets one destination has.
const PER_DESTINATION: usize = 10;

fn make_grants(out: &Path, grants: usize) -> io::Result<String> {
    for namespace in 0..grants.div_ceil(PER_DIRECTORY) {
        let name = format!("team-{namespace:04}");
        let folder = out.join(&name);
        fs::create_dir_all(&folder)?;
        let mut all = (String::new(), String::new());
        for n in (namespace * PER_DIRECTORY..grants).take(PER_DIRECTORY) {
            let app = format!("api-{}", n / PER_DESTINATION);
            if n % PER_DESTINATION == 0 {
                all.0.push_str(&group(&app, &name));
                all.1.push_str(&app_of(&app, &name));
            }
            all.0.push_str(&grant(&app, &name, n));
        }
        fs::write(folder.join("grants.yaml"), all.0)?;
        fs::write(folder.join("apps.yaml"), all.1)?;
    }
    Ok(format!(
        "{grants} TrafficTargets for {} destinations in {} namespaces",
        grants.div_ceil(PER_DESTINATION),
        grants.div_ceil(PER_DIRECTORY)
    ))
}

fn group(app: &str, namespace: &str) -> String {
    let mut text = format!(
        "---\napiVersion: specs.smi-spec.io/v1alpha4\nkind: HTTPRouteGroup\nmetadata:\n  name: {app}\n  namespace: \
         {namespace}\nspec:\n  matches:\n"
    );
    for n in 0..PER_DESTINATION {
        let _ = writeln!(text, "  - name: m{n}\n    pathRegex: /{app}/v{n}/.*\n    methods: [GET, POST]");
    }
    text
}

fn grant(app: &str, namespace: &str, n: usize) -> String {
    let number = n % PER_DESTINATION;
    format!(
        "---\napiVersion: access.smi-spec.io/v1alpha3\nkind: TrafficTarget\nmetadata:\n  name: {app}-{number}\n  \
         namespace: {namespace}\nspec:\n  destination:\n    kind: ServiceAccount\n    name: {app}\n    namespace: \
         {namespace}\n  sources:\n  - kind: ServiceAccount\n    name: client-{number}\n    namespace: {namespace}\n  \
         rules:\n  - kind: HTTPRouteGroup\n    name: {app}\n    matches: [m{number}]\n"
    )
}

fn app_of(app: &str, namespace: &str) -> String {
    format!(
        "---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {app}\n  namespace: {namespace}\nspec:\n  selector:\n    \
         matchLabels:\n      app: {app}\n  template:\n    metadata:\n      labels:\n        app: {app}\n    spec:\n      \
         serviceAccountName: {app}\n      containers:\n      - name: main\n        image: registry.example/{app}:1.0\n        \
         ports:\n        - containerPort: 8080\n        readinessProbe:\n          httpGet: {{path: /ready, port: 8080}}\n"
    ) + &service(app, namespace)
}

fn split_and_services(root: &str, namespace: &str) -> String {
    split(root, namespace) + &services(root, namespace)
}

fn split(root: &str, namespace: &str) -> String {
    format!(
        "---\napiVersion: split.smi-spec.io/v1alpha2\nkind: TrafficSplit\nmetadata:\n  name: {root}\n  namespace: \
         {namespace}\nspec:\n  service: {root}\n  backends:\n  - service: {root}-v1\n    weight: 90\n  - service: \
         {root}-v2\n    weight: 10\n"
    )
}

fn services(root: &str, namespace: &str) -> String {
    [root.to_owned(), format!("{root}-v1"), format!("{root}-v2")].iter().map(|name| service(name, namespace)).collect()
}

fn service(name: &str, namespace: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\n  namespace: {namespace}\nspec:\n  selector:\n    \
         app: {name}\n  ports:\n  - name: http\n    port: 80\n    targetPort: 8080\n"
    )
}

fn deployment(name: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\nspec:\n  replicas: 2\n  selector:\n    \
         matchLabels:\n      app: {name}\n  template:\n    metadata:\n      labels:\n        app: {name}\n    spec:\n      \
         serviceAccountName: {name}\n      containers:\n      - name: main\n        image: registry.example/{name}:1.0\n"
    )
}

fn config(name: &str) -> String {
    let mut text = format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n");
    for n in 0..20 {
        let _ = writeln!(text, "  setting-{n:02}: \"value {n} of {name}\"");
    }
    text
}

/// Comments up to about a kilobyte, as long as a manifest usually is.
fn padded(mut text: String) -> String {
    while text.len() < 1000 {
        text.push_str("# a comment that says what this object is for, and who to ask\n");
    }
    text
}
