//! The archive that `cargo xtask dist` makes, on a machine with nothing else.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nexus_tests::{Client, binary};

/// A start takes about 0.5 s on a machine that does nothing else; the bound is 2 s there.
const START: Duration = Duration::from_secs(5);

/// Bytes of memory at rest (`spec/quality.md`). Code is mapped, and code that only the start needs is dropped.
const MAX_RESIDENT: u64 = 64 << 20;
const MAX_ANONYMOUS: u64 = 28 << 20;
/// The product at rest: started 5 s ago, without a client.
const REST: Duration = Duration::from_secs(5);

/// Packed from what was built for the tests, and unpacked.
fn unpacked(folder: &Path) -> PathBuf {
    let xtask = binary().with_file_name("xtask");
    assert!(
        xtask.is_file(),
        "{} is not there: run `cargo xtask test`",
        xtask.display()
    );
    let packed = folder.join("packed");
    let made = Command::new(xtask)
        .args(["dist", "--as-built", "--into"])
        .arg(&packed)
        .output()
        .expect("xtask runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let archive = String::from_utf8(made.stdout).expect("a path");
    let archive = Path::new(archive.trim());
    let status = Command::new("tar")
        .arg("-xzf")
        .arg(archive)
        .arg("-C")
        .arg(folder)
        .status();
    assert!(status.expect("tar runs").success());
    std::fs::remove_dir_all(&packed).expect("removed");
    let name = archive.file_name().and_then(|name| name.to_str()).expect("a name");
    folder.join(name.trim_end_matches(".tar.gz"))
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Resident memory of a process (proc(5)), in bytes: all of it, and what no file is behind.
fn memory(process: u32) -> (u64, u64) {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    };
    (line("VmRSS:"), line("RssAnon:"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unpacked_archive_serves_at_once_without_anything_around_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = unpacked(folder.path());
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).expect("a folder");

    let began = Instant::now();
    let mut started = Command::new(place.join("nexus"))
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env_clear()
        .current_dir(&empty)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("nexus runs");
    let stdout = BufReader::new(started.stdout.take().expect("piped"));
    let process = Running(started);
    let line = stdout
        .lines()
        .map_while(Result::ok)
        .find(|line| line.starts_with("listening on "));
    let line = line.expect("it serves");
    let url = line.trim_start_matches("listening on ");
    Client::new(url).get("/health/ready").await.expect(200);
    let took = began.elapsed();
    tokio::time::sleep(REST).await;
    let (resident, anonymous) = memory(process.0.id());
    eprintln!(
        "first start on an empty folder: {took:?}, {} MiB resident, {} MiB anonymous",
        resident >> 20,
        anonymous >> 20
    );
    assert!(took < START, "{took:?}");
    assert!(resident < MAX_RESIDENT && anonymous < MAX_ANONYMOUS);
    assert!(empty.join(".nexus/.spin/sqlite_db.db").is_file());
    Client::new(url).get("/openapi.json").await.expect(200);
}
