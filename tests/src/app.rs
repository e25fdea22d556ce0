//! The product, started as its users start it: `nexus serve` on a free port with a folder of its own.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::{Account, Client, Mail, binary, repository};

pub struct TestApp {
    builder: TestAppBuilder,
    folder: TempDir,
    process: Option<Child>,
    url: String,
}

/// How the product is to be started.
#[derive(Clone)]
pub struct TestAppBuilder {
    env: Vec<(String, String)>,
    manifest: PathBuf,
    /// The text of a runtime configuration.
    stores: Option<String>,
    /// Whether a file that may not grow is an error to the process, not its end.
    survives_file_limits: bool,
}

/// Cold, with all components to be compiled, on a busy machine.
const STARTING: Duration = Duration::from_secs(180);

impl TestApp {
    /// With settings that suit tests: cheap hashes, no request limit.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    pub fn builder() -> TestAppBuilder {
        TestAppBuilder {
            env: Vec::new(),
            manifest: repository().join("spin.toml"),
            stores: None,
            survives_file_limits: false,
        }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Of the running process.
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("it runs").id()
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn client(&self) -> Client {
        Client::new(&self.url)
    }

    pub fn database_file(&self) -> PathBuf {
        self.data().join(".spin/sqlite_db.db")
    }

    pub async fn mailbox(&self) -> Vec<Mail> {
        self.client().mailbox().await
    }

    /// A command of the same binary, with the same settings; `--data` is for the caller to give.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.builder.command(self.folder.path(), arguments)
    }

    /// An account by `nexus admin create`, with a password that satisfies the rules.
    pub fn admin_create(&self, email: &str, role: &str, company: Option<&str>) -> Account {
        let account = Account::new(email, "Correct-Horse-7");
        let data = self.data();
        let data = data.to_str().expect("UTF-8");
        let mut arguments = vec![
            "admin",
            "create",
            "--data",
            data,
            "--email",
            email,
            "--name",
            "Test Person",
        ];
        arguments.extend(["--role", role, "--password-stdin"]);
        let stores = self.stores_file();
        if let Some(file) = &stores {
            arguments.extend(["--runtime-config", file]);
        }
        if let Some(company) = company {
            arguments.extend(["--company", company]);
        }
        let mut child = self
            .command(&arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("nexus runs");
        let mut stdin = child.stdin.take().expect("piped");
        stdin
            .write_all(account.password.as_bytes())
            .expect("it reads its input");
        drop(stdin);
        let status = child.wait().expect("it ends");
        assert!(status.success(), "nexus admin create {email}: {status}");
        account
    }

    /// Makes the demo company and gives its sign-ins: role and account.
    pub fn demo(&self) -> Vec<(String, Account)> {
        let data = self.data();
        let output = self
            .command(&["demo", "--data", data.to_str().expect("UTF-8")])
            .output()
            .expect("nexus runs");
        assert!(
            output.status.success(),
            "nexus demo: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter_map(|line| {
                let mut words = line.split_whitespace();
                let (role, email, password) = (words.next()?, words.next()?, words.next()?);
                email
                    .contains('@')
                    .then(|| (role.to_owned(), Account::new(email, password)))
            })
            .collect()
    }

    /// As a power cut would: no chance to finish anything.
    pub fn kill_9(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("it runs");
            process.wait().expect("it ends");
        }
    }

    /// SIGTERM, as a supervisor would; gives the exit code.
    pub fn terminate(&mut self) -> Option<i32> {
        let mut process = self.process.take().expect("it runs");
        let asked = Command::new("kill").args(["-TERM", &process.id().to_string()]).status();
        assert!(asked.expect("kill runs").success());
        process.wait().expect("it ends").code()
    }

    /// Starts again on the same data and the same port; a process that still runs is killed first.
    pub async fn restart(&mut self) {
        self.kill_9();
        let address = self.url.trim_start_matches("http://").to_owned();
        self.run(&address).await;
    }

    async fn run(&mut self, address: &str) {
        let _turn = turn_to_start();
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_file())
            .expect("a log file");
        let data = self.data();
        let manifest = self.builder.manifest.clone();
        let mut arguments = vec!["serve", "--listen", address];
        arguments.extend(["--data", data.to_str().expect("UTF-8")]);
        arguments.extend(["--manifest", manifest.to_str().expect("UTF-8")]);
        let stores = self.stores_file();
        if let Some(file) = &stores {
            arguments.extend(["--runtime-config", file]);
        }
        let mut command = self.builder.command(self.folder.path(), &arguments);
        let mut process = command.stdout(Stdio::piped()).stderr(log).spawn().expect("nexus runs");
        let stdout = process.stdout.take().expect("piped");
        self.process = Some(process);
        let announced = tokio::task::spawn_blocking(move || listening_line(stdout));
        let announced = tokio::time::timeout(STARTING, announced).await;
        match announced {
            Ok(Ok(Some(url))) => self.url = url,
            _ => panic!("nexus did not start; its log:\n{}", self.log_tail()),
        }
    }

    pub fn process_id(&self) -> u32 {
        self.process.as_ref().expect("it runs").id()
    }

    /// What it holds in memory now, in bytes.
    pub fn resident_memory(&self) -> u64 {
        resident_memory(self.process_id())
    }

    /// The runtime configuration, if the app has one of its own.
    fn stores_file(&self) -> Option<String> {
        let text = self.builder.stores.as_ref()?;
        let file = self.folder.path().join("runtime-config.toml");
        fs::write(&file, text).expect("a file");
        Some(file.to_str().expect("UTF-8").to_owned())
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Everything that it logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// The last lines that it logged.
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }
}

impl TestAppBuilder {
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    #[must_use]
    pub fn manifest(mut self, manifest: impl Into<PathBuf>) -> Self {
        self.manifest = manifest.into();
        self
    }

    /// For tests that limit how large its files may grow (setrlimit(2), RLIMIT_FSIZE), as a full disk would.
    #[must_use]
    pub fn survives_file_limits(mut self) -> Self {
        self.survives_file_limits = true;
        self
    }

    /// Where stores are kept, as `runtime-config.toml` says it.
    #[must_use]
    pub fn stores(mut self, runtime_config: impl Into<String>) -> Self {
        self.stores = Some(runtime_config.into());
        self
    }

    pub async fn start(self) -> TestApp {
        let folder = tempfile::tempdir().expect("a folder");
        share_compiled_code(&folder.path().join("data"));
        let mut app = TestApp {
            builder: self,
            folder,
            process: None,
            url: String::new(),
        };
        app.run("127.0.0.1:0").await;
        app
    }

    /// For settings that must stop a start: gives the exit code and what was said on standard error.
    pub async fn refuses_to_start(self) -> (Option<i32>, String) {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        share_compiled_code(&data);
        let _turn = turn_to_start();
        let (data, manifest) = (data.to_str().expect("UTF-8"), self.manifest.to_str().expect("UTF-8"));
        let arguments = [
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--data",
            data,
            "--manifest",
            manifest,
        ];
        let mut child = self
            .command(folder.path(), &arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("nexus runs");
        let mut stderr = child.stderr.take().expect("piped");
        let said = tokio::task::spawn_blocking(move || {
            let mut said = String::new();
            // What isn't text here is not what the caller looks for.
            let _ = std::io::Read::read_to_string(&mut stderr, &mut said);
            said
        });
        let Ok(said) = tokio::time::timeout(STARTING, said).await else {
            child.kill().expect("it runs");
            panic!("nexus started, or hangs");
        };
        let status = child.wait().expect("it ends");
        (status.code(), said.expect("no panic"))
    }

    /// Nothing of the environment of whoever runs the tests gets in.
    fn command(&self, folder: &Path, arguments: &[&str]) -> Command {
        let mut command = match self.survives_file_limits {
            true => {
                let mut env = Command::new("env");
                env.arg("--ignore-signal=XFSZ").arg(binary());
                env
            }
            false => Command::new(binary()),
        };
        command.args(arguments).env_clear().current_dir(folder);
        for name in ["PATH", "HOME", "TMPDIR", "RUST_BACKTRACE"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        let suited = [("BCRYPT_COST", "4"), ("THROTTLE_LIMIT", "0"), ("LOG_LEVEL", "info")];
        command.envs(suited);
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the log of nexus:\n{}", self.log_tail());
        }
        self.kill_9();
    }
}

/// The URL of `listening on …`, or `None` when the process ends without it.
pub(crate) fn listening_line(stdout: impl std::io::Read) -> Option<String> {
    BufReader::new(stdout)
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("listening on ").map(str::to_owned))
}

/// Of a process (proc(5), `VmRSS`).
pub(crate) fn resident_memory(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok())
        .map_or(0, |kilobytes| kilobytes * 1024)
}

fn shared_cache() -> PathBuf {
    let cache = repository().join("target/test-code-cache");
    fs::create_dir_all(&cache).expect("a cache folder");
    fs::canonicalize(cache).expect("it is there")
}

/// All test apps run the same components: they are compiled once, not once for each.
fn share_compiled_code(data: &Path) {
    fs::create_dir_all(data).expect("a data folder");
    std::os::unix::fs::symlink(shared_cache(), data.join("cache")).expect("a link");
}

/// Starts take turns, across test binaries too: else each of the first ones would compile everything.
fn turn_to_start() -> File {
    let lock = File::create(shared_cache().join("lock")).expect("a lock file");
    lock.lock().expect("a lock");
    lock
}
