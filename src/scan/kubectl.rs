//! Runs kubectl, only ever to read, and says in one line what went wrong.
//!
//! kubectl is called instead of a client library because every way to log in works with it. What comes back is bytes;
//! what they mean is said elsewhere. No call outlives its deadline: the child that was started is ended by its own id.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How a cluster is reached: the flags of kubectl that are passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The kubectl to run.
    pub program: PathBuf,
    /// `--kubeconfig`
    pub kubeconfig: Option<PathBuf>,
    /// `--context`; none: the current one.
    pub context: Option<String>,
    /// `--as`
    pub user: Option<String>,
    /// `--as-group`, repeatable.
    pub groups: Vec<String>,
    /// How long one call may take; none: for ever.
    pub timeout: Option<Duration>,
}

/// Why a call of kubectl gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// There is no such program.
    #[error("kubectl was not found (`{0}`): install it, or name it with `--kubectl PATH` or the variable KUBECTL")]
    Missing(String),
    /// The system does not run it.
    #[error("`{0}` cannot be run: {1}; name kubectl with `--kubectl PATH` or the variable KUBECTL")]
    NotRunnable(String, String),
    /// It does not know its own flags.
    #[error("`{0}` is not kubectl, or too old (1.25 or later is needed): {1}")]
    Unusable(String, String),
    /// The deadline passed, or kubectl gave up first.
    #[error("no answer within {}{}; raise `--request-timeout`", seconds(.0), after(.1))]
    Timeout(Duration, String),
    /// Nobody, or nobody any more, as far as the API server knows.
    #[error("the login was refused: {0}; log in again (`kubectl auth whoami` shows whether it works)")]
    Login(String),
    /// The rights are missing.
    #[error("{0}")]
    Denied(String),
    /// The API server knows no such kind.
    #[error("not served: {0}")]
    NotServed(String),
    /// The answer is not whole, or not JSON.
    #[error("the answer is not whole: {0}")]
    Garbled(String),
    /// Anything else, in kubectl's words.
    #[error("kubectl failed: {0}")]
    Failed(String),
}

fn seconds(duration: &Duration) -> String {
    if duration.subsec_millis() == 0 { format!("{} s", duration.as_secs()) } else { format!("{duration:?}") }
}

fn after(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(" ({said})") }
}

/// One kubectl, for one cluster.
#[derive(Clone, Debug)]
pub struct Kubectl {
    program: PathBuf,
    flags: Vec<OsString>,
    timeout: Option<Duration>,
}

/// How many calls run at once: enough to hide the way to the API server, few enough to be polite.
const AT_ONCE: usize = 4;
/// How much longer than its own timeout kubectl may take to say that it timed out.
const GRACE: Duration = Duration::from_secs(2);
/// How much of what kubectl says is repeated, in characters.
const SAID: usize = 400;

// === impl Access ===

impl Default for Access {
    /// kubectl of the PATH, the current context, 30 seconds for a call.
    fn default() -> Self {
        Self {
            program: "kubectl".into(),
            kubeconfig: None,
            context: None,
            user: None,
            groups: Vec::new(),
            timeout: Some(Duration::from_secs(30)),
        }
    }
}

// === impl Kubectl ===

impl Kubectl {
    /// The kubectl that `access` describes.
    #[must_use]
    pub fn new(access: &Access) -> Self {
        let Access { program, kubeconfig, context, user, groups, timeout } = access;
        let mut flags: Vec<OsString> = Vec::new();
        let mut flag = |name: &str, value: &std::ffi::OsStr| {
            let mut flag = OsString::from(name);
            flag.push("=");
            flag.push(value);
            flags.push(flag);
        };
        kubeconfig.iter().for_each(|path| flag("--kubeconfig", path.as_os_str()));
        context.iter().for_each(|name| flag("--context", name.as_ref()));
        user.iter().for_each(|name| flag("--as", name.as_ref()));
        groups.iter().for_each(|name| flag("--as-group", name.as_ref()));
        timeout.iter().for_each(|timeout| flag("--request-timeout", format!("{}ms", timeout.as_millis()).as_ref()));
        Self { program: program.clone(), flags, timeout: *timeout }
    }

    /// What kubectl writes to standard output on these arguments.
    ///
    /// # Errors
    /// If it does not end well, or not in time.
    pub fn call(&self, args: &[&str]) -> Result<Vec<u8>, Failure> {
        self.feed(args, None)
    }

    /// As [`Kubectl::call`], with `input` on its standard input.
    ///
    /// # Errors
    /// If it does not end well, or not in time.
    pub fn feed(&self, args: &[&str], input: Option<&str>) -> Result<Vec<u8>, Failure> {
        let mut child = self.start(args, input.is_some())?;
        let deadline = self.timeout.and_then(|timeout| Instant::now().checked_add(timeout + GRACE));
        if let (Some(mut pipe), Some(input)) = (child.stdin.take(), input) {
            let input = input.to_owned();
            // Whoever does not read its input says why on its own.
            thread::spawn(move || drop(pipe.write_all(input.as_bytes())));
        }
        let (out, err) = (drain(child.stdout.take()), drain(child.stderr.take()));
        let Some((status, out)) = finish(&mut child, &out, deadline) else {
            let _ = child.kill();
            let _ = child.wait();
            // Whatever the child started may still hold the pipe, so what it said is only waited for briefly.
            let said = err.recv_timeout(Duration::from_millis(200)).unwrap_or_default();
            return Err(Failure::Timeout(self.timeout.unwrap_or_default(), said_by(&said)));
        };
        if status.success() {
            return Ok(out);
        }
        let said = said_by(&receive(&err, deadline).unwrap_or_default());
        Err(self.failure(&said, status))
    }

    fn start(&self, args: &[&str], fed: bool) -> Result<Child, Failure> {
        Command::new(&self.program)
            .args(args)
            .args(&self.flags)
            .stdin(if fed { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => Failure::Missing(self.name()),
                _ => Failure::NotRunnable(self.name(), error.to_string()),
            })
    }

    fn name(&self) -> String {
        self.program.display().to_string()
    }

    /// What the words of kubectl (client-go and kubectl 1.25 to 1.34, `pkg/cmd/util/helpers.go`) come to.
    fn failure(&self, said: &str, status: ExitStatus) -> Failure {
        let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
        let owned = said.to_owned();
        if said.is_empty() {
            return Failure::Failed(format!("it ended with {status} and said nothing"));
        }
        if has(&["unknown flag", "unknown command", "unknown shorthand"]) {
            Failure::Unusable(self.name(), owned)
        } else if has(&["Unauthorized", "must be logged in", "getting credentials", "expired", "provide credentials"]) {
            Failure::Login(owned)
        } else if has(&["(Forbidden)", "is forbidden"]) {
            Failure::Denied(said.split_once("is forbidden: ").map_or(owned, |(_, why)| why.to_owned()))
        } else if has(&["deadline exceeded", "Client.Timeout", "i/o timeout", "imed out", "TLS handshake timeout"]) {
            Failure::Timeout(self.timeout.unwrap_or_default(), owned)
        } else if has(&["doesn't have a resource type", "could not find the requested resource"]) {
            Failure::NotServed(owned)
        } else {
            Failure::Failed(owned)
        }
    }
}

/// Reads a pipe to its end beside the caller.
fn drain(pipe: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // A pipe that breaks ends what was said.
        let _ = pipe.map(|mut pipe| pipe.read_to_end(&mut bytes));
        let _ = sender.send(bytes);
    });
    receiver
}

/// Waits for the end of the output and of the child; none once the deadline has passed.
fn finish(child: &mut Child, out: &Receiver<Vec<u8>>, deadline: Option<Instant>) -> Option<(ExitStatus, Vec<u8>)> {
    let bytes = receive(out, deadline)?;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some((status, bytes)),
            Ok(None) if deadline.is_none_or(|deadline| Instant::now() < deadline) => {
                thread::sleep(Duration::from_millis(5));
            }
            Ok(None) | Err(_) => return None,
        }
    }
}

fn receive(from: &Receiver<Vec<u8>>, deadline: Option<Instant>) -> Option<Vec<u8>> {
    let Some(deadline) = deadline else { return Some(from.recv().unwrap_or_default()) };
    match from.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        Ok(bytes) => Some(bytes),
        Err(RecvTimeoutError::Disconnected) => Some(Vec::new()),
        Err(RecvTimeoutError::Timeout) => None,
    }
}

/// The words of kubectl in one line, without its log lines and warnings.
fn said_by(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !is_log(line));
    let said = lines.collect::<Vec<_>>().join(" ");
    let said = said.strip_prefix("error: ").or_else(|| said.strip_prefix("Error: ")).unwrap_or(&said);
    match said.char_indices().nth(SAID) {
        Some((end, _)) => format!("{}…", &said[..end]),
        None => said.to_owned(),
    }
}

/// `E1122 02:40:00.000000   12 memcache.go:265] ...` (k8s.io/klog v2), or a warning of the API server.
fn is_log(line: &str) -> bool {
    let head = line.as_bytes();
    let klog = head.len() > 5
        && matches!(head[0], b'I' | b'W' | b'E' | b'F')
        && head[1..5].iter().all(u8::is_ascii_digit)
        && head[5] == b' ';
    klog || line.starts_with("Warning:")
}

/// Does `work` for each of `jobs`, a few at once; the answers are in the order of the jobs.
pub(crate) fn in_parallel<J: Sync, A: Send>(jobs: &[J], work: impl Fn(&J) -> A + Sync) -> Vec<A> {
    let next = AtomicUsize::new(0);
    let answers: Mutex<Vec<(usize, A)>> = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(jobs.len()) {
            scope.spawn(|| {
                let take = || {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    jobs.get(at).map(|job| (at, job))
                };
                while let Some((at, job)) = take() {
                    let answer = work(job);
                    answers.lock().unwrap_or_else(PoisonError::into_inner).push((at, answer));
                }
            });
        }
    });
    let mut answers = answers.into_inner().unwrap_or_else(PoisonError::into_inner);
    answers.sort_by_key(|(at, _)| *at);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(said: &str) -> Failure {
        let status = Command::new("false").status().expect("a system with `false`");
        Kubectl::new(&Access::default()).failure(&said_by(said.as_bytes()), status)
    }

    #[test]
    fn the_words_of_kubectl_are_told_apart() {
        let forbidden = "Error from server (Forbidden): services is forbidden: User \"a\" cannot list resource";
        assert_eq!(failure(forbidden), Failure::Denied("User \"a\" cannot list resource".into()));
        assert!(matches!(failure("error: You must be logged in to the server (Unauthorized)"), Failure::Login(_)));
        let plugin = "Unable to connect to the server: getting credentials: exec: executable aws failed";
        assert!(matches!(failure(plugin), Failure::Login(_)));
        let slow = "Unable to connect to the server: net/http: request canceled (Client.Timeout exceeded)";
        assert!(matches!(failure(slow), Failure::Timeout(..)));
        let unknown = "error: the server doesn't have a resource type \"trafficsplits\"";
        assert!(matches!(failure(unknown), Failure::NotServed(_)));
        assert!(matches!(failure("error: unknown flag: --chunk-size"), Failure::Unusable(..)));
        assert!(matches!(failure("error: context \"prod\" does not exist"), Failure::Failed(_)));
        assert!(failure("").to_string().ends_with("and said nothing"));
    }

    #[test]
    fn log_lines_and_warnings_are_not_the_reason() {
        let said = "E1122 02:40:00.123456 12 memcache.go:265] noise\nWarning: old API\nerror: no such host\n";
        assert_eq!(said_by(said.as_bytes()), "no such host");
    }

    #[test]
    fn answers_keep_the_order_of_their_jobs() {
        let jobs: Vec<u64> = (0..40).collect();
        let slow = |job: &u64| {
            thread::sleep(Duration::from_millis((40 - job) % 7));
            *job
        };
        assert_eq!(in_parallel(&jobs, slow), jobs);
    }
}
