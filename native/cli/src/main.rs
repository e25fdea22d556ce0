//! `nexus`: parses the command line, wires the parts together, and runs them.

mod accounts;
mod command;
mod components;
mod data_dir;
mod disk_space;
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

/// Requests and guests make many small allocations, which another thread often frees (decisions/0009).
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
    /// Serves everything from one process: components, edge, sockets, jobs.
    Serve(serve::Arguments),
    /// Serves edge, sockets and jobs in front of components that run under `spin up`.
    Relay(relay::Arguments),
    /// Migrates the database; the components do the same on first use.
    Migrate(migrate::Arguments),
    /// Manages administrators.
    #[command(subcommand)]
    Admin(admin::Action),
    /// Imports users from another system, with their password hashes.
    ImportUsers(import_users::Arguments),
    /// The audit log.
    #[command(subcommand)]
    Audit(audit::Action),
    /// Makes a demo company with staff, residents and chats, and prints the sign-ins once.
    Demo(demo::Arguments),
    /// Shows the effective settings, secrets masked.
    Config(config::Arguments),
    /// Checks everything that a start depends on, and reports what is wrong.
    Doctor(doctor::Arguments),
    /// Prints the OpenAPI document of all components.
    Openapi(openapi::Arguments),
    /// Compiles the components for every later start; `cargo xtask build` runs it.
    #[command(hide = true)]
    Compile(compile::Arguments),
}

fn main() -> ExitCode {
    // A wrong command line ends the process here, with exit code 2.
    let cli = Cli::parse();
    let result = match cli.command {
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
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            failure.exit_code()
        }
    }
}
