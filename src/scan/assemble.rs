//! The result: texts in the order of listing, their documents, the scopes in terms of documents, and what to say about
//! what could not be read.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::kustomize::{Gap, GapKind, Graph, NodeId, Use};
use super::list::{FileId, Origin, Tree, Unlisted, shown};
use super::read::Encoding;
use super::scopes::{Drawn, Member as FileMember};
use super::store::{Store, Trouble};
use super::{Doc, DocId, Member, NamespaceSetting, Part, Scan, Scope};
use crate::code;
use crate::place::{Place, Role, Source, SourceId, Span};
use crate::report::Finding;

/// Puts the parts together.
pub(super) fn assemble(tree: Tree, mut store: Store, graph: &Graph, drawn: Vec<Drawn>) -> Scan {
    let mut assembler =
        Assembler { tree: &tree, graph, scan: Scan::default(), at: BTreeMap::new(), told: BTreeSet::new() };
    let troubles = std::mem::take(&mut store.troubles);
    assembler.add_texts(&mut store, &troubles, &drawn);
    assembler.add_context();
    for scope in drawn {
        assembler.add_scope(scope);
    }
    for (file, trouble) in &troubles {
        assembler.add_trouble(*file, trouble);
    }
    for unlisted in &tree.unlisted {
        assembler.add_unlisted(unlisted);
    }
    for (file, span, message) in &graph.broken {
        assembler.add_broken(*file, *span, message);
    }
    let mut scan = assembler.scan;
    scan.read.files = store.looked_at;
    scan.read.skipped = tree.skipped.into_iter().collect();
    scan.findings.sort_by_key(|finding| finding.place.map(|place| (place.source, place.span)));
    scan
}

struct Assembler<'a> {
    tree: &'a Tree,
    graph: &'a Graph,
    scan: Scan,
    at: BTreeMap<FileId, (SourceId, Range<u32>)>,
    told: BTreeSet<NodeId>,
}

// === impl Assembler ===

impl Assembler<'_> {
    fn add_texts(&mut self, store: &mut Store, troubles: &BTreeMap<FileId, Trouble>, drawn: &[Drawn]) {
        let mut wanted: BTreeSet<FileId> = self.tree.with.iter().copied().collect();
        wanted.extend(drawn.iter().flat_map(|scope| scope.members.iter().map(|member| member.file)));
        wanted.extend(troubles.keys());
        wanted.extend(self.graph.broken.iter().map(|(file, ..)| file));
        let mut texts = Vec::new();
        for file in wanted {
            let text = store.remove(file);
            if text.is_none() && !troubles.contains_key(&file) {
                continue;
            }
            let (text, pieces) = text.map_or_else(Default::default, |text| (text.text, text.pieces));
            let listed = self.tree.file(file);
            let name = shown(&listed.path);
            let path = (listed.origin != Origin::Stream).then(|| listed.path.clone());
            let source = self.scan.sources.add(Source { name, path, text, role: listed.role });
            self.at.insert(file, (source, 0..0));
            texts.push((file, source, pieces));
        }
        for (file, source, pieces) in texts {
            let part = self.part(file);
            let start = self.scan.documents.len() as u32;
            let documents = pieces.into_iter().map(|(piece, marked)| Doc { source, piece, marked, part });
            self.scan.documents.extend(documents);
            self.at.insert(file, (source, start..self.scan.documents.len() as u32));
        }
    }

    fn part(&self, file: FileId) -> Part {
        if self.graph.is_kustomization(file) {
            return Part::Kustomization;
        }
        match self.graph.listing(file) {
            Some((node, listed)) => match listed.used {
                Use::Resource | Use::Component => Part::Manifest,
                Use::Config => Part::Kustomization,
                Use::Patch => match self.place(self.graph.node(node).file, listed.span) {
                    Some(listed_at) => Part::Patch { listed_at },
                    None => Part::Manifest,
                },
            },
            None if self.tree.is_of_chart(file) => Part::Chart,
            None => Part::Manifest,
        }
    }

    fn add_context(&mut self) {
        for file in &self.tree.with {
            if let Some((_, documents)) = self.at.get(file) {
                self.scan.context.extend(documents.clone().map(DocId));
            }
        }
    }

    fn add_scope(&mut self, drawn: Drawn) {
        let Drawn { name, kind, nodes, members } = drawn;
        let members = members.into_iter().flat_map(|member| self.members(member)).collect();
        self.scan.scopes.push(Scope { name, kind, members });
        for id in nodes {
            // A base of two roots says once what it lacks.
            if self.told.insert(id) {
                let node = self.graph.node(id);
                for gap in &node.gaps {
                    self.push_at(of_gap(gap), self.place(node.file, gap.span));
                }
            }
        }
    }

    /// The documents of a file, as a scope deploys them.
    fn members(&self, member: FileMember) -> Vec<Member> {
        let FileMember { file, namespace, renamed } = member;
        let Some((_, documents)) = self.at.get(&file) else { return Vec::new() };
        let setting = namespace.and_then(|node| {
            let node = self.graph.node(node);
            let written = node.namespace.as_ref()?;
            let place = self.place(node.file, written.span)?;
            Some(NamespaceSetting { name: written.value.clone(), place })
        });
        documents.clone().map(|doc| Member { doc: DocId(doc), namespace: setting.clone(), renamed }).collect()
    }

    fn add_trouble(&mut self, file: FileId, trouble: &Trouble) {
        self.scan.read.incomplete = true;
        let name = shown(&self.tree.file(file).path);
        let finding = match trouble {
            Trouble::Unreadable(error) => {
                Finding::new(code!("source-unreadable"), format!("`{name}` cannot be read: {error}"))
                    .help("make it readable, or leave it out with an ignore file, then run again")
            }
            Trouble::NotUtf8(Encoding::Utf16) => {
                Finding::new(code!("source-not-utf8"), format!("`{name}` is UTF-16, and only UTF-8 is read"))
                    .help(format!("convert it: `iconv -f UTF-16 -t UTF-8 {name}`"))
            }
            Trouble::NotUtf8(Encoding::Unknown) => {
                Finding::new(code!("source-not-utf8"), format!("`{name}` is not UTF-8 text"))
                    .help("convert it to UTF-8 with `iconv`, then run again")
            }
            Trouble::TooLarge => {
                Finding::new(code!("source-too-large"), format!("`{name}` is larger than `--max-file-size`"))
                    .help("raise `--max-file-size`, or split the file")
            }
        };
        self.push_at(finding, self.place(file, Span::default()));
    }

    fn add_unlisted(&mut self, unlisted: &Unlisted) {
        let Unlisted { path, error } = unlisted;
        self.scan.read.incomplete = true;
        let name = shown(path);
        let finding = Finding::new(code!("source-unreadable"), format!("`{name}` cannot be listed: {error}"))
            .help("make it readable, or leave it out with an ignore file, then run again");
        let source = Source { name, path: Some(path.clone()), text: String::new(), role: Role::Subject };
        let source = self.scan.sources.add(source);
        self.push_at(finding, Some(Place { source, span: Span::default() }));
    }

    fn add_broken(&mut self, file: FileId, span: Span, message: &str) {
        let name = shown(&self.tree.file(file).path);
        let finding =
            Finding::new(code!("kustomization-unreadable"), format!("`{name}` is not a kustomization: {message}"))
                .note("its files were taken for those of a plain directory")
                .help("repair it, then run again");
        self.push_at(finding, self.place(file, span));
    }

    fn push_at(&mut self, finding: Finding, place: Option<Place>) {
        self.scan.findings.push(match place {
            Some(place) => finding.at(place),
            None => finding,
        });
    }

    fn place(&self, file: FileId, span: Span) -> Option<Place> {
        self.at.get(&file).map(|(source, _)| Place { source: *source, span })
    }
}

fn of_gap(gap: &Gap) -> Finding {
    let Gap { kind, span: _, text } = gap;
    let build = "build it, and give what comes out with `--with`";
    match kind {
        GapKind::Remote => {
            let message = format!("`{text}` is fetched when it is built, and was not read");
            Finding::new(code!("kustomization-remote"), message).help(build)
        }
        GapKind::Generated => {
            let message = format!("`{text}` is made when it is built, and was not read");
            Finding::new(code!("kustomization-generated"), message).help(build)
        }
        GapKind::Outside => {
            let message = format!("`{text}` lies outside the named sources, and was not read");
            Finding::new(code!("kustomization-outside"), message)
                .help("name the directory that holds both, or give the other one with `--with`")
        }
        GapKind::Missing => {
            let message = format!("`{text}` leads to nothing that was read");
            Finding::new(code!("kustomization-missing"), message)
                .help("correct the entry, or run with `--no-ignore` if an ignore file hides what it names")
        }
    }
}
