//! `up`: builds and serves the product with demo data.

use std::io::{BufRead, Write, stdin, stdout};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use crate::build;
use crate::step::{self, Failure};
use crate::workspace::Workspace;

const DATA: &str = ".nexus";
const ADDRESS: &str = "127.0.0.1:3000";
/// The internal command that prints the sign-ins.
pub const PRINT_SIGN_INS: &str = "up-show";
/// The line after the sign-ins.
const END: &str = "\u{4}";

pub const HELP: &str = "\
Usage: cargo xtask up [ARGS…]

Builds the product, makes a demo company on first use, serves on http://127.0.0.1:3000 and prints the sign-ins.
ARGS go to `nexus serve`. Everything is kept in `.nexus` unless --data names another folder.
";

pub fn run(workspace: &Workspace, arguments: &[String]) -> Result<(), Failure> {
    build::run(workspace)?;
    let sign_ins = demo(workspace, arguments)?;
    let mut serve = serve(workspace, arguments);
    let data = given(arguments, "--data").unwrap_or(DATA);
    eprintln!("==> Serving; everything is kept in {data}, Ctrl-C stops");
    // The sign-ins are printed once the product listens, below its first log lines. A process of its own prints them: this
    // process becomes `nexus serve`, so that signals reach it and its exit code is this one's.
    let broken = |error| Failure::new(format!("cannot start xtask again: {error}"));
    let own = std::env::current_exe().map_err(broken)?;
    let printer = Command::new(own).arg(PRINT_SIGN_INS).stdin(Stdio::piped()).spawn();
    if let Some(mut input) = printer.map_err(broken)?.stdin.take() {
        // Not as an argument, which every user of the machine can read.
        writeln!(input, "{}\n{END}", sign_ins.trim_end()).map_err(broken)?;
        serve.stdout(input);
    }
    Err(Failure::new(format!("cannot start nexus: {}", serve.exec())))
}

/// Makes the demo company unless it is there, and returns the sign-ins.
pub fn demo(workspace: &Workspace, arguments: &[String]) -> Result<String, Failure> {
    let mut demo = workspace.command(workspace.nexus());
    demo.args(["demo", "--data", given(arguments, "--data").unwrap_or(DATA)]);
    for name in ["--runtime-config", "--env-file"] {
        demo.args(given(arguments, name).into_iter().flat_map(|file| [name, file]));
    }
    let title = "Making the demo company";
    let start = step::begin(title);
    let sign_ins = step::output(&mut demo)?;
    step::end(title, start);
    Ok(sign_ins)
}

/// `nexus serve` with the defaults for a clone, and these arguments.
pub fn serve(workspace: &Workspace, arguments: &[String]) -> Command {
    let mut serve = workspace.command(workspace.nexus());
    serve.arg("serve");
    if given(arguments, "--listen").is_none() {
        serve.args(["--listen", ADDRESS]);
    }
    if given(arguments, "--data").is_none() {
        serve.args(["--data", DATA]);
    }
    serve.args(arguments);
    serve
}

/// Copies the output of `nexus serve` from standard input, and prints the sign-ins once it listens. The input begins with
/// them.
pub fn print_sign_ins() {
    let mut lines = stdin().lock().lines().map_while(Result::ok);
    let sign_ins: Vec<String> = lines.by_ref().take_while(|line| line != END).collect();
    for line in lines {
        println!("{line}");
        if let Some(url) = line.strip_prefix("listening on ") {
            println!("\n{}", sign_ins.join("\n"));
            println!(
                "  Console {url} · API {url}/api/v1 · its description {url}/docs · mails {url}/api/v1/dev/mailbox"
            );
        }
        // The reader may be gone.
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
