//! Every rule and behaviour has its page, and the index names them all.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use keytrail_detect::behaviour::BEHAVIOURS;
use keytrail_detect::rules::{RULES, Rule};

use super::read;

/// What each page must hold, so that no question stays open.
const SECTIONS: [&str; 6] = [
    "## What fires it",
    "## What it reads",
    "## Severity",
    "## How to triage",
    "## Benign causes",
    "## How to tune",
];

#[test]
fn every_rule_has_a_page_and_every_page_a_rule() {
    let mut expected: BTreeSet<String> = RULES
        .iter()
        .map(|rule| rule.about().id.to_owned())
        .collect();
    expected.extend(BEHAVIOURS.iter().map(|about| about.id.to_owned()));
    let found: BTreeSet<String> = std::fs::read_dir(pages())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".md").map(str::to_owned))
        .filter(|name| name != "README")
        .collect();
    assert_eq!(found, expected);
    for id in &expected {
        let page = read(&pages().join(format!("{id}.md")));
        assert!(
            page.starts_with(&format!("# `{id}`")),
            "{id} has another heading"
        );
        for section in SECTIONS {
            assert!(page.contains(section), "{id} lacks {section}");
        }
    }
}

#[test]
fn pages_show_the_fields_and_techniques_of_their_rule() {
    for rule in RULES {
        let about = rule.about();
        let page = read(&pages().join(format!("{}.md", about.id)));
        for field in about.reads {
            let field = field.split(' ').next().unwrap();
            assert!(
                page.contains(&format!("`{field}`")),
                "{}: {field}",
                about.id
            );
        }
        for (tactic, v18, v19) in about.attack {
            for word in [tactic, v18, v19] {
                assert!(page.contains(word), "{}: {word}", about.id);
            }
        }
        for attack in about.techniques() {
            assert!(page.contains(&attack.tactic), "{}: {attack:?}", about.id);
        }
        assert!(
            page.contains(about.practice),
            "{}: {}",
            about.id,
            about.practice
        );
        assert!(page.contains(about.side.as_str()), "{}", about.id);
    }
}

/// The index, as it stands in docs/rules/README.md. `UPDATE_DOCS=1 cargo test` rewrites it.
#[test]
fn the_index_is_generated_from_the_registry() {
    let path = pages().join("README.md");
    let index = index();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &index).unwrap();
    }
    assert!(
        read(&path) == index,
        "docs/rules/README.md is out of date: run UPDATE_DOCS=1 cargo test -p keytrail-detect --test rules"
    );
}

fn index() -> String {
    let mut text = String::from(
        "# Rules and behaviours\n\n\
         A rule judges one record in the light of a bounded past. A behaviour compares what a principal did with a\n\
         key to what it did before. Ids are stable: findings, filters and these pages use them.\n\n\
         <!-- Generated from the registry: UPDATE_DOCS=1 cargo test -p keytrail-detect --test rules -->\n\n\
         ## Rules\n\n| id | what it means | severity | side | ATT&CK |\n|---|---|---|---|---|\n",
    );
    for rule in RULES {
        let _ = writeln!(text, "{}", row(rule));
    }
    text.push_str(
        "\n## Behaviours\n\n| id | what it means | severity | ATT&CK |\n|---|---|---|---|\n",
    );
    for about in BEHAVIOURS {
        let _ = writeln!(
            text,
            "| [`{0}`]({0}.md) | {1} | by score | {2} |",
            about.id, about.title, about.attack.1
        );
    }
    text.push_str(
        "\nThat a principal or a pair falls silent is no behaviour: [why](../baselines.md#what-is-not-judged). An account that falls\n\
         silent is told by [`log-silence`](log-silence.md).\n",
    );
    text
}

fn row(rule: &dyn Rule) -> String {
    let about = rule.about();
    let severities = match about.severities {
        [only] => only.to_string(),
        [first, .., last] => format!("{first} to {last}"),
        [] => String::new(),
    };
    let mut techniques: Vec<String> = about
        .techniques()
        .iter()
        .map(|attack| format!("{} ({})", attack.technique, attack.version))
        .collect();
    techniques.dedup();
    format!(
        "| [`{0}`]({0}.md) | {1} | {severities} | {2} | {3} |",
        about.id,
        about.title,
        about.side.as_str(),
        techniques.join(", ")
    )
}

fn pages() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/rules")
}
