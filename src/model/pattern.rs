//! Request patterns: methods, path and headers of one SMI match under one mesh's reading.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use super::compare::same_pattern;
use crate::code;
use crate::mappings::{AccessReading, EmptyMatch, HeaderAnchoring, HostHeader, PathReading, SplitReading};
use crate::pattern::{Anchoring, Domain, Language, PatternError, Relation, relate};
use crate::place::{Place, SourceId, Spanned};
use crate::report::Finding;
use crate::smi::{HttpMatch, HttpRouteGroup};

/// The methods that an HTTPRouteMatch may name (kubernetes-sigs/gateway-api v1.6.1 `apis/v1/httproute_types.go`), which
/// are also those of the SMI CRD (smi-sdk-go `crds/specs.yaml`).
pub const METHODS: [&str; 9] = ["GET", "HEAD", "PUT", "POST", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

/// The methods of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Methods {
    /// Every method.
    Any,
    /// One of these.
    Only(BTreeSet<&'static str>),
}

/// A condition on the path.
#[derive(Clone, Debug)]
pub struct PathPattern {
    /// As written.
    pub expression: String,
    /// How the mesh anchored it.
    pub anchoring: Anchoring,
    /// What it accepts.
    pub language: Language,
    /// Where it is written.
    pub place: Place,
}

/// A condition on one header.
#[derive(Clone, Debug)]
pub struct HeaderPattern {
    /// As written; compared without case.
    pub name: String,
    /// As written.
    pub expression: String,
    /// How the mesh anchored it.
    pub anchoring: Anchoring,
    /// What it accepts.
    pub language: Language,
    /// Where it is written.
    pub place: Place,
}

/// Everything in it must hold.
#[derive(Clone, Debug)]
pub struct RequestPattern {
    /// Methods.
    pub methods: Methods,
    /// Path; none: any.
    pub path: Option<PathPattern>,
    /// Headers, sorted by lower-case name.
    pub headers: Vec<HeaderPattern>,
    /// The host that the request asks for (`Host`, `:authority`), port included where the client sent it; none: any.
    /// Only of a grant: a route of a Service cannot say it.
    pub authority: Option<HeaderPattern>,
    /// The match it was read from.
    pub place: Place,
}

type Compiled = Rc<Result<Language, PatternError>>;

/// Compiled expressions, so that each is compiled once for a run.
#[derive(Debug, Default)]
pub struct Languages {
    known: RefCell<HashMap<(Domain, Anchoring, String), Compiled>>,
}

// === impl Languages ===

impl Languages {
    /// The language of `expression`.
    pub fn get(&self, domain: Domain, anchoring: Anchoring, expression: &str) -> Compiled {
        let key = (domain, anchoring, expression.to_owned());
        if let Some(known) = self.known.borrow().get(&key) {
            return Rc::clone(known);
        }
        let compiled = Rc::new(Language::regex(domain, expression, anchoring));
        self.known.borrow_mut().insert(key, Rc::clone(&compiled));
        compiled
    }
}

// === impl RequestPattern ===

impl RequestPattern {
    /// Whether the pattern holds for every request.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.methods == Methods::Any
            && self.headers.is_empty()
            && self.authority.is_none()
            && self.path.as_ref().is_none_or(|path| path.language.is_any())
    }

    /// Whether both were written alike.
    #[must_use]
    pub fn same_text(&self, other: &Self) -> bool {
        let path = |pattern: &Self| pattern.path.as_ref().map(|path| (path.anchoring, path.expression.clone()));
        let headers = |pattern: &Self| -> Vec<_> {
            let headers = pattern.headers.iter();
            headers
                .map(|header| (header.name.to_ascii_lowercase(), header.anchoring, header.expression.clone()))
                .collect()
        };
        self.methods == other.methods && path(self) == path(other) && headers(self) == headers(other)
    }

    /// Whether both are shown to take the same requests, condition by condition.
    #[must_use]
    pub fn same_requests(&self, other: &Self) -> bool {
        same_pattern(self, other).is_ok()
    }

    /// Whether a request exists that both patterns take. What could not be decided counts as an overlap.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let methods = match (&self.methods, &other.methods) {
            (Methods::Only(left), Methods::Only(right)) => !left.is_disjoint(right),
            _ => true,
        };
        let paths = match (&self.path, &other.path) {
            (Some(left), Some(right)) => meet(&left.language, &right.language),
            _ => true,
        };
        let headers = self.headers.iter().all(|left| {
            let right = other.headers.iter().find(|right| left.name.eq_ignore_ascii_case(&right.name));
            right.is_none_or(|right| meet(&left.language, &right.language))
        });
        let hosts = match (&self.authority, &other.authority) {
            (Some(left), Some(right)) => meet(&left.language, &right.language),
            _ => true,
        };
        methods && paths && headers && hosts
    }
}

/// Whether two languages may have a string in common.
fn meet(left: &Language, right: &Language) -> bool {
    !matches!(relate(left, right), Ok(Relation::Disjoint { .. }))
}

/// What one match means.
#[derive(Clone, Debug)]
pub enum MatchMeaning {
    /// Requests that satisfy the pattern.
    Pattern(RequestPattern),
    /// No request, for the reason that the finding gives.
    Never(Finding),
    /// Nothing: the mesh left the match out.
    LeftOut,
}

/// What one group means.
#[derive(Clone, Debug)]
pub enum GroupMeaning {
    /// Requests that satisfy one of the patterns; without any, none does.
    Patterns(Vec<RequestPattern>),
    /// The mesh found no condition in it at all.
    Nothing,
}

/// How a mesh read the matches of a group: what its readings of splits and of access have in common.
#[derive(Clone, Copy, Debug)]
pub struct MatchReading {
    path: PathWords,
    header: HeaderWords,
    empty_match: EmptyMatch,
    host: HostWords,
}

#[derive(Clone, Copy, Debug)]
enum PathWords {
    Expression(Anchoring),
    Words,
    Unread,
}

#[derive(Clone, Copy, Debug)]
enum HeaderWords {
    Expression(Anchoring),
    /// Only what means the same under any anchoring can be read.
    Undefined,
    Unread,
}

#[derive(Clone, Copy, Debug)]
enum HostWords {
    Authority,
    NeverMatches,
    /// It cannot be carried over.
    Unsayable,
    /// Nobody says what it did.
    Undefined,
}

// === impl MatchReading ===

impl MatchReading {
    /// As the conditions of a split were read.
    #[must_use]
    pub fn of_split(reading: &SplitReading) -> Self {
        Self {
            path: PathWords::Expression(reading.path.is.into()),
            header: HeaderWords::Expression(reading.header.is.into()),
            empty_match: reading.empty_match.is,
            host: match reading.host_header.is {
                HostHeader::Authority | HostHeader::Undefined | HostHeader::Unread => HostWords::Unsayable,
                HostHeader::NeverMatches => HostWords::NeverMatches,
            },
        }
    }

    /// As the rules of a TrafficTarget were read.
    #[must_use]
    pub fn of_access(reading: &AccessReading) -> Self {
        Self {
            path: match reading.path.is {
                PathReading::Full => PathWords::Expression(Anchoring::Full),
                PathReading::Start => PathWords::Expression(Anchoring::Start),
                PathReading::StartAfterSlash => PathWords::Expression(Anchoring::StartAfterSlash),
                PathReading::Search => PathWords::Expression(Anchoring::Search),
                PathReading::Words => PathWords::Words,
                PathReading::Unread => PathWords::Unread,
            },
            header: match reading.header.is {
                HeaderAnchoring::Full => HeaderWords::Expression(Anchoring::Full),
                HeaderAnchoring::Search => HeaderWords::Expression(Anchoring::Search),
                HeaderAnchoring::Undefined => HeaderWords::Undefined,
                HeaderAnchoring::Unread => HeaderWords::Unread,
            },
            empty_match: reading.empty_match.is,
            host: match reading.host_header.is {
                HostHeader::Authority => HostWords::Authority,
                HostHeader::NeverMatches => HostWords::NeverMatches,
                HostHeader::Undefined | HostHeader::Unread => HostWords::Undefined,
            },
        }
    }
}

/// Reads one group.
///
/// # Errors
/// The finding that keeps the group from being read.
pub fn read_group(
    group: &HttpRouteGroup,
    source: SourceId,
    reading: &MatchReading,
    languages: &Languages,
    findings: &mut Vec<Finding>,
) -> Result<GroupMeaning, Box<Finding>> {
    let left_out_if_empty = reading.empty_match == EmptyMatch::LeftOut;
    if group.matches.is_empty() && !left_out_if_empty {
        return Err(Box::new(empty_group(group, source)));
    }
    read_matches(&group.matches, source, reading, languages, findings)
}

/// Reads some matches of one group.
///
/// # Errors
/// The finding that keeps them from being read.
pub fn read_matches<'m>(
    matches: impl IntoIterator<Item = &'m HttpMatch>,
    source: SourceId,
    reading: &MatchReading,
    languages: &Languages,
    findings: &mut Vec<Finding>,
) -> Result<GroupMeaning, Box<Finding>> {
    let mut patterns = Vec::new();
    let mut all_left_out = true;
    for item in matches {
        let meaning = read_match(item, source, reading, languages, findings)?;
        all_left_out &= matches!(meaning, MatchMeaning::LeftOut);
        match meaning {
            MatchMeaning::Pattern(pattern) => patterns.push(pattern),
            MatchMeaning::Never(finding) => findings.push(finding),
            MatchMeaning::LeftOut => {}
        }
    }
    Ok(if all_left_out { GroupMeaning::Nothing } else { GroupMeaning::Patterns(patterns) })
}

fn empty_group(group: &HttpRouteGroup, source: SourceId) -> Finding {
    let name = &group.meta.name;
    Finding::new(code!("group-empty"), format!("HTTPRouteGroup `{}` has no matches", name.value))
        .at(Place { source, span: name.span })
        .note(
            "SMI does not say whether a group without matches takes every request or none; Traefik Mesh took every one",
        )
        .help("add the matches that are meant, or `pathRegex: \".*\"` for every request")
}

fn everything(place: Place) -> RequestPattern {
    RequestPattern { methods: Methods::Any, path: None, headers: Vec::new(), authority: None, place }
}

fn read_match(
    item: &HttpMatch,
    source: SourceId,
    reading: &MatchReading,
    languages: &Languages,
    findings: &mut Vec<Finding>,
) -> Result<MatchMeaning, Box<Finding>> {
    let HttpMatch { span, name: _, methods, path_regex, headers } = item;
    let place = Place { source, span: *span };
    let methods = read_methods(methods.as_deref().unwrap_or_default(), source)?;
    let path = match path_regex {
        Some(expression) if !expression.value.is_empty() => Some(read_path(expression, source, reading, languages)?),
        _ => None,
    };
    if methods == Methods::Any && path.is_none() && headers.is_empty() {
        return match reading.empty_match {
            EmptyMatch::LeftOut => Ok(MatchMeaning::LeftOut),
            EmptyMatch::Everything => Ok(MatchMeaning::Pattern(everything(place))),
            EmptyMatch::Undefined => Err(Box::new(unsaid(place, "a match without any condition").help(
                "write `pathRegex: \".*\"` if every request is meant, and say whose reading counts with `--from`",
            ))),
        };
    }
    if path.is_none() && matches!(reading.path, PathWords::Words) {
        let finding = unsaid(place, "a match without `pathRegex`");
        return Err(Box::new(finding.help("write the path that is meant; as words, `*` is any path")));
    }
    if let Some(path) = &path {
        if path.language.is_empty() {
            return Ok(MatchMeaning::Never(never(path)));
        }
        if let Some(finding) = query_in_path(path) {
            findings.push(finding);
        }
    }
    let Headers { headers, authority } = match read_headers(headers, source, reading, languages)? {
        Ok(headers) => headers,
        Err(finding) => return Ok(MatchMeaning::Never(*finding)),
    };
    Ok(MatchMeaning::Pattern(RequestPattern { methods, path, headers, authority, place }))
}

/// What the source mesh did with something is not known, so that it cannot be said in the target's words.
pub(super) fn unsaid(place: Place, what: &str) -> Finding {
    let message = format!("what {what} did in the source mesh is not known");
    Finding::new(code!("source-reading-undefined"), message).at(place)
}

fn never(path: &PathPattern) -> Finding {
    let message = format!("no request path can match `{}`", path.expression);
    Finding::new(code!("match-never"), message)
        .at(path.place)
        .note("a path begins with `/` and ends before the query string; the expression was read from the start of the path")
        .help("repair the expression; as it stands, the match takes no request and is left out")
}

/// `?name=` is how a query string looks; in an expression it makes the character before it optional.
fn query_in_path(path: &PathPattern) -> Option<Finding> {
    let (_, query) = path.expression.split_once('?')?;
    let name_len = query.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
    (name_len > 0 && query.as_bytes().get(name_len) == Some(&b'=')).then(|| {
        let message =
            format!("`{}` looks like a path with a query string, which is never part of the path", path.expression);
        Finding::new(code!("regex-query"), message)
            .at(path.place)
            .help("match the path alone; HTTPRoute has `queryParams` for the rest")
    })
}

fn read_methods(written: &[Spanned<String>], source: SourceId) -> Result<Methods, Box<Finding>> {
    let mut only = BTreeSet::new();
    let mut any = written.is_empty();
    for method in written {
        if method.value == "*" {
            any = true;
        } else if let Some(known) = METHODS.iter().find(|known| **known == method.value) {
            only.insert(*known);
        } else {
            let finding = Finding::new(code!("match-method-unknown"), format!("`{}` is not an HTTP method of SMI", method.value))
                .at(Place { source, span: method.span })
                .note("methods are compared with their case; the CRD of SMI takes only upper case, so nobody can say what this one did");
            let upper = method.value.to_ascii_uppercase();
            return Err(Box::new(if METHODS.contains(&upper.as_str()) {
                finding.help(format!("write `{upper}` if that is meant"))
            } else {
                finding.help(format!("use one of {}, or `*`", METHODS.join(", ")))
            }));
        }
    }
    Ok(if any || only.len() == METHODS.len() { Methods::Any } else { Methods::Only(only) })
}

fn read_path(
    expression: &Spanned<String>,
    source: SourceId,
    reading: &MatchReading,
    languages: &Languages,
) -> Result<PathPattern, Box<Finding>> {
    let place = Place { source, span: expression.span };
    let (written, anchoring) = match reading.path {
        PathWords::Expression(anchoring) => (expression.value.clone(), anchoring),
        PathWords::Words => (of_words(&expression.value), Anchoring::Full),
        PathWords::Unread => return Err(Box::new(unsaid(place, "a condition on the path"))),
    };
    match languages.get(Domain::Path, anchoring, &written).as_ref() {
        Ok(language) => {
            let language = language.clone();
            Ok(PathPattern { expression: written, anchoring, language, place })
        }
        Err(error) => Err(Box::new(refuse_expression(error, &expression.value, place))),
    }
}

/// The regular expression that takes what Istio's `paths` took: `*`, `*x`, `x*`, `x` (istio/istio@1.4.9
/// `pilot/pkg/security/authz/model/matcher/header.go`).
fn of_words(words: &str) -> String {
    let literal = |text: &str| -> String {
        let special = |c: char| r"\.+*?()|[]{}^$".contains(c);
        text.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
    };
    match (words.strip_prefix('*'), words.strip_suffix('*')) {
        (Some(""), _) => ".*".to_owned(),
        (Some(end), _) => format!(".*{}", literal(end)),
        (None, Some(start)) => format!("{}.*", literal(start)),
        (None, None) => literal(words),
    }
}

fn refuse_expression(error: &PatternError, expression: &str, place: Place) -> Finding {
    if matches!(error, PatternError::Invalid { .. }) {
        let finding =
            Finding::new(code!("regex-invalid"), format!("`{expression}` is not a regular expression: {error}"))
                .at(place);
        return if expression == "*" {
            finding.help("write `.*` if every value is meant")
        } else {
            finding.help("repair the expression; a mesh that got it had no defined answer")
        };
    }
    if let PatternError::TooLarge { limit } = error {
        return Finding::new(
            code!("regex-too-complex"),
            format!("`{expression}` is too large to be compared: {limit}"),
        )
        .at(place)
        .help("write it as several smaller matches");
    }
    Finding::new(code!("regex-unsupported"), format!("`{expression}` does not mean the same everywhere: {error}"))
        .at(place)
        .help("rewrite it without that construct; the engines behind Gateway API do not agree on it")
}

struct Headers {
    headers: Vec<HeaderPattern>,
    authority: Option<HeaderPattern>,
}

/// What the conditions on headers mean; the inner error says that the match takes no request.
fn read_headers(
    written: &[crate::smi::Header],
    source: SourceId,
    reading: &MatchReading,
    languages: &Languages,
) -> Result<Result<Headers, Box<Finding>>, Box<Finding>> {
    let mut headers: Vec<HeaderPattern> = Vec::new();
    let mut authority = None;
    for header in written {
        let name_place = Place { source, span: header.name.span };
        let name = &header.name.value;
        check_header_name(name, name_place)?;
        if name.eq_ignore_ascii_case("host") {
            match reading.host {
                // Other spellings were looked up like any header (openservicemesh/osm@release-v1.2
                // `pkg/envoy/rds/route/route_config.go`), and what a proxy has under them nobody says.
                HostWords::Authority if name == "host" => {
                    authority = Some(read_header(header, source, reading, languages)?);
                    continue;
                }
                HostWords::Unsayable => return Err(Box::new(refuse_host(name_place))),
                HostWords::Authority | HostWords::Undefined => {
                    let finding = unsaid(name_place, &format!("a condition on the header `{name}`"));
                    return Err(Box::new(finding.help("allow by another header, or by path and method")));
                }
                HostWords::NeverMatches => {
                    let never = Finding::new(
                        code!("match-never"),
                        "no request matches a condition on the `host` header: the source mesh never sees one",
                    );
                    return Ok(Err(Box::new(never.at(name_place).help("delete the match"))));
                }
            }
        }
        let pattern = read_header(header, source, reading, languages)?;
        // Later entries of the same spelling replace earlier ones (smi-sdk-go `pkg/apis/specs/v1alpha4/helpers.go`).
        if let Some(same) = headers.iter_mut().find(|known| known.name == *name) {
            *same = pattern;
        } else if let Some(other) = headers.iter().find(|known| known.name.eq_ignore_ascii_case(name)) {
            return Err(Box::new(
                Finding::new(code!("header-repeated"), format!("`{}` and `{name}` are the same header", other.name))
                    .at(name_place)
                    .label(other.place, "first condition")
                    .note("a match of Gateway API takes one condition per header name, compared without case")
                    .help("say both conditions in one expression"),
            ));
        } else {
            headers.push(pattern);
        }
    }
    headers.sort_by_key(|header| header.name.to_ascii_lowercase());
    Ok(Ok(Headers { headers, authority }))
}

fn refuse_host(place: Place) -> Finding {
    Finding::new(code!("header-host"), "a condition on the `host` header cannot be said in a route of a Service")
        .at(place)
        .note("meshes do not agree on `Host` in `headers`, and `hostnames` has no meaning for a Service parent (GEP-1294)")
        .help("split by another header, or give each host a Service of its own")
}

fn read_header(
    header: &crate::smi::Header,
    source: SourceId,
    reading: &MatchReading,
    languages: &Languages,
) -> Result<HeaderPattern, Box<Finding>> {
    let (name, expression) = (&header.name.value, &header.value.value);
    let place = Place { source, span: header.value.span };
    if expression.is_empty() {
        return Err(Box::new(
            Finding::new(code!("header-empty"), format!("header `{name}` has an empty expression"))
                .at(place)
                .note("an empty expression is any value to one engine and the empty value to another; a header match of Gateway API needs at least one character")
                .help("write `.*` for any value"),
        ));
    }
    let compile = |anchoring| match languages.get(Domain::HeaderValue, anchoring, expression).as_ref() {
        Ok(language) => Ok(language.clone()),
        Err(error) => Err(Box::new(refuse_expression(error, expression, place))),
    };
    let anchoring = match reading.header {
        HeaderWords::Expression(anchoring) => anchoring,
        HeaderWords::Undefined if same(&compile(Anchoring::Full)?, &compile(Anchoring::Search)?) => Anchoring::Full,
        HeaderWords::Undefined => {
            let finding = unsaid(place, &format!("`{expression}`, which may match a part of the value or the whole,"));
            return Err(Box::new(
                finding.help("write `.*` around it for a part, or say which mesh read it with `--from`"),
            ));
        }
        HeaderWords::Unread => return Err(Box::new(unsaid(place, "a condition on a header"))),
    };
    let language = compile(anchoring)?;
    Ok(HeaderPattern { name: name.clone(), expression: expression.clone(), anchoring, language, place })
}

fn same(left: &Language, right: &Language) -> bool {
    matches!(relate(left, right), Ok(Relation::Equal))
}

/// The name pattern of HTTPHeaderMatch (kubernetes-sigs/gateway-api v1.6.1 `apis/v1/shared_types.go`, HeaderName).
fn check_header_name(name: &str, place: Place) -> Result<(), Box<Finding>> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !name.is_empty() && name.len() <= 256 && name.bytes().all(allowed) {
        return Ok(());
    }
    let finding =
        Finding::new(code!("header-name-invalid"), format!("`{name}` cannot be the name of a header in a route"))
            .at(place);
    Err(Box::new(if name.starts_with(':') {
        finding
            .note("pseudo-headers belong to HTTP/2 framing; Gateway API has `method` and `path` for two of them")
            .help("use `methods` or `pathRegex`")
    } else {
        finding.help("use a token of RFC 9110, at most 256 characters")
    }))
}
