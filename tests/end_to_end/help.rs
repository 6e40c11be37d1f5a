//! The command line as users meet it: the help of every command, completions and manual pages.

use insta::assert_snapshot;

use crate::sandbox::Sandbox;

/// The help of a command and of all below it.
fn help(sandbox: &Sandbox, words: &str, all: &mut String) {
    let ran = sandbox.keytrail(&format!("{words} --help"));
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.stderr.is_empty(), "{ran}");
    let text = ran.stdout();
    all.push_str(&format!("===== keytrail{words} =====\n{text}\n"));
    let commands = text.lines().skip_while(|line| *line != "Commands:").skip(1);
    for line in commands.take_while(|line| line.starts_with("  ")) {
        // What stands further in goes on with the line above.
        let is_command = !line.starts_with("   ");
        let name = line.split_whitespace().next().unwrap();
        if is_command && name != "help" {
            help(sandbox, &format!("{words} {name}"), all);
        }
    }
}

#[test]
fn the_whole_tree() {
    let mut all = String::new();
    help(&Sandbox::new(), "", &mut all);
    assert_snapshot!(all);
}

#[test]
fn the_short_help_fits_a_screen() {
    let sandbox = Sandbox::new();
    for words in ["-h", "replay -h", "events -h", "explain -h", "simulate -h"] {
        let ran = sandbox.keytrail(words);
        assert_eq!(ran.code, Some(0), "{ran}");
        assert!(ran.stdout().lines().count() < 70, "{ran}");
    }
}

#[test]
fn version() {
    assert_snapshot!(Sandbox::new().keytrail("--version"));
}

#[test]
fn no_command() {
    let ran = Sandbox::new().keytrail("");
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.stdout.is_empty(), "{ran}");
    assert!(ran.stderr().contains("Usage: keytrail"), "{ran}");
}

#[test]
fn completions_for_every_shell() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ran = sandbox.keytrail(&format!("completions {shell}"));
        assert_eq!(ran.code, Some(0), "{ran}");
        assert!(ran.stdout().contains("min-severity"), "{shell}");
    }
}

#[test]
fn manual_pages() {
    let sandbox = Sandbox::new();
    let page = sandbox.keytrail("man");
    assert!(page.stdout().contains(".TH keytrail 1"), "{page}");
    let ran = sandbox.keytrail("man --out pages");
    assert_eq!(ran.code, Some(0), "{ran}");
    for name in ["keytrail", "keytrail-replay", "keytrail-rules-show"] {
        assert!(sandbox.path().join(format!("pages/{name}.1")).exists());
    }
}
