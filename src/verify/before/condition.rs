//! What one entry of an HTTPRouteGroup asks of a request, once its words were read: splits and grants ask alike.

use std::collections::BTreeSet;

use crate::verify::region::{Term, Terms};
use crate::verify::request::{Field, Request};

/// Yes, no, or why nobody can say.
pub(super) type Maybe = Result<bool, String>;

/// What a request must be like; all of it must hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Condition {
    /// Any where there are none.
    pub methods: Option<BTreeSet<String>>,
    /// Any path where there is none.
    pub path: Option<Term>,
    /// The fields that must be there.
    pub fields: Vec<(Field, Value)>,
}

/// What a field must be like.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// A value of this language.
    Reads(Term),
    /// A value of both, where nobody says which of the two counts.
    Either(Term, Term),
    /// Nothing is.
    Never,
}

// === impl Condition ===

impl Condition {
    /// What it asks about, for the regions.
    pub fn ask(&self, terms: &mut Terms) {
        terms.methods.extend(self.methods.iter().flatten().cloned());
        terms.paths.extend(self.path.clone());
        for (field, value) in &self.fields {
            let of_field = terms.fields.entry(field.clone()).or_default();
            match value {
                Value::Reads(term) => of_field.push(term.clone()),
                Value::Either(one, other) => of_field.extend([one.clone(), other.clone()]),
                Value::Never => {}
            }
        }
    }

    /// Whether it holds for a request.
    pub fn takes(&self, request: &Request) -> Maybe {
        if self.methods.as_ref().is_some_and(|methods| !methods.contains(&request.method))
            || self.path.as_ref().is_some_and(|path| !path.language.matches(&request.path))
        {
            return Ok(false);
        }
        let mut unclear = None;
        for (field, wanted) in &self.fields {
            let Some(value) = request.field(field) else { return Ok(false) };
            match wanted {
                Value::Reads(term) if term.language.matches(value) => {}
                Value::Never | Value::Reads(_) => return Ok(false),
                Value::Either(one, other) => match (one.language.matches(value), other.language.matches(value)) {
                    (true, true) => {}
                    (false, false) => return Ok(false),
                    _ => {
                        unclear =
                            Some("nobody says whether the expression of a header must take the whole value".into());
                    }
                },
            }
        }
        unclear.map_or(Ok(true), Err)
    }
}
