//! `up`: from a clone to a running product that one can look at.

use std::io::{BufRead, Write, stdin, stdout};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use crate::build;
use crate::step::{self, Failure};
use crate::workspace::Workspace;

const DATA: &str = ".nexus";
const ADDRESS: &str = "127.0.0.1:3000";
/// Our own command that shows what `nexus serve` says, and the sign-ins after it.
pub const SHOW: &str = "up-show";
/// The line after the sign-ins.
const END: &str = "\u{4}";

pub fn run(workspace: &Workspace, arguments: &[String]) -> Result<(), Failure> {
    build::run(workspace)?;
    let data = given(arguments, "--data").unwrap_or(DATA);
    let mut demo = workspace.command(workspace.nexus());
    demo.args(["demo", "--data", data]);
    for name in ["--runtime-config", "--env-file"] {
        demo.args(given(arguments, name).into_iter().flat_map(|file| [name, file]));
    }
    let title = "Looking after the demo company";
    let began = step::began(title);
    // It does nothing where the company is already.
    let sign_ins = step::output(&mut demo)?;
    step::ended(title, began);

    let mut serve = workspace.command(workspace.nexus());
    serve.arg("serve");
    if given(arguments, "--listen").is_none() {
        serve.args(["--listen", ADDRESS]);
    }
    if given(arguments, "--data").is_none() {
        serve.args(["--data", DATA]);
    }
    serve.args(arguments);
    eprintln!("==> Serving; everything is kept in {data}, Ctrl-C stops");
    // What is to be read is printed when it listens, below everything that is said until then. A process of its own
    // does that: this one becomes `nexus serve`, so that signals reach it and its exit code is ours.
    let broken = |error| Failure::new(format!("xtask can't be started again: {error}"));
    let own = std::env::current_exe().map_err(broken)?;
    let shower = Command::new(own).arg(SHOW).stdin(Stdio::piped()).spawn();
    if let Some(mut input) = shower.map_err(broken)?.stdin.take() {
        // Not as an argument: all users of the machine see those.
        writeln!(input, "{}\n{END}", sign_ins.trim_end()).map_err(broken)?;
        serve.stdout(input);
    }
    Err(Failure::new(format!("nexus can't be started: {}", serve.exec())))
}

/// Passes the output of `nexus serve` on, and tells where to look and with which sign-ins once it listens. Standard input
/// begins with those.
pub fn show() {
    let mut lines = stdin().lock().lines().map_while(Result::ok);
    let sign_ins: Vec<String> = lines.by_ref().take_while(|line| line != END).collect();
    for line in lines {
        println!("{line}");
        if let Some(url) = line.strip_prefix("listening on ") {
            println!("\n{}", sign_ins.join("\n"));
            println!("  API {url}/api/v1 · its description {url}/docs · mails {url}/api/v1/dev/mailbox");
        }
        // Whoever reads may have gone.
        let _ = stdout().flush();
    }
}

/// The value of `--name value` or `--name=value`.
fn given<'a>(arguments: &'a [String], name: &str) -> Option<&'a str> {
    arguments.iter().enumerate().find_map(|(place, argument)| {
        if argument == name {
            return arguments.get(place + 1).map(String::as_str);
        }
        argument.strip_prefix(name)?.strip_prefix('=')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_found_in_both_spellings() {
        let arguments = ["--listen", "3000", "--data=here", "--database"].map(str::to_owned);
        assert_eq!(given(&arguments, "--listen"), Some("3000"));
        assert_eq!(given(&arguments, "--data"), Some("here"));
        assert_eq!(given(&arguments, "--database"), None);
        assert_eq!(given(&arguments, "--env-file"), None);
    }
}
