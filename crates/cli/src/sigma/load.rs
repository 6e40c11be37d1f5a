//! Which Sigma rules are run, and which not, with the reason.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use keytrail_report::escape;
use keytrail_report::summary::UnsupportedSigmaRule;
use rsigma_eval::Engine;
use rsigma_parser::{Detection, LogSource, Modifier, SigmaCollection, SigmaRule, Status};
use walkdir::WalkDir;

use super::{FILE_BYTES_MAX, RULES_MAX};
use crate::failure::UsageError;

/// The rules that are run, and what became of the others.
pub struct SigmaRules {
    /// Matches records; its rules are named by their index in `about`.
    pub engine: Engine,
    /// What the rules are.
    pub about: Vec<AboutSigmaRule>,
    /// Rules for CloudTrail that are not run.
    pub unsupported: Vec<UnsupportedSigmaRule>,
    /// Rules for other log sources.
    pub other_log_sources: u64,
}

/// What a Sigma rule says of itself.
pub struct AboutSigmaRule {
    /// `sigma:` and the rule's id, or its file's name where it has none.
    pub id: String,
    /// The rule as it was written.
    pub rule: SigmaRule,
    /// The file, below the folder that was named.
    pub file: String,
}

/// Reads every rule below a folder, or of one file.
///
/// # Errors
/// When it cannot be read, or no rule of it can be run.
pub fn load(folder: &Path) -> Result<SigmaRules, UsageError> {
    let mut loading = Loading {
        rules: SigmaRules {
            engine: Engine::new(),
            about: Vec::new(),
            unsupported: Vec::new(),
            other_log_sources: 0,
        },
        ids: BTreeSet::new(),
        parts: BTreeSet::new(),
    };
    let mut collections = Vec::new();
    for path in rule_files(folder)? {
        let below = path.strip_prefix(folder).unwrap_or(&path);
        let name = if below.as_os_str().is_empty() {
            &path
        } else {
            below
        };
        let name = escape::path(name);
        match read(&path) {
            Ok(collection) => collections.push((name, collection)),
            Err(reason) => loading.unsupported(&name, None, reason),
        }
    }
    // A rule that a correlation is made of tells nothing by itself, wherever the correlation stands.
    for (_, collection) in &collections {
        let correlations = collection.correlations.iter();
        for correlation in correlations.filter(|correlation| !correlation.generate) {
            loading.parts.extend(correlation.rules.iter().cloned());
        }
    }
    for (file, collection) in collections {
        loading.take(&file, collection);
    }
    let rules = loading.rules;
    if rules.about.is_empty() {
        return Err(none_runs(folder, &rules));
    }
    Ok(rules)
}

fn none_runs(folder: &Path, rules: &SigmaRules) -> UsageError {
    let error = UsageError::new(format_args!(
        "no Sigma rule below `{}` can be run: {} for other log sources, {} not supported",
        escape::path(folder),
        rules.other_log_sources,
        rules.unsupported.len()
    ));
    match rules.unsupported.first() {
        Some(first) => error.hint(format_args!(
            "{}: {}",
            escape::terminal(&first.file),
            escape::terminal(&first.reason)
        )),
        None => error.hint("a rule for CloudTrail has `product: aws` and `service: cloudtrail`"),
    }
}

/// The rule files, sorted by name.
fn rule_files(folder: &Path) -> Result<Vec<PathBuf>, UsageError> {
    let mut files = Vec::new();
    for entry in WalkDir::new(folder).sort_by_file_name() {
        let entry = entry.map_err(|error| {
            let reason = error.io_error().map_or_else(
                || "the folder leads into itself".to_owned(),
                ToString::to_string,
            );
            UsageError::new(format_args!(
                "cannot read the Sigma rules in `{}`: {reason}",
                escape::path(folder)
            ))
            .hint("--sigma takes a folder of rules, or one rule file")
        })?;
        let extension = entry.path().extension();
        let is_rule = extension.is_some_and(|extension| extension == "yml" || extension == "yaml");
        if entry.file_type().is_file() && (is_rule || entry.depth() == 0) {
            files.push(entry.into_path());
        }
    }
    Ok(files)
}

fn read(path: &Path) -> Result<SigmaCollection, String> {
    let size = fs::metadata(path).map_err(|error| format!("cannot be read: {error}"))?;
    if size.len() > FILE_BYTES_MAX {
        return Err(format!("longer than {FILE_BYTES_MAX} bytes"));
    }
    let text = fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))?;
    rsigma_parser::parse_sigma_yaml(&text).map_err(|error| in_one_line(&error.to_string()))
}

struct Loading {
    rules: SigmaRules,
    ids: BTreeSet<String>,
    /// Ids and names of rules that only serve a correlation.
    parts: BTreeSet<String>,
}

impl Loading {
    fn take(&mut self, file: &str, collection: SigmaCollection) {
        for reason in collection.errors {
            self.unsupported(file, None, in_one_line(&reason));
        }
        for correlation in collection.correlations {
            let reason = "it follows or counts several records; rules are run over single ones";
            self.unsupported(file, Some(correlation.title), reason);
        }
        for filter in collection.filters {
            let reason = "it is a filter of other rules, which is not applied";
            self.unsupported(file, Some(filter.title), reason);
        }
        for rule in collection.rules {
            if !is_for_cloudtrail(&rule.logsource) {
                self.rules.other_log_sources += 1;
            } else if let Err(reason) = self.add(file, &rule) {
                self.unsupported(file, Some(rule.title), reason);
            }
        }
    }

    /// Adds a rule to those that are run.
    fn add(&mut self, file: &str, rule: &SigmaRule) -> Result<(), String> {
        let stem = file.rsplit('/').next().unwrap_or(file);
        let stem = stem.rsplit_once('.').map_or(stem, |(stem, _)| stem);
        let id = format!("sigma:{}", rule.id.as_deref().unwrap_or(stem));
        let is_part = [&rule.id, &rule.name]
            .into_iter()
            .flatten()
            .any(|name| self.parts.contains(name));
        let mut detections = rule.detection.named.values();
        if is_part {
            return Err("it serves a correlation, which is not supported".to_owned());
        }
        if rule.status == Some(Status::Unsupported) {
            return Err("it says itself that it is not supported (status)".to_owned());
        }
        if rule.detection.timeframe.is_some() {
            return Err(
                "it counts within a time frame; rules are run over single records".to_owned(),
            );
        }
        if detections.any(has_placeholder) {
            return Err(
                "it has a placeholder (the modifier `expand`), which nobody fills in".to_owned(),
            );
        }
        if self.rules.about.len() >= RULES_MAX {
            return Err(format!("there are more than {RULES_MAX} rules"));
        }
        if self.ids.contains(&id) {
            return Err(format!("another rule is `{id}`"));
        }
        let index = self.rules.about.len().to_string();
        let numbered = SigmaRule {
            id: Some(index),
            ..rule.clone()
        };
        let added = self.rules.engine.add_rule(&numbered);
        added.map_err(|error| in_one_line(&error.to_string()))?;
        self.ids.insert(id.clone());
        self.rules.about.push(AboutSigmaRule {
            id,
            rule: rule.clone(),
            file: file.to_owned(),
        });
        Ok(())
    }

    fn unsupported(&mut self, file: &str, title: Option<String>, reason: impl Into<String>) {
        self.rules.unsupported.push(UnsupportedSigmaRule {
            file: file.to_owned(),
            title,
            reason: reason.into(),
        });
    }
}

/// What the parser says, without the picture of the place that it draws.
fn in_one_line(reason: &str) -> String {
    let lines = reason.lines().map(str::trim);
    let is_picture = |line: &str| line.contains('|') || line.starts_with("-->");
    let words = lines.map(|line| line.split("-->").next().unwrap_or(line).trim());
    let words = words.filter(|line| !line.is_empty() && !is_picture(line));
    words.collect::<Vec<_>>().join(" ")
}

fn is_for_cloudtrail(source: &LogSource) -> bool {
    let is = |field: &Option<String>, name: &str| {
        field
            .as_deref()
            .is_some_and(|value| value.eq_ignore_ascii_case(name))
    };
    is(&source.product, "aws") && is(&source.service, "cloudtrail")
}

/// Whether some value is to be filled in by whoever runs the rule.
fn has_placeholder(detection: &Detection) -> bool {
    match detection {
        Detection::AllOf(items) => items
            .iter()
            .any(|item| item.field.modifiers.contains(&Modifier::Expand)),
        Detection::AnyOf(parts) | Detection::And(parts) => parts.iter().any(has_placeholder),
        Detection::Keywords(_) => false,
        Detection::ArrayMatch { body, .. } => has_placeholder(body),
        Detection::Conditional { named, .. } => named.values().any(has_placeholder),
    }
}
