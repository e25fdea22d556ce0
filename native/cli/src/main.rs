//! `nexus`: parses, wires, runs. What it does is in the crates beside it.

mod accounts;
mod command;
mod components;
mod data_dir;
mod embedded;
mod env_file;
mod failure;
mod folder_lock;
mod libsql_engine;
mod listen;
mod logging;
mod open_files;
mod progress;
mod reload;
mod secrets;
mod setting_names;
mod settings_source;
mod start_check;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::command::{admin, audit, compile, config, demo, doctor, import_users, migrate, openapi, relay, serve};

/// Requests and guests make many small allocations, often freed by another thread than the one that made them.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Nexus: accounts with document verification, chat, and property management.
#[derive(Parser)]
#[command(name = "nexus", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves everything from one process: the components, the edge, sockets, jobs.
    Serve(serve::Arguments),
    /// Serves the edge, sockets and jobs before components that run under `spin up`.
    Relay(relay::Arguments),
    /// Brings the database up to date; the components do the same on first use.
    Migrate(migrate::Arguments),
    /// Accounts for the people who run the place.
    #[command(subcommand)]
    Admin(admin::Action),
    /// Takes people over from another system, with the hashes of their passwords.
    ImportUsers(import_users::Arguments),
    /// The audit log.
    #[command(subcommand)]
    Audit(audit::Action),
    /// Makes a demo company: staff, residents, chats. Sign-ins are shown once.
    Demo(demo::Arguments),
    /// Shows the effective settings, secrets masked.
    Config(config::Arguments),
    /// Checks everything that a start depends on, and says what is wrong.
    Doctor(doctor::Arguments),
    /// Prints the OpenAPI document of all components.
    Openapi(openapi::Arguments),
    /// Compiles the components for every later start; `cargo xtask build` does it.
    #[command(hide = true)]
    Compile(compile::Arguments),
}

fn main() -> ExitCode {
    // A wrong command line ends here, with exit code 2.
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Serve(arguments) => serve::run(arguments),
        Command::Relay(arguments) => relay::run(arguments),
        Command::Migrate(arguments) => progress::during("migrating", || migrate::run(&arguments)),
        Command::Admin(admin::Action::Create(arguments)) => admin::create(arguments),
        Command::ImportUsers(arguments) => progress::during("importing people", || import_users::run(&arguments)),
        Command::Audit(audit::Action::Verify(arguments)) => {
            progress::during("checking the audit log", || audit::verify(&arguments))
        }
        Command::Demo(arguments) => progress::during("making the demo company", || demo::run(&arguments)),
        Command::Config(arguments) => config::run(&arguments),
        Command::Doctor(arguments) => progress::during("checking", || doctor::run(&arguments)),
        Command::Openapi(arguments) => openapi::run(&arguments),
        Command::Compile(arguments) => compile::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.tell();
            failure.exit_code()
        }
    }
}
