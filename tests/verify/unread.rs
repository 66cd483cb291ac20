//! What of SMI could not be read is said, since an answer without it is not whole.

use std::io::Write;
use std::process::{Command, Output, Stdio};

const SERVICES: &str = "---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: web-v1, namespace: shop}
spec: {ports: [{name: http, port: 80}]}
";

/// A split of `web`, all to `web-v1`, with this weight.
fn split(weight: &str) -> String {
    format!(
        "---
apiVersion: split.smi-spec.io/v1alpha2
kind: TrafficSplit
metadata: {{name: web, namespace: shop}}
spec: {{service: web, backends: [{{service: web-v1, weight: {weight}}}]}}
"
    )
}

/// What `simulate` says of a request to `web`.
fn simulate(smi: &str) -> Output {
    let words = ["simulate", "--no-config", "--from", "linkerd", "--to-service", "shop/web:80", "-", "GET", "/"];
    let mut program = Command::new(env!("CARGO_BIN_EXE_smi2gamma"));
    let program = program.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = program.spawn().expect("the program starts");
    let text = format!("{SERVICES}{smi}");
    running.stdin.take().expect("standard input").write_all(text.as_bytes()).expect("it reads");
    running.wait_with_output().expect("it ends")
}

#[test]
fn simulate_answers_what_it_could_read() {
    let output = simulate(&split("1"));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("all to web-v1:80"), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn simulate_says_what_of_smi_it_could_not_read_and_gives_no_result() {
    let output = simulate(&split("'50%'"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("not asked: <stdin>:15:"), "{output:?}");
    assert!(said.contains("(split-weight-unreadable)"), "{output:?}");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}
