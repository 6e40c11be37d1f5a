//! The patterns of one field, as two flags name them, and what became of them.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use keytrail_detect::glob_pattern::GlobPattern;
use keytrail_event::principal::{principal_names, principal_of_arn};
use keytrail_report::escape;

/// Names told of when one word chose several principals.
const NAMES_SHOWN_MAX: usize = 5;

/// What `--FIELD` and `--exclude-FIELD` leave.
#[derive(Debug, Default)]
pub struct Choice {
    field: &'static str,
    wanted: Vec<GlobPattern>,
    unwanted: Vec<GlobPattern>,
    /// Whether anything passed.
    has_passed: AtomicBool,
}

impl Choice {
    /// The choice of these patterns.
    pub fn new(field: &'static str, wanted: &[String], unwanted: &[String]) -> Self {
        let patterns = |texts: &[String]| {
            let patterns = texts.iter().map(|text| GlobPattern::from(text.as_str()));
            patterns.collect()
        };
        Self {
            field,
            wanted: patterns(wanted),
            unwanted: patterns(unwanted),
            has_passed: AtomicBool::new(false),
        }
    }

    /// Whether everything passes.
    pub fn is_empty(&self) -> bool {
        self.wanted.is_empty() && self.unwanted.is_empty()
    }

    /// Whether a field that has these names is chosen.
    pub fn accepts(&self, names: &[&str]) -> bool {
        let any = |patterns: &[GlobPattern]| {
            patterns
                .iter()
                .any(|pattern| names.iter().any(|name| pattern.matches(name)))
        };
        let is_chosen = (self.wanted.is_empty() || any(&self.wanted)) && !any(&self.unwanted);
        if is_chosen && !self.has_passed.load(Ordering::Relaxed) {
            self.has_passed.store(true, Ordering::Relaxed);
        }
        is_chosen
    }

    /// The flag to blame when nothing passed.
    fn flag(&self) -> String {
        let exclude = if self.wanted.is_empty() {
            "exclude-"
        } else {
            ""
        };
        format!("--{exclude}{}", self.field)
    }
}

/// Why nothing passed all of the choices, which were asked in this order: the first that nothing passed. `None` where
/// each let something pass.
pub fn why_nothing(choices: &[&Choice]) -> Option<String> {
    let mut asked = choices.iter().filter(|choice| !choice.is_empty());
    let mut passed = Vec::new();
    let blamed = asked.find(|choice| {
        let has_passed = choice.has_passed.load(Ordering::Relaxed);
        if has_passed {
            passed.push(choice.flag());
        }
        !has_passed
    })?;
    let of = match &passed[..] {
        [] => String::new(),
        passed => format!(" of what passes {}", passed.join(" and ")),
    };
    let goes_by = match blamed.field {
        "principal" => {
            "; a principal goes by its ARN or by what follows the last slash of it, a session by its role"
        }
        "key" => {
            "; a key goes by its ARN or its id, a record's also by the alias that the request named"
        }
        _ => "",
    };
    Some(format!("Nothing{of} passes {}{goes_by}", blamed.flag()))
}

/// A choice of principals, by any of their names.
#[derive(Debug, Default)]
pub struct PrincipalChoice {
    names: Choice,
    /// Sessions that were named, and the roles that stand for them.
    folded: Vec<(String, String)>,
    /// Bare names, each of which may be that of several.
    bare: Vec<BareName>,
}

#[derive(Debug)]
struct BareName {
    name: GlobPattern,
    text: String,
    /// The principals it chose: enough of them to tell that there are several.
    chosen: Mutex<BTreeSet<String>>,
}

impl PrincipalChoice {
    /// The choice of these patterns.
    pub fn new(wanted: &[String], unwanted: &[String]) -> Self {
        let fold = |texts: &[String]| -> Vec<String> {
            let principal = |text: &String| principal_of_arn(text).into_owned();
            texts.iter().map(principal).collect()
        };
        let given = wanted.iter().chain(unwanted).cloned();
        let (wanted, unwanted) = (fold(wanted), fold(unwanted));
        let folded = given.zip(wanted.iter().chain(&unwanted).cloned());
        let is_bare = |text: &&String| !text.contains(['*', ':', '/']);
        Self {
            folded: folded.filter(|(given, folded)| given != folded).collect(),
            bare: wanted
                .iter()
                .filter(is_bare)
                .map(|text| BareName::new(text))
                .collect(),
            names: Choice::new("principal", &wanted, &unwanted),
        }
    }

    /// The choice by names alone.
    pub fn names(&self) -> &Choice {
        &self.names
    }

    /// Whether the principal is chosen.
    pub fn accepts(&self, principal: &str) -> bool {
        if self.names.is_empty() {
            return true;
        }
        let names = principal_names(principal);
        let is_chosen = self.names.accepts(&names.each_ref().map(|name| &**name));
        if is_chosen {
            let bare = self.bare.iter();
            bare.filter(|bare| bare.name.matches(&names[2]))
                .for_each(|bare| bare.note(principal));
        }
        is_chosen
    }

    /// What to tell of the names that were given: of sessions that stand for their roles, and of a bare name that
    /// several have.
    pub fn notes(&self) -> impl Iterator<Item = String> {
        let folded = self.folded.iter().map(|(session, role)| {
            let (session, role) = (escape::terminal(session), escape::terminal(role));
            format!("`{session}` is a session of `{role}`: records go by the role")
        });
        folded.chain(self.bare.iter().filter_map(BareName::several))
    }
}

impl BareName {
    fn new(text: &str) -> Self {
        Self {
            name: GlobPattern::from(text),
            text: text.to_owned(),
            chosen: Mutex::default(),
        }
    }

    fn note(&self, principal: &str) {
        // A thread that panicked with it left a set all the same.
        let mut chosen = self.chosen.lock().unwrap_or_else(PoisonError::into_inner);
        if chosen.len() <= NAMES_SHOWN_MAX && !chosen.contains(principal) {
            chosen.insert(principal.to_owned());
        }
    }

    /// That several have the name, if so.
    fn several(&self) -> Option<String> {
        let chosen = self.chosen.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = chosen.iter().take(NAMES_SHOWN_MAX);
        let shown: Vec<_> = shown.map(|name| escape::terminal(name)).collect();
        let more = if chosen.len() > NAMES_SHOWN_MAX {
            ", …"
        } else {
            ""
        };
        (chosen.len() > 1).then(|| {
            format!(
                "`{}` names several: {}{more}; write the whole ARN to mean one",
                escape::terminal(&self.text),
                shown.join(", ")
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: &str = "arn:aws:iam::111122223333:role/service-role/app";

    fn principals(wanted: &[&str]) -> PrincipalChoice {
        let wanted: Vec<String> = wanted.iter().map(|text| (*text).to_owned()).collect();
        PrincipalChoice::new(&wanted, &[])
    }

    #[test]
    fn a_principal_goes_by_all_its_names() {
        for name in [
            APP,
            "app",
            "*/app",
            "arn:aws:iam::111122223333:role/app",
            "arn:aws:sts::111122223333:assumed-role/app/6fe0b5b2d1de",
        ] {
            assert!(principals(&[name]).accepts(APP), "{name}");
            let excluded = PrincipalChoice::new(&[], &[name.to_owned()]);
            assert!(!excluded.accepts(APP), "{name}");
        }
        for name in [
            "ap",
            "service-role",
            "arn:aws:sts::444455556666:assumed-role/app/s",
        ] {
            assert!(!principals(&[name]).accepts(APP), "{name}");
        }
    }

    #[test]
    fn a_bare_name_of_several_is_told() {
        let choice = principals(&["app", "other", "x*"]);
        for name in [APP, "arn:aws:iam::111122223333:role/other", "x1", "x2"] {
            assert!(choice.accepts(name));
        }
        assert_eq!(choice.notes().count(), 0);
        assert!(choice.accepts("arn:aws:iam::111122223333:user/app"));
        let notes: Vec<String> = choice.notes().collect();
        assert_eq!(
            notes,
            [format!(
                "`app` names several: {APP}, arn:aws:iam::111122223333:user/app; write the whole ARN to mean one"
            )]
        );
    }

    #[test]
    fn the_flag_that_nothing_passed_is_named() {
        let texts = |text: &str| vec![text.to_owned()];
        let account = Choice::new("account", &texts("1111*"), &[]);
        let region = Choice::new("region", &[], &[]);
        let operation = Choice::new("operation", &[], &texts("De*"));
        let choices = [&account, &region, &operation];
        assert_eq!(
            why_nothing(&choices).as_deref(),
            Some("Nothing passes --account")
        );
        assert!(account.accepts(&["111122223333"]));
        assert!(!operation.accepts(&["Decrypt"]));
        let expected = "Nothing of what passes --account passes --exclude-operation";
        assert_eq!(why_nothing(&choices).as_deref(), Some(expected));
        assert!(operation.accepts(&["Encrypt"]));
        assert_eq!(why_nothing(&choices), None);
    }
}
